// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Contribution} from "../libraries/AggregateLib.sol";
import {PublicValues} from "../libraries/PublicValues.sol";
import {IProgramTable, Program} from "./IProgramTable.sol";
import {Entry} from "./IRollup.sol";

/// @notice Constructor arguments of Settlement.
struct SettlementParams {
    /// Announces further aggregate programs, which count after `programDelayS`; zero closes the table.
    address governor;
    uint64 programDelayS;
    /// Versions 1, 2, ... of the table.
    Program[] programs;
}

/// @notice What shows whose reward a batch's is.
struct Claim {
    uint64 batch;
    /// Commitment of the entered proof and keccak256 of its body: see ProofLib. Nobody looks at them where another roller's proof
    /// settled the batch.
    bytes32 proof;
    bytes32 bodyHash;
    /// As they were posted.
    Entry[] entries;
}

/// @notice Many batches settled by one proof, and what winners get whose proof settled none by itself.
/// @dev An aggregate proof covers consecutive batches, and says of each whose proof it was, how much work, and which proof (its
/// contribution). L1 verifies it against what was committed, moves the state, and keeps the hash of the contributions. That costs
/// the same for one batch as for many. The rewards are drawn afterwards, batch by batch:
///
/// - Where the contribution is the winner's, by the very proof that was entered, `resolve` credits the winner.
/// - Where it is not, `resolve` holds the reward for the winner as `Rollup.settleUnpaid` does: `claimLate` brings it against the entered
///   proof until `ClaimS` after the settlement, and what nobody claims is burned.
///
/// So nobody gains anything by a proof that it made after the lottery, and nobody has to hurry because of others.
interface ISettlement is IProgramTable {
    error BatchOutOfOrder(uint64 batch, uint64 expected);
    /// @notice Not one contribution for each batch, or more than one proof covers.
    error WrongCount(uint256 count);
    error WrongContributions(bytes32 contributions, bytes32 settled);
    /// @notice The winners' time is not over.
    error TooEarly(uint64 fromS);
    error NotInRange(uint64 batch);
    error AlreadyResolved(uint64 batch);
    error WrongProofDigest(bytes32 digest, bytes32 expected);
    error NotSettled(uint64 batch);
    error NotWinner(address roller, address winner);
    /// @notice Word `word` (from 0, in the order of PublicValues) is not what the batch demands.
    error PublicValuesMismatch(uint256 word, bytes32 given, bytes32 expected);

    /// @notice These batches settled by one proof, made of those that `contributions` is the hash of.
    event BatchesSettled(
        uint64 indexed first, uint64 indexed last, bytes32 stateRoot, uint64 proverGas, bytes32 contributions
    );
    /// @notice The winner of a batch was credited; or the reward is held for it, because another proof settled the batch.
    event RewardResolved(uint64 indexed batch, address indexed roller, bool isPaid, uint256 rewardWei);

    /// @notice The winner of a batch that had settled unpaid showed the proof of its entry.
    event RewardClaimedLate(uint64 indexed batch, address indexed roller, uint256 rewardWei);

    /// @notice Settles the next batches, up to 64, with an aggregate proof by a version of the table; anybody, once `unpaidFrom` of
    /// each is over, or in enforced mode; the operator as soon as all have entries. Which proofs an aggregate holds is seen
    /// when the rewards are resolved; the operator's bond answers for a winner that it could have paid.
    function settleMany(
        uint32 version,
        uint64 first,
        uint64 last,
        Contribution[] calldata contributions,
        bytes calldata proof
    ) external;

    /// @notice Brings the rewards of batches that settled together where they belong; anybody, at any time, once for each batch.
    /// @param last Last of the batches that settled together.
    /// @param contributions As they were when the batches settled.
    function resolve(uint64 last, Contribution[] calldata contributions, Claim[] calldata claims) external;

    /// @notice Credits the winner of a batch with what is held for it, against the proof of its entry; anybody.
    function claimLate(uint64 batch, PublicValues calldata pv, bytes calldata proof, Entry[] calldata entries) external;

    /// @notice Hash of the contributions to the aggregate that ended with this batch; zero if none did.
    function contributionsHash(uint64 last) external view returns (bytes32);

    /// @notice Whether a batch settled by an aggregate and its reward is not resolved.
    function isOpen(uint64 batch) external view returns (bool);
}
