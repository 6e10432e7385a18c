// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IEnforcement} from "../src/interfaces/IEnforcement.sol";
import {IMessenger} from "../src/interfaces/IMessenger.sol";
import {IOperatorBond} from "../src/interfaces/IOperatorBond.sol";
import {Key} from "../src/interfaces/IParameters.sol";
import {IProgramTable} from "../src/interfaces/IProgramTable.sol";
import {Batch, Commit, Entry, IRollup, Program, Withdrawal} from "../src/interfaces/IRollup.sol";
import {PublicValues} from "../src/libraries/PublicValues.sol";
import {WithdrawalTree} from "../src/libraries/WithdrawalTree.sol";
import {IProofVerifier} from "../src/interfaces/IProofVerifier.sol";
import {Base} from "./Base.sol";

/// Never gives an answer.
contract BrokenVerifier is IProofVerifier {
    function verify(bytes32, bytes32, bytes32, bytes calldata) external pure returns (bool) {
        revert("broken");
    }

    function total() external pure returns (bool) {
        return true;
    }
}

contract EnforcementTest is Base {
    uint64 private constant NEVER = type(uint64).max;
    uint256 private constant FORCE_S = 2 days;
    uint256 private constant LIVENESS_S = 3 days;
    uint256 private constant DROP_S = 12 hours;
    bytes private constant DATA = "data of a batch of one's own";

    address private user = address(0x05e2);

    function setUp() public override {
        super.setUp();
        vm.deal(user, 100 ether);
    }

    // --- when

    function test_nothingWaitsNothingIsEnforced() public {
        vm.warp(block.timestamp + 365 days);
        vm.assertEq(enforcement.enforceableFrom(), NEVER);
        vm.expectRevert(abi.encodeWithSelector(IEnforcement.NotDue.selector, NEVER));
        enforcement.enforce();
        settleNext();
        vm.warp(block.timestamp + 365 days);
        vm.assertEq(enforcement.enforceableFrom(), NEVER);
    }

    function test_aMessageThatIsLeftOutForTooLong() public {
        uint256 sentS = block.timestamp;
        force();
        vm.assertEq(enforcement.enforceableFrom(), sentS + FORCE_S);
        // The operator lives, commits and settles, and leaves it out: its L2 clock is slow.
        for (uint256 i = 0; i < 3; i++) {
            vm.warp(block.timestamp + 12 hours);
            settleWithout();
        }
        vm.warp(sentS + FORCE_S - 1);
        vm.expectRevert(abi.encodeWithSelector(IEnforcement.NotDue.selector, sentS + FORCE_S));
        enforcement.enforce();
        vm.warp(sentS + FORCE_S);
        vm.expectEmit(address(enforcement));
        emit IEnforcement.Enforced(stranger, 3, 3);
        vm.prank(stranger);
        enforcement.enforce();
        vm.assertEq(rollup.enforcedSince(), sentS + FORCE_S);
        vm.expectRevert(abi.encodeWithSelector(IEnforcement.AlreadyEnforced.selector, sentS + FORCE_S));
        enforcement.enforce();
    }

    /// To be committed is not enough.
    function test_aMessageInABatchThatDoesNotSettle() public {
        uint256 sentS = block.timestamp;
        force();
        vm.warp(block.timestamp + 1 hours);
        commitNext();
        vm.assertEq(enforcement.enforceableFrom(), sentS + FORCE_S);
        settlePending();
        vm.assertEq(enforcement.enforceableFrom(), NEVER);
    }

    function test_aBatchThatNobodySettles() public {
        uint256 committedS = block.timestamp;
        commitNext();
        vm.warp(committedS + 1 days);
        commitNext();
        vm.assertEq(enforcement.enforceableFrom(), committedS + LIVENESS_S);
        vm.warp(committedS + LIVENESS_S - 1);
        vm.expectPartialRevert(IEnforcement.NotDue.selector);
        enforcement.enforce();
        // Each settlement gives the rest its time anew.
        settleOne();
        uint256 settledS = block.timestamp;
        vm.assertEq(enforcement.enforceableFrom(), settledS + LIVENESS_S);
        vm.warp(settledS + LIVENESS_S);
        enforcement.enforce();
    }

    /// A chain that stands still for long owes nobody haste: its time begins with the message.
    function test_silenceIsCountedFromWhatWaits() public {
        governed(Key.LivenessS, 1 days);
        vm.warp(block.timestamp + 30 days);
        uint256 sentS = block.timestamp;
        force();
        vm.assertEq(enforcement.enforceableFrom(), sentS + 1 days);
        vm.warp(sentS + 23 hours);
        settleWithout();
        vm.assertEq(enforcement.enforceableFrom(), block.timestamp + 1 days);
        // The message's own time goes on.
        vm.warp(sentS + 46 hours);
        settleWithout();
        vm.assertEq(enforcement.enforceableFrom(), sentS + FORCE_S);
    }

    // --- what the operator cannot do then

    function test_theOperatorHasNoPrivilegeThen() public {
        enforced();
        Commit memory c = nextCommit();
        vm.expectRevert(abi.encodeWithSelector(IRollup.EnforcedMode.selector, rollup.enforcedSince()));
        vm.prank(operator);
        rollup.commit(c, DATA);
        vm.expectPartialRevert(IRollup.EnforcedMode.selector);
        rollup.commit(c, DATA);
        // With a proof it is one of many, and may not skip what is due either.
        c.messagesEnd = 0;
        vm.expectRevert(abi.encodeWithSelector(IEnforcement.MessageDue.selector, 0));
        this.batch(c, operator);
        vm.expectRevert(abi.encodeWithSelector(IEnforcement.MessageDue.selector, 0));
        vm.prank(operator);
        enforcement.resume();
    }

    function test_onlyEnforcementEnforcesAndDrops() public {
        commitNext();
        address[4] memory others = [operator, governor, stranger, address(bond)];
        for (uint256 i = 0; i < others.length; i++) {
            vm.startPrank(others[i]);
            vm.expectRevert(abi.encodeWithSelector(IRollup.NotEnforcement.selector, others[i]));
            rollup.setEnforced(1);
            vm.expectRevert(abi.encodeWithSelector(IRollup.NotEnforcement.selector, others[i]));
            rollup.drop();
            vm.expectRevert(abi.encodeWithSelector(IOperatorBond.NotEnforcement.selector, others[i]));
            bond.skip(2);
            vm.stopPrank();
        }
    }

    // --- a batch by anybody

    function test_anybodyCommitsAndSettlesAtOnce() public {
        enforced();
        Commit memory c = nextCommit();
        uint256 exposedWei = bond.exposedWei();
        PublicValues memory pv = enforcedValues(c, DATA, stranger);
        bytes memory proof = proofOf(pv);
        vm.expectEmit(address(enforcement));
        emit IEnforcement.BatchEnforced(1, stranger, DATA);
        vm.expectEmit(address(rollup));
        emit IRollup.BatchSettledUnpaid(1, stranger, c.stateRoot, GAS);
        vm.prank(stranger);
        enforcement.enforceBatch(c, DATA, pv, proof);
        vm.assertEq(rollup.settledBatch(), 1);
        vm.assertEq(rollup.stateRoot(), c.stateRoot);
        Batch memory b = rollup.batches(1);
        vm.assertEq(b.settledAt, block.timestamp);
        vm.assertEq(b.messagesEnd, 1);
        // Nobody is drawn, nobody is paid, and the operator's bond answers for nothing.
        vm.assertEq(b.k, 0);
        vm.assertEq(b.unitPriceWei, 0);
        vm.assertFalse(b.paid);
        vm.assertEq(pool.totalCredits() + pool.totalHeld(), 0);
        vm.assertEq(bond.exposedWei(), exposedWei);
        Entry[] memory none = new Entry[](1);
        none[0] = Entry(rollers[0], 1, digestOf(proof));
        vm.expectPartialRevert(IRollup.AlreadySettled.selector);
        vm.prank(operator);
        rollup.postEntries(1, none);
    }

    function test_withoutATrueProofNothingIsCommitted() public {
        enforced();
        Commit memory c = nextCommit();
        PublicValues memory pv = enforcedValues(c, DATA, stranger);
        vm.expectPartialRevert(IProgramTable.ProofRejected.selector);
        enforcement.enforceBatch(c, DATA, pv, "no proof");
        bytes memory proof = proofOf(pv);
        vm.expectPartialRevert(IRollup.PublicValuesMismatch.selector);
        enforcement.enforceBatch(c, "other data", pv, proof);
        c.stateRoot = keccak256("a state with more ether");
        vm.expectPartialRevert(IRollup.PublicValuesMismatch.selector);
        enforcement.enforceBatch(c, DATA, pv, proof);
        vm.assertEq(rollup.committedBatch(), 0);
    }

    function test_batchesAreInOrderAlsoThen() public {
        enforced();
        Commit memory c = nextCommit();
        c.batch = 2;
        refused(c, IRollup.BatchOutOfOrder.selector);
        c = nextCommit();
        c.lastBlock = 0;
        refused(c, IRollup.BlockNotAfter.selector);
        c = nextCommit();
        c.lastTimestamp = uint64(block.timestamp) + 16;
        refused(c, IRollup.BadTimestamp.selector);
        c = nextCommit();
        c.programVersion = 2;
        refused(c, IProgramTable.UnknownProgram.selector);
        c = nextCommit();
        c.messagesEnd = 2;
        refused(c, IRollup.BadMessagesEnd.selector);
    }

    function test_outsideOfEnforcedModeNobodyDoes() public {
        force();
        Commit memory c = nextCommit();
        vm.expectRevert(abi.encodeWithSelector(IEnforcement.NotEnforced.selector));
        this.batch(c, stranger);
        vm.expectRevert(abi.encodeWithSelector(IEnforcement.NotEnforced.selector));
        enforcement.drop(1);
        vm.assertEq(enforcement.droppableFrom(), NEVER);
        vm.expectRevert(abi.encodeWithSelector(IEnforcement.NotEnforced.selector));
        vm.prank(operator);
        enforcement.resume();
    }

    /// A flood of messages is worked off in as many batches as it takes, in their order.
    function test_ofManyDueMessagesOneAtLeast() public {
        for (uint256 i = 0; i < 3; i++) {
            force();
        }
        vm.warp(enforcement.enforceableFrom());
        enforcement.enforce();
        // The clock of L2 may be as late as it was, and ahead of the messages.
        for (uint64 end = 1; end <= 3; end++) {
            Commit memory c = nextCommit();
            c.messagesEnd = end - 1;
            vm.expectRevert(abi.encodeWithSelector(IEnforcement.MessageDue.selector, end - 1));
            this.batch(c, stranger);
            c.messagesEnd = end;
            this.batch(c, stranger);
        }
        // Nothing is due any more: a batch of signed transactions alone.
        force();
        Commit memory own = nextCommit();
        own.messagesEnd = 3;
        this.batch(own, stranger);
        vm.assertEq(rollup.settledBatch(), 4);
    }

    function test_neitherAnEmptyBondNorTheEstimateHoldsABatchUp() public {
        vm.prank(operator);
        bond.requestWithdrawal(BOND);
        governed(Key.ProverGasMax, 1);
        enforced();
        Commit memory c = nextCommit();
        c.proverGasEstimate = type(uint64).max;
        this.batch(c, stranger);
        vm.assertEq(rollup.batches(1).proverGasEstimate, 1);
        c = nextCommit();
        c.proverGasEstimate = 0;
        refused(c, IProgramTable.BadParameter.selector);
    }

    // --- what was committed before

    function test_whatWasCommittedIsSettledByAnybodyAtOnce() public {
        force();
        vm.warp(block.timestamp + FORCE_S - 1);
        (uint64 ours, Entry[] memory entries, address winner) = ready();
        vm.warp(block.timestamp + 1);
        enforcement.enforce();
        Commit memory c = nextCommit();
        vm.expectRevert(abi.encodeWithSelector(IEnforcement.Unsettled.selector, ours));
        this.batch(c, stranger);
        vm.expectRevert(abi.encodeWithSelector(IEnforcement.Unsettled.selector, ours));
        vm.prank(operator);
        enforcement.resume();
        PublicValues memory pv = publicValues(ours, stranger);
        vm.prank(stranger);
        rollup.settleUnpaid(pv, proofOf(pv));
        vm.assertEq(rollup.settledBatch(), ours);
        // The winner loses nothing.
        pv = publicValues(ours, winner);
        settlement.claimLate(ours, pv, proofOf(pv), entries);
        vm.assertEq(pool.credits(winner), 1e12 * 3 * uint256(GAS));
    }

    function test_garbageOfTheOperatorIsDroppedAndHoldsNobodyUp() public {
        settleNext();
        Batch memory before = rollup.batches(1);
        uint64 last = garbage();
        force();
        vm.warp(enforcement.enforceableFrom());
        enforcement.enforce();
        uint64 fromS = enforcement.droppableFrom();
        vm.assertEq(fromS, block.timestamp + DROP_S);
        vm.warp(fromS - 1);
        vm.expectRevert(abi.encodeWithSelector(IEnforcement.TooEarly.selector, fromS));
        enforcement.drop(1);
        vm.warp(fromS);
        vm.expectEmit(address(rollup));
        emit IRollup.BatchDropped(2);
        vm.prank(stranger);
        enforcement.drop(1);
        vm.assertEq(rollup.settledBatch(), 2);
        vm.prank(stranger);
        enforcement.drop(type(uint64).max);
        vm.assertEq(rollup.settledBatch(), last);
        vm.expectRevert(abi.encodeWithSelector(IEnforcement.NothingToDrop.selector));
        enforcement.drop(1);
        // The chain stands where it stood.
        Batch memory b = rollup.batches(last);
        vm.assertEq(b.stateRoot, before.stateRoot);
        vm.assertEq(b.blockHash, before.blockHash);
        vm.assertEq(b.withdrawalRoot, before.withdrawalRoot);
        vm.assertEq(b.lastBlock, before.lastBlock);
        vm.assertEq(b.lastTimestamp, before.lastTimestamp);
        vm.assertEq(b.messagesEnd, before.messagesEnd);
        Commit memory c = nextCommit();
        vm.assertEq(c.batch, last + 1);
        this.batch(c, stranger);
        vm.assertEq(rollup.stateRoot(), c.stateRoot);
    }

    /// A withdrawal root that nobody proved pays nobody, before and after it was dropped.
    function test_aDroppedBatchPaysNoWithdrawals() public {
        vm.deal(address(rollup), 100 ether);
        Withdrawal memory all = Withdrawal(0, operator, operator, 100 ether, "");
        bytes32[32] memory path;
        bytes32 root = WithdrawalTree.leaf(
            block.chainid, address(rollup), L2_CHAIN_ID, 0, operator, operator, 100 ether, keccak256("")
        );
        for (uint256 i = 0; i < 32; i++) {
            root = WithdrawalTree.node(root, path[i]);
        }
        for (uint256 i = 0; i < 2; i++) {
            Commit memory c = nextCommit();
            c.withdrawalRoot = root;
            commit(c);
        }
        vm.warp(enforcement.enforceableFrom());
        enforcement.enforce();
        vm.warp(enforcement.droppableFrom());
        enforcement.drop(2);
        for (uint64 batch_ = 1; batch_ <= 2; batch_++) {
            vm.expectRevert(abi.encodeWithSelector(IMessenger.InvalidWithdrawalProof.selector));
            rollup.finalizeWithdrawal(batch_, all, path);
        }
    }

    /// Not even a verifier that gives no answer holds the chain up.
    function test_aBatchOfABrokenVerifierIsDropped() public {
        address broken = address(new BrokenVerifier());
        vm.prank(governor);
        rollup.announceProgram(Program(EXE, VM_COMMIT, broken, 1, 1, 0));
        vm.warp(block.timestamp + 7 days);
        Commit memory c = nextCommit();
        c.programVersion = 2;
        commit(c);
        vm.warp(enforcement.enforceableFrom());
        enforcement.enforce();
        PublicValues memory pv = publicValues(1, stranger);
        vm.expectRevert();
        rollup.settleUnpaid(pv, "");
        vm.warp(enforcement.droppableFrom());
        enforcement.drop(1);
        this.batch(nextCommit(), stranger);
        vm.assertEq(rollup.settledBatch(), 2);
    }

    /// What was dropped is over for bond and courts after the same time as what settled.
    function test_theBondIsFreeAfterADrop() public {
        commitNext();
        commitNext();
        vm.warp(enforcement.enforceableFrom());
        enforcement.enforce();
        vm.warp(enforcement.droppableFrom());
        enforcement.drop(2);
        this.batch(nextCommit(), stranger);
        vm.prank(operator);
        enforcement.resume();
        vm.warp(block.timestamp + 1 days + 3600 + 1);
        commitNext();
        bond.release(9);
        vm.assertEq(bond.releasedBatch(), 3);
        vm.assertEq(bond.exposedWei(), 1e12 * 3 * uint256(GAS));
    }

    // --- the way back

    function test_theOperatorComesBackWhenNothingWaits() public {
        enforced();
        vm.expectRevert(abi.encodeWithSelector(IEnforcement.NotOperator.selector, stranger));
        vm.prank(stranger);
        enforcement.resume();
        this.batch(nextCommit(), operator);
        // A message that is not due yet keeps nobody.
        force();
        vm.expectEmit(address(enforcement));
        emit IEnforcement.Resumed(1);
        vm.prank(operator);
        enforcement.resume();
        vm.assertEq(rollup.enforcedSince(), 0);
        settleNext();
        vm.assertEq(rollup.settledBatch(), 2);
        // It gets no other time by that.
        force();
        vm.warp(block.timestamp + FORCE_S);
        enforcement.enforce();
    }

    // --- promises

    /// Whoever starts to leave when something is announced is out before it is in force.
    function test_anExitIsShorterThanEveryTimelock() public view {
        (, uint256 forceS) = parameters.bounds(Key.ForceDelayS);
        (, uint256 livenessS) = parameters.bounds(Key.LivenessS);
        (, uint256 dropS) = parameters.bounds(Key.DropS);
        uint256 most = (forceS > livenessS ? forceS : livenessS) + dropS;
        vm.assertTrue(most + 2 days < parameters.DELAY_S());
        vm.assertTrue(most + 2 days < rollup.programDelayS());
    }

    // --- helpers

    function force() private {
        vm.prank(user, user);
        rollup.forceTransaction{value: 0.001 ether}(address(7), 1 ether, 21_000, "");
    }

    /// Enforced mode over a message that the operator let wait.
    function enforced() private {
        force();
        vm.warp(enforcement.enforceableFrom());
        enforcement.enforce();
    }

    function governed(Key key, uint96 value) private {
        vm.prank(governor);
        parameters.announce(key, value);
        vm.warp(block.timestamp + 7 days);
    }

    /// Proves and enforces; as an external call, so that what reverts is expected at the right depth.
    function batch(Commit memory c, address by) external {
        // A hash of messages that do not exist cannot be stated.
        PublicValues memory pv = enforcedValues(c.messagesEnd <= rollup.messageCount() ? c : nextCommit(), DATA, by);
        vm.prank(by);
        enforcement.enforceBatch(c, DATA, pv, proofOf(pv));
    }

    function refused(Commit memory c, bytes4 selector) private {
        vm.expectPartialRevert(selector);
        this.batch(c, stranger);
    }

    /// Settles what is committed, unpaid.
    function settlePending() private {
        while (rollup.settledBatch() < rollup.committedBatch()) settleOne();
    }

    function settleOne() private {
        uint64 next = rollup.settledBatch() + 1;
        if (block.timestamp < rollup.unpaidFrom(next)) vm.warp(rollup.unpaidFrom(next));
        PublicValues memory pv = publicValues(next, rollers[0]);
        rollup.settleUnpaid(pv, proofOf(pv));
    }

    /// A batch without messages, of an L2 whose clock stands still.
    function settleWithout() private {
        Commit memory c = nextCommit();
        Batch memory previous = rollup.batches(c.batch - 1);
        c.messagesEnd = previous.messagesEnd;
        c.lastTimestamp = previous.lastTimestamp + 1;
        commit(c);
        settlePending();
    }

    /// Two commits that nobody can prove.
    function garbage() private returns (uint64 last) {
        for (uint256 i = 0; i < 2; i++) {
            Commit memory c = nextCommit();
            c.stateRoot = keccak256("the operator has everything");
            c.withdrawalRoot = keccak256("to be paid out");
            c.lastBlock = uint64((1 << 60) + i);
            commit(c);
            last = c.batch;
        }
    }
}
