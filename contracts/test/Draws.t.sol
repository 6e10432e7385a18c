// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IDraws, PassOver, PostedDraw} from "../src/interfaces/IDraws.sol";
import {IEvidence, Offence} from "../src/interfaces/IEvidence.sol";
import {Entry, Submission} from "../src/interfaces/IRollup.sol";
import {DrawLib} from "../src/libraries/DrawLib.sol";
import {PublicValues} from "../src/libraries/PublicValues.sol";
import {AssignmentReceipt, HeartbeatReceipt, SubmissionReceipt, VerdictReceipt} from "../src/libraries/ReceiptLib.sol";
import {RoundsLib} from "../src/libraries/RoundsLib.sol";
import {SnapshotLib} from "../src/libraries/SnapshotLib.sol";
import {PassOverBase} from "./PassOverBase.sol";

contract DrawsTest is PassOverBase {
    uint256 private constant FINE = 100 ether;
    bytes4 private constant NO_OFFENCE = IDraws.NoOffence.selector;

    address[] private all;

    function setUp() public override {
        super.setUp();
        all = [rollers[0], rollers[1], rollers[2]];
        leaves = nextEpoch();
        // Of three tickets somebody has two and somebody one.
        do {
            batch = begin();
        } while (holders(batch) != 2);
        task = rollup.taskId(batch);
    }

    // --- posting

    function test_theOperatorPostsRoundsOnce() public {
        bytes memory rounds = roundOf(plain(batch, 0), leaves);
        bytes32 beacon = rollup.beacons(rollup.drawBlock(batch));
        vm.expectPartialRevert(IDraws.NotOperator.selector);
        draws.post(batch, beacon, rounds);
        vm.startPrank(operator);
        vm.expectPartialRevert(IDraws.WrongBeacon.selector);
        draws.post(batch, keccak256("of the former block"), rounds);
        vm.expectEmit(address(draws));
        emit IDraws.DrawsPosted(batch, rounds);
        draws.post(batch, beacon, rounds);
        vm.assertEq(draws.roundsHash(batch), keccak256(rounds));
        vm.expectPartialRevert(IDraws.AlreadyPosted.selector);
        draws.post(batch, beacon, rounds);
        vm.stopPrank();
    }

    function test_nothingIsPostedBeforeTheBeacon() public {
        uint64 next = commitNext();
        vm.prank(operator);
        vm.expectPartialRevert(IDraws.WrongBeacon.selector);
        draws.post(next, 0, hex"00");
    }

    /// A draw goes on until it has k tickets or 8 k points: it cannot stop when it suits the operator.
    function test_onlyWholeRoundsArePosted() public {
        bytes memory time = abi.encodePacked(uint64(block.timestamp));
        refusedRounds("");
        refusedRounds(time);
        refusedRounds(abi.encodePacked(time, hex"03070707"));
        refusedRounds(abi.encodePacked(time, hex"02070700"));
        refusedRounds(abi.encodePacked(time, hex"040707070000"));
        refusedRounds(abi.encodePacked(time, hex"040707070700"));
        refusedRounds(abi.encodePacked(time, hex"040708070700"));
        refusedRounds(abi.encodePacked(time, hex"0307070701", rollers[0], hex"0001"));
        refusedRounds(abi.encodePacked(time, hex"0307070701", rollers[0], hex"0001", uint64(1)));
        bytes memory good = abi.encodePacked(time, hex"0402070707", hex"00");
        refusedRounds(abi.encodePacked(good, hex"00"));
        refusedRounds(abi.encodePacked(good, uint64(block.timestamp - 1), hex"0307070700"));
        bytes memory short = abi.encodePacked(time, uint8(23), new bytes(23), hex"00");
        refusedRounds(short);
        bytes memory nobody = abi.encodePacked(time, uint8(24), new bytes(24), hex"00");
        postRounds(batch, abi.encodePacked(nobody, good), leaves);
    }

    // --- entries

    function test_entriesThatFollowFromTheDrawAreNoEvidence() public {
        PostedDraw memory posted = postRounds(batch, roundOf(plain(batch, 0), leaves), leaves);
        Entry[] memory entries = drawnEntries(batch, posted, all);
        postEntries(batch, entries);
        for (uint256 i = 0; i < entries.length; i++) {
            vm.expectPartialRevert(NO_OFFENCE);
            draws.wrongEntry(batch, entries, i, posted);
        }
    }

    /// A crony of the operator gets more than what its points gave it, though less than what they could have.
    function test_aCronyWithMoreTicketsThanItsSeat() public {
        PostedDraw memory posted = postRounds(batch, roundOf(plain(batch, 0), leaves), leaves);
        Entry[] memory entries = drawnEntries(batch, posted, all);
        entries[0].tickets++;
        postEntries(batch, entries);
        uint256 pooled = pool.available();
        vm.expectEmit(address(evidence));
        emit IEvidence.OperatorCharged(batch, address(0), Offence.WrongDraw, FINE);
        draws.wrongEntry(batch, entries, 0, posted);
        vm.assertEq(pool.available() - pooled, FINE / 2);
        vm.assertEq(bond.bondWei(), BOND - FINE);
        vm.expectPartialRevert(IEvidence.AlreadyCharged.selector);
        draws.wrongEntry(batch, entries, 0, posted);
    }

    /// Who was not drawn cannot be entered, whether or not it is in the snapshot.
    function test_anEntryWithoutASeat() public {
        Drawing memory d = plain(batch, 0);
        (d.passedOver, d.reason) = (rollers[1], SILENT);
        PostedDraw memory posted = postRounds(batch, roundOf(d, leaves), leaves);
        address outsider = address(0x2000);
        join(outsider, vm.addr(0x99), STAKE);
        Entry[] memory entries = new Entry[](2);
        entries[0] = Entry(rollers[1], 1, keccak256("a"));
        entries[1] = Entry(outsider, 1, keccak256("b"));
        postEntries(batch, entries);
        uint256 snapshot = vm.snapshotState();
        draws.wrongEntry(batch, entries, 0, posted);
        vm.revertToState(snapshot);
        draws.wrongEntry(batch, entries, 1, posted);
        vm.assertTrue(evidence.charged(task, address(0)));
    }

    function test_whoIsEnteredWithTooLittleIsDamaged() public {
        PostedDraw memory posted = postRounds(batch, roundOf(plain(batch, 0), leaves), leaves);
        Entry[] memory entries = drawnEntries(batch, posted, all);
        uint256 most = entries[0].tickets == 2 ? 0 : 1;
        vm.assertEq(entries[most].tickets, 2);
        entries[most].tickets--;
        postEntries(batch, entries);
        draws.wrongEntry(batch, entries, most, posted);
        vm.assertEq(pool.credits(entries[most].roller), FINE / 2);
    }

    /// Late proofs, beside which others count twice, exist only where the draw was repeated.
    function test_twiceTheTicketsOnlyBesideALateProof() public {
        bytes memory first = roundOf(plain(batch, 0), leaves);
        PostedDraw memory posted = postRounds(batch, first, leaves);
        Entry[] memory entries = doubled(drawnEntries(batch, posted, all));
        postEntries(batch, entries);
        draws.wrongEntry(batch, entries, 0, posted);

        uint64 other = begin();
        first = roundOf(plain(other, 0), leaves);
        posted = postRounds(other, abi.encodePacked(first, roundOf(plain(other, 1), leaves)), leaves);
        entries = doubled(drawnEntries(other, posted, all));
        postEntries(other, entries);
        vm.expectPartialRevert(NO_OFFENCE);
        draws.wrongEntry(other, entries, 0, posted);
    }

    function test_anOnTimeProofThatCountsHalf() public {
        bytes memory rounds = abi.encodePacked(roundOf(plain(batch, 0), leaves), roundOf(plain(batch, 1), leaves));
        PostedDraw memory posted = postRounds(batch, rounds, leaves);
        Entry[] memory entries = drawnEntries(batch, posted, all);
        (uint256[] memory ofCrony,) = draws.ticketsOf(batch, posted, entries[0].roller);
        entries[0].tickets = uint32(2 * (ofCrony[0] > ofCrony[1] ? ofCrony[0] : ofCrony[1]));
        postEntries(batch, entries);
        VerdictReceipt memory v = VerdictReceipt(task, 0, entries[1].roller, keccak256("bytes"), true, false);
        refusedHalved(v, entries, 0, posted);
        v.onTime = true;
        refusedHalved(v, entries, 1, posted);
        v.roller = address(0x2000);
        refusedHalved(v, entries, 0, posted);
        v.roller = entries[1].roller;
        draws.halvedEntry(batch, v, sign(v), entries, 0, posted);
        vm.assertEq(pool.credits(v.roller), FINE / 2);
    }

    function test_entriesWithoutTheirDraw() public {
        vm.expectPartialRevert(NO_OFFENCE);
        draws.unposted(batch);
        postEntries(batch, entriesOf(batch));
        vm.warp(block.timestamp + 15 minutes);
        vm.expectPartialRevert(IDraws.TooEarly.selector);
        draws.unposted(batch);
        vm.warp(block.timestamp + 1);
        uint256 snapshot = vm.snapshotState();
        postRounds(batch, roundOf(plain(batch, 0), leaves), leaves);
        vm.expectPartialRevert(NO_OFFENCE);
        draws.unposted(batch);
        vm.revertToState(snapshot);
        draws.unposted(batch);
        vm.assertTrue(evidence.charged(task, address(0)));
    }

    function test_onlyWhatWasPostedIsEvidence() public {
        bytes memory rounds = roundOf(plain(batch, 0), leaves);
        PostedDraw memory posted = PostedDraw(rounds, this.pathsOf(leaves));
        Entry[] memory entries = entriesOf(batch);
        postEntries(batch, entries);
        vm.expectPartialRevert(IDraws.WrongRounds.selector);
        draws.wrongEntry(batch, entries, 0, posted);
        postRounds(batch, rounds, leaves);
        posted.rounds = abi.encodePacked(rounds, rounds);
        vm.expectPartialRevert(IDraws.WrongRounds.selector);
        draws.wrongEntry(batch, entries, 0, posted);
        posted = PostedDraw(rounds, this.pathsOf(this.firstLeaf(leaves)));
        vm.expectPartialRevert(SnapshotLib.WrongPath.selector);
        draws.wrongEntry(batch, entries, 0, posted);
        posted = PostedDraw(rounds, this.pathsOf(leaves));
        entries[0].tickets += 9;
        vm.expectPartialRevert(IDraws.WrongEntries.selector);
        draws.wrongEntry(batch, entries, 0, posted);
    }

    /// Who has no leaf is shown by those between which it would stand; with less, nothing is said of anybody.
    function test_aRollerWithoutALeafIsShownByItsNeighbours() public {
        bytes memory two = abi.encodePacked(
            rollers[0], uint128(STAKE), uint64(1e9), uint32(2), rollers[2], uint128(STAKE), uint64(1e9), uint32(2)
        );
        (bytes32 root, uint256 total) = this.rootOf(two);
        vm.prank(operator);
        rollup.postSnapshot(2, root, total, two);
        batch = begin();
        PostedDraw memory posted = postRounds(batch, roundOf(plain(batch, 0), two), two);
        vm.assertEq(ticketsBy(posted, rollers[1]), 0);
        vm.assertEq(ticketsBy(posted, rollers[0]) + ticketsBy(posted, rollers[2]), 3);
        bytes[] memory first = new bytes[](1);
        first[0] = posted.paths[0];
        posted.paths = first;
        vm.assertEq(ticketsBy(posted, address(1)), 0);
        address[3] memory behind = [rollers[1], rollers[2], address(0x2000)];
        for (uint256 i = 0; i < 3; i++) {
            vm.expectPartialRevert(DrawLib.NotShown.selector);
            draws.ticketsOf(batch, posted, behind[i]);
        }
    }

    /// Each part of a path counts: leaf, number, hashes and sums.
    function test_anAlteredPathLeadsNowhere() public {
        PostedDraw memory posted = postRounds(batch, roundOf(plain(batch, 0), leaves), leaves);
        bytes memory path = posted.paths[1];
        vm.assertEq(path.length, 52 + 2 * 48);
        uint256[6] memory places = [uint256(0), 35, 47, 51, 52, 147];
        for (uint256 i = 0; i < places.length; i++) {
            path[places[i]] ^= 0x01;
            vm.expectPartialRevert(SnapshotLib.WrongPath.selector);
            draws.ticketsOf(batch, posted, rollers[1]);
            path[places[i]] ^= 0x01;
        }
        ticketsBy(posted, rollers[1]);
        posted.paths[1] = abi.encodePacked(path, hex"00");
        vm.expectPartialRevert(SnapshotLib.BadPath.selector);
        draws.ticketsOf(batch, posted, rollers[1]);
    }

    function test_onlyDrawsChargesForDraws() public {
        vm.expectPartialRevert(IEvidence.NotDraws.selector);
        evidence.charge(batch, rollers[0], Offence.WrongDraw);
    }

    // --- seats

    function test_moreTicketsThanHits() public {
        uint32 most = mostOf(rollers[0]);
        bytes[] memory paths = this.pathsOf(leaves);
        AssignmentReceipt memory a = assignment(rollers[0], most);
        refusedTickets(NO_OFFENCE, a, paths);
        a.tickets = most + 1;
        refusedTickets(SnapshotLib.WrongPath.selector, a, this.pathsOf(this.firstLeaf(leaves)));
        refusedTickets(DrawLib.NotShown.selector, a, new bytes[](0));
        a.seed = keccak256("of the former block");
        refusedTickets(IDraws.WrongSeed.selector, a, paths);
        a = assignment(rollers[0], most + 1);
        a.task = keccak256("another");
        refusedTickets(IDraws.WrongTask.selector, a, paths);
        a.task = task;
        uint256 pooled = pool.available();
        draws.wrongTickets(batch, a, sign(a), paths);
        // The favoured roller gets nothing.
        vm.assertEq(pool.available() - pooled, FINE / 2);
        vm.assertEq(pool.credits(rollers[0]), 0);
    }

    function test_theSeatThatWasAssignedMustBePosted() public {
        PostedDraw memory posted = postRounds(batch, roundOf(plain(batch, 0), leaves), leaves);
        (uint256[] memory tickets, uint64[] memory drawnAt) = draws.ticketsOf(batch, posted, rollers[0]);
        AssignmentReceipt memory a = assignment(rollers[0], uint32(tickets[0]));
        a.assignedAt = drawnAt[0];
        bytes memory signature = sign(a);
        vm.expectPartialRevert(NO_OFFENCE);
        draws.otherSeat(batch, a, signature, posted);
        for (uint256 i = 0; i < 3; i++) {
            AssignmentReceipt memory other = assignment(rollers[0], uint32(tickets[0] + (i == 0 ? 1 : 0)));
            other.assignedAt = drawnAt[0] + (i == 1 ? 1 : 0);
            other.round = i == 2 ? 1 : 0;
            other.seed = seedOf(batch, other.round);
            uint256 snapshot = vm.snapshotState();
            draws.otherSeat(batch, other, sign(other), posted);
            vm.assertEq(pool.credits(rollers[0]), FINE / 2);
            vm.revertToState(snapshot);
        }
    }

    function test_theCapIsNotTheOperatorsWord() public {
        // Roller 0 has 10/12 of the reputation and a third of the stake: what is above 5/12 is a miss.
        bytes memory tilted = abi.encodePacked(
            rollers[0], uint128(STAKE), uint64(1e9), uint32(2), rollers[1], uint128(STAKE), uint64(1e8), uint32(2)
        );
        tilted = abi.encodePacked(tilted, rollers[2], uint128(STAKE), uint64(1e8), uint32(2));
        (bytes32 root, uint256 total) = this.rootOf(tilted);
        vm.prank(operator);
        rollup.postSnapshot(2, root, total, tilted);
        bytes memory good;
        uint32 above;
        do {
            (batch, above) = (begin(), 0);
            while (outcomeOf(plain(batch, 0), tilted, above) != ABOVE_CAP) above++;
            good = roundOf(plain(batch, 0), tilted);
        } while (above >= uint8(good[8]));
        uint256 snapshot = vm.snapshotState();
        PostedDraw memory posted = postRounds(batch, good, tilted);
        vm.expectPartialRevert(NO_OFFENCE);
        draws.wrongCap(batch, posted, 0, above);
        vm.revertToState(snapshot);

        bytes memory all24 = new bytes(24);
        for (uint256 i = 0; i < 24; i++) {
            all24[i] = bytes1(ABOVE_CAP);
        }
        posted = postRounds(batch, abi.encodePacked(uint64(block.timestamp), uint8(24), all24, hex"00"), tilted);
        uint32 below = 0;
        while (outcomeOf(plain(batch, 0), tilted, below) == ABOVE_CAP) below++;
        address damaged = draws.pointOf(batch, posted, 0, below).roller;
        vm.expectPartialRevert(NO_OFFENCE);
        draws.wrongCap(batch, posted, 0, above);
        draws.wrongCap(batch, posted, 0, below);
        vm.assertEq(pool.credits(damaged), FINE / 2);
        vm.revertToState(snapshot);

        posted = postRounds(batch, abi.encodePacked(uint64(block.timestamp), uint8(24), new bytes(24), hex"00"), tilted);
        draws.wrongCap(batch, posted, 0, above);
        vm.assertTrue(evidence.charged(rollup.taskId(batch), address(0)));
    }

    // --- pass-overs

    function test_passedOverAsSilentThoughHeard() public {
        uint64 time = uint64(block.timestamp);
        PassOver memory p = signedPassOver(rollers[0], SILENT);
        refusedSilent(p, HeartbeatReceipt(rollers[0], time - 30, true), NO_OFFENCE);
        refusedSilent(p, HeartbeatReceipt(rollers[0], time + 1, true), NO_OFFENCE);
        refusedSilent(p, HeartbeatReceipt(rollers[0], time - 29, false), NO_OFFENCE);
        refusedSilent(p, HeartbeatReceipt(rollers[1], time - 29, true), IDraws.OtherSeat.selector);
        HeartbeatReceipt memory h = HeartbeatReceipt(rollers[0], time - 29, true);
        refusedSilent(signedPassOver(rollers[0], DRAINING), h, NO_OFFENCE);
        draws.notSilent(batch, p, h, sign(h));
        vm.assertEq(pool.credits(rollers[0]), FINE / 2);
    }

    /// The operator need not have signed anything: what it posts binds it.
    function test_aPostedReasonBindsLikeASignedOne() public {
        PassOver memory p = postedPassOver(SILENT, "");
        HeartbeatReceipt memory h = HeartbeatReceipt(p.receipt.roller, p.receipt.passedAt, true);
        p.receipt.point++;
        while (draws.pointOf(batch, p.posted, 0, p.receipt.point).outcome == SILENT) p.receipt.point++;
        refusedSilent(p, h, IDraws.NotSaid.selector);
        p.receipt.point = 0;
        p.receipt.passedAt++;
        refusedSilent(p, h, IDraws.NotSaid.selector);
        p.receipt.passedAt--;
        p.receipt.round = 1;
        refusedSilent(p, h, RoundsLib.NoSuchRound.selector);
        p.receipt.round = 0;
        draws.notSilent(batch, p, h, sign(h));
        vm.assertEq(pool.credits(p.receipt.roller), FINE / 2);
    }

    function test_passedOverAsDrainingBetweenTwoHeartbeats() public {
        PassOver memory p = postedPassOver(DRAINING, "");
        (address who, uint64 time) = (p.receipt.roller, p.receipt.passedAt);
        HeartbeatReceipt memory a = HeartbeatReceipt(who, time - 14, true);
        refusedDraining(p, a, HeartbeatReceipt(who, time - 1, true));
        refusedDraining(p, a, HeartbeatReceipt(who, time + 16, true));
        refusedDraining(p, a, HeartbeatReceipt(who, time + 15, false));
        refusedDraining(p, HeartbeatReceipt(who, time + 1, true), HeartbeatReceipt(who, time + 2, true));
        HeartbeatReceipt memory b = HeartbeatReceipt(who, time + 15, true);
        draws.notDraining(batch, p, a, sign(a), b, sign(b));
        vm.assertEq(pool.credits(who), FINE / 2);
    }

    function test_passedOverAsNotReadyThoughNothingChangedOnL1() public {
        vm.warp(block.timestamp + 15 minutes + 1);
        // It changed just before: the operator may not have seen it yet.
        vm.prank(rollers[1]);
        registry.setReady(true);
        refusedTrue(NO_OFFENCE, signedPassOver(rollers[1], 1));
        vm.prank(rollers[2]);
        registry.setReady(false);
        refusedTrue(NO_OFFENCE, signedPassOver(rollers[2], 0));
        draws.notTrue(batch, signedPassOver(rollers[0], 0));
        vm.assertTrue(evidence.charged(task, rollers[0]));
    }

    function test_passedOverAsAccusedThoughNobodyAccused() public {
        PassOver memory p = signedPassOver(rollers[0], 3);
        PassOver memory accused = signedPassOver(rollers[1], 3);
        PassOver memory full = signedPassOver(rollers[1], AT_CAPACITY);
        refusedTrue(IDraws.TooEarly.selector, p);
        Submission memory s = submission(batch, 1, keccak256("anything"), "garbage");
        PublicValues memory none;
        court.judge(batch, s, signed(signerKeys[1], s), none, "garbage");
        vm.warp(block.timestamp + 1 days + 1);
        draws.notTrue(batch, p);
        refusedTrue(NO_OFFENCE, accused);
        refusedTrue(NO_OFFENCE, full);
    }

    // --- capacity

    function test_atCapacityWithoutTheSeatsThatBindIt() public {
        vm.warp(block.timestamp + 15 minutes + 1);
        PassOver memory p = postedPassOver(AT_CAPACITY, abi.encodePacked(uint64(1), uint32(0), uint64(1), uint32(0)));
        vm.prank(p.receipt.roller);
        registry.setCapacity(3);
        vm.expectPartialRevert(NO_OFFENCE);
        draws.tooFewSeats(batch, p);

        PassOver memory signedOne = signedPassOver(p.receipt.roller, AT_CAPACITY);
        vm.expectPartialRevert(IDraws.NotSaid.selector);
        draws.tooFewSeats(batch, signedOne);

        vm.warp(block.timestamp + 15 minutes + 1);
        batch = begin();
        task = rollup.taskId(batch);
        p = postedPassOver(AT_CAPACITY, abi.encodePacked(uint64(1), uint32(0), uint64(1), uint32(0)));
        draws.tooFewSeats(batch, p);
        vm.assertEq(pool.credits(p.receipt.roller), FINE / 2);
    }

    function test_twoOpenSeatsAreEnoughToPassOver() public {
        vm.warp(block.timestamp + 15 minutes + 1);
        PassOver memory p = postedPassOver(AT_CAPACITY, abi.encodePacked(uint64(1), uint32(0), uint64(1), uint32(1)));
        vm.expectPartialRevert(NO_OFFENCE);
        draws.tooFewSeats(batch, p);
    }

    /// A seat that binds capacity is one that the draw of its own task gave, before.
    function test_aNamedSeatThatIsNone() public {
        (address who,) = this.ownerOf(leaves, seedOf(batch, 0), 0);
        uint64 other;
        do {
            other = begin();
        } while (ticketsIn(other, who) == 0);
        PassOver memory p = postedPassOver(AT_CAPACITY, seatsIn(other));
        Drawing memory d = plain(other, 0);
        (d.passedOver, d.reason) = (who, SILENT);
        uint256 snapshot = vm.snapshotState();
        PostedDraw memory without = postRounds(other, roundOf(d, leaves), leaves);
        draws.notSeated(batch, p, 0, without);
        vm.assertEq(pool.credits(who), FINE / 2);
        vm.revertToState(snapshot);

        d = plain(other, 0);
        d.time++;
        PostedDraw memory later = postRounds(other, roundOf(d, leaves), leaves);
        draws.notSeated(batch, p, 0, later);
        vm.revertToState(snapshot);

        // There was one round only: the first seat is one, the second is not.
        PostedDraw memory good = postRounds(other, roundOf(plain(other, 0), leaves), leaves);
        vm.expectPartialRevert(NO_OFFENCE);
        draws.notSeated(batch, p, 0, good);
        draws.notSeated(batch, p, 1, good);
    }

    function test_aNamedSeatWhoseProofHadArrived() public {
        uint64 other = begin();
        PassOver memory p = postedPassOver(AT_CAPACITY, seatsIn(other));
        SubmissionReceipt memory s = SubmissionReceipt(
            rollup.taskId(other), 0, p.receipt.roller, keccak256("v"), keccak256("p"), p.receipt.passedAt - 2 minutes
        );
        refusedDelivered(NO_OFFENCE, p, s);
        s.receivedAt--;
        s.round = 1;
        refusedDelivered(IDraws.OtherSeat.selector, p, s);
        s.round = 0;
        s.task = task;
        refusedDelivered(IDraws.WrongTask.selector, p, s);
        s.task = rollup.taskId(other);
        draws.seatDelivered(batch, p, 0, s, sign(s));
        vm.assertEq(pool.credits(p.receipt.roller), FINE / 2);
    }

    function test_aNamedSeatOfABatchThatIsOverOrToCome() public {
        uint64 settled = 1;
        vm.warp(rollup.unpaidFrom(settled));
        PublicValues memory pv = publicValues(settled, rollers[2]);
        rollup.settleUnpaid(pv, proofOf(pv));
        vm.warp(block.timestamp + 15 minutes);
        batch = begin();
        task = rollup.taskId(batch);
        bytes memory seats = abi.encodePacked(settled, uint32(0), batch, uint32(1), uint64(77), uint32(0));
        PassOver memory p = postedPassOver(AT_CAPACITY, seats);
        vm.expectPartialRevert(NO_OFFENCE);
        draws.seatOver(batch, p, 1);
        uint256 snapshot = vm.snapshotState();
        draws.seatOver(batch, p, 0);
        vm.revertToState(snapshot);
        draws.seatOver(batch, p, 2);
        vm.assertEq(pool.credits(p.receipt.roller), FINE / 2);
    }

    // --- helpers

    /// Who has tickets in the first round of a batch, if nobody is passed over.
    function holders(uint64 ofBatch) private view returns (uint256 count) {
        for (uint256 i = 0; i < 3; i++) {
            if (ticketsIn(ofBatch, rollers[i]) > 0) count++;
        }
    }

    function ticketsBy(PostedDraw memory posted, address roller) private view returns (uint256) {
        (uint256[] memory tickets,) = draws.ticketsOf(batch, posted, roller);
        return tickets[0];
    }

    /// Most tickets that a roller can have in the first round.
    function mostOf(address roller) private view returns (uint32 most) {
        for (uint256 point = 0; point < 24 && most < 3; point++) {
            (address hit, bool isAboveCap) = this.ownerOf(leaves, seedOf(batch, 0), point);
            if (hit == roller && !isAboveCap) most++;
        }
    }

    function firstLeaf(bytes calldata leaves_) external pure returns (bytes memory) {
        return leaves_[0:48];
    }

    function doubled(Entry[] memory entries) private pure returns (Entry[] memory) {
        for (uint256 i = 0; i < entries.length; i++) {
            entries[i].tickets *= 2;
        }
        return entries;
    }

    function refusedRounds(bytes memory rounds) private {
        bytes32 beacon = rollup.beacons(rollup.drawBlock(batch));
        vm.prank(operator);
        vm.expectPartialRevert(RoundsLib.BadRounds.selector);
        draws.post(batch, beacon, rounds);
    }

    function refusedHalved(VerdictReceipt memory v, Entry[] memory entries, uint256 position, PostedDraw memory posted)
        private
    {
        bytes memory signature = sign(v);
        vm.expectPartialRevert(NO_OFFENCE);
        draws.halvedEntry(batch, v, signature, entries, position, posted);
    }

    function refusedTickets(bytes4 selector, AssignmentReceipt memory a, bytes[] memory paths) private {
        bytes memory signature = sign(a);
        vm.expectPartialRevert(selector);
        draws.wrongTickets(batch, a, signature, paths);
    }

    function refusedSilent(PassOver memory p, HeartbeatReceipt memory h, bytes4 selector) private {
        bytes memory signature = sign(h);
        vm.expectPartialRevert(selector);
        draws.notSilent(batch, p, h, signature);
    }

    function refusedDraining(PassOver memory p, HeartbeatReceipt memory a, HeartbeatReceipt memory b) private {
        (bytes memory signedA, bytes memory signedB) = (sign(a), sign(b));
        vm.expectPartialRevert(NO_OFFENCE);
        draws.notDraining(batch, p, a, signedA, b, signedB);
    }

    function refusedTrue(bytes4 selector, PassOver memory p) private {
        vm.expectPartialRevert(selector);
        draws.notTrue(batch, p);
    }

    function refusedDelivered(bytes4 selector, PassOver memory p, SubmissionReceipt memory s) private {
        bytes memory signature = sign(s);
        vm.expectPartialRevert(selector);
        draws.seatDelivered(batch, p, 0, s, signature);
    }
}
