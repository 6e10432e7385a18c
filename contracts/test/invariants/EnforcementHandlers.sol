// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IEnforcement} from "../../src/interfaces/IEnforcement.sol";
import {Batch, Commit, IRollup} from "../../src/interfaces/IRollup.sol";
import {PublicValues} from "../../src/libraries/PublicValues.sol";
import {DrawHandlers} from "./DrawHandlers.sol";

/// The chain without its operator: it censors a message, or is silent, or commits what nobody can prove. Each handler goes through
/// enforced mode to its end, where the operator comes back.
abstract contract EnforcementHandlers is DrawHandlers {
    /// An operator that lives and leaves a message out; what it has committed is proven by a stranger.
    function enforceOverCensorship(uint256 seed) external done {
        clearQueue();
        uint64 index = message();
        uint256 fromS = enforcement.enforceableFrom();
        Commit memory c = nextCommit();
        c.messagesEnd = index;
        c.lastTimestamp = rollup.batches(c.batch - 1).lastTimestamp;
        if (bond.bondWei() < 200_000 ether) bond.deposit(200_000 ether);
        commit(c);
        workOf[c.batch] = GAS;
        must(!calls(stranger, address(enforcement), abi.encodeCall(IEnforcement.enforce, ())), "enforced too early");
        pass(fromS - block.timestamp);
        enforce_();
        clearQueue();
        must(!enforces(index), "a due message left out");
        for (uint256 more = seed % 2; more > 0; more--) {
            message();
        }
        must(enforces(rollup.messageCount()), "not included");
        must(rollup.batches(rollup.settledBatch()).messagesEnd > index, "not settled");
        resume_();
    }

    /// An operator that leaves what it committed; the rest is dropped.
    function enforceOverSilence(uint256 seed) external done {
        clearQueue();
        uint64 count = uint64(1 + seed % 3);
        for (uint64 i = 0; i < count; i++) {
            commit_(JUDGED, seed, GAS);
        }
        pass(enforcement.enforceableFrom() - block.timestamp);
        enforce_();
        if (seed % 2 == 0) settleUnpaid_(seed % ROLLERS);
        drop_();
        must(enforces(rollup.messageCount()), "nothing after a drop");
        resume_();
    }

    /// Claims that nobody can prove leave no trace.
    function dropGarbage(uint256 seed) external done {
        clearQueue();
        Batch memory before = rollup.batches(rollup.settledBatch());
        Commit memory c = nextCommit();
        c.stateRoot = bytes32(seed | 1);
        c.withdrawalRoot = bytes32(seed | 2);
        if (bond.bondWei() < 200_000 ether) bond.deposit(200_000 ether);
        commit(c);
        workOf[c.batch] = GAS;
        pass(enforcement.enforceableFrom() - block.timestamp);
        enforce_();
        drop_();
        Batch memory b = rollup.batches(c.batch);
        must(b.stateRoot == before.stateRoot && b.blockHash == before.blockHash, "state");
        must(b.withdrawalRoot == before.withdrawalRoot && b.messagesEnd == before.messagesEnd, "withdrawals, messages");
        must(b.lastBlock == before.lastBlock, "blocks");
        resume_();
    }

    // --- steps

    function message() private returns (uint64 index) {
        vm.deal(stranger, 1 ether);
        vm.prank(stranger, stranger);
        return rollup.forceTransaction{value: 0.001 ether}(address(7), 1 ether, 21_000, "");
    }

    function enforce_() private {
        vm.prank(stranger);
        enforcement.enforce();
        bytes memory commits = abi.encodeCall(IRollup.commit, (nextCommit(), "data"));
        must(!calls(operator, address(rollup), commits), "the operator committed without a proof");
    }

    function drop_() private {
        bytes memory drops = abi.encodeCall(IEnforcement.drop, (type(uint64).max));
        must(!calls(stranger, address(enforcement), drops), "dropped too early");
        uint64 left = rollup.committedBatch() - rollup.settledBatch();
        pass(enforcement.droppableFrom() - block.timestamp);
        must(calls(stranger, address(enforcement), drops) == (left > 0), "not dropped");
        must(rollup.settledBatch() == rollup.committedBatch(), "something is left");
    }

    /// Brings a batch with so many messages as a stranger; a false proof never helps.
    function enforces(uint64 messagesEnd) private returns (bool) {
        Commit memory c = nextCommit();
        c.messagesEnd = messagesEnd;
        PublicValues memory pv = enforcedValues(c, "data", stranger);
        (uint256 owedBefore, uint256 settled) = (pool.totalCredits(), rollup.settledBatch());
        bytes memory garbage = abi.encodeCall(IEnforcement.enforceBatch, (c, "data", pv, "garbage"));
        must(!calls(stranger, address(enforcement), garbage), "enforced without a proof");
        bytes memory proven = abi.encodeCall(IEnforcement.enforceBatch, (c, "data", pv, proofOf(pv)));
        bool isDone = calls(stranger, address(enforcement), proven);
        must(rollup.settledBatch() == settled + (isDone ? 1 : 0), "settled");
        must(pool.totalCredits() == owedBefore, "paid for an enforced batch");
        if (isDone) workOf[c.batch] = GAS;
        return isDone;
    }

    function resume_() private {
        bytes memory resumes = abi.encodeCall(IEnforcement.resume, ());
        must(!calls(stranger, address(enforcement), resumes), "a stranger resumed");
        must(calls(operator, address(enforcement), resumes), "the operator did not resume");
    }

    function calls(address by, address target, bytes memory data) private returns (bool isDone) {
        vm.prank(by);
        (isDone,) = target.call(data);
    }
}
