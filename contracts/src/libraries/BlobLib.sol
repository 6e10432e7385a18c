// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice The polynomial in the blob that carries a batch's data: where it is evaluated, and its value there.
/// @dev What the polynomial is, and why one value binds a proof to the blob: crates/protocol/src/blob.rs.
library BlobLib {
    bytes32 internal constant POINT_TAG = "rollmill.blob.v1";
    /// @dev Order of BLS12-381's groups: points and values are below it.
    uint256 internal constant MODULUS = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001;
    /// @dev Precompile of EIP-4844.
    address internal constant POINT_EVALUATION = address(0x0a);

    /// @notice The point that the hashes of blob and data fix. Nobody can choose it.
    function point(bytes32 versionedHash, bytes32 dataCommitment) internal pure returns (bytes32) {
        return bytes32(uint256(keccak256(abi.encode(POINT_TAG, versionedHash, dataCommitment))) % MODULUS);
    }

    /// @notice Whether the polynomial in the blob of this versioned hash has the value `y` at `z`.
    /// @param opening KZG commitment of the blob and KZG proof of the value, 48 bytes each.
    function hasValue(bytes32 versionedHash, bytes32 z, bytes32 y, bytes calldata opening)
        internal
        view
        returns (bool)
    {
        (bool isDone, bytes memory answer) = POINT_EVALUATION.staticcall(abi.encodePacked(versionedHash, z, y, opening));
        // SOUNDNESS: where there is no precompile a call succeeds, too. It answers with the elements of a blob and the modulus.
        return isDone && keccak256(answer) == keccak256(abi.encode(uint256(4096), MODULUS));
    }
}
