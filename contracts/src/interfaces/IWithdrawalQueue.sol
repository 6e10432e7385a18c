// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice L2 predeploy that collects withdrawals in an append-only Merkle tree of depth 32.
interface IWithdrawalQueue {
    error ZeroRecipient();
    error ZeroAmount();
    error QueueFull();

    event WithdrawalInitiated(
        uint256 indexed index, address indexed sender, address indexed recipient, uint256 amountWei
    );

    /// @notice Withdraws `msg.value` to `recipient` on L1, once the batch is settled there.
    function initiateWithdrawal(address recipient) external payable returns (uint256 index);

    /// @notice Root of the tree.
    function root() external view returns (bytes32);

    /// @notice Withdrawals so far; index of the next one.
    function count() external view returns (uint256);
}
