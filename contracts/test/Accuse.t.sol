// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Accusation, ICourt} from "../src/interfaces/ICourt.sol";
import {IProofVerifier} from "../src/interfaces/IProofVerifier.sol";
import {IRollerRegistry, Roller} from "../src/interfaces/IRollerRegistry.sol";
import {Key} from "../src/interfaces/IParameters.sol";
import {Submission} from "../src/interfaces/IRollup.sol";
import {PublicValues, PublicValuesLib} from "../src/libraries/PublicValues.sol";
import {ReceiptLib, SubmissionReceipt, VerdictReceipt} from "../src/libraries/ReceiptLib.sol";
import {Base} from "./Base.sol";

/// Knows when a proof is right, but not when submitted bytes are wrong: like a verifier of wrapped proofs.
contract PartialVerifier is IProofVerifier {
    function verify(bytes32, bytes32, bytes32 publicValuesHash, bytes calldata proof) external pure returns (bool) {
        return keccak256(proof) == keccak256(abi.encodePacked("rollmill.mock.v1", publicValuesHash));
    }

    function total() external pure returns (bool) {
        return false;
    }
}

contract AccuseTest is Base {
    using PublicValuesLib for PublicValues;

    uint256 private constant FINE = 100 ether;
    uint256 private constant ACCUSER_BOND = 1000 ether;
    uint256 private constant COST = 400 ether;

    address private accuser = address(0xacc);
    bytes32 private task;

    function setUp() public override {
        super.setUp();
        scr.transfer(accuser, 100_000 ether);
        vm.prank(accuser);
        scr.approve(address(court), type(uint256).max);
        commitNext();
        task = rollup.taskId(1);
    }

    function verifier() internal override returns (address) {
        return address(new PartialVerifier());
    }

    function test_anUnansweredAccusationEndsInTheFine() public {
        Submission memory s = garbage(1, 0);
        vm.expectEmit(address(court));
        emit ICourt.Accused(1, rollers[0], 0, s.proofDigest, accuser, FINE, uint64(block.timestamp + 12 hours));
        accuse(1, s, 0);
        vm.assertEq(court.openAccusations(), 1);
        vm.assertEq(registry.frozenWei(rollers[0]), FINE);
        vm.expectPartialRevert(ICourt.TooEarly.selector);
        court.convict(task, 0, rollers[0]);
        vm.warp(block.timestamp + 12 hours);
        uint256 supply = scr.totalSupply();
        uint256 pooled = scr.balanceOf(address(pool));
        vm.expectEmit(address(court));
        emit ICourt.SubmissionJudged(1, rollers[0], 0, false, FINE, s.proofDigest, accuser);
        vm.prank(stranger);
        court.convict(task, 0, rollers[0]);
        vm.assertEq(supply - scr.totalSupply(), FINE / 2);
        vm.assertEq(scr.balanceOf(address(pool)) - pooled, FINE / 2 - 10 ether);
        vm.assertEq(scr.balanceOf(accuser), 100_000 ether + 10 ether);
        vm.assertEq(scr.balanceOf(address(court)), 0);
        vm.assertEq(registry.rollers(rollers[0]).stakeWei, STAKE - FINE);
        closed(0);
        refused(ICourt.AlreadyFined.selector, 1, s, 0);
        vm.expectPartialRevert(ICourt.NotAccused.selector);
        court.convict(task, 0, rollers[0]);
    }

    function test_theVeryBytesRebut() public {
        (Submission memory s, PublicValues memory pv) = honest(1, 0);
        accuse(1, s, 0);
        uint256 supply = scr.totalSupply();
        bytes memory proof = proofOf(pv);
        vm.expectEmit(address(court));
        emit ICourt.Acquitted(1, rollers[0], 0, COST, ACCUSER_BOND - COST);
        vm.prank(stranger);
        court.rebut(task, 0, rollers[0], pv, proof);
        vm.assertEq(pool.credits(rollers[0]), COST);
        vm.assertEq(supply - scr.totalSupply(), ACCUSER_BOND - COST);
        vm.assertEq(scr.balanceOf(accuser), 100_000 ether - ACCUSER_BOND);
        vm.assertEq(registry.rollers(rollers[0]).stakeWei, STAKE);
        closed(0);
        // What was answered once is answered for ever.
        refused(ICourt.Defended.selector, 1, s, 0);
    }

    function test_otherBytesOrStatementsDoNotRebut() public {
        (Submission memory s, PublicValues memory pv) = honest(1, 0);
        accuse(1, s, 0);
        bytes memory other = proofOf(publicValues(1, rollers[1]));
        vm.expectPartialRevert(ICourt.WrongProofDigest.selector);
        court.rebut(task, 0, rollers[0], pv, other);
        PublicValues memory wrong = publicValues(1, rollers[1]);
        bytes memory proof = proofOf(pv);
        vm.expectPartialRevert(ICourt.WrongPreimage.selector);
        court.rebut(task, 0, rollers[0], wrong, proof);
        vm.expectPartialRevert(ICourt.NotAccused.selector);
        court.rebut(task, 1, rollers[0], pv, proof);
    }

    /// Garbage stays garbage, and a proof about somebody else's work is no defence.
    function test_garbageAndForeignProofsCannotBeRebutted() public {
        PublicValues memory pv = publicValues(1, rollers[0]);
        Submission memory s = submission(1, 0, pv.hash(), "garbage");
        accuse(1, s, 0);
        vm.expectPartialRevert(ICourt.ProofRejected.selector);
        court.rebut(task, 0, rollers[0], pv, "garbage");

        pv = publicValues(1, rollers[2]);
        bytes memory proof = proofOf(pv);
        accuse(1, submission(1, 1, pv.hash(), proof), 1);
        vm.expectPartialRevert(ICourt.NoDefence.selector);
        court.rebut(task, 0, rollers[1], pv, proof);
    }

    function test_aRebuttalAfterItsTimeIsTooLate() public {
        (Submission memory s, PublicValues memory pv) = honest(1, 0);
        accuse(1, s, 0);
        bytes memory proof = proofOf(pv);
        vm.warp(block.timestamp + 12 hours);
        vm.expectPartialRevert(ICourt.TooLate.selector);
        court.rebut(task, 0, rollers[0], pv, proof);
    }

    function test_aSignedVerdictIsACompleteDefence() public {
        Submission memory s = garbage(1, 0);
        VerdictReceipt memory r = VerdictReceipt(task, 0, rollers[0], s.proofDigest, true, false);
        bytes memory byOperator = signVerdict(OPERATOR_KEY, r);
        accuse(1, s, 0);
        // Neither a verdict `invalid` nor somebody else's signature helps.
        r.valid = false;
        bytes memory invalid = signVerdict(OPERATOR_KEY, r);
        vm.expectPartialRevert(ICourt.NoDefence.selector);
        court.defend(1, r, invalid);
        r.valid = true;
        bytes memory forged = signVerdict(signerKeys[0], r);
        vm.expectPartialRevert(ICourt.WrongSigner.selector);
        court.defend(1, r, forged);
        vm.expectPartialRevert(ICourt.WrongTask.selector);
        court.defend(2, r, byOperator);
        vm.prank(stranger);
        court.defend(1, r, byOperator);
        vm.assertEq(pool.credits(rollers[0]), COST);
        closed(0);
        refused(ICourt.Defended.selector, 1, s, 0);
    }

    function test_aVerdictCanBeRecordedBeforehand() public {
        Submission memory s = garbage(1, 0);
        VerdictReceipt memory r = VerdictReceipt(task, 0, rollers[0], s.proofDigest, true, true);
        court.defend(1, r, signVerdict(OPERATOR_KEY, r));
        refused(ICourt.Defended.selector, 1, s, 0);
        // Only these bytes are defended.
        s.proofDigest = keccak256("other garbage");
        accuse(1, s, 0);
    }

    function test_anExpiredAccusationIsAnswered() public {
        SubmissionReceipt memory r =
            SubmissionReceipt(task, 0, rollers[0], keccak256("anything"), digestOf("garbage"), uint64(block.timestamp));
        bytes memory signature = signReceipt(r);
        vm.warp(block.timestamp + 1 days + 1);
        accuse(1, garbage(1, 0), 0);
        court.defendExpired(r, signature);
        closed(0);
        vm.assertEq(pool.credits(rollers[0]), COST);

        r = SubmissionReceipt(task, 0, rollers[1], keccak256("anything"), digestOf("garbage"), uint64(block.timestamp));
        signature = signReceipt(r);
        vm.warp(block.timestamp + 1 days);
        accuse(1, garbage(1, 1), 1);
        vm.expectPartialRevert(ICourt.NoDefence.selector);
        court.defendExpired(r, signature);
        r.proofDigest = keccak256("other");
        signature = signReceipt(r);
        vm.expectPartialRevert(ICourt.WrongProofDigest.selector);
        court.defendExpired(r, signature);
    }

    function test_oneAccusationPerRollerAndNoMoreThanTheBondCovers() public {
        accuse(1, garbage(1, 0), 0);
        refused(ICourt.AlreadyAccused.selector, 1, garbage(1, 0), 0);
        Submission memory later = garbage(1, 0);
        later.round = 1;
        refused(ICourt.AlreadyAccused.selector, 1, later, 0);
        vm.prank(operator);
        bond.requestWithdrawal(BOND - 2 * ACCUSER_BOND);
        accuse(1, garbage(1, 1), 1);
        refused(ICourt.TooManyAccusations.selector, 1, garbage(1, 2), 2);
    }

    /// However small the bond is made, whoever claims a fine puts up as much: accusing the absent is no business.
    function test_anAccuserPutsUpTheFineAtLeast() public {
        announced(Key.RebuttalBondWei, 1 ether);
        announced(Key.AccuserCostWei, 1000 ether);
        accuse(1, garbage(1, 0), 0);
        vm.assertEq(court.accusation(task, 0, rollers[0]).bondWei, FINE);
        vm.assertEq(scr.balanceOf(accuser), 100_000 ether - FINE);
        vm.warp(block.timestamp + 12 hours);
        court.convict(task, 0, rollers[0]);
        vm.assertEq(scr.balanceOf(accuser), 100_000 ether + FINE / 4);
        // As many of such bonds as the operator's bond covers, and no more.
        vm.prank(operator);
        bond.requestWithdrawal(BOND - 2 * FINE + 1);
        accuse(1, garbage(1, 1), 1);
        refused(ICourt.TooManyAccusations.selector, 1, garbage(1, 2), 2);
    }

    /// However large its costs are made, half of an answered accuser's bond is burned: nobody accuses himself for free.
    function test_halfOfAnAnsweredBondIsBurnedAtLeast() public {
        announced(Key.RebuttalCostWei, 100_000 ether);
        (Submission memory s, PublicValues memory pv) = honest(1, 0);
        accuse(1, s, 0);
        uint256 supply = scr.totalSupply();
        court.rebut(task, 0, rollers[0], pv, proofOf(pv));
        vm.assertEq(pool.credits(rollers[0]), ACCUSER_BOND / 2);
        vm.assertEq(supply - scr.totalSupply(), ACCUSER_BOND / 2);
    }

    function test_foreignForgedAndLateAccusationsAreRefused() public {
        Submission memory s = garbage(1, 0);
        s.task = keccak256("another");
        refused(ICourt.WrongTask.selector, 1, s, 0);
        refused(ICourt.UnknownBatch.selector, 2, garbage(1, 0), 0);
        refused(ICourt.WrongSigner.selector, 1, garbage(1, 0), 1);
        vm.warp(rollup.unpaidFrom(1));
        PublicValues memory pv = publicValues(1, rollers[2]);
        rollup.settleUnpaid(pv, proofOf(pv));
        vm.warp(block.timestamp + 1 days + 1);
        refused(ICourt.TooLate.selector, 1, garbage(1, 0), 0);
        // No bond, no accusation.
        vm.warp(block.timestamp - 1);
        s = garbage(1, 0);
        bytes memory signature = signed(signerKeys[0], s);
        vm.expectRevert();
        court.accuse(1, s, signature);
    }

    function test_whatIsClaimedCannotBeWithdrawn() public {
        vm.prank(rollers[0]);
        registry.requestUnbond(STAKE - 30 ether);
        vm.warp(block.timestamp + 7 days);
        accuse(1, garbage(1, 0), 0);
        vm.prank(rollers[0]);
        registry.withdraw();
        Roller memory r = registry.rollers(rollers[0]);
        vm.assertEq(uint256(r.stakeWei) + r.unbondingWei, FINE);
        vm.prank(rollers[0]);
        vm.expectPartialRevert(IRollerRegistry.Frozen.selector);
        registry.withdraw();
        vm.warp(block.timestamp + 12 hours);
        court.convict(task, 0, rollers[0]);
        r = registry.rollers(rollers[0]);
        vm.assertEq(uint256(r.stakeWei) + r.unbondingWei, 0);
    }

    /// A fine that stake does not cover is set off against credits, half burned.
    function test_anUnpaidFineIsSetOffAgainstCredits() public {
        vm.prank(address(rollup));
        pool.credit(rollers[0], 500 ether);
        vm.startPrank(rollers[0]);
        registry.requestUnbond(STAKE);
        vm.warp(block.timestamp + 7 days);
        registry.withdraw();
        vm.stopPrank();
        accuse(1, garbage(1, 0), 0);
        vm.warp(block.timestamp + 12 hours);
        uint256 supply = scr.totalSupply();
        uint256 available = pool.available();
        court.convict(task, 0, rollers[0]);
        vm.assertEq(pool.credits(rollers[0]), 500 ether - FINE);
        vm.assertEq(supply - scr.totalSupply(), FINE / 2);
        vm.assertEq(pool.available() - available, FINE / 2);
    }

    function test_manyInvalidProofsOfAVersionAreOurBug() public {
        vm.prank(governor);
        parameters.announce(Key.QuarantineRollersMin, 2);
        vm.warp(block.timestamp + 7 days);
        accuse(1, garbage(1, 0), 0);
        accuse(1, garbage(1, 1), 1);
        accuse(1, garbage(1, 2), 2);
        vm.warp(block.timestamp + 12 hours);
        court.convict(task, 0, rollers[0]);
        vm.assertFalse(court.quarantined(1));
        vm.expectEmit(address(court));
        emit ICourt.VersionQuarantined(1, 0, 2, 2 * STAKE);
        court.convict(task, 0, rollers[1]);
        vm.assertTrue(court.quarantined(1));
        vm.expectPartialRevert(ICourt.Quarantined.selector);
        court.convict(task, 0, rollers[2]);
        vm.assertEq(registry.rollers(rollers[0]).stakeWei, STAKE - FINE);
        vm.assertEq(registry.rollers(rollers[1]).stakeWei, STAKE - FINE);
        vm.assertEq(registry.rollers(rollers[2]).stakeWei, STAKE);
        Submission memory s = garbage(1, 0);
        s.round = 1;
        refused(ICourt.Quarantined.selector, 1, s, 0);
        nextEpoch();
        vm.assertTrue(court.quarantined(1));
        nextEpoch();
        vm.assertFalse(court.quarantined(1));
        accuse(1, s, 0);
        // A fine that was put off is no pardon.
        court.convict(task, 0, rollers[2]);
        vm.assertEq(registry.rollers(rollers[2]).stakeWei, STAKE - FINE);
    }

    function test_aVerifierThatCannotRejectDoesNotJudge() public {
        Submission memory s = garbage(1, 0);
        PublicValues memory none;
        bytes memory signature = signed(signerKeys[0], s);
        vm.expectPartialRevert(ICourt.AccuseInstead.selector);
        court.judge(1, s, signature, none, "garbage");
    }

    /// However accusations and answers are mixed, an honest roller keeps its stake and nothing is left in the court.
    function testFuzz_anHonestRollerLosesNothing(uint8 answers, uint32 delay) public {
        for (uint256 who = 0; who < 3; who++) {
            (Submission memory s, PublicValues memory pv) = honest(1, who);
            accuse(1, s, who);
            vm.warp(block.timestamp + delay % 4 hours - 1);
            if ((answers >> who) & 1 == 0) {
                court.rebut(task, 0, rollers[who], pv, proofOf(pv));
            } else {
                VerdictReceipt memory r = VerdictReceipt(task, 0, rollers[who], s.proofDigest, true, true);
                court.defend(1, r, signVerdict(OPERATOR_KEY, r));
            }
            vm.assertEq(registry.rollers(rollers[who]).stakeWei, STAKE);
            vm.assertEq(pool.credits(rollers[who]), COST);
        }
        vm.assertEq(scr.balanceOf(address(court)), 0);
        vm.assertEq(court.openAccusations(), 0);
    }

    // --- helpers

    function announced(Key key, uint96 value) private {
        vm.prank(governor);
        parameters.announce(key, value);
        vm.warp(block.timestamp + 7 days);
    }

    function garbage(uint64 batch, uint256 who) private view returns (Submission memory) {
        return submission(batch, who, keccak256("anything"), "garbage");
    }

    function honest(uint64 batch, uint256 who) private view returns (Submission memory, PublicValues memory pv) {
        pv = publicValues(batch, rollers[who]);
        return (submission(batch, who, pv.hash(), proofOf(pv)), pv);
    }

    function accuse(uint64 batch, Submission memory s, uint256 signer) private {
        bytes memory signature = signed(signerKeys[signer], s);
        vm.prank(accuser);
        court.accuse(batch, s, signature);
    }

    function refused(bytes4 selector, uint64 batch, Submission memory s, uint256 signer) private {
        bytes memory signature = signed(signerKeys[signer], s);
        vm.expectPartialRevert(selector);
        vm.prank(accuser);
        court.accuse(batch, s, signature);
    }

    function signVerdict(uint256 key, VerdictReceipt memory r) private view returns (bytes memory) {
        return signHash(key, keccak256(abi.encode(ReceiptLib.VERDICT_TYPEHASH, r)));
    }

    function signReceipt(SubmissionReceipt memory r) private view returns (bytes memory) {
        return signHash(OPERATOR_KEY, keccak256(abi.encode(ReceiptLib.SUBMISSION_RECEIPT_TYPEHASH, r)));
    }

    function closed(uint256 who) private view {
        Accusation memory a = court.accusation(task, 0, rollers[who]);
        vm.assertEq(a.accuser, address(0));
        vm.assertEq(court.openAccusations(), 0);
        vm.assertEq(registry.frozenWei(rollers[who]), 0);
    }
}
