// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IProofVerifier} from "../interfaces/IProofVerifier.sol";

/// @notice Accepts mock proofs, which prove nothing. Cannot be deployed anywhere but on the two devnets.
contract MockVerifier is IProofVerifier {
    /// @dev Chain ids of the embedded L1 and of anvil.
    uint256 private constant EMBEDDED_CHAIN_ID = 1337001;
    uint256 private constant ANVIL_CHAIN_ID = 31337;

    error NotADevnet(uint256 chainId);

    constructor() {
        require(block.chainid == EMBEDDED_CHAIN_ID || block.chainid == ANVIL_CHAIN_ID, NotADevnet(block.chainid));
    }

    /// @inheritdoc IProofVerifier
    function verify(bytes32, bytes32, bytes32 publicValuesHash, bytes calldata proof) external pure returns (bool) {
        return keccak256(proof) == keccak256(abi.encodePacked("rollmill.mock.v1", publicValuesHash));
    }

    /// @inheritdoc IProofVerifier
    function total() external pure returns (bool) {
        return true;
    }
}
