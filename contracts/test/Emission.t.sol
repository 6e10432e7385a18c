// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Emission} from "../src/Emission.sol";
import {EmissionParams, IEmission} from "../src/interfaces/IEmission.sol";
import {Base} from "./Base.sol";

contract EmissionTest is Base {
    uint256 private constant POT = EMISSION / 730;

    function test_aPotIsSplitByProvenGas() public {
        record(rollers[0], GAS);
        record(rollers[1], GAS);
        record(rollers[1], GAS);
        vm.expectPartialRevert(IEmission.EpochNotOver.selector);
        emission.claim(0, rollers[0]);
        vm.warp(block.timestamp + 1 days);
        vm.prank(stranger);
        emission.claim(0, rollers[0]);
        emission.claim(0, rollers[1]);
        vm.assertEq(scr.balanceOf(payoutOf(rollers[0])), POT / 3);
        vm.assertEq(scr.balanceOf(payoutOf(rollers[1])), POT * 2 / 3);
        vm.expectPartialRevert(IEmission.NothingToClaim.selector);
        emission.claim(0, rollers[0]);
        vm.expectPartialRevert(IEmission.NothingToClaim.selector);
        emission.claim(0, rollers[2]);
        vm.expectPartialRevert(IEmission.NothingToBurn.selector);
        emission.burnIdle(0);
    }

    function test_settlementsOfTheWinnerCountAndUnpaidOnesDoNot() public {
        (, address winner) = settleNext();
        vm.assertEq(emission.gasOf(0, winner), GAS);
        uint64 batch = commitNext();
        vm.warp(rollup.unpaidFrom(batch));
        rollup.settleUnpaid(publicValues(batch, rollers[0]), proofOf(publicValues(batch, rollers[0])));
        vm.assertEq(emission.totalGas(0), GAS);
    }

    function test_oneBatchCountsUpToACap() public {
        record(rollers[0], 3 * GAS);
        vm.assertEq(emission.gasOf(0, rollers[0]), 2 * GAS);
        vm.assertEq(emission.totalGas(0), 2 * GAS);
    }

    function test_theOperatorsOwnRollersEarnNothing() public {
        record(operator, GAS);
        address own = address(0x9999);
        scr.transfer(own, 1 ether);
        vm.prank(own);
        registry.register(vm.addr(0x77), operator, 1, "");
        record(own, GAS);
        address other = address(0x9998);
        vm.prank(other);
        registry.register(operator, other, 1, "");
        record(other, GAS);
        vm.assertEq(emission.totalGas(0), 0);
        vm.expectPartialRevert(IEmission.NotRollup.selector);
        emission.record(rollers[0], GAS);
    }

    function test_anIdlePotIsBurnedOnce() public {
        vm.expectPartialRevert(IEmission.EpochNotOver.selector);
        emission.burnIdle(0);
        vm.warp(block.timestamp + 1 days);
        uint256 supply = scr.totalSupply();
        emission.burnIdle(0);
        vm.assertEq(supply - scr.totalSupply(), POT);
        vm.expectPartialRevert(IEmission.NothingToBurn.selector);
        emission.burnIdle(0);
    }

    function test_potsAreHalvedAndTheirSumIsTheCap() public view {
        vm.assertEq(emission.potWei(0), POT);
        vm.assertEq(emission.potWei(364), POT);
        vm.assertEq(emission.potWei(365), POT / 2);
        vm.assertEq(emission.potWei(730), POT / 4);
        vm.assertEq(emission.potWei(type(uint64).max), 0);
        uint256 sum = 0;
        for (uint64 halving = 0; halving < 130; halving++) {
            sum += 365 * emission.potWei(365 * halving);
        }
        vm.assertTrue(sum <= EMISSION && sum > EMISSION * 99 / 100);
    }

    function test_refusesToPromiseMoreThanItHolds() public {
        vm.expectPartialRevert(IEmission.BadParameter.selector);
        new Emission(deployed, EmissionParams(1 days, 365, 1));
        vm.expectPartialRevert(IEmission.BadParameter.selector);
        new Emission(deployed, EmissionParams(0, 365, 0));
        vm.expectPartialRevert(IEmission.BadParameter.selector);
        new Emission(deployed, EmissionParams(1 days, 0, 0));
    }

    function testFuzz_sharesNeverExceedThePot(uint64[6] memory work) public {
        for (uint256 i = 0; i < 6; i++) {
            record(rollers[i % 3], work[i]);
        }
        vm.warp(block.timestamp + 1 days);
        uint256 paid = 0;
        for (uint256 i = 0; i < 3; i++) {
            if (emission.gasOf(0, rollers[i]) > 0) paid += emission.claim(0, rollers[i]);
        }
        vm.assertTrue(paid <= POT);
        vm.assertTrue(emission.totalGas(0) == 0 || POT - paid < 3);
    }

    function record(address roller, uint64 gas) private {
        vm.prank(address(rollup));
        emission.record(roller, gas);
    }
}
