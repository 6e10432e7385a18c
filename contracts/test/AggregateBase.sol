// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Entry, Program} from "../src/interfaces/IRollup.sol";
import {Claim} from "../src/interfaces/ISettlement.sol";
import {AggregateLib, AggregateValues, Contribution} from "../src/libraries/AggregateLib.sol";
import {PublicValues} from "../src/libraries/PublicValues.sol";
import {Base} from "./Base.sol";

/// @notice Aggregates of batches, made as the aggregate program makes them.
abstract contract AggregateBase is Base {
    using AggregateLib for AggregateValues;

    /// The contribution of a batch by `roller`, with the proof that it would submit.
    function contribution(uint64 batch, address roller) internal view returns (Contribution memory) {
        return contribution(rollup.expectedPublicValues(batch, roller, GAS));
    }

    function contribution(PublicValues memory pv) internal pure returns (Contribution memory) {
        return Contribution(pv.roller, pv.proverGas, bytes32(proofOf(pv)));
    }

    /// What the aggregate of these batches states.
    function aggregate(uint64 first, uint64 last, Contribution[] memory contributions)
        internal
        view
        returns (AggregateValues memory v)
    {
        (v.range, v.previousLineage, v.lineage) = rollup.expectedRange(first, last);
        for (uint256 i = 0; i < contributions.length; i++) {
            v.range.proverGas += contributions[i].proverGas;
        }
        Program memory p = rollup.programs(uint32(v.range.programVersion));
        (v.exeCommit, v.vmCommit) = (p.exeCommit, p.vmCommit);
        v.contributions = keccak256(abi.encode(contributions));
    }

    function proofOf(AggregateValues memory v) internal pure returns (bytes memory) {
        return abi.encodePacked("rollmill.mock.v1", v.hash());
    }

    /// Settles the next batches with these contributions.
    function settleMany(uint64 last, Contribution[] memory contributions) internal {
        uint64 first = rollup.settledBatch() + 1;
        bytes memory proof = proofOf(aggregate(first, last, contributions));
        settlement.settleMany(1, first, last, contributions, proof);
    }

    /// What shows whose the reward is.
    function claimOf(uint64 batch, address winner, Entry[] memory entries) internal view returns (Claim memory) {
        bytes memory proof = proofOf(rollup.expectedPublicValues(batch, winner, GAS));
        return Claim(batch, bytes32(proof), bodyHashOf(proof), entries);
    }
}
