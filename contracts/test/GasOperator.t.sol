// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Key} from "../src/interfaces/IParameters.sol";
import {Program} from "../src/interfaces/IRollup.sol";
import {Base} from "./Base.sol";

/// What is done now and then by the operator, the governor, or anybody in their place. Written to snapshots/Operator.json.
/// forge-config: default.isolate = true
contract OperatorGasTest is Base {
    function test_numbersAndPrograms() public {
        Program memory p = rollup.programs(1);
        vm.startPrank(governor);
        parameters.announce(Key.SettleS, 700);
        measured("announce");
        rollup.announceProgram(p);
        measured("announceProgram");
        vm.stopPrank();
    }

    function test_theBond() public {
        scr.approve(address(bond), 1 ether);
        bond.deposit(1 ether);
        measured("deposit");
        vm.startPrank(operator);
        bond.requestWithdrawal(1 ether);
        measured("requestWithdrawal");
        vm.warp(block.timestamp + 7 days);
        bond.withdraw();
        measured("withdraw");
        vm.stopPrank();
    }

    function test_feesOfMessages() public {
        vm.deal(address(this), 1 ether);
        rollup.forceTransaction{value: 21_000 gwei}(address(1), 0, 21_000, "");
        measured("forceTransaction");
        vm.prank(operator);
        rollup.withdrawFees();
        measured("withdrawFees");
    }

    function test_theEndOfEnforcedMode() public {
        commitNext();
        vm.warp(block.timestamp + 3 days);
        enforcement.enforce();
        vm.warp(enforcement.droppableFrom());
        enforcement.drop(1);
        measured("drop, one batch");
        vm.prank(operator);
        enforcement.resume();
        measured("resume");
    }

    function test_anIdleEpoch() public {
        vm.warp(block.timestamp + 1 days);
        emission.burnIdle(0);
        measured("burnIdle");
    }

    function measured(string memory name) private {
        vm.snapshotGasLastCall("Operator", name);
    }
}
