// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IRollup} from "./interfaces/IRollup.sol";
import {MessageLib} from "./libraries/MessageLib.sol";

/// @notice L1 -> L2 messages, kept as one rolling hash. Gas on L2 is bought here; the rest of the value arrives on L2.
abstract contract MessageQueue is IRollup {
    /// @dev Intrinsic gas of a transaction and the calldata floor per byte (EIP-7623).
    uint64 private constant INTRINSIC_GAS = 21_000;
    uint64 private constant GAS_PER_BYTE = 40;
    uint256 private constant DATA_BYTES_MAX = 32 * 1024;

    uint128 public immutable messageGasPriceWei;
    uint64 public immutable messageGasMax;
    /// @notice A batch may not leave out messages that are older than this at its last timestamp, seconds.
    uint64 public immutable forceS;

    uint64 public messageCount;
    uint256 public feesWei;
    mapping(uint64 count => bytes32) private _hashes;
    /// @inheritdoc IRollup
    mapping(uint64 index => uint64) public messageSentAt;

    constructor(uint128 messageGasPriceWei_, uint64 messageGasMax_, uint64 forceS_) {
        require(messageGasMax_ >= INTRINSIC_GAS, BadParameter("messageGasMax"));
        messageGasPriceWei = messageGasPriceWei_;
        messageGasMax = messageGasMax_;
        forceS = forceS_;
        _hashes[0] = MessageLib.GENESIS;
    }

    /// @inheritdoc IRollup
    function sendMessage(address to, uint64 gasLimit, bytes calldata data) external payable returns (uint64 index) {
        uint256 mint = _mint(gasLimit);
        return _queue(to, mint, mint, gasLimit, data);
    }

    /// @inheritdoc IRollup
    function forceTransaction(address to, uint256 value, uint64 gasLimit, bytes calldata data)
        external
        payable
        returns (uint64 index)
    {
        return _queue(to, _mint(gasLimit), value, gasLimit, data);
    }

    /// @dev What is left of the caller's ether when the gas is paid.
    function _mint(uint64 gasLimit) private returns (uint256) {
        uint256 feeWei = uint256(gasLimit) * messageGasPriceWei;
        require(msg.value >= feeWei, FeeNotCovered(msg.value, feeWei));
        feesWei += feeWei;
        return msg.value - feeWei;
    }

    function _queue(address to, uint256 mint, uint256 value, uint64 gasLimit, bytes calldata data)
        private
        returns (uint64 index)
    {
        require(to != address(0), BadMessage("recipient"));
        require(data.length <= DATA_BYTES_MAX, BadMessage("data"));
        require(gasLimit <= messageGasMax, BadMessage("gas above the limit"));
        require(gasLimit >= INTRINSIC_GAS + GAS_PER_BYTE * uint64(data.length), BadMessage("gas below intrinsic"));
        // solhint-disable-next-line avoid-tx-origin -- the one way to tell an account from a contract under construction
        address sender = msg.sender == tx.origin ? msg.sender : MessageLib.aliased(msg.sender);
        index = messageCount;
        bytes32 messageHash = MessageLib.hash(index, sender, to, mint, value, gasLimit, keccak256(data));
        bytes32 rolling = MessageLib.roll(_hashes[index], messageHash);
        messageCount = index + 1;
        _hashes[index + 1] = rolling;
        messageSentAt[index] = uint64(block.timestamp);
        emit MessageSent(index, sender, to, mint, value, gasLimit, data, rolling);
    }

    /// @inheritdoc IRollup
    function messageHashAt(uint64 count) public view returns (bytes32) {
        require(count <= messageCount, BadMessagesEnd(count));
        return _hashes[count];
    }

    /// @dev Refuses a batch that ends at `lastTimestamp` and consumes the first `end` messages, if it skips an old one.
    function _requireNoneOverdue(uint64 end, uint64 lastTimestamp) internal view {
        if (end == messageCount) return;
        require(uint256(messageSentAt[end]) + forceS >= lastTimestamp, MessageOverdue(end));
    }
}
