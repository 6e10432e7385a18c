// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Snapshot} from "../src/interfaces/IRollup.sol";
import {Cases} from "./Cases.sol";
import {Paths} from "./Paths.sol";

/// Random snapshots and posted rounds, as Rust makes them (`crates/protocol/tests/board/vectors/differential.rs`).
abstract contract DrawCases is Cases {
    // --- snapshots: word 0, and from word 10 on

    /// One to six packed leaves.
    function leavesOf(Case memory c) internal pure returns (bytes memory) {
        return leavesOf(c, 1 + uint64(word(c, 0)) % 6);
    }

    function leavesOf(Case memory c, uint256 count) internal pure returns (bytes memory leaves) {
        for (uint256 n = 0; n < count; n++) {
            uint256 j = 10 + 4 * n;
            uint128 stake = uint128(1e9 + (bits(c, j + 1, 100) >> (uint64(word(c, j + 2)) % 64)));
            uint64 q = 1 + uint64(word(c, j + 3)) % 1e9;
            leaves = abi.encodePacked(leaves, sorted(c, j, n), stake, q, uint32(word(c, j + 2)));
        }
    }

    /// Number `n` of ascending addresses.
    function sorted(Case memory c, uint256 j, uint256 n) internal pure returns (address) {
        return below(c, j, n + 1);
    }

    /// The address of word `j` with this first byte.
    function below(Case memory c, uint256 j, uint256 first) internal pure returns (address) {
        return address((uint160(account(c, j)) & ((1 << 152) - 1)) | uint160(first << 152));
    }

    function wholeOf(bytes calldata leaves) external pure returns (Snapshot memory) {
        return Paths.snapshotOf(leaves);
    }

    function pathTo(bytes calldata leaves, uint256 who) external pure returns (bytes memory) {
        return Paths.pathOf(leaves, who);
    }

    function pathsTo(bytes calldata leaves, uint256 who) external pure returns (bytes[] memory paths) {
        paths = new bytes[](1);
        paths[0] = Paths.pathOf(leaves, who);
    }

    // --- posted rounds: words 3 and 7, and from word 100 on

    /// One to three rounds for draws of `k` points; some are out of order, too short or too long, or cut.
    function roundsOf(Case memory c, uint256 k) internal pure returns (bytes memory packed) {
        uint256 count = 1 + uint64(word(c, 7)) % 3;
        for (uint256 n = 0; n < count; n++) {
            uint256 j = 100 + 40 * n;
            uint64 drawnAt = uint64(uint64(word(c, j)) % 8 + 6 * n);
            bytes memory outcomes = outcomesOf(c, k, j);
            packed = abi.encodePacked(packed, drawnAt, uint8(outcomes.length), outcomes, namedOf(c, j));
        }
        if (uint64(word(c, 3)) % 8 == 0) {
            assembly ("memory-safe") {
                mstore(packed, sub(mload(packed), 1))
            }
        }
    }

    function outcomesOf(Case memory c, uint256 k, uint256 j) private pure returns (bytes memory outcomes) {
        uint256 random = word(c, j + 1);
        uint256 tickets = 0;
        for (uint256 i = 0; i < 8 * k && tickets < k; i++) {
            uint8 code = uint8(random >> (8 * i));
            code = code == 255 ? 8 : code % 8;
            if (code == 7) tickets++;
            outcomes = abi.encodePacked(outcomes, code);
        }
        uint256 change = uint64(word(c, j + 2)) % 16;
        if (change == 0) outcomes = abi.encodePacked(outcomes, uint8(0));
        if (change == 1) {
            assembly ("memory-safe") {
                mstore(outcomes, sub(mload(outcomes), 1))
            }
        }
    }

    /// Up to two rollers with up to three seats each.
    function namedOf(Case memory c, uint256 j) private pure returns (bytes memory named) {
        uint256 rollers = uint64(word(c, j + 3)) % 3;
        named = abi.encodePacked(uint8(rollers));
        for (uint256 f = 0; f < rollers; f++) {
            uint256 seats = uint64(word(c, j + 6 + f)) % 4;
            named = abi.encodePacked(named, account(c, j + 4 + f), uint16(seats));
            for (uint256 s = 0; s < seats; s++) {
                uint256 random = word(c, j + 10 + 4 * f + s);
                named = abi.encodePacked(named, uint64(random) % 4, uint32(uint64(random >> 64) % 3));
            }
        }
    }
}
