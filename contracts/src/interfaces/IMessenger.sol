// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice Delivers what L2 sends to L1: checks that it was sent, pays the recipient and calls it.
/// @dev It can do nothing else, owns nothing and may do nothing anywhere. Whoever gave it a right, an allowance or a token
/// would give it to everybody who can send a message on L2.
interface IMessenger {
    error NotRollup(address caller);
    /// @notice A delivery is under way: one cannot be made inside another.
    error Delivering();
    error InvalidWithdrawalProof();
    /// @notice The recipient refused; `reason` is what it reverted with.
    error DeliveryFailed(address recipient, bytes reason);

    /// @notice Calls `recipient` with `msg.value` and `data`, as `sender` on L2 ordered by the withdrawal with this index in the tree
    /// with this root; only Rollup, once for each index.
    function deliver(
        bytes32 root,
        uint64 index,
        address sender,
        address recipient,
        bytes calldata data,
        bytes32[32] calldata proof
    ) external payable;

    /// @notice Who on L2 sent what is being delivered; zero when nothing is. A contract that trusts an account on L2
    /// demands `msg.sender == messenger && messenger.l2Sender() == account`.
    function l2Sender() external view returns (address);

    function rollup() external view returns (address);
    function l2ChainId() external view returns (uint64);
}
