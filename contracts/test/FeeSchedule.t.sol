// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IFeeSchedule} from "../src/interfaces/IFeeSchedule.sol";
import {FeeSchedule} from "../src/l2/FeeSchedule.sol";
import {Predeploys} from "../src/libraries/Predeploys.sol";
import {Vm} from "./Vm.sol";

contract FeeScheduleTest {
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    FeeSchedule private constant SCHEDULE = FeeSchedule(Predeploys.FEE_SCHEDULE);
    address private constant OPERATOR = address(0x0b);

    function setUp() public {
        vm.warp(1_700_000_000);
        vm.etch(address(SCHEDULE), type(FeeSchedule).runtimeCode);
        // As L2 genesis writes it.
        vm.store(address(SCHEDULE), bytes32(uint256(1)), bytes32(uint256(uint160(OPERATOR))));
    }

    function test_pricesStandWhereTheStateTransitionReadsThem() public {
        vm.assertEq(SCHEDULE.operator(), OPERATOR);
        vm.assertEq(word(), 0);
        vm.expectEmit(address(SCHEDULE));
        emit IFeeSchedule.PricesSet(3, 4);
        set(3, 4);
        vm.assertEq(word(), (uint256(3) << 128) | 4);
        vm.assertEq(SCHEDULE.dataPriceWei(), 3);
        vm.assertEq(SCHEDULE.provingPriceWei(), 4);
        vm.assertEq(SCHEDULE.operator(), OPERATOR);
    }

    function test_onlyTheOperator() public {
        vm.expectRevert(abi.encodeWithSelector(IFeeSchedule.NotOperator.selector, address(this)));
        SCHEDULE.set(1, 1);
    }

    function test_pricesAtMostDoubleInAnHour() public {
        refused(1e9 + 1, 0, IFeeSchedule.RisesTooFast.selector);
        refused(0, 1e5 + 1, IFeeSchedule.RisesTooFast.selector);
        set(1e9, 1e5);
        vm.warp(block.timestamp + 1 hours - 1);
        refused(2e9, 1e5, IFeeSchedule.RisesTooSoon.selector);
        refused(1e9, 2e5, IFeeSchedule.RisesTooSoon.selector);
        set(1e9, 1e5);
        vm.warp(block.timestamp + 1);
        refused(2e9 + 1, 2e5, IFeeSchedule.RisesTooFast.selector);
        refused(2e9, 2e5 + 1, IFeeSchedule.RisesTooFast.selector);
        set(2e9, 2e5);
        refused(2e9, 2e5 + 1, IFeeSchedule.RisesTooSoon.selector);
    }

    function test_pricesFallAtOnce() public {
        set(1e9, 1e5);
        set(1, 1e5);
        set(0, 0);
        vm.assertEq(word(), 0);
    }

    function test_pricesHaveALimit() public {
        uint128 data = 1e9;
        uint128 proving = 1e5;
        for (uint256 i = 0; i < 9; i++) {
            set(data, proving);
            vm.warp(block.timestamp + 1 hours);
            data *= 2;
            proving *= 2;
        }
        set(data, proving);
        vm.warp(block.timestamp + 1 hours);
        refused(1e12 + 1, 0, IFeeSchedule.TooHigh.selector);
        refused(0, 1e8 + 1, IFeeSchedule.TooHigh.selector);
        set(1e12, 1e8);
    }

    function testFuzz_noRiseIsLargerThanAllowed(uint128 from, uint128 to) public {
        from %= 1e12;
        vm.store(address(SCHEDULE), bytes32(0), bytes32(uint256(from) << 128));
        uint256 most = uint256(from) * 2 > 1e9 ? uint256(from) * 2 : 1e9;
        if (most > 1e12) most = 1e12;
        if (to > from && to > most) vm.expectRevert();
        set(to, 0);
    }

    // --- helpers

    function word() private view returns (uint256) {
        return uint256(vm.load(address(SCHEDULE), bytes32(0)));
    }

    function set(uint128 data, uint128 proving) private {
        vm.prank(OPERATOR);
        SCHEDULE.set(data, proving);
    }

    function refused(uint128 data, uint128 proving, bytes4 selector) private {
        vm.expectPartialRevert(selector);
        vm.prank(OPERATOR);
        SCHEDULE.set(data, proving);
    }
}
