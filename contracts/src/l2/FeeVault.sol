// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IFeeVault} from "../interfaces/IFeeVault.sol";
import {IWithdrawalQueue} from "../interfaces/IWithdrawalQueue.sol";
import {Predeploys} from "../libraries/Predeploys.sol";

/// @notice See IFeeVault.
/// @dev Has no constructor: genesis writes the code and storage slot 0. Fees are credited without a call.
contract FeeVault is IFeeVault {
    uint256 public constant WITHDRAWAL_MIN_WEI = 0.01 ether;

    // Genesis writes it into slot 0; nothing changes it afterwards.
    // slither-disable-next-line uninitialized-state
    address public recipient;

    /// @notice A present to the recipient.
    receive() external payable {}

    /// @inheritdoc IFeeVault
    function withdraw() external returns (uint256 index) {
        uint256 amountWei = address(this).balance;
        require(amountWei >= WITHDRAWAL_MIN_WEI, TooLittle(amountWei, WITHDRAWAL_MIN_WEI));
        index = IWithdrawalQueue(Predeploys.WITHDRAWAL_QUEUE).initiateWithdrawal{value: amountWei}(recipient);
        emit FeesWithdrawn(recipient, index, amountWei);
    }
}
