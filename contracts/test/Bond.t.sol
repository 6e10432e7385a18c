// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IOperatorBond} from "../src/interfaces/IOperatorBond.sol";
import {Commit, Entry, IRollup} from "../src/interfaces/IRollup.sol";
import {PublicValues} from "../src/libraries/PublicValues.sol";
import {Base} from "./Base.sol";

contract BondTest is Base {
    uint256 private constant REWARD = 1e12 * 3 * uint256(GAS);
    uint256 private constant FINE = 100 ether;

    function test_requiredIsTwiceTheRewardsAndAFineForEachOpenTask() public {
        vm.assertEq(bond.required(FINE, 1), 32 * FINE);
        commitNext();
        commitNext();
        vm.assertEq(bond.exposedWei(), 2 * REWARD);
        vm.assertEq(bond.required(FINE, 2), 4 * REWARD + 32 * FINE);
        // More batches wait than the window says.
        vm.assertEq(bond.required(FINE, 40), 4 * REWARD + 40 * FINE);
    }

    function test_nothingIsCommittedWhileTheBondIsShort() public {
        uint256 requiredWei = 2 * REWARD + 32 * FINE;
        vm.prank(operator);
        bond.requestWithdrawal(BOND - requiredWei + 1);
        Commit memory c = nextCommit();
        vm.expectRevert(abi.encodeWithSelector(IOperatorBond.BondTooSmall.selector, requiredWei - 1, requiredWei));
        vm.prank(operator);
        rollup.commit(c, "data");
        scr.approve(address(bond), 1);
        bond.deposit(1);
        commit(c);
        vm.assertEq(rollup.committedBatch(), 1);
    }

    function test_aHeavyTaskNeedsItsOwnFineCovered() public {
        Commit memory c = nextCommit();
        // B = 300 SCR and F = 400 SCR, for each of 32 tasks.
        c.proverGasEstimate = 1e8;
        uint256 requiredWei = 600 ether + 32 * 400 ether;
        vm.prank(operator);
        bond.requestWithdrawal(BOND - requiredWei + 1);
        vm.expectRevert(abi.encodeWithSelector(IOperatorBond.BondTooSmall.selector, requiredWei - 1, requiredWei));
        vm.prank(operator);
        rollup.commit(c, "data");
    }

    function test_theBondLeavesAfterSevenDaysAndToTheOperatorOnly() public {
        vm.expectPartialRevert(IOperatorBond.NotOperator.selector);
        bond.requestWithdrawal(1);
        vm.expectPartialRevert(IOperatorBond.NotOperator.selector);
        bond.withdraw();
        vm.startPrank(operator);
        vm.expectPartialRevert(IOperatorBond.NothingLeaving.selector);
        bond.withdraw();
        vm.expectPartialRevert(IOperatorBond.ZeroAmount.selector);
        bond.requestWithdrawal(0);
        vm.expectPartialRevert(IOperatorBond.BondTooSmall.selector);
        bond.requestWithdrawal(BOND + 1);
        bond.requestWithdrawal(5 ether);
        vm.warp(block.timestamp + 7 days - 1);
        vm.expectPartialRevert(IOperatorBond.StillLeaving.selector);
        bond.withdraw();
        // A further request restarts the clock of all.
        bond.requestWithdrawal(1 ether);
        vm.warp(block.timestamp + 1);
        vm.expectPartialRevert(IOperatorBond.StillLeaving.selector);
        bond.withdraw();
        vm.warp(block.timestamp + 7 days);
        bond.withdraw();
        vm.stopPrank();
        vm.assertEq(scr.balanceOf(operator), 6 ether);
        vm.assertEq(bond.bondWei(), BOND - 6 ether);
        vm.expectPartialRevert(IOperatorBond.ZeroAmount.selector);
        bond.deposit(0);
    }

    /// A batch that nobody settles binds the bond however long it takes.
    function test_whatAnswersForABatchCannotLeave() public {
        commitNext();
        vm.startPrank(operator);
        bond.requestWithdrawal(BOND);
        vm.warp(block.timestamp + 8 days);
        vm.expectPartialRevert(IOperatorBond.BondTooSmall.selector);
        bond.withdraw();
        vm.stopPrank();
        PublicValues memory pv = publicValues(1, rollers[0]);
        rollup.settleUnpaid(pv, proofOf(pv));
        vm.prank(operator);
        vm.expectPartialRevert(IOperatorBond.BondTooSmall.selector);
        bond.withdraw();
        // Claims and accusations are over.
        vm.warp(block.timestamp + 3600 + 1 days + 1);
        vm.prank(operator);
        bond.withdraw();
        vm.assertEq(scr.balanceOf(operator), BOND);
    }

    function test_settledBatchesAreReleasedInOrderAfterTheirDisputes() public {
        settleNext();
        settleNext();
        commitNext();
        vm.warp(block.timestamp + 3600 + 1 days);
        bond.release(9);
        vm.assertEq(bond.releasedBatch(), 1);
        vm.warp(block.timestamp + 1 days);
        bond.release(1);
        vm.assertEq(bond.releasedBatch(), 2);
        bond.release(9);
        vm.assertEq(bond.releasedBatch(), 2);
        vm.assertEq(bond.exposedWei(), REWARD);
    }

    function test_onlyEvidenceSlashesAndOnlyRollupBooks() public {
        vm.startPrank(operator);
        vm.expectPartialRevert(IOperatorBond.NotEvidence.selector);
        bond.slash(rollers[0], 1);
        vm.expectPartialRevert(IOperatorBond.NotRollup.selector);
        bond.book(1, 1, 1, 1);
        vm.expectPartialRevert(IOperatorBond.NotRollup.selector);
        bond.payExcess(rollers[0], 1);
        vm.stopPrank();
    }

    function testFuzz_aLossIsHalvedAndReachesWhatIsLeaving(uint256 leaving, uint256 amount) public {
        leaving = leaving % BOND + 1;
        amount = amount % (2 * BOND);
        vm.prank(operator);
        bond.requestWithdrawal(leaving);
        uint256 supply = scr.totalSupply();
        vm.prank(address(evidence));
        uint256 lost = bond.slash(rollers[1], amount);
        vm.assertEq(lost, amount < BOND ? amount : BOND);
        vm.assertEq(supply - scr.totalSupply(), lost / 2);
        vm.assertEq(pool.credits(rollers[1]), lost - lost / 2);
        vm.assertEq(bond.bondWei() + bond.leavingWei(), BOND - lost);
        vm.assertEq(scr.balanceOf(address(bond)), BOND - lost);
    }

    function test_aLossWithoutAVictimGoesToThePool() public {
        uint256 held = scr.balanceOf(address(pool));
        vm.startPrank(address(evidence));
        bond.slash(address(0), 10);
        bond.slash(stranger, 10);
        vm.stopPrank();
        vm.assertEq(scr.balanceOf(address(pool)), held + 10);
        vm.assertEq(pool.totalCredits(), 0);
    }

    /// Proven gas above 11/10 of the estimate is paid by the operator, not by the pool.
    function test_underDeclaredWorkIsPaidByTheBond() public {
        (uint64 batch, PublicValues memory pv, Entry[] memory entries) = underDeclared();
        uint256 available = pool.available();
        vm.expectEmit(address(bond));
        emit IOperatorBond.ExcessPaid(rollers[0], 2 * REWARD - REWARD * 11 / 10);
        rollup.settle(pv, proofOf(pv), entries);
        vm.assertEq(pool.credits(rollers[0]), 2 * REWARD);
        vm.assertEq(available - pool.available(), REWARD * 11 / 10);
        vm.assertEq(bond.bondWei(), BOND - (2 * REWARD - REWARD * 11 / 10));
        vm.assertTrue(rollup.batches(batch).paid);
    }

    /// A bond that was lost meanwhile pays what it has; the settlement does not wait for it.
    function test_anEmptyBondDoesNotStopASettlement() public {
        (, PublicValues memory pv, Entry[] memory entries) = underDeclared();
        vm.prank(address(evidence));
        bond.slash(address(0), BOND - 1 ether);
        vm.expectEmit(address(rollup));
        emit IRollup.BatchSettled(1, rollers[0], pv.stateRoot, REWARD * 11 / 10 + 1 ether, 2 * GAS);
        rollup.settle(pv, proofOf(pv), entries);
        vm.assertEq(pool.credits(rollers[0]), REWARD * 11 / 10 + 1 ether);
        vm.assertEq(bond.bondWei(), 0);
    }

    function underDeclared() private returns (uint64 batch, PublicValues memory pv, Entry[] memory entries) {
        batch = commitNext();
        pv = rollup.expectedPublicValues(batch, rollers[0], 2 * GAS);
        entries = new Entry[](1);
        entries[0] = Entry(rollers[0], 1, digestOf(proofOf(pv)));
        postEntries(batch, entries);
        storeBeacon(rollup.batches(batch).lotteryBlock);
    }
}
