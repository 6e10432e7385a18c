// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice A program whose proofs count.
struct Program {
    /// Commitment of the program; not zero.
    bytes32 exeCommit;
    /// Commitment of the VM; not zero.
    bytes32 vmCommit;
    /// IProofVerifier contract.
    address verifier;
    /// Execution rules, compared with the public values; zero for an aggregate program, which has those of the batches.
    uint64 forkId;
    /// Prover-gas schedule, compared with the public values; zero for an aggregate program.
    uint64 scheduleId;
    /// From when it counts, unix seconds. In constructor arguments: 0.
    uint64 activeFromS;
}

/// @notice Programs by version. Rows are never changed or removed.
interface IProgramTable {
    error NotGovernor(address caller);
    error BadParameter(string name);
    error ZeroHash(string name);
    error UnknownProgram(uint32 version);
    error InactiveProgram(uint32 version, uint64 activeFromS);
    error ProofRejected();

    event ProgramAnnounced(
        uint32 indexed version,
        bytes32 exeCommit,
        bytes32 vmCommit,
        address verifier,
        uint64 forkId,
        uint64 scheduleId,
        uint64 activeFromS
    );

    /// @notice Announces the next version; only the governor. It counts after `programDelayS`.
    function announceProgram(Program calldata p) external returns (uint32 version);

    function programs(uint32 version) external view returns (Program memory);
    function programCount() external view returns (uint32);
}
