// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {PublicValues} from "../libraries/PublicValues.sol";
import {Commit} from "./IRollup.sol";

/// @notice The chain without its operator.
/// @dev When the operator lets an L1 message wait for `ForceDelayS`, or anything for `LivenessS` without a settlement, anybody
/// starts *enforced mode*. From then on the operator has no privilege:
///
/// - Batches are committed together with their proofs, by anybody, in order, each in one transaction. Without a proof nobody
///   can put anything in the way. Nobody is drawn, and nobody is paid.
/// - While the oldest message is due, a batch must contain it. So every batch, whoever made it, brings each waiting message
///   nearer, and every proof that is overtaken was overtaken by such progress.
/// - What the operator committed before may be settled by anybody with a proof. What nobody proved `DropS` after the start is
///   dropped: a commit that cannot be proven holds nobody up.
/// - The operator ends enforced mode when nothing is committed and unsettled and no message is due. It gains nothing by that
///   but what it had before: the next message that it lets wait starts enforced mode again.
///
/// Nothing here can be paused, and no parameter comes into force before whoever dislikes it has left: see IParameters.
interface IEnforcement {
    error NotOperator(address caller);
    /// @notice Nothing has waited for long enough; `fromS` is 2^64 - 1 when nothing waits.
    error NotDue(uint64 fromS);
    error AlreadyEnforced(uint64 sinceS);
    error NotEnforced();
    /// @notice A batch that was committed before must be settled or dropped first.
    error Unsettled(uint64 batch);
    error NothingToDrop();
    error TooEarly(uint64 fromS);
    /// @notice The message has waited for `ForceDelayS`, and must be settled first.
    error MessageDue(uint64 index);

    /// @notice Enforced mode began, by `caller`, after these batches.
    event Enforced(address indexed caller, uint64 settledBatch, uint64 committedBatch);
    /// @notice A batch was committed and settled by `caller`. `data` is here, because the transaction may have called through
    /// other contracts.
    event BatchEnforced(uint64 indexed batch, address indexed caller, bytes data);
    /// @notice The operator goes on after this batch.
    event Resumed(uint64 settledBatch);

    /// @notice Starts enforced mode; anybody, from `enforceableFrom` on.
    function enforce() external;

    /// @notice Commits and settles the next batch; anybody, in enforced mode, when no other batch is committed and unsettled.
    /// While a message is due, the batch must contain it. The estimate of the prover gas binds nobody.
    function enforceBatch(Commit calldata c, bytes calldata data, PublicValues calldata pv, bytes calldata proof)
        external;

    /// @notice Drops up to `count` of the batches that were committed before enforced mode and that nobody proved; anybody, from
    /// `droppableFrom` on.
    function drop(uint64 count) external;

    /// @notice Ends enforced mode; only the operator, when no batch is committed and unsettled and no message is due.
    function resume() external;

    /// @notice From when anybody may start enforced mode if nothing settles before, unix seconds; 2^64 - 1 when nothing waits.
    function enforceableFrom() external view returns (uint64);

    /// @notice From when unsettled batches can be dropped, unix seconds; 2^64 - 1 outside of enforced mode.
    function droppableFrom() external view returns (uint64);
}
