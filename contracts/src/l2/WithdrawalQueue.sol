// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IWithdrawalQueue} from "../interfaces/IWithdrawalQueue.sol";
import {WithdrawalTree} from "../libraries/WithdrawalTree.sol";

/// @notice L2 predeploy at 0x…524d02. Withdrawn ether stays here for ever; L1 pays it out of what was deposited.
/// @dev Has no constructor: genesis writes the code and storage slots 0 to 3. The guest and L1 rely on slot 0 being the
/// root after every block, so this layout is part of the protocol:
/// 0 root | 1 L1 chain id | 2 Rollup address | 3 L2 chain id | 4 count | 5..36 branch.
// That it keeps the ether is what it is for: L1 pays.
// slither-disable-next-line locked-ether
contract WithdrawalQueue is IWithdrawalQueue {
    uint256 private constant DATA_BYTES_MAX = 32 * 1024;

    bytes32 public root;
    // Genesis writes them into slots 1 to 3; nothing changes them afterwards.
    // slither-disable-start uninitialized-state
    uint256 public l1ChainId;
    address public rollup;
    uint256 public l2ChainId;
    // slither-disable-end uninitialized-state
    uint256 public count;
    bytes32[32] private _branch;

    /// @inheritdoc IWithdrawalQueue
    function initiateWithdrawal(address recipient) external payable returns (uint256 index) {
        require(msg.value != 0, ZeroAmount());
        return _append(recipient, msg.data[:0]);
    }

    /// @inheritdoc IWithdrawalQueue
    function sendMessage(address recipient, bytes calldata data) external payable returns (uint256 index) {
        require(msg.value != 0 || data.length != 0, ZeroAmount());
        require(data.length <= DATA_BYTES_MAX, DataTooLong(data.length));
        return _append(recipient, data);
    }

    function _append(address recipient, bytes calldata data) private returns (uint256 index) {
        require(recipient != address(0), ZeroRecipient());
        index = count;
        require(index >> WithdrawalTree.DEPTH == 0, QueueFull());
        bytes32 leaf =
            WithdrawalTree.leaf(l1ChainId, rollup, l2ChainId, index, msg.sender, recipient, msg.value, keccak256(data));
        count = index + 1;
        root = WithdrawalTree.append(_branch, index, leaf);
        emit WithdrawalInitiated(index, msg.sender, recipient, msg.value, data);
    }
}
