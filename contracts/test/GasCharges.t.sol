// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {PassOver, PostedDraw} from "../src/interfaces/IDraws.sol";
import {Entry} from "../src/interfaces/IRollup.sol";
import {PublicValues} from "../src/libraries/PublicValues.sol";
import {
    AssignmentReceipt,
    CloseReceipt,
    HeartbeatReceipt,
    SubmissionReceipt,
    VerdictReceipt
} from "../src/libraries/ReceiptLib.sol";
import {PassOverBase} from "./PassOverBase.sol";
import {Paths} from "./Paths.sol";

/// What it costs to charge the operator with its draws, with a snapshot of a thousand rollers more. Written to snapshots/Charges.json.
/// forge-config: default.isolate = true
contract DrawChargesGasTest is PassOverBase {
    uint256 private constant OTHERS = 1000;

    function setUp() public override {
        super.setUp();
        bytes memory packed;
        for (uint160 i = 1; i <= OTHERS; i++) {
            packed = abi.encodePacked(packed, address(i), uint128(i * 1 ether), uint64(1e9), uint32(1));
        }
        for (uint256 i = 0; i < 3; i++) {
            packed = abi.encodePacked(packed, rollers[i], uint128(1_000_000 ether), uint64(1e9), uint32(2));
        }
        leaves = packed;
        (bytes32 root, uint256 total) = this.rootOf(packed);
        vm.prank(operator);
        rollup.postSnapshot(1, root, total, packed);
        // Their stake has not changed for long.
        vm.warp(block.timestamp + 15 minutes + 1);
        do {
            batch = begin();
        } while (holders() != 2);
        task = rollup.taskId(batch);
    }

    function test_unposted() public {
        postEntries(batch, entriesOf(batch));
        vm.warp(block.timestamp + 15 minutes + 1);
        draws.unposted(batch);
        measured("unposted");
    }

    function test_halvedEntry() public {
        bytes memory rounds = abi.encodePacked(roundOf(plain(batch, 0), leaves), roundOf(plain(batch, 1), leaves));
        PostedDraw memory posted = PostedDraw(rounds, ours());
        postRounds(batch, rounds);
        address[] memory among = new address[](3);
        (among[0], among[1], among[2]) = (rollers[0], rollers[1], rollers[2]);
        Entry[] memory entries = drawnEntries(batch, posted, among);
        entries[0].tickets = 6;
        postEntries(batch, entries);
        VerdictReceipt memory v = VerdictReceipt(task, 0, entries[1].roller, keccak256("bytes"), true, true);
        bytes memory signature = sign(v);
        draws.halvedEntry(batch, v, signature, entries, 0, posted);
        measured("halvedEntry, two rounds");
    }

    function test_wrongTickets() public {
        AssignmentReceipt memory a = assignment(rollers[0], 4);
        bytes memory signature = sign(a);
        draws.wrongTickets(batch, a, signature, pathsFor(rollers[0]));
        measured("wrongTickets");
    }

    function test_otherSeat() public {
        PostedDraw memory posted = PostedDraw(roundOf(plain(batch, 0), leaves), pathsFor(rollers[0]));
        postRounds(batch, posted.rounds);
        AssignmentReceipt memory a = assignment(rollers[0], 4);
        bytes memory signature = sign(a);
        draws.otherSeat(batch, a, signature, posted);
        measured("otherSeat");
    }

    function test_wrongCap() public {
        (address hit,) = this.ownerOf(leaves, seedOf(batch, 0), 0);
        bytes memory all24 = new bytes(24);
        for (uint256 i = 0; i < 24; i++) {
            all24[i] = bytes1(ABOVE_CAP);
        }
        bytes memory rounds = abi.encodePacked(uint64(block.timestamp), uint8(24), all24, hex"00");
        postRounds(batch, rounds);
        draws.wrongCap(batch, PostedDraw(rounds, pathsFor(hit)), 0, 0);
        measured("wrongCap");
    }

    function test_notSilent() public {
        PassOver memory p = postedPassOver(SILENT, "");
        HeartbeatReceipt memory h = HeartbeatReceipt(p.receipt.roller, p.receipt.passedAt, true);
        bytes memory signature = sign(h);
        draws.notSilent(batch, p, h, signature);
        measured("notSilent");
    }

    function test_notDraining() public {
        PassOver memory p = postedPassOver(DRAINING, "");
        HeartbeatReceipt memory h = HeartbeatReceipt(p.receipt.roller, p.receipt.passedAt, true);
        bytes memory signature = sign(h);
        draws.notDraining(batch, p, h, signature, h, signature);
        measured("notDraining");
    }

    function test_notTrue() public {
        PassOver memory p = signedPassOver(rollers[0], 0);
        draws.notTrue(batch, p);
        measured("notTrue, signed");
    }

    function test_tooFewSeats() public {
        PassOver memory p = postedPassOver(AT_CAPACITY, "");
        draws.tooFewSeats(batch, p);
        measured("tooFewSeats");
    }

    function test_aSeatThatBindsNothing() public {
        uint64 other = begin();
        PassOver memory p = postedPassOver(AT_CAPACITY, abi.encodePacked(seatsIn(other), uint64(77), uint32(0)));
        address who = p.receipt.roller;
        Drawing memory d = plain(other, 0);
        (d.passedOver, d.reason) = (who, SILENT);
        PostedDraw memory ofSeat = PostedDraw(roundOf(d, leaves), pathsFor(who));
        postRounds(other, ofSeat.rounds);
        SubmissionReceipt memory s = SubmissionReceipt(
            rollup.taskId(other), 0, who, keccak256("v"), keccak256("p"), p.receipt.passedAt - 2 minutes - 1
        );
        bytes memory signature = sign(s);
        uint256 before = vm.snapshotState();
        draws.notSeated(batch, p, 0, ofSeat);
        measured("notSeated");
        vm.revertToState(before);
        draws.seatDelivered(batch, p, 0, s, signature);
        measured("seatDelivered");
        vm.revertToState(before);
        draws.seatOver(batch, p, 2);
        measured("seatOver");
    }

    // --- helpers

    function pathsFor(address roller) internal view override returns (bytes[] memory paths) {
        paths = new bytes[](1);
        for (uint256 i = 0; i < 3; i++) {
            if (rollers[i] == roller) paths[0] = this.pathOf(leaves, OTHERS + i);
        }
    }

    function ours() private view returns (bytes[] memory paths) {
        paths = new bytes[](3);
        for (uint256 i = 0; i < 3; i++) {
            paths[i] = this.pathOf(leaves, OTHERS + i);
        }
    }

    function pathOf(bytes calldata packed, uint256 number) external pure returns (bytes memory) {
        return Paths.pathOf(packed, number);
    }

    /// Rollers with tickets in the first round if nobody is passed over; none unless the three have all of them.
    function holders() private view returns (uint256 count) {
        uint256 tickets = 0;
        for (uint256 i = 0; i < 3; i++) {
            uint256 own = ticketsIn(batch, rollers[i]);
            tickets += own;
            if (own > 0) count++;
        }
        if (tickets < 3) count = 0;
    }

    function measured(string memory name) private {
        vm.snapshotGasLastCall("Charges", name);
    }
}

/// What it costs to charge the operator with its receipts and with what it left undone. Written to snapshots/Charges.json, too.
/// forge-config: default.isolate = true
contract EvidenceGasTest is PassOverBase {
    function setUp() public override {
        super.setUp();
        leaves = nextEpoch();
        batch = begin();
        task = rollup.taskId(batch);
    }

    function test_droppedVerdict() public {
        Entry[] memory entries = new Entry[](1);
        entries[0] = Entry(rollers[1], 1, keccak256("another proof"));
        postEntries(batch, entries);
        (AssignmentReceipt memory a, VerdictReceipt memory v) = (assignment(rollers[0], 1), verdict(rollers[0]));
        (bytes memory signedA, bytes memory signedV) = (sign(a), sign(v));
        evidence.droppedVerdict(batch, a, signedA, v, signedV, entries);
        measured("droppedVerdict");
    }

    function test_twoAssignments() public {
        (AssignmentReceipt memory a, AssignmentReceipt memory b) =
            (assignment(rollers[0], 1), assignment(rollers[0], 2));
        (bytes memory signedA, bytes memory signedB) = (sign(a), sign(b));
        evidence.twoAssignments(batch, a, signedA, b, signedB);
        measured("twoAssignments");
    }

    function test_twoCloses() public {
        CloseReceipt memory a = CloseReceipt(task, 0, rollers[0], 0, keccak256("entries"), uint64(block.timestamp));
        CloseReceipt memory b = CloseReceipt(task, 0, rollers[0], 2, keccak256("entries"), uint64(block.timestamp));
        (bytes memory signedA, bytes memory signedB) = (sign(a), sign(b));
        evidence.twoCloses(batch, a, signedA, b, signedB);
        measured("twoCloses");
    }

    function test_wrongTime() public {
        (AssignmentReceipt memory a, VerdictReceipt memory v) = (assignment(rollers[0], 1), verdict(rollers[0]));
        SubmissionReceipt memory s =
            SubmissionReceipt(task, 0, rollers[0], keccak256("hash"), v.proofDigest, a.deadline + 1);
        (bytes memory signedA, bytes memory signedS, bytes memory signedV) = (sign(a), sign(s), sign(v));
        evidence.wrongTime(batch, a, signedA, s, signedS, v, signedV);
        measured("wrongTime");
    }

    function test_lateSettlement() public {
        Entry[] memory entries = entriesOf(batch);
        postEntries(batch, entries);
        storeBeacon(rollup.batches(batch).lotteryBlock);
        Entry memory winner = rollup.winnerOf(batch, entries);
        settleUnpaid();
        vm.warp(block.timestamp + 3601);
        pool.burnHeld(batch);
        measured("burnHeld");
        SubmissionReceipt memory r =
            SubmissionReceipt(task, 0, winner.roller, keccak256("hash"), winner.proofDigest, uint64(block.timestamp));
        bytes memory signature = sign(r);
        evidence.lateSettlement(batch, r, signature, entries);
        measured("lateSettlement, three entries");
    }

    function test_lostBeacon() public {
        postEntries(batch, entriesOf(batch));
        settleUnpaid();
        vm.roll(rollup.batches(batch).lotteryBlock + 8193);
        evidence.lostBeacon(batch);
        measured("lostBeacon");
    }

    // --- helpers

    function verdict(address roller) private view returns (VerdictReceipt memory) {
        return VerdictReceipt(task, 0, roller, keccak256("proof"), true, true);
    }

    function settleUnpaid() private {
        vm.warp(rollup.unpaidFrom(batch));
        PublicValues memory pv = publicValues(batch, rollers[2]);
        bytes memory proof = proofOf(pv);
        rollup.settleUnpaid(pv, proof);
    }

    function measured(string memory name) private {
        vm.snapshotGasLastCall("Charges", name);
    }
}
