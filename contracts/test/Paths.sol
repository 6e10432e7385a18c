// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Snapshot} from "../src/interfaces/IRollup.sol";
import {SnapshotLib, Tree} from "../src/libraries/SnapshotLib.sol";

/// @notice A snapshot as whoever has all of its leaves sees it.
library Paths {
    function snapshotOf(bytes calldata leaves) internal pure returns (Snapshot memory) {
        Tree memory t = SnapshotLib.tree(leaves, address(0), 0);
        return Snapshot(t.root, uint128(t.total), uint128(t.stakes));
    }

    /// @notice The path of leaf `number`.
    function pathOf(bytes calldata leaves, uint256 number) internal pure returns (bytes memory path) {
        // slither-disable-next-line unused-return
        (bytes32[] memory hashes, uint256[] memory sums,) = SnapshotLib.nodes(leaves, address(0));
        uint256 from = number * SnapshotLib.LEAF_BYTES;
        path = abi.encodePacked(leaves[from:from + SnapshotLib.LEAF_BYTES], uint32(number));
        bytes32 empty = 0;
        for (uint256 count = hashes.length - 1; count > 1;) {
            (hashes[count], sums[count]) = (empty, 0);
            path = abi.encodePacked(path, hashes[number ^ 1], uint128(sums[number ^ 1]));
            (count, number) = ((count + 1) / 2, number / 2);
            for (uint256 i = 0; i < count; i++) {
                hashes[i] = SnapshotLib.node(hashes[2 * i], sums[2 * i], hashes[2 * i + 1], sums[2 * i + 1]);
                sums[i] = sums[2 * i] + sums[2 * i + 1];
            }
            empty = SnapshotLib.node(empty, 0, empty, 0);
        }
    }

    /// @notice The paths of all leaves.
    function allOf(bytes calldata leaves) internal pure returns (bytes[] memory paths) {
        paths = new bytes[](leaves.length / SnapshotLib.LEAF_BYTES);
        for (uint256 i = 0; i < paths.length; i++) {
            paths[i] = pathOf(leaves, i);
        }
    }
}
