// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ProgramTable} from "./ProgramTable.sol";
import {Contracts} from "./interfaces/IContracts.sol";
import {IProofVerifier} from "./interfaces/IProofVerifier.sol";
import {Entry, IRollup, Program, Reward} from "./interfaces/IRollup.sol";
import {Claim, ISettlement, SettlementParams} from "./interfaces/ISettlement.sol";
import {AggregateLib, AggregateValues, Contribution} from "./libraries/AggregateLib.sol";
import {ProofLib} from "./libraries/ProofLib.sol";
import {PublicValues, PublicValuesLib} from "./libraries/PublicValues.sol";

/// @notice See ISettlement.
/// @dev Rollup keeps the state and pays. INVARIANT: the reward of a batch is resolved once, whoever asks.
contract Settlement is ISettlement, ProgramTable {
    using AggregateLib for AggregateValues;
    using PublicValuesLib for PublicValues;

    /// @dev As many as the aggregate program takes.
    uint256 private constant BATCHES_MAX = 64;

    IRollup public immutable rollup;

    mapping(uint64 last => bytes32) public contributionsHash;
    /// @dev Bit i: batch `last` - i.
    mapping(uint64 last => uint256) private _resolved;

    constructor(Contracts memory c, SettlementParams memory p) ProgramTable(p.governor, p.programDelayS, p.programs) {
        rollup = IRollup(c.rollup);
    }

    /// @inheritdoc ISettlement
    function settleMany(
        uint32 version,
        uint64 first,
        uint64 last,
        Contribution[] calldata contributions,
        bytes calldata proof
    ) external {
        uint64 next = rollup.settledBatch() + 1;
        require(first == next, BatchOutOfOrder(first, next));
        uint256 count = contributions.length;
        require(count > 0 && count <= BATCHES_MAX && first + count == uint256(last) + 1, WrongCount(count));
        _requireActive(version);
        _requireTurn(first, last);
        AggregateValues memory v = _expected(first, last, contributions);
        require(_accepts(version, v.hash(), proof), ProofRejected());
        contributionsHash[last] = v.contributions;
        emit BatchesSettled(first, last, v.range.stateRoot, v.range.proverGas, v.contributions);
        rollup.settleThrough(last);
    }

    /// @inheritdoc ISettlement
    function resolve(uint64 last, Contribution[] calldata contributions, Claim[] calldata claims) external {
        bytes32 settled = contributionsHash[last];
        bytes32 given = AggregateLib.hash(contributions);
        // Hashes: nobody can move them towards each other.
        // slither-disable-next-line incorrect-equality
        require(given == settled, WrongContributions(given, settled));
        for (uint256 i = 0; i < claims.length; i++) {
            uint64 batch = claims[i].batch;
            require(batch <= last && last - batch < contributions.length, NotInRange(batch));
            uint256 back = last - batch;
            _resolve(last, back, contributions[contributions.length - 1 - back], claims[i]);
        }
    }

    /// @inheritdoc ISettlement
    function claimLate(uint64 batch, PublicValues memory pv, bytes calldata proof, Entry[] calldata entries) external {
        Entry memory winner = rollup.winnerOf(batch, entries);
        require(batch <= rollup.settledBatch(), NotSettled(batch));
        require(pv.roller == winner.roller, NotWinner(pv.roller, winner.roller));
        _requireEntered(ProofLib.digest(proof), winner);
        _checkProof(batch, pv, proof);
        uint256 rewardWei = rollup.reward(batch, pv.roller, pv.proverGas, Reward.Held);
        emit RewardClaimedLate(batch, pv.roller, rewardWei);
    }

    /// @inheritdoc ISettlement
    function isOpen(uint64 batch) external view returns (bool) {
        if (batch > rollup.settledBatch()) return false;
        uint64 last = rollup.settlementEnd(batch);
        return contributionsHash[last] != 0 && !_isResolved(last, last - batch);
    }

    /// @dev SOUNDNESS: of all that an aggregate states only the contributions are the provers' word; the rest is rebuilt from storage.
    function _expected(uint64 first, uint64 last, Contribution[] calldata contributions)
        private
        view
        returns (AggregateValues memory v)
    {
        (v.range, v.previousLineage, v.lineage) = rollup.expectedRange(first, last);
        for (uint256 i = 0; i < contributions.length; i++) {
            v.range.proverGas += contributions[i].proverGas;
        }
        Program memory p = rollup.programs(uint32(v.range.programVersion));
        v.exeCommit = p.exeCommit;
        v.vmCommit = p.vmCommit;
        v.contributions = AggregateLib.hash(contributions);
    }

    function _resolve(uint64 last, uint256 back, Contribution calldata c, Claim calldata claim) private {
        require(!_isResolved(last, back), AlreadyResolved(claim.batch));
        _resolved[last] |= 1 << back;
        Entry memory winner = rollup.winnerOf(claim.batch, claim.entries);
        bool isEntered = c.roller == winner.roller;
        if (isEntered) {
            // Without this whoever names other bytes could put the winner off.
            _requireEntered(ProofLib.digest(claim.proof, claim.bodyHash), winner);
            // SOUNDNESS: the roller is paid for the proof that it had entered, and not for one that it made when it had won.
            isEntered = c.proof == claim.proof;
        }
        Reward kind = isEntered ? Reward.Now : Reward.Later;
        uint256 rewardWei = rollup.reward(claim.batch, winner.roller, c.proverGas, kind);
        emit RewardResolved(claim.batch, winner.roller, isEntered, rewardWei);
    }

    /// @dev What Rollup asks of a proof that settles the batch.
    function _checkProof(uint64 batch, PublicValues memory pv, bytes calldata proof) private view {
        PublicValues memory expected = rollup.expectedPublicValues(batch, pv.roller, pv.proverGas);
        (uint256 word, bytes32 given, bytes32 wanted) = pv.firstDifference(expected);
        // The index of the first difference, and that behind the last word where there is none.
        // slither-disable-next-line incorrect-equality
        require(word == PublicValuesLib.WORDS, PublicValuesMismatch(word, given, wanted));
        Program memory p = rollup.programs(uint32(pv.programVersion));
        bool isValid = IProofVerifier(p.verifier).verify(p.exeCommit, p.vmCommit, pv.hash(), proof);
        require(isValid, ProofRejected());
    }

    /// @dev Winners come first, as with single batches. The operator need not wait: it knows what was entered, and answers for it.
    function _requireTurn(uint64 first, uint64 last) private view {
        if (rollup.enforcedSince() != 0) return;
        if (msg.sender == rollup.operator() && last <= rollup.enteredThrough()) return;
        for (uint64 batch = first; batch <= last; batch++) {
            uint64 fromS = rollup.unpaidFrom(batch);
            require(block.timestamp >= fromS, TooEarly(fromS));
        }
    }

    function _requireEntered(bytes32 digest, Entry memory winner) private pure {
        require(digest == winner.proofDigest, WrongProofDigest(digest, winner.proofDigest));
    }

    function _isResolved(uint64 last, uint256 back) private view returns (bool) {
        return (_resolved[last] >> back) & 1 != 0;
    }
}
