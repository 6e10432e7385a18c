// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {FeeAuction} from "../src/FeeAuction.sol";
import {Withdrawal} from "../src/interfaces/IRollup.sol";
import {FeeVault} from "../src/l2/FeeVault.sol";
import {Predeploys} from "../src/libraries/Predeploys.sol";
import {WithdrawalBase} from "./WithdrawalBase.sol";

/// @notice The way of fees in one machine: both vaults as L2's genesis writes them, and the auction that Rollup creates.
abstract contract FeeBase is WithdrawalBase {
    FeeVault internal feeVault;
    FeeVault internal provingVault;
    FeeAuction internal auction;

    function setUp() public virtual override {
        super.setUp();
        auction = FeeAuction(payable(vm.computeCreateAddress(address(rollup), 3)));
        feeVault = vault(Predeploys.FEE_VAULT, operator);
        provingVault = vault(Predeploys.PROVING_VAULT, address(auction));
    }

    /// What the state transition does: the balance grows, and no code runs.
    function credit(FeeVault place, uint256 amountWei) internal {
        vm.deal(address(place), address(place).balance + amountWei);
    }

    /// Anybody sends what is there to L1.
    function withdraw(FeeVault place) internal returns (uint64 index) {
        uint256 amountWei = address(place).balance;
        vm.prank(stranger);
        index = uint64(place.withdraw());
        note(Withdrawal(index, address(place), place.recipient(), amountWei, ""));
    }

    /// Brings a withdrawal into a settled batch, and lets L1 pay it.
    function finalize(uint64 index) internal {
        uint64 batch = settleWith(queue.root());
        rollup.finalizeWithdrawal(batch, sent[index], proofFor(index));
    }

    function vault(address place, address recipient) private returns (FeeVault) {
        vm.etch(place, type(FeeVault).runtimeCode);
        vm.store(place, 0, bytes32(uint256(uint160(recipient))));
        return FeeVault(payable(place));
    }
}
