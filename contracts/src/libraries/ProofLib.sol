// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @notice A batch's proof: 32 bytes of commitment, by which another proof names it, and the body.
/// @dev What a commitment is the proof system says; a verifier refuses a proof that begins with another one. The digest covers it
/// apart from the body, so that whoever knows the body's hash can show which commitment a digest is about.
library ProofLib {
    uint256 private constant COMMITMENT_BYTES = 32;

    /// @notice What a submission, a receipt and an entry name a proof by. Fewer than 32 bytes count as if zeros followed.
    function digest(bytes calldata proof) internal pure returns (bytes32) {
        return digest(bytes32(proof), keccak256(proof[Math.min(COMMITMENT_BYTES, proof.length):]));
    }

    /// @notice The same from its two parts.
    function digest(bytes32 commitment, bytes32 bodyHash) internal pure returns (bytes32) {
        return keccak256(abi.encode(commitment, bodyHash));
    }
}
