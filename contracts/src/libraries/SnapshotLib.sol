// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice What packed leaves come to together.
struct Tree {
    bytes32 root;
    /// Sum of the weights.
    uint256 total;
    /// Sum of the stakes.
    uint256 stakes;
    /// Roller of the last leaf.
    address last;
}

/// @notice A leaf in its snapshot: its weight stands behind the weights of all leaves before it.
struct Place {
    address roller;
    uint256 stake;
    uint256 weight;
    uint256 start;
}

/// @notice Merkle-sum tree over the reputation of the rollers, from its packed leaves.
/// @dev Leaf: (roller 20 | stake 16 | q 8 | capacity 4 bytes), big-endian, sorted by roller. Weight of a leaf:
/// floor(stake * q / ONE). Padded to a power of two with (hash 0, sum 0).
/// Path of a leaf: (leaf 48 | its number 4 | nodes beside it, from below: (hash 32 | sum 16)).
library SnapshotLib {
    bytes32 internal constant LEAF_TAG = "rollmill.leaf.v1";
    bytes32 internal constant NODE_TAG = "rollmill.node.v1";
    uint256 internal constant LEAF_BYTES = 48;
    uint256 internal constant ONE = 1e9;
    /// @dev Keeps leaves that are given at once within the gas of one transaction.
    uint256 internal constant LEAVES_MAX = 2048;
    uint256 private constant HEAD_BYTES = LEAF_BYTES + 4;
    uint256 private constant NODE_BYTES = 48;

    error BadLeavesLength(uint256 length);
    error BadLeaf(uint256 position);
    error BadPath(uint256 length);
    error WrongPath(bytes32 root, bytes32 expected);

    /// @notice The tree of packed leaves, padded to 2^levels at least; their rollers are above `previous`.
    function tree(bytes calldata leaves, address previous, uint256 levels) internal pure returns (Tree memory t) {
        bytes32[] memory hashes;
        uint256[] memory sums;
        (hashes, sums, t) = nodes(leaves, previous);
        (t.root, t.total) = climb(hashes, sums, hashes.length - 1, levels, 0);
    }

    /// @notice Where a leaf stands in the snapshot with this root; reverts unless its path leads there.
    function place(bytes calldata path, bytes32 expected) internal pure returns (Place memory p) {
        require(path.length >= HEAD_BYTES && (path.length - HEAD_BYTES) % NODE_BYTES == 0, BadPath(path.length));
        bytes32 hash;
        (p.roller, hash, p.weight) = leaf(path[:LEAF_BYTES]);
        p.stake = stakeOf(path);
        uint256 number = uint32(bytes4(path[LEAF_BYTES:HEAD_BYTES]));
        uint256 sum = p.weight;
        for (uint256 offset = HEAD_BYTES; offset < path.length; offset += NODE_BYTES) {
            bytes32 beside = bytes32(path[offset:offset + 32]);
            uint256 besideSum = uint128(bytes16(path[offset + 32:offset + NODE_BYTES]));
            if (number % 2 == 0) {
                hash = node(hash, sum, beside, besideSum);
            } else {
                hash = node(beside, besideSum, hash, sum);
                p.start += besideSum;
            }
            sum += besideSum;
            number /= 2;
        }
        require(hash == expected, WrongPath(hash, expected));
    }

    /// @notice Hashes and weights of packed leaves, each with room for one node more; and what is known of their tree without it.
    function nodes(bytes calldata leaves, address previous)
        internal
        pure
        returns (bytes32[] memory hashes, uint256[] memory sums, Tree memory t)
    {
        uint256 count = leaves.length / LEAF_BYTES;
        require(count > 0 && count <= LEAVES_MAX && leaves.length % LEAF_BYTES == 0, BadLeavesLength(leaves.length));
        hashes = new bytes32[](count + 1);
        sums = new uint256[](count + 1);
        t.last = previous;
        for (uint256 i = 0; i < count; i++) {
            address roller;
            (roller, hashes[i], sums[i]) = leaf(leaves[i * LEAF_BYTES:(i + 1) * LEAF_BYTES]);
            require(roller > t.last && sums[i] != type(uint256).max, BadLeaf(i));
            t.last = roller;
            t.stakes += stakeOf(leaves[i * LEAF_BYTES:]);
        }
    }

    /// @notice Root and sum over `count` neighbouring nodes, at least `levels` levels above them; the arrays have room for one node more.
    /// @param empty Hash of a node of padding beside them.
    function climb(bytes32[] memory hashes, uint256[] memory sums, uint256 count, uint256 levels, bytes32 empty)
        internal
        pure
        returns (bytes32, uint256)
    {
        for (uint256 level = 0; count > 1 || level < levels; level++) {
            // The slot after the last node stands for the padding, of which at most one node is a neighbour.
            hashes[count] = empty;
            sums[count] = 0;
            count = (count + 1) / 2;
            for (uint256 i = 0; i < count; i++) {
                hashes[i] = node(hashes[2 * i], sums[2 * i], hashes[2 * i + 1], sums[2 * i + 1]);
                sums[i] = sums[2 * i] + sums[2 * i + 1];
            }
            empty = node(empty, 0, empty, 0);
        }
        return (hashes[0], sums[0]);
    }

    /// @notice Roller, hash and weight of one packed leaf; weight 2^256 - 1 marks a ratio above one.
    function leaf(bytes calldata packed) internal pure returns (address roller, bytes32 hash, uint256 weight) {
        roller = address(bytes20(packed[0:20]));
        uint256 stake = stakeOf(packed);
        uint256 q = uint64(bytes8(packed[36:44]));
        uint256 capacity = uint32(bytes4(packed[44:48]));
        weight = q <= ONE ? stake * q / ONE : type(uint256).max;
        hash = keccak256(abi.encode(LEAF_TAG, roller, stake, q, capacity, weight));
    }

    /// @notice Stake of a packed leaf.
    function stakeOf(bytes calldata packed) internal pure returns (uint256) {
        return uint128(bytes16(packed[20:36]));
    }

    /// @notice Hash of a node of padding with 2^levels leaves below.
    function padding(uint256 levels) internal pure returns (bytes32 hash) {
        for (uint256 level = 0; level < levels; level++) {
            hash = node(hash, 0, hash, 0);
        }
    }

    /// @notice Hash of an inner node.
    function node(bytes32 left, uint256 leftSum, bytes32 right, uint256 rightSum) internal pure returns (bytes32) {
        return keccak256(abi.encode(NODE_TAG, left, leftSum, right, rightSum));
    }
}
