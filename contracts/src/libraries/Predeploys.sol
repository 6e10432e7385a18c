// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice Contracts that are part of every L2's genesis.
library Predeploys {
    /// @dev Fee recipient of every block: gas and data fees.
    address internal constant FEE_VAULT = address(0x524d01);
    address internal constant WITHDRAWAL_QUEUE = address(0x524d02);
    address internal constant L2_TOKEN_BRIDGE = address(0x524d03);
    /// @dev The code behind all bridged tokens; itself no token of anybody's.
    address internal constant BRIDGED_TOKEN = address(0x524d04);
    address internal constant FEE_SCHEDULE = address(0x524d05);
    address internal constant PROVING_VAULT = address(0x524d06);
}
