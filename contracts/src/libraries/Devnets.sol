// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice The two L1s on which nothing is worth anything: the embedded one and anvil.
library Devnets {
    uint256 internal constant EMBEDDED_CHAIN_ID = 1337001;
    uint256 private constant ANVIL_CHAIN_ID = 31337;

    function isDevnet() internal view returns (bool) {
        return block.chainid == EMBEDDED_CHAIN_ID || block.chainid == ANVIL_CHAIN_ID;
    }
}
