// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice Decides whether a proof shows that a program, run on a VM, revealed a 32-byte value.
/// @dev A verdict must never depend on the gas given: an implementation that runs out of gas, or whose back-end is
/// missing or answers in an unknown form, reverts. `false` means "these bytes are no proof of it" and costs a stake.
interface IProofVerifier {
    /// @param exeCommit Commitment of the program.
    /// @param vmCommit Commitment of the VM configuration and of the aggregation program.
    /// @param publicValuesHash The 32 bytes that the program must have revealed.
    /// @param proof Proof bytes in the canonical encoding of the proof system.
    /// @return valid Whether the proof is accepted.
    function verify(bytes32 exeCommit, bytes32 vmCommit, bytes32 publicValuesHash, bytes calldata proof)
        external
        view
        returns (bool valid);

    /// @notice Whether `verify` decides on the very bytes that rollers submit, so that `false` is a verdict over them. A
    /// verifier that knows only wrapped proofs can accept, but cannot reject a roller's bytes.
    function total() external view returns (bool);
}
