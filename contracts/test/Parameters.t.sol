// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Parameters} from "../src/Parameters.sol";
import {IParameters, Key} from "../src/interfaces/IParameters.sol";
import {AmountsLib} from "../src/libraries/AmountsLib.sol";
import {Base} from "./Base.sol";

contract ParametersTest is Base {
    uint256 private constant COUNT = uint256(type(Key).max) + 1;

    function test_aValueComesIntoForceAfterSevenDays() public {
        vm.expectEmit(address(parameters));
        emit IParameters.ParameterAnnounced(Key.SettleS, 700, uint64(block.timestamp + 7 days));
        vm.prank(governor);
        parameters.announce(Key.SettleS, 700);
        vm.warp(block.timestamp + 7 days - 1);
        vm.assertEq(parameters.value(Key.SettleS), 600);
        vm.warp(block.timestamp + 1);
        vm.assertEq(parameters.value(Key.SettleS), 700);
        vm.assertEq(parameters.value(Key.ClaimS), 3600);
    }

    function test_aLaterAnnouncementReplacesAPendingOneAndKeepsTheValueInForce() public {
        vm.startPrank(governor);
        parameters.announce(Key.SettleS, 700);
        vm.warp(block.timestamp + 6 days);
        parameters.announce(Key.SettleS, 800);
        vm.warp(block.timestamp + 6 days);
        vm.assertEq(parameters.value(Key.SettleS), 600);
        vm.warp(block.timestamp + 1 days);
        vm.assertEq(parameters.value(Key.SettleS), 800);
        parameters.announce(Key.SettleS, 900);
        vm.assertEq(parameters.value(Key.SettleS), 800);
        (uint256 next, uint64 activeFromS) = parameters.announced(Key.SettleS);
        vm.assertEq(next, 900);
        vm.assertEq(activeFromS, block.timestamp + 7 days);
    }

    function test_onlyTheGovernorAnnouncesAndNobodyWithoutOne() public {
        vm.expectRevert(abi.encodeWithSelector(IParameters.NotGovernor.selector, operator));
        vm.prank(operator);
        parameters.announce(Key.SettleS, 700);
        Parameters closed = new Parameters(address(0), numbers());
        vm.expectPartialRevert(IParameters.NotGovernor.selector);
        closed.announce(Key.SettleS, 700);
    }

    function testFuzz_nothingOutsideOfItsBoundsIsEverInForce(uint256 which, uint96 value) public {
        Key key = Key(which % COUNT);
        (uint256 min, uint256 max) = parameters.bounds(key);
        vm.assertTrue(min <= max);
        if (value < min || value > max) {
            vm.expectPartialRevert(IParameters.OutOfBounds.selector);
        }
        vm.prank(governor);
        parameters.announce(key, value);
        vm.warp(block.timestamp + 7 days);
        uint256 inForce = parameters.value(key);
        vm.assertTrue(inForce >= min && inForce <= max);
        uint96[] memory initial = numbers();
        initial[uint256(key)] = value;
        if (value < min || value > max) vm.expectPartialRevert(IParameters.OutOfBounds.selector);
        new Parameters(governor, initial);
    }

    function test_theTableIsComplete() public {
        vm.expectPartialRevert(IParameters.WrongCount.selector);
        new Parameters(governor, new uint96[](COUNT - 1));
        vm.expectPartialRevert(IParameters.WrongCount.selector);
        new Parameters(governor, new uint96[](COUNT + 1));
    }

    /// Whatever is announced, every dispute ends before stake or bond can leave.
    function test_disputesEndBeforeStakeLeaves() public view {
        Key[5] memory windows = [Key.SettleS, Key.FallbackS, Key.ClaimS, Key.AccuseS, Key.DefendS];
        uint256 sum = 0;
        for (uint256 i = 0; i < windows.length; i++) {
            (, uint256 max) = parameters.bounds(windows[i]);
            sum += max;
        }
        vm.assertEq(sum, parameters.DISPUTES_MAX_S());
        vm.assertTrue(sum < registry.unbondS());
        vm.assertTrue(sum < bond.DELAY_S());
    }

    /// Everything at its greatest, and the dearest work there can be: one verdict takes half of the least stake at most, the
    /// accused has hours to answer, and who accuses risks as much as he claims.
    function testFuzz_noParameterTakesAStake(uint96[19] memory values, bool[19] memory greatest) public {
        for (uint256 i = 0; i < COUNT; i++) {
            (uint256 min, uint256 max) = parameters.bounds(Key(i));
            uint256 value = greatest[i] ? max : min + values[i] % (max - min + 1);
            vm.prank(governor);
            parameters.announce(Key(i), uint96(value));
        }
        vm.warp(block.timestamp + 7 days);
        vm.assertTrue(parameters.value(Key.DefendS) >= 6 hours);
        uint256 stakeMinWei = registry.stakeMinWei();
        uint256 fineWei = AmountsLib.fine(
            parameters.value(Key.FineMinWei),
            parameters.value(Key.UnitPriceMaxWei),
            parameters.value(Key.ProverGasMax),
            stakeMinWei
        );
        vm.assertTrue(fineWei > 0 && fineWei <= stakeMinWei / 2);
    }
}
