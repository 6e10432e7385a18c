// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Contracts} from "./interfaces/IContracts.sol";
import {IEnforcement} from "./interfaces/IEnforcement.sol";
import {IOperatorBond} from "./interfaces/IOperatorBond.sol";
import {IParameters, Key} from "./interfaces/IParameters.sol";
import {Batch, Commit, IRollup} from "./interfaces/IRollup.sol";
import {PublicValues} from "./libraries/PublicValues.sol";

/// @notice See IEnforcement.
/// @dev Whether the chain is in enforced mode is kept by Rollup, which alone commits and settles.
contract Enforcement is IEnforcement {
    uint64 private constant NEVER = type(uint64).max;

    IRollup public immutable rollup;
    IParameters public immutable parameters;
    IOperatorBond public immutable bond;

    constructor(Contracts memory c) {
        rollup = IRollup(c.rollup);
        parameters = IParameters(c.parameters);
        bond = IOperatorBond(c.bond);
    }

    /// @inheritdoc IEnforcement
    function enforce() external {
        uint64 sinceS = rollup.enforcedSince();
        require(sinceS == 0, AlreadyEnforced(sinceS));
        uint64 fromS = enforceableFrom();
        require(block.timestamp >= fromS, NotDue(fromS));
        emit Enforced(msg.sender, rollup.settledBatch(), rollup.committedBatch());
        rollup.setEnforced(uint64(block.timestamp));
    }

    /// @inheritdoc IEnforcement
    function enforceBatch(Commit calldata c, bytes calldata data, PublicValues calldata pv, bytes calldata proof)
        external
    {
        uint64 end = _everythingSettled();
        // One at least, and not all: so many can be due that no batch holds them.
        require(c.messagesEnd > end || !_isDue(end), MessageDue(end));
        emit BatchEnforced(c.batch, msg.sender, data);
        bond.skip(c.batch);
        rollup.commit(_withinBounds(c), data);
        rollup.settleUnpaid(pv, proof);
    }

    /// @inheritdoc IEnforcement
    function drop(uint64 count) external {
        uint64 fromS = droppableFrom();
        require(fromS != NEVER, NotEnforced());
        require(block.timestamp >= fromS, TooEarly(fromS));
        uint256 unsettled = rollup.committedBatch() - rollup.settledBatch();
        require(unsettled > 0, NothingToDrop());
        for (uint256 left = Math.min(count, unsettled); left > 0; left--) {
            rollup.drop();
        }
    }

    /// @inheritdoc IEnforcement
    function resume() external {
        require(msg.sender == rollup.operator(), NotOperator(msg.sender));
        uint64 end = _everythingSettled();
        require(!_isDue(end), MessageDue(end));
        emit Resumed(rollup.settledBatch());
        rollup.setEnforced(0);
    }

    /// @inheritdoc IEnforcement
    function enforceableFrom() public view returns (uint64 fromS) {
        uint64 settled = rollup.settledBatch();
        Batch memory last = rollup.batches(settled);
        fromS = NEVER;
        uint256 waitingS = NEVER;
        if (last.messagesEnd < rollup.messageCount()) {
            waitingS = rollup.messageSentAt(last.messagesEnd);
            fromS = uint64(waitingS + parameters.value(Key.ForceDelayS));
        }
        if (settled < rollup.committedBatch()) {
            waitingS = Math.min(waitingS, rollup.batches(settled + 1).committedAt);
        }
        if (waitingS == NEVER) return NEVER;
        uint256 silentS = Math.max(waitingS, last.settledAt) + parameters.value(Key.LivenessS);
        return uint64(Math.min(fromS, silentS));
    }

    /// @inheritdoc IEnforcement
    function droppableFrom() public view returns (uint64) {
        uint64 sinceS = rollup.enforcedSince();
        return sinceS == 0 ? NEVER : sinceS + uint64(parameters.value(Key.DropS));
    }

    /// @dev Messages settled so far; reverts outside of enforced mode, and while a batch is unsettled.
    function _everythingSettled() private view returns (uint64 end) {
        require(rollup.enforcedSince() != 0, NotEnforced());
        uint64 settled = rollup.settledBatch();
        require(rollup.committedBatch() == settled, Unsettled(settled + 1));
        return rollup.batches(settled).messagesEnd;
    }

    /// @dev Whether the message after the first `end` has waited for too long.
    function _isDue(uint64 end) private view returns (bool) {
        if (end == rollup.messageCount()) return false;
        return rollup.messageSentAt(end) + parameters.value(Key.ForceDelayS) <= block.timestamp;
    }

    /// @dev The same commit with an estimate that Rollup takes: no parameter keeps a heavy batch out.
    function _withinBounds(Commit calldata c) private view returns (Commit memory bounded) {
        bounded = c;
        uint256 most = parameters.value(Key.ProverGasMax);
        if (bounded.proverGasEstimate > most) bounded.proverGasEstimate = uint64(most);
    }
}
