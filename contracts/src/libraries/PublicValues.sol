// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice What a batch proof states: 26 static words, in this order, on L1, in the node and in the guest.
/// The guest reveals keccak256 of their ABI encoding (832 bytes) and nothing else.
struct PublicValues {
    /// Layout of this struct; 1.
    uint64 formatVersion;
    /// Row of the program table that the batch pinned when it was committed.
    uint64 programVersion;
    /// Execution rules of the batch.
    uint64 forkId;
    uint64 l1ChainId;
    /// The Rollup contract that the proof is for.
    address rollup;
    uint64 l2ChainId;
    /// Who proved, and who alone may be paid for it.
    address roller;
    /// keccak256("rollmill.task.v1", l1ChainId, rollup, batch).
    bytes32 task;
    uint64 firstBatch;
    uint64 lastBatch;
    bytes32 previousStateRoot;
    bytes32 stateRoot;
    bytes32 previousBlockHash;
    bytes32 blockHash;
    /// keccak256 of the batch data.
    bytes32 dataCommitment;
    /// Versioned hash of the blob with the data, the point that it and `dataCommitment` fix, and the value of the data's polynomial there
    /// (see BlobLib); zero with calldata.
    bytes32 blobVersionedHash;
    bytes32 z;
    bytes32 y;
    /// Rolling hash of the L1 messages consumed before and after the batch.
    bytes32 previousMessageHash;
    bytes32 messageHash;
    /// Root of the L2 withdrawal tree after the batch.
    bytes32 withdrawalRoot;
    uint64 lastBlock;
    uint64 lastTimestamp;
    /// Proven proving work, in prover gas of schedule `scheduleId`.
    uint64 proverGas;
    uint64 scheduleId;
    /// Zero.
    uint256 reserved;
}

/// @notice Hash and comparison of public values.
/// @dev A struct of static members lies in memory as its ABI encoding: one 32-byte word each, in order.
library PublicValuesLib {
    /// @dev Layout that this version of the contracts settles.
    uint64 internal constant FORMAT_VERSION = 1;
    uint256 internal constant WORDS = 26;

    /// @notice The 32 bytes that the guest reveals for `pv`: keccak256(abi.encode(pv)).
    function hash(PublicValues memory pv) internal pure returns (bytes32 result) {
        assembly ("memory-safe") {
            result := keccak256(pv, mul(WORDS, 32))
        }
    }

    /// @notice Position of the first word in which two public values differ, with both words.
    /// @return word WORDS if they are equal.
    function firstDifference(PublicValues memory a, PublicValues memory b)
        internal
        pure
        returns (uint256 word, bytes32 inA, bytes32 inB)
    {
        for (; word < WORDS; word++) {
            assembly ("memory-safe") {
                inA := mload(add(a, mul(word, 32)))
                inB := mload(add(b, mul(word, 32)))
            }
            if (inA != inB) break;
        }
    }
}
