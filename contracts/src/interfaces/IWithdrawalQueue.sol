// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice L2 predeploy that collects withdrawals in an append-only Merkle tree of depth 32. A withdrawal is a message to
/// L1: ether, data, or both.
interface IWithdrawalQueue {
    error ZeroRecipient();
    error ZeroAmount();
    error DataTooLong(uint256 length);
    error QueueFull();

    event WithdrawalInitiated(
        uint256 indexed index, address indexed sender, address indexed recipient, uint256 amountWei, bytes data
    );

    /// @notice Withdraws `msg.value` to `recipient` on L1, once the batch is settled there.
    function initiateWithdrawal(address recipient) external payable returns (uint256 index);

    /// @notice The same, and `recipient` is called with `data` (32 KiB at most) and the ether; there may be none. The callee reads
    /// from Messenger who sent it. A recipient that refuses keeps the withdrawal open, ether included, until it takes it; one
    /// without code ignores the data.
    function sendMessage(address recipient, bytes calldata data) external payable returns (uint256 index);

    /// @notice Root of the tree.
    function root() external view returns (bytes32);

    /// @notice Withdrawals so far; index of the next one.
    function count() external view returns (uint256);
}
