// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IProofVerifier} from "../src/interfaces/IProofVerifier.sol";
import {Roller} from "../src/interfaces/IRollerRegistry.sol";
import {ICourt} from "../src/interfaces/ICourt.sol";
import {Key} from "../src/interfaces/IParameters.sol";
import {Commit, Program, Submission} from "../src/interfaces/IRollup.sol";
import {PublicValues, PublicValuesLib} from "../src/libraries/PublicValues.sol";
import {Base} from "./Base.sol";

/// A verifier that burns gas until the call fails, or goes on as long as it has enough.
contract HungryVerifier is IProofVerifier {
    function total() external pure returns (bool) {
        return true;
    }

    function verify(bytes32, bytes32, bytes32, bytes calldata) external view returns (bool) {
        for (uint256 i = 0; gasleft() > 0 && i < 5000; i++) {
            keccak256(abi.encode(i));
        }
        return true;
    }
}

contract JudgeTest is Base {
    using PublicValuesLib for PublicValues;

    uint256 private constant FINE = 100 ether;

    function test_garbageIsFinedOnce() public {
        uint64 batch = commitNext();
        (Submission memory s, bytes memory signature, bytes memory proof) = garbage(batch, 0);
        PublicValues memory none;
        uint256 supply = scr.totalSupply();
        uint256 held = scr.balanceOf(address(pool));
        vm.expectEmit(address(court));
        emit ICourt.SubmissionJudged(batch, rollers[0], 0, false, FINE, digestOf(proof), stranger);
        vm.prank(stranger);
        court.judge(batch, s, signature, none, proof);
        Roller memory r = registry.rollers(rollers[0]);
        vm.assertEq(r.stakeWei, STAKE - FINE);
        vm.assertFalse(r.ready);
        vm.assertFalse(registry.eligible(rollers[0]));
        vm.assertEq(scr.totalSupply(), supply - FINE / 2);
        // The accuser has its costs, the pool the rest.
        vm.assertEq(scr.balanceOf(stranger), 10 ether);
        vm.assertEq(scr.balanceOf(address(pool)), held + FINE / 2 - 10 ether);
        vm.assertTrue(court.fined(s.task, 0, rollers[0]));
        vm.expectPartialRevert(ICourt.AlreadyFined.selector);
        court.judge(batch, s, signature, none, proof);
    }

    function test_aValidProofIsCleared() public {
        uint64 batch = commitNext();
        PublicValues memory pv = publicValues(batch, rollers[0]);
        bytes memory proof = proofOf(pv);
        Submission memory s = submission(batch, 0, pv.hash(), proof);
        bytes memory signature = signed(signerKeys[0], s);
        vm.expectEmit(address(court));
        emit ICourt.SubmissionJudged(batch, rollers[0], 0, true, 0, digestOf(proof), address(this));
        court.judge(batch, s, signature, pv, proof);
        vm.assertEq(registry.rollers(rollers[0]).stakeWei, STAKE);
    }

    /// Whatever an accuser passes as preimage, a valid proof cannot be turned into a fine.
    function test_aWrongPreimageOfAValidProofIsNoVerdict() public {
        uint64 batch = commitNext();
        PublicValues memory pv = publicValues(batch, rollers[0]);
        bytes memory proof = proofOf(pv);
        Submission memory s = submission(batch, 0, pv.hash(), proof);
        bytes memory signature = signed(signerKeys[0], s);
        pv.roller = rollers[1];
        vm.expectPartialRevert(ICourt.WrongPreimage.selector);
        court.judge(batch, s, signature, pv, proof);
    }

    function test_otherBytesThanTheSignedAreNoEvidence() public {
        uint64 batch = commitNext();
        PublicValues memory pv = publicValues(batch, rollers[0]);
        bytes memory proof = proofOf(pv);
        Submission memory s = submission(batch, 0, pv.hash(), proof);
        bytes memory signature = signed(signerKeys[0], s);
        vm.expectPartialRevert(ICourt.WrongProofDigest.selector);
        court.judge(batch, s, signature, pv, "garbage");
        s.proofDigest = keccak256("garbage");
        vm.expectPartialRevert(ICourt.WrongSigner.selector);
        court.judge(batch, s, signature, pv, "garbage");
    }

    function test_aProofOfAnotherRollerOrTaskIsFined() public {
        uint64 batch = commitNext();
        commitNext();
        PublicValues memory pv = publicValues(batch, rollers[1]);
        bytes memory proof = proofOf(pv);
        Submission memory s = submission(batch, 0, pv.hash(), proof);
        court.judge(batch, s, signed(signerKeys[0], s), pv, proof);
        vm.assertEq(registry.rollers(rollers[0]).stakeWei, STAKE - FINE);

        pv = publicValues(batch, rollers[2]);
        proof = proofOf(pv);
        s = submission(2, 2, pv.hash(), proof);
        court.judge(2, s, signed(signerKeys[2], s), pv, proof);
        vm.assertEq(registry.rollers(rollers[2]).stakeWei, STAKE - FINE);
        vm.assertEq(registry.rollers(rollers[1]).stakeWei, STAKE);
    }

    /// A true proof that contradicts the commit: the operator committed nonsense, the roller is not to blame.
    function test_aTrueProofAgainstAWrongCommitIsNotFined() public {
        uint64 batch = commitNext();
        PublicValues memory pv = publicValues(batch, rollers[0]);
        pv.stateRoot = keccak256("the true root");
        bytes memory proof = proofOf(pv);
        Submission memory s = submission(batch, 0, pv.hash(), proof);
        court.judge(batch, s, signed(signerKeys[0], s), pv, proof);
        vm.assertEq(registry.rollers(rollers[0]).stakeWei, STAKE);
    }

    /// Where L1 can run the verifier on the bytes nobody has to put up a bond, and nobody has to answer.
    function test_whatCanBeJudgedIsNotAccused() public {
        uint64 batch = commitNext();
        (Submission memory s, bytes memory signature,) = garbage(batch, 0);
        vm.expectRevert(abi.encodeWithSelector(ICourt.JudgeInstead.selector));
        court.accuse(batch, s, signature);
    }

    function test_refusesForgedAndForeignSignatures() public {
        uint64 batch = commitNext();
        (Submission memory s,, bytes memory proof) = garbage(batch, 0);
        PublicValues memory none;
        bytes memory foreign = signed(signerKeys[1], s);
        vm.expectPartialRevert(ICourt.WrongSigner.selector);
        court.judge(batch, s, foreign, none, proof);
        bytes memory unknown = signed(0xdead, s);
        vm.expectPartialRevert(ICourt.WrongSigner.selector);
        court.judge(batch, s, unknown, none, proof);
        vm.expectRevert();
        court.judge(batch, s, "", none, proof);
        // The zero address is nobody's signer, and nobody has none.
        s.roller = stranger;
        vm.expectPartialRevert(ICourt.WrongSigner.selector);
        court.judge(batch, s, unknown, none, proof);
        s.roller = address(0);
        vm.expectPartialRevert(ICourt.WrongSigner.selector);
        court.judge(batch, s, unknown, none, proof);
    }

    function test_aSignatureCountsForItsTaskRoundRollupAndChainOnly() public {
        uint64 batch = commitNext();
        commitNext();
        (Submission memory s, bytes memory signature, bytes memory proof) = garbage(batch, 0);
        PublicValues memory none;
        vm.expectPartialRevert(ICourt.WrongTask.selector);
        court.judge(2, s, signature, none, proof);
        vm.expectPartialRevert(ICourt.UnknownBatch.selector);
        court.judge(3, s, signature, none, proof);
        s.round = 1;
        vm.expectPartialRevert(ICourt.WrongSigner.selector);
        court.judge(batch, s, signature, none, proof);
        s.round = 0;
        vm.chainId(1);
        vm.expectPartialRevert(ICourt.WrongTask.selector);
        court.judge(batch, s, signature, none, proof);
        s.task = rollup.taskId(batch);
        vm.expectPartialRevert(ICourt.WrongSigner.selector);
        court.judge(batch, s, signature, none, proof);
    }

    function test_theDigestIsTheOneThatWalletsSign() public {
        uint64 batch = commitNext();
        (Submission memory s,,) = garbage(batch, 0);
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("rollmill"),
                keccak256("1"),
                uint256(31337),
                address(rollup)
            )
        );
        bytes32 message = keccak256(
            abi.encode(
                keccak256(
                    "Submission(bytes32 task,uint32 round,address roller,bytes32 publicValuesHash,bytes32 proofDigest)"
                ),
                s.task,
                uint256(s.round),
                s.roller,
                s.publicValuesHash,
                s.proofDigest
            )
        );
        vm.assertEq(court.submissionDigest(s), keccak256(abi.encodePacked(hex"1901", domain, message)));
    }

    /// A rotated key answers for the tasks it could sign, and for no later one.
    function test_changingTheSignerNeitherHidesNorExposes() public {
        uint64 batch = commitNext();
        vm.warp(block.timestamp + 12);
        vm.prank(rollers[0]);
        registry.setSigner(vm.addr(0xfe3));
        (Submission memory s, bytes memory signature, bytes memory proof) = garbage(batch, 0);
        PublicValues memory none;
        court.judge(batch, s, signature, none, proof);
        vm.assertEq(registry.rollers(rollers[0]).stakeWei, STAKE - FINE);
        batch = commitNext();
        (s, signature, proof) = garbage(batch, 0);
        vm.expectPartialRevert(ICourt.WrongSigner.selector);
        court.judge(batch, s, signature, none, proof);
    }

    function test_theFineReachesUnbondingStake() public {
        uint64 batch = commitNext();
        (Submission memory s, bytes memory signature, bytes memory proof) = garbage(batch, 0);
        vm.prank(rollers[0]);
        registry.requestUnbond(STAKE - 30 ether);
        PublicValues memory none;
        court.judge(batch, s, signature, none, proof);
        Roller memory r = registry.rollers(rollers[0]);
        vm.assertEq(r.stakeWei, 0);
        vm.assertEq(r.unbondingWei, STAKE - FINE);
        vm.warp(block.timestamp + 7 days);
        vm.prank(rollers[0]);
        registry.withdraw();
        vm.assertEq(scr.balanceOf(payoutOf(rollers[0])), STAKE - FINE);
    }

    function test_theFineIsCutToTheStake() public {
        uint64 batch = commitNext();
        vm.startPrank(rollers[0]);
        registry.requestUnbond(STAKE - 10 ether);
        vm.warp(block.timestamp + 7 days);
        registry.withdraw();
        vm.stopPrank();
        (Submission memory s, bytes memory signature, bytes memory proof) = garbage(batch, 0);
        PublicValues memory none;
        vm.expectEmit(address(court));
        emit ICourt.SubmissionJudged(batch, rollers[0], 0, false, 10 ether, digestOf(proof), address(this));
        court.judge(batch, s, signature, none, proof);
        vm.assertEq(registry.rollers(rollers[0]).stakeWei, 0);
    }

    function test_theFineGrowsWithTheReward() public {
        uint64 batch = commitNext();
        vm.assertEq(court.fineWei(batch), FINE);
        Commit memory heavy = nextCommit();
        heavy.proverGasEstimate = 1e8;
        commit(heavy);
        vm.assertEq(court.fineWei(2), 4 * 1e12 * 1e8);
    }

    function test_theLeastFineIsHalfOfTheLeastStakeAtMost() public {
        vm.prank(governor);
        parameters.announce(Key.FineMinWei, 1000 ether);
        vm.warp(block.timestamp + 7 days);
        uint64 batch = commitNext();
        vm.assertEq(registry.stakeMinWei(), 1000 ether);
        vm.assertEq(court.fineWei(batch), 500 ether);
    }

    /// Whatever work the operator declares, one invalid proof costs half of the least stake at most.
    function testFuzz_theFineIsHalfOfTheLeastStakeAtMost(uint64 work) public {
        Commit memory heavy = nextCommit();
        heavy.proverGasEstimate = 1 + work % 1e11;
        commit(heavy);
        uint256 fineWei = court.fineWei(1);
        vm.assertTrue(fineWei >= FINE && fineWei <= registry.stakeMinWei() / 2);
        Submission memory s = submission(1, 0, keccak256("anything"), "garbage");
        PublicValues memory none;
        court.judge(1, s, signed(signerKeys[0], s), none, "garbage");
        vm.assertEq(registry.rollers(rollers[0]).stakeWei, STAKE - fineWei);
    }

    function test_accusationsHaveAnEnd() public {
        (uint64 batch,) = settleNext();
        (Submission memory s, bytes memory signature, bytes memory proof) = garbage(batch, 0);
        PublicValues memory none;
        vm.warp(block.timestamp + 1 days + 1);
        vm.expectPartialRevert(ICourt.TooLate.selector);
        court.judge(batch, s, signature, none, proof);
        vm.warp(block.timestamp - 1);
        court.judge(batch, s, signature, none, proof);
    }

    /// SOUNDNESS: however little gas an accuser gives, a valid submission is never fined.
    function testFuzz_tooLittleGasIsNoVerdict(uint256 gasGiven) public {
        Program memory p = Program(EXE, VM_COMMIT, address(new HungryVerifier()), 1, 1, 0);
        vm.prank(governor);
        rollup.announceProgram(p);
        vm.warp(block.timestamp + 7 days);
        Commit memory c = nextCommit();
        c.programVersion = 2;
        commit(c);
        PublicValues memory pv = publicValues(1, rollers[0]);
        bytes memory proof = "any bytes";
        Submission memory s = submission(1, 0, pv.hash(), proof);
        bytes memory signature = signed(signerKeys[0], s);
        gasGiven = 30_000 + gasGiven % 3_000_000;
        try court.judge{gas: gasGiven}(1, s, signature, pv, proof) {} catch {}
        vm.assertEq(registry.rollers(rollers[0]).stakeWei, STAKE);
        vm.assertFalse(court.fined(s.task, 0, rollers[0]));
    }

    // --- helpers

    function garbage(uint64 batch, uint256 who)
        private
        view
        returns (Submission memory s, bytes memory signature, bytes memory proof)
    {
        proof = "garbage";
        s = submission(batch, who, keccak256("anything"), proof);
        signature = signed(signerKeys[who], s);
    }
}
