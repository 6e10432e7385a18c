// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IEvidence, Offence} from "../src/interfaces/IEvidence.sol";
import {Entry, Submission} from "../src/interfaces/IRollup.sol";
import {DrawLib} from "../src/libraries/DrawLib.sol";
import {PublicValues, PublicValuesLib} from "../src/libraries/PublicValues.sol";
import {
    AssignmentReceipt,
    CloseReceipt,
    ReceiptLib,
    SubmissionReceipt,
    VerdictReceipt
} from "../src/libraries/ReceiptLib.sol";
import {Base} from "./Base.sol";

contract EvidenceTest is Base {
    using PublicValuesLib for PublicValues;

    uint256 private constant REWARD = 1e12 * 3 * uint256(GAS);
    uint256 private constant FINE = 100 ether;

    uint64 private batch;
    bytes32 private task;

    function setUp() public override {
        super.setUp();
        nextEpoch();
        batch = commitNext();
        task = rollup.taskId(batch);
        storeBeacon(rollup.drawBlock(batch));
    }

    // --- dropped submissions

    function test_aValidVerdictWithoutAnEntryCostsTwiceTheReward() public {
        Entry[] memory entries = without(0);
        postEntries(batch, entries);
        (AssignmentReceipt memory a, VerdictReceipt memory v) = (assignment(0), verdict(0));
        uint256 supply = scr.totalSupply();
        vm.expectEmit(address(evidence));
        emit IEvidence.OperatorCharged(batch, rollers[0], Offence.DroppedSubmission, 2 * REWARD);
        vm.prank(stranger);
        evidence.droppedVerdict(batch, a, sign(a), v, sign(v), entries);
        vm.assertEq(pool.credits(rollers[0]), REWARD);
        vm.assertEq(supply - scr.totalSupply(), REWARD);
        vm.assertEq(bond.bondWei(), BOND - 2 * REWARD);
        vm.assertEq(scr.balanceOf(stranger), 0);
        vm.assertTrue(evidence.charged(task, rollers[0]));
        refusedVerdict(IEvidence.AlreadyCharged.selector, a, v, entries);
    }

    function test_aVerdictIsNoEvidenceWhenItsRollerEnteredOrWasLateOrWrong() public {
        Entry[] memory entries = entriesOf(batch);
        postEntries(batch, entries);
        (AssignmentReceipt memory a, VerdictReceipt memory v) = (assignment(0), verdict(0));
        refusedVerdict(IEvidence.NoOffence.selector, a, v, entries);
        v.onTime = false;
        refusedVerdict(IEvidence.NoOffence.selector, a, v, entries);
        (v.onTime, v.valid) = (true, false);
        refusedVerdict(IEvidence.NoOffence.selector, a, v, entries);
        v.valid = true;
        v.round = 1;
        refusedVerdict(IEvidence.OtherSeat.selector, a, v, entries);
        refusedVerdict(IEvidence.WrongEntries.selector, a, verdict(0), without(0));
        a.task = keccak256("another");
        refusedVerdict(IEvidence.WrongTask.selector, a, verdict(0), entries);
    }

    /// After a reorganisation of L1 a seat of the former draw is void.
    function test_anAssignmentUnderAnotherSeedIsVoid() public {
        Entry[] memory entries = without(0);
        postEntries(batch, entries);
        AssignmentReceipt memory a = assignment(0);
        a.seed = keccak256("the former block");
        refusedVerdict(IEvidence.WrongSeed.selector, a, verdict(0), entries);
    }

    function test_forgedReceiptsAreNoEvidence() public {
        Entry[] memory entries = without(0);
        postEntries(batch, entries);
        (AssignmentReceipt memory a, VerdictReceipt memory v) = (assignment(0), verdict(0));
        bytes memory forged = signHash(signerKeys[0], keccak256(abi.encode(ReceiptLib.VERDICT_TYPEHASH, v)));
        bytes memory good = sign(a);
        vm.expectPartialRevert(IEvidence.WrongSigner.selector);
        evidence.droppedVerdict(batch, a, good, v, forged, entries);
        forged = signHash(signerKeys[0], keccak256(abi.encode(ReceiptLib.ASSIGNMENT_TYPEHASH, a)));
        good = sign(v);
        vm.expectPartialRevert(IEvidence.WrongSigner.selector);
        evidence.droppedVerdict(batch, a, forged, v, good, entries);
    }

    function test_aBatchThatSettledWithoutEntriesDroppedAll() public {
        (AssignmentReceipt memory a, VerdictReceipt memory v) = (assignment(0), verdict(0));
        Entry[] memory none;
        refusedVerdict(IEvidence.NoOffence.selector, a, v, none);
        settleUnpaid();
        evidence.droppedVerdict(batch, a, sign(a), v, sign(v), none);
        vm.assertEq(pool.credits(rollers[0]), REWARD);
    }

    /// Whoever settles unpaid while seats are being proved leaves the operator nothing to enter.
    function test_aBatchThatSettledBeforeItsTaskClosedDroppedNobody() public {
        AssignmentReceipt memory a = assignment(0);
        a.deadline = rollup.unpaidFrom(batch) - 2 minutes + 1;
        PublicValues memory pv = publicValues(batch, rollers[0]);
        bytes memory proof = proofOf(pv);
        Submission memory s = submission(batch, 0, pv.hash(), proof);
        evidence.postSubmission(batch, s, signed(signerKeys[0], s), a, sign(a), "");
        settleUnpaid();
        Entry[] memory none;
        vm.expectPartialRevert(IEvidence.NoOffence.selector);
        evidence.droppedPosted(task, 0, rollers[0], pv, proof, none);
        refusedVerdict(IEvidence.NoOffence.selector, a, verdict(0), none);
        a.deadline--;
        VerdictReceipt memory v = verdict(0);
        evidence.droppedVerdict(batch, a, sign(a), v, sign(v), none);
    }

    function test_aPostedProofOfABatchThatSettledWithoutEntries() public {
        PublicValues memory pv = post(0);
        bytes memory proof = proofOf(pv);
        Entry[] memory none;
        settleUnpaid();
        evidence.droppedPosted(task, 0, rollers[0], pv, proof, none);
        vm.assertEq(pool.credits(rollers[0]), REWARD);
    }

    function test_chargesEnd() public {
        settleUnpaid();
        (AssignmentReceipt memory a, VerdictReceipt memory v) = (assignment(0), verdict(0));
        Entry[] memory none;
        vm.warp(block.timestamp + 3600 + 1 days + 1);
        refusedVerdict(IEvidence.TooLate.selector, a, v, none);
        vm.warp(block.timestamp - 1);
        evidence.droppedVerdict(batch, a, sign(a), v, sign(v), none);
    }

    // --- posted submissions

    function test_aPostedValidProofMustEnter() public {
        PublicValues memory pv = post(0);
        vm.warp(block.timestamp + 2 minutes);
        Entry[] memory entries = without(0);
        postEntries(batch, entries);
        bytes memory proof = proofOf(pv);
        evidence.droppedPosted(task, 0, rollers[0], pv, proof, entries);
        vm.assertEq(pool.credits(rollers[0]), REWARD);
        vm.assertEq(bond.bondWei(), BOND - 2 * REWARD);
        vm.expectPartialRevert(IEvidence.AlreadyCharged.selector);
        evidence.droppedPosted(task, 0, rollers[0], pv, proof, entries);
    }

    function test_aPostedProofThatEnteredOrCameTooLateToEnterIsNoEvidence() public {
        PublicValues memory pv = post(0);
        bytes memory proof = proofOf(pv);
        PublicValues memory other = post(1);
        bytes memory otherProof = proofOf(other);
        Entry[] memory entries = without(1);
        // Less than two minutes after the posting.
        postEntries(batch, entries);
        vm.expectPartialRevert(IEvidence.NoOffence.selector);
        evidence.droppedPosted(task, 0, rollers[0], pv, proof, entries);
        vm.expectPartialRevert(IEvidence.NoOffence.selector);
        evidence.droppedPosted(task, 0, rollers[1], other, otherProof, entries);
        vm.expectPartialRevert(IEvidence.NotPosted.selector);
        evidence.droppedPosted(task, 0, rollers[2], pv, proof, entries);
    }

    function test_postedGarbageCostsTheOperatorNothing() public {
        AssignmentReceipt memory a = assignment(0);
        PublicValues memory pv = publicValues(batch, rollers[0]);
        Submission memory s = submission(batch, 0, pv.hash(), "garbage");
        evidence.postSubmission(batch, s, signed(signerKeys[0], s), a, sign(a), "");
        vm.warp(block.timestamp + 2 minutes);
        Entry[] memory entries = without(0);
        postEntries(batch, entries);
        vm.expectPartialRevert(IEvidence.ProofRejected.selector);
        evidence.droppedPosted(task, 0, rollers[0], pv, "garbage", entries);
        bytes memory proof = proofOf(pv);
        vm.expectPartialRevert(IEvidence.WrongProofDigest.selector);
        evidence.droppedPosted(task, 0, rollers[0], pv, proof, entries);
    }

    /// A true proof of something that could not have settled the batch was not worth an entry.
    function test_aPostedProofOfAnotherStatementIsNoEvidence() public {
        AssignmentReceipt memory a = assignment(0);
        PublicValues memory pv = publicValues(batch, rollers[0]);
        pv.stateRoot = keccak256("else");
        bytes memory proof = proofOf(pv);
        Submission memory s = submission(batch, 0, pv.hash(), proof);
        evidence.postSubmission(batch, s, signed(signerKeys[0], s), a, sign(a), "");
        settleUnpaid();
        Entry[] memory none;
        vm.expectPartialRevert(IEvidence.WrongPreimage.selector);
        evidence.droppedPosted(task, 0, rollers[0], pv, proof, none);
    }

    /// First garbage by the API, then a good proof on L1: the verdict over the first answers for the operator.
    function test_theRejectVerdictAnswersForTheOperator() public {
        PublicValues memory pv = post(0);
        bytes memory proof = proofOf(pv);
        Submission memory s = submission(batch, 0, keccak256("anything"), "garbage");
        PublicValues memory none;
        court.judge(batch, s, signed(signerKeys[0], s), none, "garbage");
        vm.warp(block.timestamp + 2 minutes);
        Entry[] memory entries = without(0);
        postEntries(batch, entries);
        vm.expectPartialRevert(IEvidence.NoOffence.selector);
        evidence.droppedPosted(task, 0, rollers[0], pv, proof, entries);
    }

    function test_postingIsForTheSeatItsRollerAndItsTime() public {
        AssignmentReceipt memory a = assignment(0);
        PublicValues memory pv = publicValues(batch, rollers[0]);
        Submission memory s = submission(batch, 0, pv.hash(), proofOf(pv));
        refusedPosting(IEvidence.WrongSigner.selector, s, 1, a, OPERATOR_KEY);
        refusedPosting(IEvidence.WrongSigner.selector, s, 0, a, signerKeys[0]);
        AssignmentReceipt memory other = assignment(1);
        refusedPosting(IEvidence.OtherSeat.selector, s, 0, other, OPERATOR_KEY);
        a.seed = keccak256("the former block");
        refusedPosting(IEvidence.WrongSeed.selector, s, 0, a, OPERATOR_KEY);
        a = assignment(0);
        uint256 time = block.timestamp;
        vm.warp(a.deadline + 1);
        refusedPosting(IEvidence.TooLate.selector, s, 0, a, OPERATOR_KEY);
        vm.warp(time);
        post(0);
        refusedPosting(IEvidence.AlreadyPosted.selector, s, 0, a, OPERATOR_KEY);
    }

    // --- contradictions

    function test_twoAssignmentsOfOneSeat() public {
        AssignmentReceipt memory a = assignment(0);
        AssignmentReceipt memory b = assignment(0);
        (bytes memory signedA, bytes memory signedB) = (sign(a), sign(b));
        vm.expectPartialRevert(IEvidence.NoContradiction.selector);
        evidence.twoAssignments(batch, a, signedA, b, signedB);
        b.seed = keccak256("the former block");
        signedB = sign(b);
        vm.expectPartialRevert(IEvidence.OtherSeat.selector);
        evidence.twoAssignments(batch, a, signedA, b, signedB);
        b = assignment(0);
        b.deadline++;
        evidence.twoAssignments(batch, a, signedA, b, sign(b));
        // A matter of more than one reward: at least the full fine.
        vm.assertEq(pool.credits(rollers[0]), FINE / 2);
        vm.assertEq(bond.bondWei(), BOND - FINE);
    }

    function test_twoVerdictsOverTheSameBytes() public {
        VerdictReceipt memory a = verdict(1);
        VerdictReceipt memory b = verdict(1);
        (bytes memory signedA, bytes memory signedB) = (sign(a), sign(b));
        vm.expectPartialRevert(IEvidence.NoContradiction.selector);
        evidence.twoVerdicts(batch, a, signedA, b, signedB);
        b.valid = false;
        signedB = sign(b);
        vm.expectPartialRevert(IEvidence.UnknownBatch.selector);
        evidence.twoVerdicts(batch + 1, a, signedA, b, signedB);
        evidence.twoVerdicts(batch, a, signedA, b, signedB);
        vm.assertEq(pool.credits(rollers[1]), FINE / 2);
        b.proofDigest = keccak256("other bytes");
        signedB = sign(b);
        vm.expectPartialRevert(IEvidence.OtherSeat.selector);
        evidence.twoVerdicts(batch, a, signedA, b, signedB);
    }

    function test_twoEndsOfOneSeat() public {
        CloseReceipt memory a = CloseReceipt(task, 0, rollers[2], 0, keccak256("entries"), uint64(block.timestamp));
        CloseReceipt memory b = CloseReceipt(task, 0, rollers[2], 0, keccak256("entries"), uint64(block.timestamp + 9));
        (bytes memory signedA, bytes memory signedB) = (sign(a), sign(b));
        vm.expectPartialRevert(IEvidence.NoContradiction.selector);
        evidence.twoCloses(batch, a, signedA, b, signedB);
        b.outcome = 2;
        evidence.twoCloses(batch, a, signedA, b, sign(b));
        vm.assertTrue(evidence.charged(task, rollers[2]));
    }

    function test_lateThoughInTimeAndInTimeThoughLate() public {
        for (uint256 who = 0; who < 2; who++) {
            AssignmentReceipt memory a = assignment(who);
            VerdictReceipt memory v = verdict(who);
            v.onTime = who == 0;
            uint64 receivedAt = who == 0 ? a.deadline : a.deadline + 1;
            SubmissionReceipt memory s =
                SubmissionReceipt(task, 0, rollers[who], keccak256("hash"), v.proofDigest, receivedAt);
            (bytes memory signedA, bytes memory signedS, bytes memory signedV) = (sign(a), sign(s), sign(v));
            vm.expectPartialRevert(IEvidence.NoContradiction.selector);
            evidence.wrongTime(batch, a, signedA, s, signedS, v, signedV);
            v.onTime = !v.onTime;
            evidence.wrongTime(batch, a, signedA, s, signedS, v, sign(v));
            vm.assertTrue(evidence.charged(task, rollers[who]));
        }
    }

    // --- settlement

    function test_theBondPaysAWinnerWhoseBytesTheOperatorHeld() public {
        Entry[] memory entries = entriesOf(batch);
        postEntries(batch, entries);
        storeBeacon(rollup.batches(batch).lotteryBlock);
        Entry memory winner = rollup.winnerOf(batch, entries);
        SubmissionReceipt memory r =
            SubmissionReceipt(task, 0, winner.roller, keccak256("hash"), winner.proofDigest, uint64(block.timestamp));
        bytes memory signature = sign(r);
        vm.expectPartialRevert(IEvidence.NoOffence.selector);
        evidence.lateSettlement(batch, r, signature, entries);
        settleUnpaid();
        // Until now the winner can have its reward for its proof.
        vm.expectPartialRevert(IEvidence.TooEarly.selector);
        evidence.lateSettlement(batch, r, signature, entries);
        vm.warp(block.timestamp + 3601);
        pool.burnHeld(batch);
        r.proofDigest = keccak256("other");
        bytes memory wrong = sign(r);
        vm.expectPartialRevert(IEvidence.WrongProofDigest.selector);
        evidence.lateSettlement(batch, r, wrong, entries);
        r.proofDigest = winner.proofDigest;
        evidence.lateSettlement(batch, r, signature, entries);
        vm.assertEq(pool.credits(winner.roller), REWARD);
        vm.assertEq(bond.bondWei(), BOND - 2 * REWARD);
    }

    function test_aClaimedRewardIsNotPaidAgain() public {
        Entry[] memory entries = entriesOf(batch);
        postEntries(batch, entries);
        storeBeacon(rollup.batches(batch).lotteryBlock);
        Entry memory winner = rollup.winnerOf(batch, entries);
        settleUnpaid();
        PublicValues memory pv = publicValues(batch, winner.roller);
        settlement.claimLate(batch, pv, proofOf(pv), entries);
        SubmissionReceipt memory r =
            SubmissionReceipt(task, 0, winner.roller, pv.hash(), winner.proofDigest, uint64(block.timestamp));
        bytes memory signature = sign(r);
        vm.warp(block.timestamp + 3601);
        vm.expectPartialRevert(IEvidence.NoOffence.selector);
        evidence.lateSettlement(batch, r, signature, entries);
    }

    function test_aBeaconThatNobodyStoredCostsTheOperator() public {
        Entry[] memory entries = entriesOf(batch);
        postEntries(batch, entries);
        uint64 lotteryBlock = rollup.batches(batch).lotteryBlock;
        settleUnpaid();
        vm.expectPartialRevert(IEvidence.NoOffence.selector);
        evidence.lostBeacon(batch);
        vm.roll(lotteryBlock + 8193);
        uint256 pooled = pool.available();
        evidence.lostBeacon(batch);
        vm.assertEq(pool.available() - pooled, REWARD);
    }

    /// The caller's words and the operator's signatures decide; who calls has no part in it.
    function testFuzz_nobodyChoosesWhoIsPaid(address caller) public {
        vm.assume(caller != address(vm) && caller != address(pool) && caller != address(bond));
        Entry[] memory entries = without(0);
        postEntries(batch, entries);
        (AssignmentReceipt memory a, VerdictReceipt memory v) = (assignment(0), verdict(0));
        (bytes memory signedA, bytes memory signedV) = (sign(a), sign(v));
        uint256 before = scr.balanceOf(caller);
        vm.prank(caller);
        evidence.droppedVerdict(batch, a, signedA, v, signedV, entries);
        vm.assertEq(scr.balanceOf(caller), before);
        vm.assertEq(pool.credits(rollers[0]), REWARD);
        vm.assertEq(pool.totalCredits(), REWARD);
    }

    // --- helpers

    function assignment(uint256 who) private view returns (AssignmentReceipt memory a) {
        a.task = task;
        a.roller = rollers[who];
        a.tickets = 1;
        a.assignedAt = rollup.batches(batch).committedAt;
        a.deadline = a.assignedAt + 20 minutes;
        a.seed = DrawLib.seed(task, 0, rollup.beacons(rollup.drawBlock(batch)));
    }

    function verdict(uint256 who) private view returns (VerdictReceipt memory) {
        bytes32 digest = digestOf(proofOf(publicValues(batch, rollers[who])));
        return VerdictReceipt(task, 0, rollers[who], digest, true, true);
    }

    function without(uint256 who) private view returns (Entry[] memory entries) {
        Entry[] memory all = entriesOf(batch);
        entries = new Entry[](2);
        entries[0] = all[who == 0 ? 1 : 0];
        entries[1] = all[who == 2 ? 1 : 2];
    }

    function post(uint256 who) private returns (PublicValues memory pv) {
        AssignmentReceipt memory a = assignment(who);
        pv = publicValues(batch, rollers[who]);
        Submission memory s = submission(batch, who, pv.hash(), proofOf(pv));
        evidence.postSubmission(batch, s, signed(signerKeys[who], s), a, sign(a), "https://roller.example/proofs");
    }

    function settleUnpaid() private {
        vm.warp(rollup.unpaidFrom(batch));
        PublicValues memory pv = publicValues(batch, rollers[2]);
        rollup.settleUnpaid(pv, proofOf(pv));
    }

    function refusedVerdict(
        bytes4 selector,
        AssignmentReceipt memory a,
        VerdictReceipt memory v,
        Entry[] memory entries
    ) private {
        (bytes memory signedA, bytes memory signedV) = (sign(a), sign(v));
        vm.expectPartialRevert(selector);
        evidence.droppedVerdict(batch, a, signedA, v, signedV, entries);
    }

    function refusedPosting(
        bytes4 selector,
        Submission memory s,
        uint256 signer,
        AssignmentReceipt memory a,
        uint256 key
    ) private {
        bytes memory bySigner = signed(signerKeys[signer], s);
        bytes memory byOperator = signHash(key, keccak256(abi.encode(ReceiptLib.ASSIGNMENT_TYPEHASH, a)));
        vm.expectPartialRevert(selector);
        evidence.postSubmission(batch, s, bySigner, a, byOperator, "");
    }
}
