// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {HeaderLib} from "../src/libraries/HeaderLib.sol";
import {Cases} from "./Cases.sol";

/// Number and prevrandao of 10,000 random headers of every upgrade since London, against the hashes that Rust wrote
/// (`crates/l1/tests/vectors/values.rs`). The header's own hash is part of it, so both sides read the same bytes.
contract DifferentialHeadersTest is Cases {
    function file() internal pure override returns (string memory) {
        return "../crates/l1/vectors/headers.json";
    }

    function test_header() public {
        run("header", this.header);
    }

    function header(Case calldata c) external view returns (bytes memory) {
        bytes memory payload = abi.encodePacked(start(c), middle(c), end(c));
        bytes memory encoded = abi.encodePacked(hex"f9", uint16(payload.length), payload);
        (uint64 number, bytes32 prevrandao) = this.read(encoded);
        return abi.encode(keccak256(encoded), number, prevrandao);
    }

    function read(bytes calldata encoded) external pure returns (uint64, bytes32) {
        return HeaderLib.read(encoded);
    }

    /// Up to the bloom.
    function start(Case memory c) private pure returns (bytes memory) {
        bytes32 piece = bytes32(word(c, 7));
        bytes memory bloom = abi.encodePacked(piece, piece, piece, piece, piece, piece, piece, piece);
        bytes memory roots = abi.encodePacked(hash(c, 4), hash(c, 5), hash(c, 6));
        return abi.encodePacked(hash(c, 1), hash(c, 2), hex"94", account(c, 3), roots, hex"b90100", bloom);
    }

    /// From the difficulty to the nonce.
    function middle(Case memory c) private pure returns (bytes memory) {
        bytes memory extra = abi.encode(word(c, 13));
        uint256 length = uint64(word(c, 43)) % 33;
        assembly ("memory-safe") {
            mstore(extra, length)
        }
        bytes memory numbers = integer(word(c, 8) >> (uint64(word(c, 38)) % 257));
        for (uint256 j = 9; j <= 12; j++) {
            numbers = abi.encodePacked(numbers, sized(c, j));
        }
        return abi.encodePacked(numbers, text(extra), hash(c, 14), hex"88", uint64(word(c, 15)));
    }

    /// The fields of later upgrades, as many as word 0 says.
    function end(Case memory c) private pure returns (bytes memory fields) {
        uint256 count = uint64(word(c, 0)) % 7;
        if (count > 0) fields = sized(c, 16);
        if (count > 1) fields = abi.encodePacked(fields, hash(c, 17));
        if (count > 2) fields = abi.encodePacked(fields, sized(c, 18));
        if (count > 3) fields = abi.encodePacked(fields, sized(c, 19));
        if (count > 4) fields = abi.encodePacked(fields, hash(c, 20));
        if (count > 5) fields = abi.encodePacked(fields, hash(c, 21));
    }

    // --- RLP

    function hash(Case memory c, uint256 j) private pure returns (bytes memory) {
        return abi.encodePacked(hex"a0", word(c, j));
    }

    function sized(Case memory c, uint256 j) private pure returns (bytes memory) {
        return integer(uint64(word(c, j)) >> (uint64(word(c, j + 30)) % 64));
    }

    function integer(uint256 value) private pure returns (bytes memory) {
        bytes memory digits;
        while (value > 0) {
            digits = abi.encodePacked(uint8(value), digits);
            value >>= 8;
        }
        return text(digits);
    }

    /// A string of up to 55 bytes.
    function text(bytes memory item) private pure returns (bytes memory) {
        if (item.length == 1 && uint8(item[0]) < 0x80) return item;
        return abi.encodePacked(uint8(0x80 + item.length), item);
    }
}
