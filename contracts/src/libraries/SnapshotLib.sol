// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice Merkle-sum tree over the reputation of the rollers, from its packed leaves.
/// @dev Leaf: (roller 20 | stake 16 | q 8 | capacity 4 bytes), big-endian, sorted by roller. Weight of a leaf:
/// floor(stake * q / ONE). Padded to a power of two with (hash 0, sum 0).
library SnapshotLib {
    bytes32 internal constant LEAF_TAG = "rollmill.leaf.v1";
    bytes32 internal constant NODE_TAG = "rollmill.node.v1";
    uint256 internal constant LEAF_BYTES = 48;
    uint256 internal constant ONE = 1e9;
    /// @dev Keeps a posting within the gas of one transaction.
    uint256 internal constant LEAVES_MAX = 2048;

    error BadLeavesLength(uint256 length);
    error BadLeaf(uint256 position);

    /// @notice Root and sum of the packed leaves.
    function root(bytes calldata leaves) internal pure returns (bytes32, uint256) {
        uint256 count = leaves.length / LEAF_BYTES;
        require(count > 0 && count <= LEAVES_MAX && leaves.length % LEAF_BYTES == 0, BadLeavesLength(leaves.length));
        bytes32[] memory hashes = new bytes32[](count + 1);
        uint256[] memory sums = new uint256[](count + 1);
        address previous = address(0);
        for (uint256 i = 0; i < count; i++) {
            address roller;
            (roller, hashes[i], sums[i]) = leaf(leaves[i * LEAF_BYTES:(i + 1) * LEAF_BYTES]);
            require(roller > previous && sums[i] != type(uint256).max, BadLeaf(i));
            previous = roller;
        }
        bytes32 padding = 0;
        while (count > 1) {
            // The slot after the last node stands for the padding, of which at most one node is a neighbour.
            hashes[count] = padding;
            sums[count] = 0;
            count = (count + 1) / 2;
            for (uint256 i = 0; i < count; i++) {
                hashes[i] = node(hashes[2 * i], sums[2 * i], hashes[2 * i + 1], sums[2 * i + 1]);
                sums[i] = sums[2 * i] + sums[2 * i + 1];
            }
            padding = node(padding, 0, padding, 0);
        }
        return (hashes[0], sums[0]);
    }

    /// @notice Roller, hash and weight of one packed leaf; weight 2^256 - 1 marks a ratio above one.
    function leaf(bytes calldata packed) internal pure returns (address roller, bytes32 hash, uint256 weight) {
        uint256 stake;
        (roller, stake, weight) = amounts(packed);
        uint256 q = uint64(bytes8(packed[36:44]));
        uint256 capacity = uint32(bytes4(packed[44:48]));
        hash = keccak256(abi.encode(LEAF_TAG, roller, stake, q, capacity, weight));
    }

    /// @notice Roller, stake and weight of one packed leaf; weight 2^256 - 1 marks a ratio above one.
    function amounts(bytes calldata packed) internal pure returns (address roller, uint256 stake, uint256 weight) {
        roller = address(bytes20(packed[0:20]));
        stake = uint128(bytes16(packed[20:36]));
        uint256 q = uint64(bytes8(packed[36:44]));
        weight = q <= ONE ? stake * q / ONE : type(uint256).max;
    }

    /// @notice Hash of an inner node.
    function node(bytes32 left, uint256 leftSum, bytes32 right, uint256 rightSum) internal pure returns (bytes32) {
        return keccak256(abi.encode(NODE_TAG, left, leftSum, right, rightSum));
    }
}
