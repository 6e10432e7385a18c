// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Vm} from "./Vm.sol";

/// Random cases that Rust and Solidity make from the same seed, and the running hash of what a rule says about them
/// (`crates/protocol/tests/board/vectors/cases.rs` says how both are made).
abstract contract Cases {
    Vm internal constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);
    bytes32 private constant TAG = "rollmill.differential.v1";
    uint256 internal constant CASES = 10_000;
    uint256 internal constant STRIDE = 1_000;

    struct Case {
        bytes32 rule;
        uint256 number;
    }

    /// The file with the hashes that Rust wrote: one list for each rule.
    function file() internal pure virtual returns (string memory);

    function run(bytes32 rule, function(Case memory) external returns (bytes memory) result) internal {
        bytes32[] memory expected = hashesOf(rule);
        bytes32 running = 0;
        for (uint256 i = 0; i < CASES; i++) {
            running = keccak256(abi.encodePacked(running, result(Case(rule, i))));
            if ((i + 1) % STRIDE == 0) vm.assertEq(running, expected[i / STRIDE]);
        }
    }

    function hashesOf(bytes32 rule) internal view returns (bytes32[] memory hashes) {
        bytes memory name = abi.encodePacked(rule);
        uint256 length = 0;
        while (length < name.length && name[length] != 0) length++;
        assembly ("memory-safe") {
            mstore(name, length)
        }
        hashes = vm.parseJsonBytes32Array(vm.readFile(file()), string.concat(".", string(name)));
        vm.assertEq(hashes.length, CASES / STRIDE);
    }

    function word(Case memory c, uint256 j) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(TAG, c.rule, c.number, j)));
    }

    function bits(Case memory c, uint256 j, uint256 count) internal pure returns (uint256) {
        return word(c, j) & ((1 << count) - 1);
    }

    function account(Case memory c, uint256 j) internal pure returns (address) {
        return address(uint160(word(c, j)));
    }
}
