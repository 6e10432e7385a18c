// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IProofVerifier} from "../interfaces/IProofVerifier.sol";
import {Devnets} from "../libraries/Devnets.sol";

/// @notice Verifies STARKs by the precompile that only the embedded L1 has.
/// @dev Input: exeCommit ++ vmCommit ++ publicValuesHash ++ proof. Output: one word, 1 accepted, 0 rejected. Anything
/// else (no precompile there, out of gas) reverts, since it says nothing about the proof.
contract StarkPrecompileVerifier is IProofVerifier {
    address public constant PRECOMPILE = 0x0000000000000000000000000000000000524D10;

    error NotTheEmbeddedL1(uint256 chainId);
    error PrecompileFailed();

    constructor() {
        require(block.chainid == Devnets.EMBEDDED_CHAIN_ID, NotTheEmbeddedL1(block.chainid));
    }

    /// @inheritdoc IProofVerifier
    function verify(bytes32 exeCommit, bytes32 vmCommit, bytes32 publicValuesHash, bytes calldata proof)
        external
        view
        returns (bool)
    {
        (bool done, bytes memory output) =
            PRECOMPILE.staticcall(abi.encodePacked(exeCommit, vmCommit, publicValuesHash, proof));
        require(done && output.length == 32, PrecompileFailed());
        uint256 verdict = abi.decode(output, (uint256));
        require(verdict <= 1, PrecompileFailed());
        return verdict == 1;
    }

    /// @inheritdoc IProofVerifier
    function total() external pure returns (bool) {
        return true;
    }
}
