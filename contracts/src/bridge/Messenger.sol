// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IMessenger} from "../interfaces/IMessenger.sol";
import {WithdrawalTree} from "../libraries/WithdrawalTree.sol";

/// @notice See IMessenger.
/// @dev SOUNDNESS: recipient and data are anybody's choice, so the call must come from an account that nothing trusts.
/// Rollup itself credits, books and pays in other contracts and must never make it.
contract Messenger is IMessenger {
    address public immutable rollup;
    uint64 public immutable l2ChainId;
    address public transient l2Sender;

    constructor(uint64 l2ChainId_) {
        rollup = msg.sender;
        l2ChainId = l2ChainId_;
    }

    /// @inheritdoc IMessenger
    function deliver(
        bytes32 root,
        uint64 index,
        address sender,
        address recipient,
        bytes calldata data,
        bytes32[32] calldata proof
    ) external payable {
        require(msg.sender == rollup, NotRollup(msg.sender));
        require(l2Sender == address(0), Delivering());
        // The chain id is read anew: after a fork of L1, what was proven on one side counts nothing on the other.
        bytes32 leaf =
            WithdrawalTree.leaf(block.chainid, rollup, l2ChainId, index, sender, recipient, msg.value, keccak256(data));
        require(WithdrawalTree.verify(root, leaf, index, proof), InvalidWithdrawalProof());
        l2Sender = sender;
        // To the recipient of a proven withdrawal. Whoever comes back meanwhile finds a delivery under way.
        // slither-disable-next-line arbitrary-send-eth,reentrancy-eth
        (bool done, bytes memory reason) = recipient.call{value: msg.value}(data);
        l2Sender = address(0);
        require(done, DeliveryFailed(recipient, reason));
    }
}
