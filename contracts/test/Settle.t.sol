// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Key} from "../src/interfaces/IParameters.sol";
import {IProgramTable} from "../src/interfaces/IProgramTable.sol";
import {IRewardPool} from "../src/interfaces/IRewardPool.sol";
import {Batch, Commit, Entry, IRollup} from "../src/interfaces/IRollup.sol";
import {LotteryLib} from "../src/libraries/LotteryLib.sol";
import {PublicValues} from "../src/libraries/PublicValues.sol";
import {Base} from "./Base.sol";

contract SettleTest is Base {
    uint256 private constant REWARD = 1e12 * 3 * uint256(GAS);

    function test_expectedPublicValuesAreThoseOfTheCommit() public {
        vm.deal(address(this), 1 ether);
        settleNext();
        rollup.sendMessage{value: 1 ether}(address(1), 21_000, "");
        Commit memory c = nextCommit();
        commit(c);
        PublicValues memory pv;
        pv.formatVersion = 1;
        pv.programVersion = 1;
        pv.forkId = 1;
        pv.l1ChainId = 31337;
        pv.rollup = address(rollup);
        pv.l2ChainId = L2_CHAIN_ID;
        pv.roller = rollers[1];
        pv.task = rollup.taskId(2);
        pv.firstBatch = 2;
        pv.lastBatch = 2;
        pv.previousStateRoot = keccak256(abi.encode("state", 1));
        pv.stateRoot = c.stateRoot;
        pv.previousBlockHash = keccak256(abi.encode("block", 1));
        pv.blockHash = c.blockHash;
        pv.dataCommitment = keccak256(abi.encodePacked("data of batch ", uint64(2)));
        pv.previousMessageHash = "rollmill.messages.v1";
        pv.messageHash = rollup.messageHashAt(1);
        pv.withdrawalRoot = c.withdrawalRoot;
        pv.lastBlock = c.lastBlock;
        pv.lastTimestamp = c.lastTimestamp;
        pv.proverGas = GAS;
        pv.scheduleId = 1;
        vm.assertEq(abi.encode(rollup.expectedPublicValues(2, rollers[1], GAS)), abi.encode(pv));
    }

    function test_settlesByTheWinnerAndPaysOnce() public {
        (uint64 batch, Entry[] memory entries, address winner) = ready();
        PublicValues memory pv = publicValues(batch, winner);
        vm.expectEmit(address(rollup));
        emit IRollup.BatchSettled(1, winner, pv.stateRoot, REWARD, GAS);
        vm.prank(stranger);
        rollup.settle(pv, proofOf(pv), entries);
        vm.assertEq(rollup.settledBatch(), 1);
        vm.assertEq(rollup.stateRoot(), keccak256(abi.encode("state", 1)));
        vm.assertEq(pool.credits(winner), REWARD);
        vm.assertEq(pool.totalCredits(), REWARD);
        vm.prank(stranger);
        pool.claim(winner);
        vm.assertEq(scr.balanceOf(payoutOf(winner)), REWARD);

        vm.expectPartialRevert(IRollup.BatchOutOfOrder.selector);
        rollup.settle(pv, proofOf(pv), entries);
        vm.expectPartialRevert(IRollup.AlreadyPaid.selector);
        settlement.claimLate(batch, pv, proofOf(pv), entries);
    }

    function test_winnerIsTheHolderOfTheDrawnTicket() public {
        (uint64 batch, Entry[] memory entries, address winner) = ready();
        bytes32 seed = keccak256(
            abi.encode(
                bytes32("rollmill.lottery.v1"),
                rollup.taskId(batch),
                keccak256(abi.encode(entries)),
                rollup.beacons(rollup.batches(batch).lotteryBlock)
            )
        );
        uint256 ticket = uint256(seed) % 6;
        vm.assertEq(winner, ticket == 0 ? rollers[0] : ticket <= 2 ? rollers[1] : rollers[2]);
    }

    function test_refusesOthersThanTheWinner() public {
        (uint64 batch, Entry[] memory entries, address winner) = ready();
        for (uint256 i = 0; i < 3; i++) {
            if (rollers[i] == winner) continue;
            PublicValues memory pv = publicValues(batch, rollers[i]);
            bytes memory proof = proofOf(pv);
            vm.expectRevert(abi.encodeWithSelector(IRollup.NotWinner.selector, rollers[i], winner));
            rollup.settle(pv, proof, entries);
        }
    }

    /// A proof that somebody else made, in the winner's name: the proof is not for these public values.
    function test_refusesAnotherRollersProofInTheWinnersName() public {
        (uint64 batch,,) = ready();
        Entry[] memory entries = entriesOf(batch);
        address winner = rollup.winnerOf(batch, entries).roller;
        address other = winner == rollers[0] ? rollers[1] : rollers[0];
        bytes memory proof = proofOf(publicValues(batch, other));
        PublicValues memory pv = publicValues(batch, winner);
        vm.expectPartialRevert(IRollup.WrongProofDigest.selector);
        rollup.settle(pv, proof, entries);
    }

    /// The operator posts the digest of a proof that is about something else: settle still looks at the content.
    function test_refusesEachChangedPublicValue() public {
        for (uint256 word = 0; word < 26; word++) {
            changedWord(word);
        }
    }

    function changedWord(uint256 word) private {
        uint64 batch = commitNext();
        PublicValues memory pv = changed(publicValues(batch, rollers[0]), word, 1);
        Entry[] memory entries = new Entry[](1);
        entries[0] = Entry(rollers[0], 1, digestOf(proofOf(pv)));
        postEntries(batch, entries);
        storeBeacon(rollup.batches(batch).lotteryBlock);
        bytes memory proof = proofOf(pv);
        if (word == 23) {
            // Prover gas is the prover's word: the proof vouches for it.
            rollup.settle(pv, proof, entries);
            return;
        }
        bytes4 selector = IRollup.PublicValuesMismatch.selector;
        if (word == 6) selector = IRollup.NotWinner.selector;
        if (word == 8) selector = IRollup.BatchOutOfOrder.selector;
        vm.expectPartialRevert(selector);
        rollup.settle(pv, proof, entries);
        pv = publicValues(batch, rollers[0]);
        vm.warp(rollup.unpaidFrom(batch));
        rollup.settleUnpaid(pv, proofOf(pv));
    }

    function testFuzz_refusesChangedPublicValuesAlsoUnpaid(uint256 word, uint256 bit) public {
        word %= 26;
        bit %= 64;
        vm.assume(word != 6 && word != 23);
        uint64 batch = commitNext();
        vm.warp(rollup.unpaidFrom(batch));
        PublicValues memory pv = changed(publicValues(batch, rollers[0]), word, 1 << bit);
        bytes memory proof = proofOf(pv);
        if (word == 8) {
            vm.expectPartialRevert(IRollup.BatchOutOfOrder.selector);
        } else {
            (bytes32 given, bytes32 expected) = words(pv, publicValues(batch, rollers[0]), word);
            vm.expectRevert(abi.encodeWithSelector(IRollup.PublicValuesMismatch.selector, word, given, expected));
        }
        rollup.settleUnpaid(pv, proof);
    }

    function test_refusesTruncatedExtendedAndForeignProofs() public {
        uint64 batch = commitNext();
        vm.warp(rollup.unpaidFrom(batch));
        PublicValues memory pv = publicValues(batch, rollers[0]);
        bytes memory proof = proofOf(pv);
        bytes memory truncated = new bytes(proof.length - 1);
        for (uint256 i = 0; i < truncated.length; i++) {
            truncated[i] = proof[i];
        }
        bytes[4] memory bad =
            [truncated, abi.encodePacked(proof, hex"00"), bytes(""), proofOf(publicValues(1, stranger))];
        for (uint256 i = 0; i < bad.length; i++) {
            vm.expectRevert(abi.encodeWithSelector(IProgramTable.ProofRejected.selector));
            rollup.settleUnpaid(pv, bad[i]);
        }
        rollup.settleUnpaid(pv, proof);
    }

    function test_settlesInOrderOnly() public {
        commitNext();
        (uint64 batch, Entry[] memory entries, address winner) = ready();
        PublicValues memory pv = publicValues(batch, winner);
        bytes memory proof = proofOf(pv);
        vm.expectRevert(abi.encodeWithSelector(IRollup.BatchOutOfOrder.selector, 2, 1));
        rollup.settle(pv, proof, entries);
        // A proof of the first batch with the second's entries.
        pv = publicValues(1, winner);
        proof = proofOf(pv);
        vm.expectPartialRevert(IRollup.WrongEntries.selector);
        rollup.settle(pv, proof, entries);
    }

    function test_refusesAWrongRoot() public {
        Commit memory c = nextCommit();
        c.stateRoot = keccak256("a wrong root");
        commit(c);
        vm.warp(rollup.unpaidFrom(1));
        PublicValues memory pv = publicValues(1, rollers[0]);
        pv.stateRoot = keccak256("the true root");
        bytes memory proof = proofOf(pv);
        vm.expectRevert(
            abi.encodeWithSelector(IRollup.PublicValuesMismatch.selector, 11, pv.stateRoot, keccak256("a wrong root"))
        );
        rollup.settleUnpaid(pv, proof);
    }

    function test_refusesUnknownBatches() public {
        PublicValues memory pv;
        pv.firstBatch = 1;
        vm.expectPartialRevert(IRollup.UnknownBatch.selector);
        rollup.settleUnpaid(pv, "");
        pv.firstBatch = 0;
        vm.expectPartialRevert(IRollup.BatchOutOfOrder.selector);
        rollup.settleUnpaid(pv, "");
        vm.expectPartialRevert(IRollup.UnknownBatch.selector);
        rollup.drawBlock(0);
    }

    function test_entriesArePostedOnceByTheOperatorAfterTheDraw() public {
        uint64 batch = commitNext();
        Entry[] memory entries = entriesOf(batch);
        refused(batch, entries, IRollup.BeaconMissing.selector);
        storeBeacon(rollup.drawBlock(batch));
        vm.expectRevert(abi.encodeWithSelector(IRollup.NotOperator.selector, stranger));
        vm.prank(stranger);
        rollup.postEntries(batch, entries);
        refused(2, entries, IRollup.UnknownBatch.selector);
        vm.prank(operator);
        rollup.postEntries(batch, entries);
        Batch memory b = rollup.batches(batch);
        vm.assertEq(b.entriesHash, keccak256(abi.encode(entries)));
        vm.assertEq(b.lotteryBlock, block.number + 4);
        entries[0].tickets = 100;
        refused(batch, entries, IRollup.EntriesAlreadyPosted.selector);
    }

    function test_entriesAreSortedRegisteredAndNotEmpty() public {
        uint64 batch = commitNext();
        storeBeacon(rollup.drawBlock(batch));
        refused(batch, new Entry[](0), LotteryLib.EmptyEntries.selector);
        refused(batch, new Entry[](257), IRollup.TooManyEntries.selector);
        Entry[] memory entries = entriesOf(batch);
        (entries[0], entries[1]) = (entries[1], entries[0]);
        refused(batch, entries, IRollup.BadEntry.selector);
        entries = entriesOf(batch);
        entries[1] = entries[0];
        refused(batch, entries, IRollup.BadEntry.selector);
        entries = entriesOf(batch);
        entries[1].tickets = 0;
        refused(batch, entries, IRollup.BadEntry.selector);
        entries = entriesOf(batch);
        entries[1].proofDigest = 0;
        refused(batch, entries, IRollup.BadEntry.selector);
        entries = entriesOf(batch);
        entries[2].roller = stranger;
        refused(batch, entries, IRollup.BadEntry.selector);
    }

    function test_entriesOfASettledBatchComeTooLate() public {
        uint64 batch = commitNext();
        vm.warp(rollup.unpaidFrom(batch));
        PublicValues memory pv = publicValues(batch, rollers[0]);
        rollup.settleUnpaid(pv, proofOf(pv));
        storeBeacon(rollup.drawBlock(batch));
        refused(batch, entriesOf(batch), IRollup.AlreadySettled.selector);
    }

    function test_refusesOtherEntriesThanThePosted() public {
        (uint64 batch, Entry[] memory entries, address winner) = ready();
        PublicValues memory pv = publicValues(batch, winner);
        bytes memory proof = proofOf(pv);
        entries[0].tickets++;
        vm.expectPartialRevert(IRollup.WrongEntries.selector);
        rollup.settle(pv, proof, entries);
        vm.expectPartialRevert(IRollup.WrongEntries.selector);
        rollup.settle(pv, proof, new Entry[](0));
    }

    function test_settleWaitsForTheLotteryBeacon() public {
        uint64 batch = commitNext();
        Entry[] memory entries = entriesOf(batch);
        postEntries(batch, entries);
        PublicValues memory pv = publicValues(batch, rollers[0]);
        bytes memory proof = proofOf(pv);
        // The draw beacon does not stand in for it.
        vm.expectPartialRevert(IRollup.BeaconMissing.selector);
        rollup.settle(pv, proof, entries);
        uint64 lotteryBlock = rollup.batches(batch).lotteryBlock;
        storeBeacon(lotteryBlock - 1);
        storeBeacon(lotteryBlock + 1);
        vm.expectPartialRevert(IRollup.BeaconMissing.selector);
        rollup.settle(pv, proof, entries);
    }

    function test_withoutEntriesAnyProofSettlesAfterTheFallback() public {
        uint64 batch = commitNext();
        PublicValues memory pv = publicValues(batch, stranger);
        bytes memory proof = proofOf(pv);
        vm.assertEq(rollup.unpaidFrom(batch), block.timestamp + 1800);
        vm.warp(block.timestamp + 1799);
        vm.expectPartialRevert(IRollup.TooEarly.selector);
        rollup.settleUnpaid(pv, proof);
        vm.warp(block.timestamp + 1);
        vm.expectEmit(address(rollup));
        emit IRollup.BatchSettledUnpaid(batch, stranger, pv.stateRoot, GAS);
        rollup.settleUnpaid(pv, proof);
        vm.assertEq(rollup.settledBatch(), 1);
        vm.assertEq(pool.totalCredits(), 0);
    }

    function test_theWinnersTimeRunsFromTheEntriesOrThePreviousSettlement() public {
        commitNext();
        (uint64 second, Entry[] memory entries, address winner) = ready();
        uint256 entriesAt = rollup.batches(second).entriesAt;
        vm.assertEq(rollup.unpaidFrom(second), entriesAt + 600);
        vm.warp(block.timestamp + 10_000);
        PublicValues memory pv = publicValues(1, stranger);
        rollup.settleUnpaid(pv, proofOf(pv));
        vm.assertEq(rollup.unpaidFrom(second), block.timestamp + 600);
        PublicValues memory rival = publicValues(second, stranger);
        bytes memory rivalProof = proofOf(rival);
        vm.expectPartialRevert(IRollup.TooEarly.selector);
        rollup.settleUnpaid(rival, rivalProof);
        pv = publicValues(second, winner);
        rollup.settle(pv, proofOf(pv), entries);
        vm.assertEq(pool.credits(winner), REWARD);
    }

    function test_theWinnerClaimsLateAndOnce() public {
        (uint64 batch, Entry[] memory entries, address winner) = ready();
        PublicValues memory pv = publicValues(batch, winner);
        bytes memory proof = proofOf(pv);
        vm.expectPartialRevert(IRollup.NotSettled.selector);
        settlement.claimLate(batch, pv, proof, entries);
        vm.warp(rollup.unpaidFrom(batch));
        PublicValues memory rival = publicValues(batch, stranger);
        rollup.settleUnpaid(rival, proofOf(rival));
        vm.assertEq(pool.totalCredits(), 0);
        vm.assertEq(pool.totalHeld(), REWARD);
        bytes memory rivalProof = proofOf(rival);
        vm.expectPartialRevert(IRollup.NotWinner.selector);
        settlement.claimLate(batch, rival, rivalProof, entries);
        settlement.claimLate(batch, pv, proof, entries);
        vm.assertEq(pool.credits(winner), REWARD);
        vm.assertEq(pool.totalHeld(), 0);
        vm.assertEq(emission.gasOf(0, winner), GAS);
        vm.expectPartialRevert(IRollup.AlreadyPaid.selector);
        settlement.claimLate(batch, pv, proof, entries);
        vm.warp(block.timestamp + 3601);
        vm.expectPartialRevert(IRewardPool.NothingHeld.selector);
        pool.burnHeld(batch);
    }

    /// The reward waits for its winner and for nobody else; then it is burned, once.
    function test_anUnclaimedRewardIsBurned() public {
        (uint64 batch, Entry[] memory entries, address winner) = ready();
        vm.warp(rollup.unpaidFrom(batch));
        PublicValues memory pv = publicValues(batch, winner);
        bytes memory proof = proofOf(pv);
        rollup.settleUnpaid(pv, proof);
        uint256 available = pool.available();
        vm.warp(block.timestamp + 3600);
        vm.expectPartialRevert(IRewardPool.StillClaimable.selector);
        pool.burnHeld(batch);
        vm.warp(block.timestamp + 1);
        uint256 supply = scr.totalSupply();
        vm.prank(stranger);
        pool.burnHeld(batch);
        vm.assertEq(supply - scr.totalSupply(), REWARD);
        vm.assertEq(pool.available(), available);
        vm.expectPartialRevert(IRewardPool.NothingHeld.selector);
        pool.burnHeld(batch);
        vm.expectPartialRevert(IRewardPool.NothingHeld.selector);
        settlement.claimLate(batch, pv, proof, entries);
    }

    /// What the pool lacks when it is held becomes arrears of the winner.
    function test_aHeldRewardThatIsNotFundedBecomesArrears() public {
        (uint64 batch, Entry[] memory entries, address winner) = ready();
        vm.prank(address(pool));
        scr.transfer(stranger, 1_000_000 ether - 5 ether);
        vm.warp(rollup.unpaidFrom(batch));
        PublicValues memory pv = publicValues(batch, winner);
        rollup.settleUnpaid(pv, proofOf(pv));
        vm.assertEq(pool.totalHeld(), 5 ether);
        settlement.claimLate(batch, pv, proofOf(pv), entries);
        vm.assertEq(pool.credits(winner), 5 ether);
        vm.assertEq(pool.arrears(winner), REWARD - 5 ether);
    }

    function test_oneBeaconDecidesOnACappedSum() public {
        capBeacon(2 * REWARD - 1);
        commitNext();
        commitNext();
        storeBeacon(rollup.drawBlock(2));
        Entry[] memory first = entriesOf(1);
        Entry[] memory second = entriesOf(2);
        vm.startPrank(operator);
        rollup.postEntries(1, first);
        vm.expectPartialRevert(IRollup.BeaconFull.selector);
        rollup.postEntries(2, second);
        vm.roll(block.number + 1);
        rollup.postEntries(2, second);
        vm.stopPrank();
    }

    /// Two that fit together share a beacon.
    function test_oneBeaconDecidesOnAsMuchAsTheCap() public {
        capBeacon(2 * REWARD);
        commitNext();
        commitNext();
        storeBeacon(rollup.drawBlock(2));
        Entry[] memory first = entriesOf(1);
        Entry[] memory second = entriesOf(2);
        vm.startPrank(operator);
        rollup.postEntries(1, first);
        rollup.postEntries(2, second);
        vm.stopPrank();
        vm.assertEq(rollup.batches(1).lotteryBlock, rollup.batches(2).lotteryBlock);
    }

    /// A batch above the cap is paid all the same, by a beacon of its own.
    function test_aBatchAboveTheCapHasABeaconOfItsOwn() public {
        capBeacon(REWARD - 1);
        commitNext();
        commitNext();
        storeBeacon(rollup.drawBlock(2));
        Entry[] memory first = entriesOf(1);
        Entry[] memory second = entriesOf(2);
        vm.startPrank(operator);
        rollup.postEntries(1, first);
        vm.expectPartialRevert(IRollup.BeaconFull.selector);
        rollup.postEntries(2, second);
        vm.roll(block.number + 1);
        rollup.postEntries(2, second);
        vm.stopPrank();
    }

    function test_aLateClaimHasAnEnd() public {
        (uint64 batch, Entry[] memory entries, address winner) = ready();
        vm.warp(rollup.unpaidFrom(batch));
        PublicValues memory pv = publicValues(batch, winner);
        bytes memory proof = proofOf(pv);
        rollup.settleUnpaid(pv, proof);
        vm.warp(block.timestamp + 3601);
        vm.expectPartialRevert(IRewardPool.ClaimOver.selector);
        settlement.claimLate(batch, pv, proof, entries);
    }

    function test_aBatchWithoutEntriesHasNoWinner() public {
        uint64 batch = commitNext();
        vm.warp(rollup.unpaidFrom(batch));
        PublicValues memory pv = publicValues(batch, rollers[0]);
        bytes memory proof = proofOf(pv);
        rollup.settleUnpaid(pv, proof);
        vm.expectPartialRevert(IRollup.WrongEntries.selector);
        settlement.claimLate(batch, pv, proof, new Entry[](0));
    }

    function test_anotherChainsProofsAndAForkOfL1() public {
        uint64 batch = commitNext();
        PublicValues memory pv = publicValues(batch, rollers[0]);
        bytes memory proof = proofOf(pv);
        vm.warp(rollup.unpaidFrom(batch));
        vm.chainId(31338);
        vm.expectRevert(
            abi.encodeWithSelector(
                IRollup.PublicValuesMismatch.selector, 3, bytes32(uint256(31337)), bytes32(uint256(31338))
            )
        );
        rollup.settleUnpaid(pv, proof);
    }

    function test_anEmptyPoolDelaysPayButNotSettlement() public {
        vm.prank(address(pool));
        scr.transfer(address(1), 1_000_000 ether);
        (, address winner) = settleNext();
        vm.assertEq(rollup.settledBatch(), 1);
        vm.assertEq(pool.credits(winner), 0);
        vm.assertEq(pool.arrears(winner), REWARD);
        vm.expectPartialRevert(bytes4(keccak256("NothingToClaim(address)")));
        pool.claim(winner);
        scr.transfer(address(pool), 1 ether);
        pool.creditArrears(winner);
        vm.assertEq(pool.credits(winner), 1 ether);
        vm.assertEq(pool.arrears(winner), REWARD - 1 ether);
    }

    function testFuzz_lotteryFollowsTickets(uint32[5] memory tickets, bytes32 beacon) public view {
        Entry[] memory entries = new Entry[](5);
        uint256 sum = 0;
        for (uint256 i = 0; i < 5; i++) {
            entries[i] = Entry(address(uint160(i + 1)), tickets[i], bytes32(i + 1));
            sum += tickets[i];
        }
        vm.assume(sum > 0);
        bytes32 task = keccak256("task");
        uint256 position = this.lottery(task, keccak256(abi.encode(entries)), beacon, entries);
        uint256 ticket = uint256(
            keccak256(abi.encode(bytes32("rollmill.lottery.v1"), task, keccak256(abi.encode(entries)), beacon))
        ) % sum;
        uint256 before = 0;
        for (uint256 i = 0; i < position; i++) {
            before += tickets[i];
        }
        vm.assertTrue(before <= ticket && ticket < before + tickets[position]);
    }

    // --- helpers

    function capBeacon(uint256 capWei) private {
        vm.prank(governor);
        parameters.announce(Key.BeaconCapWei, uint96(capWei));
        vm.warp(block.timestamp + 7 days);
    }

    function lottery(bytes32 task, bytes32 entriesHash, bytes32 beacon, Entry[] calldata entries)
        external
        pure
        returns (uint256)
    {
        return LotteryLib.winner(task, entriesHash, beacon, entries);
    }

    function refused(uint64 batch, Entry[] memory entries, bytes4 selector) private {
        vm.expectPartialRevert(selector);
        vm.prank(operator);
        rollup.postEntries(batch, entries);
    }

    function changed(PublicValues memory pv, uint256 word, uint256 mask) private pure returns (PublicValues memory) {
        bytes memory encoded = abi.encode(pv);
        assembly ("memory-safe") {
            let at := add(add(encoded, 32), mul(word, 32))
            mstore(at, xor(mload(at), mask))
        }
        return abi.decode(encoded, (PublicValues));
    }

    function words(PublicValues memory a, PublicValues memory b, uint256 word)
        private
        pure
        returns (bytes32 inA, bytes32 inB)
    {
        bytes memory encodedA = abi.encode(a);
        bytes memory encodedB = abi.encode(b);
        assembly ("memory-safe") {
            inA := mload(add(add(encodedA, 32), mul(word, 32)))
            inB := mload(add(add(encodedB, 32), mul(word, 32)))
        }
    }
}
