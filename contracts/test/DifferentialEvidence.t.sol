// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Evidence} from "../src/Evidence.sol";
import {Contracts} from "../src/interfaces/IContracts.sol";
import {IEvidence} from "../src/interfaces/IEvidence.sol";
import {Key} from "../src/interfaces/IParameters.sol";
import {Batch} from "../src/interfaces/IRollup.sol";
import {DrawLib} from "../src/libraries/DrawLib.sol";
import {AssignmentReceipt, CloseReceipt, SubmissionReceipt, VerdictReceipt} from "../src/libraries/ReceiptLib.sol";
import {Cases} from "./Cases.sol";

/// Which receipts exclude each other by Evidence, on 10,000 random cases, against the running hashes that Rust wrote
/// (`crates/roller-api/tests/vectors/differential.rs`). This test is all contracts around it.
contract DifferentialEvidenceTest is Cases {
    bytes32 private constant BEACON = "beacon";
    uint64 public constant committedBatch = type(uint64).max;
    address public constant operator = address(0x0be7a704);
    /// @dev The precompile that says who signed.
    address private constant ECRECOVER = address(1);

    bytes private signature = new bytes(65);
    Evidence private evidence;

    function setUp() public {
        Contracts memory around;
        (around.parameters, around.bond) = (address(this), address(this));
        (around.court, around.rollup) = (address(this), address(this));
        evidence = new Evidence(around);
        // Signatures are another test's: here all are the operator's.
        vm.mockCall(ECRECOVER, "", abi.encode(operator));
    }

    function file() internal pure override returns (string memory) {
        return "../crates/roller-api/vectors/differential.json";
    }

    // --- what Evidence asks

    function taskId(uint64 batch) public pure returns (bytes32) {
        return bytes32(uint256(batch));
    }

    function drawBlock(uint64) external pure returns (uint64) {
        return 1;
    }

    function beacons(uint64) external pure returns (bytes32) {
        return BEACON;
    }

    function batches(uint64) external pure returns (Batch memory b) {}

    function settledAt(uint64) external pure returns (uint64) {
        return 0;
    }

    function value(Key) external pure returns (uint256) {
        return 0;
    }

    function fineWei(uint64) external pure returns (uint256) {
        return 0;
    }

    function slash(address, uint256) external pure returns (uint256) {
        return 0;
    }

    // --- the rule

    function test_contradictions() public {
        run("contradictions", this.contradictions);
    }

    /// Receipts of which one field may differ: do they exclude each other? Each kind has a batch of its own.
    function contradictions(Case calldata c) external returns (bytes memory) {
        uint64 batch = uint64(4 * c.number + 1);
        uint256 change = uint64(word(c, 1)) % 8;
        return abi.encode(
            assignments(c, batch, change),
            verdicts(c, batch + 1, change),
            closes(c, batch + 2, change),
            times(c, batch + 3, change)
        );
    }

    function assignments(Case memory c, uint64 batch, uint256 change) private returns (bool) {
        AssignmentReceipt memory a = assignment(c, batch);
        AssignmentReceipt memory b = assignment(c, batch);
        if (change == 0) b.task = bytes32(word(c, 20));
        if (change == 1) b.round = uint32(word(c, 20));
        if (change == 2) b.roller = account(c, 20);
        if (change == 3) b.tickets = uint32(word(c, 20));
        if (change == 4) b.assignedAt = uint64(word(c, 20));
        if (change == 5) b.deadline = uint64(word(c, 20));
        if (change == 6) b.seed = bytes32(word(c, 20));
        return charged(abi.encodeCall(evidence.twoAssignments, (batch, a, signature, b, signature)));
    }

    function verdicts(Case memory c, uint64 batch, uint256 change) private returns (bool) {
        VerdictReceipt memory a = verdict(c, batch);
        VerdictReceipt memory b = verdict(c, batch);
        if (flag(c, 21)) b.valid = !a.valid;
        if (change == 0) b.task = bytes32(word(c, 20));
        if (change == 1) b.round = uint32(word(c, 20));
        if (change == 2) b.roller = account(c, 20);
        if (change == 3) b.proofDigest = bytes32(word(c, 20));
        if (change == 4) b.onTime = !a.onTime;
        return charged(abi.encodeCall(evidence.twoVerdicts, (batch, a, signature, b, signature)));
    }

    function closes(Case memory c, uint64 batch, uint256 change) private returns (bool) {
        CloseReceipt memory a = close(c, batch);
        CloseReceipt memory b = close(c, batch);
        if (flag(c, 21)) b.outcome = uint8(word(c, 22));
        if (change == 0) b.task = bytes32(word(c, 20));
        if (change == 1) b.round = uint32(word(c, 20));
        if (change == 2) b.roller = account(c, 20);
        if (change == 3) b.entriesHash = bytes32(word(c, 20));
        if (change == 4) b.closedAt = uint64(word(c, 20));
        return charged(abi.encodeCall(evidence.twoCloses, (batch, a, signature, b, signature)));
    }

    function times(Case memory c, uint64 batch, uint256 change) private returns (bool) {
        AssignmentReceipt memory a = assignment(c, batch);
        a.deadline = (a.deadline >> 1) + 1;
        // L1 asks for the seed of the draw, too.
        a.seed = DrawLib.seed(a.task, a.round, BEACON);
        SubmissionReceipt memory s =
            SubmissionReceipt(a.task, a.round, a.roller, bytes32(word(c, 21)), bytes32(word(c, 22)), a.deadline - 1);
        s.receivedAt += uint64(word(c, 23)) % 3;
        VerdictReceipt memory v = VerdictReceipt(a.task, a.round, a.roller, s.proofDigest, flag(c, 24), flag(c, 25));
        if (change == 0) s.round = uint32(word(c, 20));
        if (change == 1) s.roller = account(c, 20);
        if (change == 2) v.round = uint32(word(c, 20));
        if (change == 3) v.proofDigest = bytes32(word(c, 20));
        return charged(abi.encodeCall(evidence.wrongTime, (batch, a, signature, s, signature, v, signature)));
    }

    // --- receipts

    function assignment(Case memory c, uint64 batch) private pure returns (AssignmentReceipt memory) {
        return AssignmentReceipt(
            taskId(batch),
            uint32(word(c, 3)),
            account(c, 4),
            uint32(word(c, 5)),
            uint64(word(c, 6)),
            uint64(word(c, 7)),
            bytes32(word(c, 8))
        );
    }

    function verdict(Case memory c, uint64 batch) private pure returns (VerdictReceipt memory) {
        return
            VerdictReceipt(
                taskId(batch), uint32(word(c, 3)), account(c, 4), bytes32(word(c, 5)), flag(c, 6), flag(c, 7)
            );
    }

    function close(Case memory c, uint64 batch) private pure returns (CloseReceipt memory) {
        return CloseReceipt(
            taskId(batch), uint32(word(c, 3)), account(c, 4), uint8(word(c, 5)), bytes32(word(c, 6)), uint64(word(c, 7))
        );
    }

    function flag(Case memory c, uint256 j) private pure returns (bool) {
        return uint64(word(c, j)) % 2 == 0;
    }

    /// Whether Evidence charges the operator. If not, it is because the receipts do not exclude each other.
    function charged(bytes memory call_) private returns (bool) {
        (bool done, bytes memory why) = address(evidence).call(call_);
        bytes4 error_ = bytes4(why);
        vm.assertTrue(done || error_ == IEvidence.OtherSeat.selector || error_ == IEvidence.NoContradiction.selector);
        return done;
    }
}
