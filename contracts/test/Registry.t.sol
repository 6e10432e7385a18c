// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {RewardPool} from "../src/RewardPool.sol";
import {RollerRegistry} from "../src/RollerRegistry.sol";
import {ScrToken, ScrTokenParams} from "../src/ScrToken.sol";
import {Contracts} from "../src/interfaces/IContracts.sol";
import {IRewardPool} from "../src/interfaces/IRewardPool.sol";
import {IRollerRegistry, RegistryParams, Roller} from "../src/interfaces/IRollerRegistry.sol";
import {Base} from "./Base.sol";

contract RegistryTest is Base {
    address private newcomer = address(0x4e3);

    function test_registersOnceWithItsOwnSigner() public {
        vm.startPrank(newcomer);
        vm.expectEmit(address(registry));
        emit IRollerRegistry.RollerRegistered(newcomer, address(1), address(2), 3, "https://roller.example");
        registry.register(address(1), address(2), 3, "https://roller.example");
        Roller memory r = registry.rollers(newcomer);
        vm.assertEq(r.signer, address(1));
        vm.assertEq(registry.payoutOf(newcomer), address(2));
        vm.assertEq(r.capacity, 3);
        vm.assertFalse(r.ready);
        vm.assertTrue(registry.isRegistered(newcomer));
        vm.assertEq(registry.rollerOf(address(1)), newcomer);
        vm.expectPartialRevert(IRollerRegistry.AlreadyRegistered.selector);
        registry.register(address(3), address(2), 3, "");
    }

    function test_registrationRefusals() public {
        vm.startPrank(newcomer);
        vm.expectPartialRevert(IRollerRegistry.ZeroAddress.selector);
        registry.register(address(0), address(2), 1, "");
        vm.expectPartialRevert(IRollerRegistry.ZeroAddress.selector);
        registry.register(address(1), address(0), 1, "");
        vm.expectPartialRevert(IRollerRegistry.ZeroCapacity.selector);
        registry.register(address(1), address(2), 0, "");
        address taken = vm.addr(signerKeys[0]);
        vm.expectPartialRevert(IRollerRegistry.SignerTaken.selector);
        registry.register(taken, address(2), 1, "");
    }

    function test_strangersCanDoNothing() public {
        vm.startPrank(newcomer);
        vm.expectPartialRevert(IRollerRegistry.NotRegistered.selector);
        registry.deposit(1);
        vm.expectPartialRevert(IRollerRegistry.NotRegistered.selector);
        registry.setReady(true);
        vm.expectPartialRevert(IRollerRegistry.NotRegistered.selector);
        registry.setSigner(address(1));
        vm.expectPartialRevert(IRollerRegistry.NotRegistered.selector);
        registry.setCapacity(1);
        vm.expectPartialRevert(IRollerRegistry.NotRegistered.selector);
        registry.requestUnbond(1);
        vm.expectPartialRevert(IRollerRegistry.NotRegistered.selector);
        registry.withdraw();
        vm.expectPartialRevert(IRollerRegistry.NotPayout.selector);
        registry.setPayout(rollers[0], newcomer);
        vm.expectPartialRevert(IRollerRegistry.NotCourt.selector);
        registry.fine(rollers[0], 1, newcomer, 1);
        vm.stopPrank();
        vm.prank(operator);
        vm.expectPartialRevert(IRollerRegistry.NotCourt.selector);
        registry.fine(rollers[0], 1, newcomer, 1);
    }

    function test_eligibleMeansReadyWithEnoughStake() public {
        vm.assertTrue(registry.eligible(rollers[0]));
        vm.startPrank(rollers[0]);
        registry.setReady(false);
        vm.assertFalse(registry.eligible(rollers[0]));
        registry.setReady(true);
        registry.requestUnbond(STAKE - 1000 ether);
        vm.assertTrue(registry.eligible(rollers[0]));
        registry.requestUnbond(1);
        vm.assertFalse(registry.eligible(rollers[0]));
        vm.assertFalse(registry.eligible(stranger));
    }

    function test_depositNeedsAllowanceAndAmount() public {
        vm.startPrank(rollers[0]);
        vm.expectPartialRevert(IRollerRegistry.ZeroAmount.selector);
        registry.deposit(0);
        vm.expectRevert();
        registry.deposit(1);
    }

    function test_unbondingTakesItsTimeAndPaysThePayout() public {
        vm.startPrank(rollers[0]);
        vm.expectPartialRevert(IRollerRegistry.NothingUnbonding.selector);
        registry.withdraw();
        vm.expectPartialRevert(IRollerRegistry.ZeroAmount.selector);
        registry.requestUnbond(0);
        vm.expectPartialRevert(IRollerRegistry.StakeTooSmall.selector);
        registry.requestUnbond(STAKE + 1);
        registry.requestUnbond(1000 ether);
        vm.warp(block.timestamp + 7 days - 1);
        vm.expectPartialRevert(IRollerRegistry.StillUnbonding.selector);
        registry.withdraw();
        // A second request restarts the clock of both.
        registry.requestUnbond(500 ether);
        vm.warp(block.timestamp + 7 days - 1);
        vm.expectPartialRevert(IRollerRegistry.StillUnbonding.selector);
        registry.withdraw();
        vm.warp(block.timestamp + 1);
        registry.withdraw();
        vm.assertEq(scr.balanceOf(payoutOf(rollers[0])), 1500 ether);
        vm.assertEq(registry.rollers(rollers[0]).stakeWei, STAKE - 1500 ether);
        vm.expectPartialRevert(IRollerRegistry.NothingUnbonding.selector);
        registry.withdraw();
    }

    function test_nobodyWithdrawsForAnother() public {
        vm.prank(rollers[0]);
        registry.requestUnbond(1000 ether);
        vm.warp(block.timestamp + 7 days);
        vm.prank(rollers[1]);
        vm.expectPartialRevert(IRollerRegistry.NothingUnbonding.selector);
        registry.withdraw();
        vm.assertEq(registry.rollers(rollers[0]).unbondingWei, 1000 ether);
    }

    function test_onlyTheColdKeyMovesThePayout() public {
        vm.expectPartialRevert(IRollerRegistry.NotPayout.selector);
        vm.prank(rollers[0]);
        registry.setPayout(rollers[0], rollers[0]);
        vm.prank(payoutOf(rollers[0]));
        registry.setPayout(rollers[0], newcomer);
        vm.assertEq(registry.payoutOf(rollers[0]), newcomer);
        vm.expectPartialRevert(IRollerRegistry.ZeroAddress.selector);
        vm.prank(newcomer);
        registry.setPayout(rollers[0], address(0));
    }

    function test_aSignerBelongsToOneRollerForEver() public {
        address old = vm.addr(signerKeys[0]);
        uint64 before = uint64(block.timestamp) - 1;
        vm.prank(rollers[0]);
        registry.setSigner(newcomer);
        vm.assertTrue(registry.answersFor(old, rollers[0], before));
        vm.assertFalse(registry.answersFor(old, rollers[0], uint64(block.timestamp)));
        vm.assertTrue(registry.answersFor(newcomer, rollers[0], type(uint64).max));
        vm.assertFalse(registry.answersFor(newcomer, rollers[1], 0));
        vm.assertFalse(registry.answersFor(stranger, address(0), 0));
        vm.prank(rollers[1]);
        vm.expectPartialRevert(IRollerRegistry.SignerTaken.selector);
        registry.setSigner(old);
        vm.prank(rollers[0]);
        vm.expectPartialRevert(IRollerRegistry.SignerTaken.selector);
        registry.setSigner(old);
    }

    function test_capacityIsDeclared() public {
        vm.startPrank(rollers[0]);
        registry.setCapacity(9);
        vm.assertEq(registry.rollers(rollers[0]).capacity, 9);
        vm.expectPartialRevert(IRollerRegistry.ZeroCapacity.selector);
        registry.setCapacity(0);
    }

    function testFuzz_aFineNeverTakesMoreThanThereIs(uint256 unbond, uint256 amount) public {
        unbond = 1 + unbond % STAKE;
        vm.prank(rollers[0]);
        registry.requestUnbond(unbond);
        uint256 supply = scr.totalSupply();
        uint256 pooled = scr.balanceOf(address(pool));
        vm.prank(address(court));
        uint256 finedWei = registry.fine(rollers[0], amount, newcomer, amount / 3);
        vm.assertEq(finedWei, amount < STAKE ? amount : STAKE);
        Roller memory r = registry.rollers(rollers[0]);
        vm.assertEq(uint256(r.stakeWei) + r.unbondingWei, STAKE - finedWei);
        vm.assertEq(scr.balanceOf(address(registry)), 3 * STAKE - finedWei);
        vm.assertEq(
            supply - scr.totalSupply() + scr.balanceOf(address(pool)) - pooled + scr.balanceOf(newcomer), finedWei
        );
        vm.assertTrue(scr.balanceOf(newcomer) <= finedWei / 4);
    }

    function test_poolIsCreditedByRollupOnlyAndPaysThePayout() public {
        vm.prank(operator);
        vm.expectPartialRevert(IRewardPool.NotRollup.selector);
        pool.credit(rollers[0], 1);
        vm.expectPartialRevert(IRewardPool.NothingToClaim.selector);
        pool.claim(rollers[0]);
        vm.prank(address(rollup));
        pool.credit(rollers[0], 5 ether);
        vm.prank(stranger);
        pool.claim(rollers[0]);
        vm.assertEq(scr.balanceOf(payoutOf(rollers[0])), 5 ether);
        vm.expectPartialRevert(IRewardPool.NothingToClaim.selector);
        pool.claim(rollers[0]);
        vm.expectPartialRevert(IRewardPool.NoArrears.selector);
        pool.creditArrears(rollers[0]);
    }

    function testFuzz_poolNeverOwesMoreThanItHolds(uint256[8] memory amounts) public {
        for (uint256 i = 0; i < amounts.length; i++) {
            vm.prank(address(rollup));
            pool.credit(rollers[i % 3], amounts[i] % 1_000_000 ether);
            vm.assertTrue(pool.totalCredits() <= scr.balanceOf(address(pool)));
        }
        uint256 owed = pool.credits(rollers[0]) + pool.credits(rollers[1]) + pool.credits(rollers[2]);
        vm.assertEq(owed, pool.totalCredits());
    }

    function test_zeroAddressesAndShortUnbondingAreRefusedAtDeployment() public {
        Contracts memory none;
        vm.expectPartialRevert(IRewardPool.ZeroAddress.selector);
        new RewardPool(none);
        vm.expectPartialRevert(IRollerRegistry.ZeroAddress.selector);
        new RollerRegistry(none, RegistryParams(1, 7 days));
        vm.expectPartialRevert(IRollerRegistry.UnbondingTooShort.selector);
        new RollerRegistry(deployed, RegistryParams(1 ether, 6.5 days));
    }

    function test_aLeastStakeOfWhichNoFineCanBeAPartIsRefused() public {
        vm.expectRevert(abi.encodeWithSelector(IRollerRegistry.StakeTooSmall.selector, 1 ether - 1, 1 ether));
        new RollerRegistry(deployed, RegistryParams(1 ether - 1, 7 days));
        vm.assertEq(new RollerRegistry(deployed, RegistryParams(1 ether, 7 days)).stakeMinWei(), 1 ether);
    }

    function test_theSupplyIsCapped() public {
        vm.expectRevert();
        new ScrToken(ScrTokenParams(10, address(this), 10, address(1), 1));
        vm.assertEq(new ScrToken(ScrTokenParams(10, address(this), 9, address(1), 1)).totalSupply(), 10);
    }
}
