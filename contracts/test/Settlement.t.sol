// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Batch, Commit, Entry, IRollup, Program, Reward} from "../src/interfaces/IRollup.sol";
import {IProgramTable} from "../src/interfaces/IProgramTable.sol";
import {IRewardPool} from "../src/interfaces/IRewardPool.sol";
import {Claim, ISettlement} from "../src/interfaces/ISettlement.sol";
import {IEvidence} from "../src/interfaces/IEvidence.sol";
import {AggregateLib, AggregateValues, Contribution} from "../src/libraries/AggregateLib.sol";
import {PublicValues, PublicValuesLib} from "../src/libraries/PublicValues.sol";
import {SubmissionReceipt} from "../src/libraries/ReceiptLib.sol";
import {AggregateBase} from "./AggregateBase.sol";

contract SettlementTest is AggregateBase {
    using AggregateLib for AggregateValues;
    using PublicValuesLib for PublicValues;

    uint256 private constant REWARD = 1e12 * 3 * uint256(GAS);

    mapping(uint64 batch => Entry[]) private entries;

    // --- settling

    function test_oneProofSettlesManyBatchesAndPaysTheirWinners() public {
        Contribution[] memory c = enterMany(3);
        address[3] memory winners = [winnerOf(1), winnerOf(2), winnerOf(3)];
        vm.expectEmit(address(settlement));
        emit ISettlement.BatchesSettled(
            1, 3, keccak256(abi.encode("state", uint64(3))), 3 * GAS, keccak256(abi.encode(c))
        );
        vm.prank(operator);
        this.settleManyExternal(3, c);
        vm.assertEq(rollup.settledBatch(), 3);
        vm.assertEq(rollup.stateRoot(), keccak256(abi.encode("state", uint64(3))));
        // Nobody is paid by the settlement itself.
        vm.assertEq(pool.totalCredits(), 0);

        Claim[] memory claims = new Claim[](3);
        for (uint64 batch = 1; batch <= 3; batch++) {
            vm.assertTrue(settlement.isOpen(batch));
            claims[batch - 1] = claimOf(batch, winners[batch - 1], entries[batch]);
        }
        vm.expectEmit(address(settlement));
        emit ISettlement.RewardResolved(1, winners[0], true, REWARD);
        vm.prank(stranger);
        settlement.resolve(3, c, claims);
        vm.assertEq(pool.totalCredits(), 3 * REWARD);
        for (uint64 batch = 1; batch <= 3; batch++) {
            vm.assertFalse(settlement.isOpen(batch));
            vm.assertTrue(rollup.batches(batch).paid);
            vm.assertTrue(pool.credits(winners[batch - 1]) >= REWARD);
            vm.assertTrue(emission.gasOf(0, winners[batch - 1]) >= GAS);
        }
    }

    /// Each of them settled when the last one did, and the next begins behind them.
    function test_batchesThatSettleTogetherSettleAtOneTime() public {
        settleNext();
        uint64 singleAt = uint64(block.timestamp);
        Contribution[] memory c = enterMany(3);
        vm.prank(operator);
        this.settleManyExternal(4, c);
        uint64 togetherAt = uint64(block.timestamp);
        vm.assertTrue(togetherAt > singleAt);
        vm.assertEq(rollup.settledAt(1), singleAt);
        vm.assertEq(rollup.settlementEnd(1), 1);
        for (uint64 batch = 2; batch <= 4; batch++) {
            vm.assertEq(rollup.settledAt(batch), togetherAt);
            vm.assertEq(rollup.batches(batch).settledAt, togetherAt);
            vm.assertEq(rollup.settlementEnd(batch), 4);
        }
        vm.assertEq(rollup.settledAt(0), 0);
        commitNext();
        vm.assertEq(rollup.settledAt(5), 0);
        vm.assertEq(rollup.settlementEnd(5), 5);
        vm.assertFalse(settlement.isOpen(1));
        vm.assertFalse(settlement.isOpen(5));
        Entry[] memory es = entriesOf(5);
        postEntries(5, es);
        storeBeacon(rollup.batches(5).lotteryBlock);
        address winner = rollup.winnerOf(5, es).roller;
        PublicValues memory pv = publicValues(5, winner);
        rollup.settle(pv, proofOf(pv), es);
        vm.assertEq(rollup.settledBatch(), 5);
    }

    function test_aRangeBeginsBehindTheSettledBatch() public {
        Contribution[] memory c = enterMany(3);
        bytes memory proof = proofOf(aggregate(2, 3, tail(c, 1)));
        vm.expectRevert(abi.encodeWithSelector(ISettlement.BatchOutOfOrder.selector, 2, 1));
        settlement.settleMany(1, 2, 3, tail(c, 1), proof);
        // Settled singly, and then by an aggregate that holds the same batch.
        proof = proofOf(aggregate(1, 3, c));
        PublicValues memory pv = publicValues(1, winnerOf(1));
        rollup.settle(pv, proofOf(pv), entries[1]);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.BatchOutOfOrder.selector, 1, 2));
        vm.prank(operator);
        settlement.settleMany(1, 1, 3, c, proof);
        vm.prank(operator);
        this.settleManyExternal(3, tail(c, 1));
        vm.assertEq(rollup.settledBatch(), 3);
        // And the same aggregate twice.
        vm.expectRevert(abi.encodeWithSelector(ISettlement.BatchOutOfOrder.selector, 1, 4));
        vm.prank(operator);
        settlement.settleMany(1, 1, 3, c, proof);
    }

    function test_aRangeEndsWithACommittedBatch() public {
        Contribution[] memory c = enterMany(2);
        Contribution[] memory more = new Contribution[](3);
        (more[0], more[1], more[2]) = (c[0], c[1], c[1]);
        vm.expectRevert(abi.encodeWithSelector(IRollup.UnknownBatch.selector, 3));
        vm.warp(block.timestamp + 1 days);
        settlement.settleMany(1, 1, 3, more, "");
    }

    /// One contribution for each batch, and as many as a proof covers.
    function test_thereIsOneContributionForEachBatch() public {
        Contribution[] memory c = enterMany(2);
        bytes memory proof = proofOf(aggregate(1, 2, c));
        vm.startPrank(operator);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.WrongCount.selector, 0));
        settlement.settleMany(1, 1, 0, new Contribution[](0), proof);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.WrongCount.selector, 1));
        settlement.settleMany(1, 1, 2, tail(c, 1), proof);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.WrongCount.selector, 2));
        settlement.settleMany(1, 1, 1, c, proof);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.WrongCount.selector, 65));
        settlement.settleMany(1, 1, 65, new Contribution[](65), proof);
        vm.stopPrank();
    }

    /// Of what an aggregate states nothing but the contributions is taken from the caller.
    function test_refusesEachOtherStatement() public {
        Contribution[] memory c = enterMany(2);
        for (uint256 word = 0; word < 26; word++) {
            AggregateValues memory v = aggregate(1, 2, c);
            PublicValues memory pv = v.range;
            assembly ("memory-safe") {
                let place := add(pv, mul(word, 32))
                mstore(place, xor(mload(place), 1))
            }
            rejected(v, c);
        }
    }

    function test_refusesOtherProgramsAndLineages() public {
        Contribution[] memory c = enterMany(2);
        AggregateValues memory v = aggregate(1, 2, c);
        v.exeCommit = AGGREGATE_EXE;
        rejected(v, c);
        v = aggregate(1, 2, c);
        v.vmCommit = AGGREGATE_VM;
        rejected(v, c);
        v = aggregate(1, 2, c);
        v.previousLineage = keccak256("another past");
        rejected(v, c);
        // What the lineage would be of another first batch with the same end.
        v = aggregate(1, 2, c);
        PublicValues memory first = publicValues(1, address(0));
        (first.proverGas, first.dataCommitment) = (0, keccak256("other data"));
        PublicValues memory second = publicValues(2, address(0));
        second.proverGas = 0;
        v.lineage = AggregateLib.roll(AggregateLib.roll(v.previousLineage, first.hash()), second.hash());
        rejected(v, c);
        // A batch twice, one left out, and out of order.
        first = publicValues(1, address(0));
        first.proverGas = 0;
        bytes32 one = AggregateLib.roll(0, first.hash());
        v.lineage = AggregateLib.roll(one, first.hash());
        rejected(v, c);
        v.lineage = one;
        rejected(v, c);
        v.lineage = AggregateLib.roll(AggregateLib.roll(0, second.hash()), first.hash());
        rejected(v, c);
        // So it is right.
        vm.assertEq(rollup.batches(1).lineage, one);
        vm.assertEq(rollup.batches(2).lineage, AggregateLib.roll(one, second.hash()));
    }

    function test_refusesOtherContributionsThanTheProven() public {
        Contribution[] memory c = enterMany(2);
        bytes memory proof = proofOf(aggregate(1, 2, c));
        Contribution[] memory other = copy(c);
        other[0].roller = stranger;
        unproven(other, proof);
        other = copy(c);
        other[1].proof = keccak256("a proof made when it was known who won");
        unproven(other, proof);
        // The same sum.
        other = copy(c);
        (other[0].proverGas, other[1].proverGas) = (GAS - 1, GAS + 1);
        unproven(other, proof);
        other = copy(c);
        (other[0], other[1]) = (c[1], c[0]);
        unproven(other, proof);
    }

    function test_refusesAnAggregateForAnotherChain() public {
        Contribution[] memory c = enterMany(2);
        bytes memory proof = proofOf(aggregate(1, 2, c));
        vm.chainId(31338);
        unproven(c, proof);
    }

    /// Nothing that the aggregate program proves is a proof of a batch, and the other way round.
    function test_aBatchsProofIsNoAggregateOfOne() public {
        Contribution[] memory c = enterMany(1);
        PublicValues memory pv = publicValues(1, c[0].roller);
        unproven(c, proofOf(pv));
        bytes memory proof = proofOf(aggregate(1, 1, c));
        vm.warp(rollup.unpaidFrom(1));
        vm.expectRevert(abi.encodeWithSelector(IProgramTable.ProofRejected.selector));
        rollup.settleUnpaid(pv, proof);
        vm.prank(operator);
        this.settleManyExternal(1, c);
        vm.assertEq(rollup.settledBatch(), 1);
    }

    /// A batch that was committed on one that was dropped has a lineage of what never happened.
    function test_nothingSettlesOnADroppedBatch() public {
        vm.deal(address(this), 1 ether);
        commitNext();
        commitNext();
        Contribution[] memory c = new Contribution[](2);
        (c[0], c[1]) = (contribution(1, stranger), contribution(2, stranger));
        AggregateValues memory both = aggregate(1, 2, c);
        rollup.sendMessage{value: 1 ether}(address(1), 21_000, "");
        vm.warp(enforcement.enforceableFrom());
        enforcement.enforce();
        vm.warp(enforcement.droppableFrom());
        enforcement.drop(1);
        vm.assertEq(rollup.settledBatch(), 1);
        bytes memory proof = proofOf(both);
        Contribution[] memory one = tail(c, 1);
        both.previousLineage = 0;
        both.range.firstBatch = 2;
        both.contributions = keccak256(abi.encode(one));
        both.range.proverGas = GAS;
        proof = proofOf(both);
        vm.expectRevert(abi.encodeWithSelector(IProgramTable.ProofRejected.selector));
        settlement.settleMany(1, 2, 2, one, proof);
    }

    // --- programs

    function test_aggregateProgramsAreAnnouncedAsBatchProgramsAre() public {
        Contribution[] memory c = enterMany(1);
        Program memory p = Program(keccak256("next"), AGGREGATE_VM, address(mock), 0, 0, 0);
        vm.expectRevert(abi.encodeWithSelector(IProgramTable.NotGovernor.selector, address(this)));
        settlement.announceProgram(p);
        vm.prank(governor);
        vm.assertEq(settlement.announceProgram(p), 2);
        vm.assertEq(settlement.programs(2).exeCommit, p.exeCommit);
        bytes memory proof = proofOf(aggregate(1, 1, c));
        vm.startPrank(operator);
        vm.expectRevert(
            abi.encodeWithSelector(IProgramTable.InactiveProgram.selector, 2, uint64(block.timestamp + 7 days))
        );
        settlement.settleMany(2, 1, 1, c, proof);
        vm.expectRevert(abi.encodeWithSelector(IProgramTable.UnknownProgram.selector, 3));
        settlement.settleMany(3, 1, 1, c, proof);
        vm.warp(block.timestamp + 7 days);
        settlement.settleMany(2, 1, 1, c, proof);
        vm.assertEq(rollup.settledBatch(), 1);
    }

    // --- whose turn it is

    function test_othersThanTheOperatorWaitForTheWinnersTime() public {
        Contribution[] memory c = enterMany(2);
        bytes memory proof = proofOf(aggregate(1, 2, c));
        uint64 lastS = rollup.unpaidFrom(2);
        vm.assertTrue(lastS > rollup.unpaidFrom(1));
        vm.warp(lastS - 1);
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.TooEarly.selector, lastS));
        settlement.settleMany(1, 1, 2, c, proof);
        vm.warp(lastS);
        vm.prank(stranger);
        settlement.settleMany(1, 1, 2, c, proof);
        vm.assertEq(rollup.settledBatch(), 2);
    }

    /// The operator may not go past a batch that has no entries yet.
    function test_theOperatorWaitsForEntries() public {
        enterMany(1);
        commitNext();
        (, Entry[] memory third,) = ready();
        vm.assertEq(rollup.enteredThrough(), 1);
        Contribution[] memory c = new Contribution[](3);
        for (uint64 batch = 1; batch <= 3; batch++) {
            c[batch - 1] = contribution(batch, rollers[0]);
        }
        bytes memory proof = proofOf(aggregate(1, 3, c));
        uint64 fromS = rollup.unpaidFrom(2);
        vm.assertEq(third.length, 3);
        vm.assertTrue(rollup.unpaidFrom(1) > block.timestamp);
        vm.prank(operator);
        vm.expectPartialRevert(ISettlement.TooEarly.selector);
        settlement.settleMany(1, 1, 3, c, proof);
        // With them it need not wait.
        postEntries(2, entriesOf(2));
        vm.assertEq(rollup.enteredThrough(), 3);
        vm.assertTrue(block.timestamp < fromS);
        vm.prank(operator);
        settlement.settleMany(1, 1, 3, c, proof);
        vm.assertEq(rollup.settledBatch(), 3);
    }

    function test_inEnforcedModeNobodyWaits() public {
        vm.deal(address(this), 1 ether);
        Contribution[] memory c = enterMany(2);
        bytes memory proof = proofOf(aggregate(1, 2, c));
        rollup.sendMessage{value: 1 ether}(address(1), 21_000, "");
        uint64 fromS = enforcement.enforceableFrom();
        vm.warp(fromS);
        enforcement.enforce();
        vm.prank(stranger);
        settlement.settleMany(1, 1, 2, c, proof);
        vm.assertEq(rollup.settledBatch(), 2);
    }

    // --- rewards

    function test_aRewardIsResolvedOnce() public {
        Contribution[] memory c = enterMany(2);
        vm.prank(operator);
        this.settleManyExternal(2, c);
        Claim[] memory claims = new Claim[](1);
        claims[0] = claimOf(2, winnerOf(2), entries[2]);
        settlement.resolve(2, c, claims);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.AlreadyResolved.selector, 2));
        settlement.resolve(2, c, claims);
        // Twice in one call.
        Claim[] memory twice = new Claim[](2);
        twice[0] = claimOf(1, winnerOf(1), entries[1]);
        twice[1] = twice[0];
        vm.expectRevert(abi.encodeWithSelector(ISettlement.AlreadyResolved.selector, 1));
        settlement.resolve(2, c, twice);
        // Nor is a paid reward claimed late.
        PublicValues memory pv = publicValues(2, winnerOf(2));
        bytes memory proof = proofOf(pv);
        vm.expectRevert(abi.encodeWithSelector(IRollup.AlreadyPaid.selector, 2));
        settlement.claimLate(2, pv, proof, entries[2]);
        // Nothing is held before somebody asks.
        pv = publicValues(1, winnerOf(1));
        proof = proofOf(pv);
        vm.expectPartialRevert(IRewardPool.NothingHeld.selector);
        settlement.claimLate(1, pv, proof, entries[1]);
        vm.assertEq(pool.totalCredits(), REWARD);
    }

    function test_aClaimIsOfABatchOfTheAggregate() public {
        settleNext();
        Contribution[] memory c = enterMany(2);
        vm.prank(operator);
        this.settleManyExternal(3, c);
        commitNext();
        Claim[] memory claims = new Claim[](1);
        claims[0] = claimOf(1, rollers[0], entriesOf(1));
        vm.expectRevert(abi.encodeWithSelector(ISettlement.NotInRange.selector, 1));
        settlement.resolve(3, c, claims);
        claims[0] = claimOf(4, rollers[0], entriesOf(4));
        vm.expectRevert(abi.encodeWithSelector(ISettlement.NotInRange.selector, 4));
        settlement.resolve(3, c, claims);
        // Nor are there contributions but those of the settlement.
        vm.expectPartialRevert(ISettlement.WrongContributions.selector);
        settlement.resolve(2, c, claims);
        vm.expectPartialRevert(ISettlement.WrongContributions.selector);
        settlement.resolve(3, tail(c, 1), claims);
        claims[0] = claimOf(2, winnerOf(2), entriesOf(3));
        vm.expectPartialRevert(IRollup.WrongEntries.selector);
        settlement.resolve(3, c, claims);
    }

    /// Whoever was not drawn is not paid for the proof that settled the batch; the winner is, for the proof that was entered.
    function test_anothersProofIsNotPaidAndTheWinnerClaimsLate() public {
        Contribution[] memory c = enterMany(2);
        address winner = winnerOf(2);
        c[1] = contribution(2, winner == rollers[0] ? rollers[1] : rollers[0]);
        vm.prank(operator);
        this.settleManyExternal(2, c);
        Claim[] memory claims = new Claim[](1);
        claims[0] = Claim(2, 0, 0, entries[2]);
        vm.expectEmit(address(settlement));
        emit ISettlement.RewardResolved(2, winner, false, 0);
        settlement.resolve(2, c, claims);
        vm.assertEq(pool.totalCredits(), 0);
        vm.assertEq(pool.totalHeld(), REWARD);
        vm.assertEq(pool.heldUntilS(2), rollup.settledAt(2) + 3600);
        PublicValues memory pv = publicValues(2, winner);
        bytes memory proof = proofOf(pv);
        settlement.claimLate(2, pv, proof, entries[2]);
        vm.assertEq(pool.credits(winner), REWARD);
        vm.assertEq(pool.totalHeld(), 0);
        vm.expectRevert(abi.encodeWithSelector(IRollup.AlreadyPaid.selector, 2));
        settlement.claimLate(2, pv, proof, entries[2]);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.AlreadyResolved.selector, 2));
        settlement.resolve(2, c, claims);
    }

    /// The winner's name under a proof that it made when it had won, or that says that it was more work.
    function test_anotherProofOfTheWinnersIsNotPaid() public {
        Contribution[] memory c = enterMany(1);
        address winner = winnerOf(1);
        c[0] = contribution(rollup.expectedPublicValues(1, winner, 2 * GAS));
        vm.prank(operator);
        this.settleManyExternal(1, c);
        Claim[] memory claims = new Claim[](1);
        // Not what was entered.
        claims[0] = Claim(1, c[0].proof, bodyHashOf(proofOf(publicValues(1, winner))), entries[1]);
        vm.expectPartialRevert(ISettlement.WrongProofDigest.selector);
        settlement.resolve(1, c, claims);
        claims[0] = claimOf(1, winner, entries[1]);
        settlement.resolve(1, c, claims);
        vm.assertEq(pool.credits(winner), 0);
        vm.assertEq(pool.totalHeld(), 2 * REWARD * 11 / 20);
    }

    /// Nobody puts the winner off by naming other bytes.
    function test_theWinnerIsNotPutOffByOtherBytes() public {
        Contribution[] memory c = enterMany(1);
        address winner = winnerOf(1);
        vm.prank(operator);
        this.settleManyExternal(1, c);
        Claim[] memory claims = new Claim[](1);
        claims[0] = Claim(1, keccak256("other"), keccak256("bytes"), entries[1]);
        vm.prank(stranger);
        vm.expectPartialRevert(ISettlement.WrongProofDigest.selector);
        settlement.resolve(1, c, claims);
        vm.assertTrue(settlement.isOpen(1));
        claims[0] = claimOf(1, winner, entries[1]);
        settlement.resolve(1, c, claims);
        vm.assertEq(pool.credits(winner), REWARD);
    }

    /// What is held and not claimed is burned, once, however late somebody asked.
    function test_aHeldRewardIsBurnedOnce() public {
        Contribution[] memory c = enterMany(1);
        address winner = winnerOf(1);
        c[0] = contribution(1, winner == rollers[0] ? rollers[1] : rollers[0]);
        vm.prank(operator);
        this.settleManyExternal(1, c);
        vm.warp(rollup.settledAt(1) + 3601);
        Claim[] memory claims = new Claim[](1);
        claims[0] = Claim(1, 0, 0, entries[1]);
        settlement.resolve(1, c, claims);
        PublicValues memory pv = publicValues(1, winner);
        bytes memory proof = proofOf(pv);
        vm.expectPartialRevert(IRewardPool.ClaimOver.selector);
        settlement.claimLate(1, pv, proof, entries[1]);
        uint256 supply = scr.totalSupply();
        pool.burnHeld(1);
        vm.assertEq(supply - scr.totalSupply(), REWARD);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.AlreadyResolved.selector, 1));
        settlement.resolve(1, c, claims);
        vm.expectPartialRevert(IRewardPool.NothingHeld.selector);
        pool.burnHeld(1);
    }

    /// The bond answers only for a reward that the winner can no longer have.
    function test_anOpenRewardIsNoLateSettlement() public {
        Contribution[] memory c = enterMany(1);
        address winner = winnerOf(1);
        vm.prank(operator);
        this.settleManyExternal(1, c);
        PublicValues memory pv = publicValues(1, winner);
        SubmissionReceipt memory r =
            SubmissionReceipt(rollup.taskId(1), 0, winner, pv.hash(), digestOf(proofOf(pv)), uint64(block.timestamp));
        bytes memory signature = sign(r);
        vm.expectPartialRevert(IEvidence.NoOffence.selector);
        evidence.lateSettlement(1, r, signature, entries[1]);
        Claim[] memory claims = new Claim[](1);
        claims[0] = claimOf(1, winner, entries[1]);
        settlement.resolve(1, c, claims);
        vm.expectPartialRevert(IEvidence.NoOffence.selector);
        evidence.lateSettlement(1, r, signature, entries[1]);
    }

    function test_onlySettlementMovesAndPays() public {
        enterMany(1);
        vm.startPrank(operator);
        vm.expectRevert(abi.encodeWithSelector(IRollup.NotSettlement.selector, operator));
        rollup.settleThrough(1);
        vm.expectRevert(abi.encodeWithSelector(IRollup.NotSettlement.selector, operator));
        rollup.reward(1, rollers[0], GAS, Reward.Now);
        vm.stopPrank();
    }

    function test_entriesOfABatchThatSettledWithOthersComeTooLate() public {
        commitNext();
        commitNext();
        vm.warp(rollup.unpaidFrom(2));
        Contribution[] memory c = new Contribution[](2);
        (c[0], c[1]) = (contribution(1, stranger), contribution(2, stranger));
        this.settleManyExternal(2, c);
        storeBeacon(rollup.drawBlock(1));
        Entry[] memory es = entriesOf(1);
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IRollup.AlreadySettled.selector, 1));
        rollup.postEntries(1, es);
        vm.assertEq(pool.totalHeld() + pool.totalCredits(), 0);
    }

    // --- helpers

    /// Commits batches, enters all rollers and draws the winners; each winner's contribution.
    function enterMany(uint64 count) private returns (Contribution[] memory c) {
        c = new Contribution[](count);
        for (uint64 i = 0; i < count; i++) {
            (uint64 batch, Entry[] memory es, address winner) = ready();
            for (uint256 j = 0; j < es.length; j++) {
                entries[batch].push(es[j]);
            }
            c[i] = contribution(batch, winner);
        }
    }

    function winnerOf(uint64 batch) private view returns (address) {
        return rollup.winnerOf(batch, entries[batch]).roller;
    }

    /// As its caller: who is pranked is the next caller, whatever is looked up before.
    function settleManyExternal(uint64 last, Contribution[] memory c) external {
        address caller = msg.sender;
        uint64 first = rollup.settledBatch() + 1;
        bytes memory proof = proofOf(aggregate(first, last, c));
        vm.prank(caller);
        settlement.settleMany(1, first, last, c, proof);
    }

    function rejected(AggregateValues memory v, Contribution[] memory c) private {
        unproven(c, proofOf(v));
    }

    function unproven(Contribution[] memory c, bytes memory proof) private {
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IProgramTable.ProofRejected.selector));
        settlement.settleMany(1, 1, uint64(c.length), c, proof);
    }

    function tail(Contribution[] memory c, uint256 from) private pure returns (Contribution[] memory rest) {
        rest = new Contribution[](c.length - from);
        for (uint256 i = 0; i < rest.length; i++) {
            rest[i] = c[from + i];
        }
    }

    function copy(Contribution[] memory c) private pure returns (Contribution[] memory same) {
        same = new Contribution[](c.length);
        for (uint256 i = 0; i < c.length; i++) {
            same[i] = Contribution(c[i].roller, c[i].proverGas, c[i].proof);
        }
    }
}
