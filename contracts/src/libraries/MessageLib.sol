// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice Hashes of the L1 -> L2 message queue and aliasing of senders.
library MessageLib {
    /// @dev Rolling hash of the empty queue.
    bytes32 internal constant GENESIS = "rollmill.messages.v1";
    bytes32 internal constant TAG = "rollmill.message.v2";
    /// @dev Added to the address of a contract on L1, so that it is never mistaken for the account at the same address
    /// on L2, which may belong to somebody else.
    uint160 internal constant ALIAS_OFFSET = uint160(0x1111000000000000000000000000000000001111);

    /// @notice Hash of one message.
    function hash(
        uint64 index,
        address sender,
        address to,
        uint256 mint,
        uint256 value,
        uint64 gasLimit,
        bytes32 dataHash
    ) internal pure returns (bytes32) {
        return keccak256(abi.encode(TAG, index, sender, to, mint, value, gasLimit, dataHash));
    }

    /// @notice Rolling hash after a further message.
    function roll(bytes32 rolling, bytes32 messageHash) internal pure returns (bytes32) {
        return keccak256(abi.encode(rolling, messageHash));
    }

    /// @notice Address on L2 of a contract on L1.
    function aliased(address l1Contract) internal pure returns (address) {
        unchecked {
            return address(uint160(l1Contract) + ALIAS_OFFSET);
        }
    }
}
