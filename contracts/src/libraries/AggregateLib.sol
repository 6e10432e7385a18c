// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {PublicValues} from "./PublicValues.sol";

/// @notice What a batch adds to an aggregate beside its transition.
struct Contribution {
    /// Who proved.
    address roller;
    /// Proven work.
    uint64 proverGas;
    /// Commitment of the proof: see ProofLib.
    bytes32 proof;
}

/// @notice What an aggregate proof of consecutive batches states.
struct AggregateValues {
    /// From before the first batch to after the last, and the prover gas of all. Roller, task, data commitment and the words of the blob
    /// are zero.
    PublicValues range;
    /// Commitments of the program that proved the batches, and of the VM that it ran on.
    bytes32 exeCommit;
    bytes32 vmCommit;
    /// Lineage before the first batch and after the last.
    bytes32 previousLineage;
    bytes32 lineage;
    /// Hash of the batches' contributions.
    bytes32 contributions;
}

/// @notice Hashes of aggregates, as `crates/protocol/src/aggregate.rs` makes them.
library AggregateLib {
    bytes32 private constant TAG = "rollmill.aggregate.v1";
    /// @dev Room for what other programs than the batch program prove.
    bytes32 private constant NO_CLAIMS = 0;

    /// @notice The 32 bytes that the aggregate program reveals.
    function hash(AggregateValues memory v) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(TAG, v.range, v.exeCommit, v.vmCommit, v.previousLineage, v.lineage, v.contributions, NO_CLAIMS)
        );
    }

    /// @notice Hash that pins the contributions of an aggregate.
    function hash(Contribution[] calldata contributions) internal pure returns (bytes32) {
        return keccak256(abi.encode(contributions));
    }

    /// @notice Lineage after a batch.
    /// @param transition Hash of its public values without roller and prover gas: the same, whoever proves it.
    function roll(bytes32 previous, bytes32 transition) internal pure returns (bytes32) {
        return keccak256(abi.encode(previous, transition));
    }
}
