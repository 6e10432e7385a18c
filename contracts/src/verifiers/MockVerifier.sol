// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IProofVerifier} from "../interfaces/IProofVerifier.sol";
import {Devnets} from "../libraries/Devnets.sol";

/// @notice Accepts mock proofs, which prove nothing. Cannot be deployed anywhere but on the two devnets.
contract MockVerifier is IProofVerifier {
    error NotADevnet(uint256 chainId);

    constructor() {
        require(Devnets.isDevnet(), NotADevnet(block.chainid));
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
