// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Withdrawal} from "../src/interfaces/IRollup.sol";
import {FeeSchedule} from "../src/l2/FeeSchedule.sol";
import {Predeploys} from "../src/libraries/Predeploys.sol";
import {FeeBase} from "./FeeBase.sol";

/// What it costs to set prices, to bring fees to L1, and to buy them. Written to snapshots/Fees.json.
/// forge-config: default.isolate = true
contract FeesGasTest is FeeBase {
    function test_prices() public {
        FeeSchedule schedule = FeeSchedule(Predeploys.FEE_SCHEDULE);
        vm.etch(address(schedule), type(FeeSchedule).runtimeCode);
        vm.store(address(schedule), bytes32(uint256(1)), bytes32(uint256(uint160(operator))));
        vm.prank(operator);
        schedule.set(1e9, 1e5);
        measured("set, for the first time");
        vm.prank(operator);
        schedule.set(9e8, 9e4);
        measured("set, lower");
    }

    function test_theWayOfAFee() public {
        credit(provingVault, 1 ether);
        provingVault.withdraw();
        measured("withdraw, the first on L2");
        note(Withdrawal(0, address(provingVault), address(auction), 1 ether, ""));
        uint64 batch = settleWith(queue.root());
        rollup.finalizeWithdrawal(batch, sent[0], proofFor(0));
        measured("finalizeWithdrawal, a lot");
        vm.warp(block.timestamp + 15 hours);
        scr.approve(address(auction), 1 ether);
        auction.buy(1 ether, 1 ether, stranger);
        measured("buy");
    }

    function measured(string memory name) private {
        vm.snapshotGasLastCall("Fees", name);
    }
}
