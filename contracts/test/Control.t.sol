// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Control} from "../src/Control.sol";
import {Dials, IControl} from "../src/interfaces/IControl.sol";
import {Key} from "../src/interfaces/IParameters.sol";
import {Base} from "./Base.sol";

contract ControlTest is Base {
    bytes32 private constant LOG = keccak256("log");

    function test_dialsComeIntoForceWithTheSnapshotOfTheirEpoch() public {
        Dials memory next = Dials(1.125e12, 52_500, 36, 4);
        vm.expectEmit(address(control));
        emit IControl.DialsPosted(1, next, LOG);
        post(1, next);
        vm.assertEq(abi.encode(control.current()), abi.encode(dials()));
        uint64 before = commitNext();
        nextEpoch();
        vm.assertEq(abi.encode(control.current()), abi.encode(next));
        uint64 later = commitNext();
        vm.assertEq(rollup.batches(before).k, 3);
        vm.assertEq(rollup.batches(before).unitPriceWei, 1e12);
        vm.assertEq(rollup.batches(later).k, 4);
        vm.assertEq(rollup.batches(later).unitPriceWei, 1.125e12);
        (Dials memory posted, uint64 epoch) = control.posted();
        vm.assertEq(abi.encode(posted), abi.encode(next));
        vm.assertEq(epoch, 1);
    }

    function test_onlyTheOperatorOnceAndOnlyForTheNextEpoch() public {
        vm.expectPartialRevert(IControl.NotOperator.selector);
        control.post(1, dials(), LOG);
        refused(0, dials(), IControl.WrongEpoch.selector);
        refused(2, dials(), IControl.WrongEpoch.selector);
        post(1, dials());
        refused(1, dials(), IControl.WrongEpoch.selector);
        nextEpoch();
        post(2, dials());
    }

    function test_stepsAreAnEighthAtMost() public {
        Dials memory d = dials();
        d.unitPriceWei = 1.125e12 + 1;
        refused(1, d, IControl.StepTooLarge.selector);
        d.unitPriceWei = 0.875e12 - 1;
        refused(1, d, IControl.StepTooLarge.selector);
        d = dials();
        d.tauNsPerGas = 67_501;
        refused(1, d, IControl.StepTooLarge.selector);
        d = dials();
        d.window = 37;
        refused(1, d, IControl.StepTooLarge.selector);
        d = dials();
        d.k = 5;
        refused(1, d, IControl.StepTooLarge.selector);
        d.k = 1;
        refused(1, d, IControl.StepTooLarge.selector);
        d = dials();
        d.unitPriceWei = 0.875e12;
        d.k = 2;
        post(1, d);
    }

    function test_priceStaysWithinTheParameters() public {
        vm.prank(governor);
        parameters.announce(Key.UnitPriceMaxWei, 1.1e12);
        vm.prank(governor);
        parameters.announce(Key.UnitPriceMinWei, 0.9e12);
        vm.warp(block.timestamp + 7 days);
        Dials memory d = dials();
        d.unitPriceWei = 1.1e12 + 1;
        refused(1, d, IControl.OutOfRange.selector);
        d.unitPriceWei = 0.9e12 - 1;
        refused(1, d, IControl.OutOfRange.selector);
        d.unitPriceWei = 1.1e12;
        post(1, d);
    }

    function test_rangesHoldFromTheStart() public {
        Dials memory d = dials();
        d.k = 0;
        refusedAtDeployment(d);
        d.k = 17;
        refusedAtDeployment(d);
        d = dials();
        d.window = 0;
        refusedAtDeployment(d);
        d.window = 65_537;
        refusedAtDeployment(d);
        d = dials();
        d.tauNsPerGas = 1e9 + 1;
        refusedAtDeployment(d);
        d = dials();
        d.unitPriceWei = 0;
        refusedAtDeployment(d);
    }

    function test_theLawHasAName() public {
        vm.assertEq(control.lawHash(), LAW);
        vm.expectPartialRevert(IControl.NoLaw.selector);
        new Control(deployed, dials(), 0);
    }

    /// Small dials still move by one.
    function testFuzz_noStepIsLargerThanTheLaws(uint64 from, uint64 to) public {
        Dials memory d = dials();
        d.tauNsPerGas = from % 1000;
        control = new Control(deployed, d, LAW);
        uint256 step = d.tauNsPerGas / 8 == 0 ? 1 : d.tauNsPerGas / 8;
        uint256 low = d.tauNsPerGas > step ? d.tauNsPerGas - step : 0;
        bool allowed = to % 1200 >= low && to % 1200 <= d.tauNsPerGas + step;
        d.tauNsPerGas = to % 1200;
        if (!allowed) vm.expectPartialRevert(IControl.StepTooLarge.selector);
        vm.prank(operator);
        control.post(1, d, LOG);
    }

    // --- helpers

    function post(uint64 epoch, Dials memory d) private {
        vm.prank(operator);
        control.post(epoch, d, LOG);
    }

    function refused(uint64 epoch, Dials memory d, bytes4 selector) private {
        vm.expectPartialRevert(selector);
        vm.prank(operator);
        control.post(epoch, d, LOG);
    }

    function refusedAtDeployment(Dials memory d) private {
        vm.expectPartialRevert(IControl.OutOfRange.selector);
        new Control(deployed, d, LAW);
    }
}
