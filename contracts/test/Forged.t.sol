// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ICourt} from "../src/interfaces/ICourt.sol";
import {IDraws, PassOver, PostedDraw} from "../src/interfaces/IDraws.sol";
import {IEvidence} from "../src/interfaces/IEvidence.sol";
import {Entry} from "../src/interfaces/IRollup.sol";
import {
    AssignmentReceipt,
    CloseReceipt,
    HeartbeatReceipt,
    SubmissionReceipt,
    VerdictReceipt
} from "../src/libraries/ReceiptLib.sol";
import {PassOverBase} from "./PassOverBase.sol";

/// Whatever is said against the operator or for a roller by a receipt, the operator must have signed that very receipt; and it is about a
/// batch that there is.
contract ForgedTest is PassOverBase {
    bytes4 private constant NOT_ITS_SIGNATURE = IEvidence.WrongSigner.selector;

    /// Of something else.
    bytes private forged;

    function setUp() public override {
        super.setUp();
        leaves = nextEpoch();
        batch = begin();
        task = rollup.taskId(batch);
        forged = sign(HeartbeatReceipt(stranger, 1, false));
    }

    function test_oneErrorForAll() public pure {
        vm.assertTrue(IDraws.WrongSigner.selector == NOT_ITS_SIGNATURE);
        vm.assertTrue(ICourt.WrongSigner.selector == NOT_ITS_SIGNATURE);
        vm.assertTrue(IDraws.UnknownBatch.selector == IEvidence.UnknownBatch.selector);
    }

    // --- evidence

    function test_droppedVerdict() public {
        (AssignmentReceipt memory a, VerdictReceipt memory v) = (assignment(rollers[0], 1), verdict());
        Entry[] memory entries = new Entry[](1);
        entries[0] = Entry(rollers[1], 1, keccak256("another proof"));
        postEntries(batch, entries);
        (bytes memory signedA, bytes memory signedV) = (sign(a), sign(v));
        refusedEvidence(abi.encodeCall(evidence.droppedVerdict, (batch, a, forged, v, signedV, entries)));
        refusedEvidence(abi.encodeCall(evidence.droppedVerdict, (batch, a, signedA, v, forged, entries)));
        evidence.droppedVerdict(batch, a, signedA, v, signedV, entries);
    }

    function test_twoAssignments() public {
        AssignmentReceipt memory a = assignment(rollers[0], 1);
        AssignmentReceipt memory b = assignment(rollers[0], 2);
        (bytes memory signedA, bytes memory signedB) = (sign(a), sign(b));
        refusedEvidence(abi.encodeCall(evidence.twoAssignments, (batch, a, forged, b, signedB)));
        refusedEvidence(abi.encodeCall(evidence.twoAssignments, (batch, a, signedA, b, forged)));
        evidence.twoAssignments(batch, a, signedA, b, signedB);
    }

    function test_twoVerdicts() public {
        (VerdictReceipt memory a, VerdictReceipt memory b) = (verdict(), verdict());
        b.valid = false;
        (bytes memory signedA, bytes memory signedB) = (sign(a), sign(b));
        refusedEvidence(abi.encodeCall(evidence.twoVerdicts, (batch, a, forged, b, signedB)));
        refusedEvidence(abi.encodeCall(evidence.twoVerdicts, (batch, a, signedA, b, forged)));
        evidence.twoVerdicts(batch, a, signedA, b, signedB);
    }

    function test_twoCloses() public {
        CloseReceipt memory a = CloseReceipt(task, 0, rollers[0], 0, keccak256("entries"), 1);
        CloseReceipt memory b = CloseReceipt(task, 0, rollers[0], 2, keccak256("entries"), 1);
        (bytes memory signedA, bytes memory signedB) = (sign(a), sign(b));
        refusedEvidence(abi.encodeCall(evidence.twoCloses, (batch, a, forged, b, signedB)));
        refusedEvidence(abi.encodeCall(evidence.twoCloses, (batch, a, signedA, b, forged)));
        evidence.twoCloses(batch, a, signedA, b, signedB);
    }

    function test_wrongTime() public {
        (AssignmentReceipt memory a, VerdictReceipt memory v) = (assignment(rollers[0], 1), verdict());
        SubmissionReceipt memory s = submitted(task, v, a.deadline + 1);
        (bytes memory signedA, bytes memory signedS, bytes memory signedV) = (sign(a), sign(s), sign(v));
        refusedEvidence(abi.encodeCall(evidence.wrongTime, (batch, a, forged, s, signedS, v, signedV)));
        refusedEvidence(abi.encodeCall(evidence.wrongTime, (batch, a, signedA, s, forged, v, signedV)));
        refusedEvidence(abi.encodeCall(evidence.wrongTime, (batch, a, signedA, s, signedS, v, forged)));
        evidence.wrongTime(batch, a, signedA, s, signedS, v, signedV);
    }

    /// The receipts must be of one seat and one proof.
    function test_wrongTimeOfOtherSeats() public {
        (AssignmentReceipt memory a, VerdictReceipt memory v) = (assignment(rollers[0], 1), verdict());
        SubmissionReceipt memory s = submitted(task, v, a.deadline + 1);
        (bytes memory signedA, bytes memory signedS) = (sign(a), sign(s));
        bytes4 otherSeat = IEvidence.OtherSeat.selector;
        v.proofDigest = keccak256("other bytes");
        refused(
            address(evidence),
            abi.encodeCall(evidence.wrongTime, (batch, a, signedA, s, signedS, v, sign(v))),
            otherSeat
        );
        (v.proofDigest, v.round) = (s.proofDigest, 1);
        refused(
            address(evidence),
            abi.encodeCall(evidence.wrongTime, (batch, a, signedA, s, signedS, v, sign(v))),
            otherSeat
        );
        (v.round, s.roller) = (0, rollers[1]);
        refused(
            address(evidence),
            abi.encodeCall(evidence.wrongTime, (batch, a, signedA, s, sign(s), v, sign(v))),
            otherSeat
        );
    }

    function test_lateSettlement() public {
        SubmissionReceipt memory s = submitted(task, verdict(), 1);
        refusedEvidence(abi.encodeCall(evidence.lateSettlement, (batch, s, forged, new Entry[](0))));
        refused(
            address(evidence),
            abi.encodeCall(evidence.lateSettlement, (batch, s, sign(s), new Entry[](0))),
            IEvidence.WrongEntries.selector
        );
    }

    // --- draws

    function test_halvedEntry() public {
        Entry[] memory entries = entriesOf(batch);
        postEntries(batch, entries);
        PostedDraw memory none;
        refusedDraws(abi.encodeCall(draws.halvedEntry, (batch, verdict(), forged, entries, 0, none)));
    }

    function test_assignments() public {
        AssignmentReceipt memory a = assignment(rollers[0], 4);
        bytes[] memory paths = pathsFor(rollers[0]);
        PostedDraw memory none;
        refusedDraws(abi.encodeCall(draws.wrongTickets, (batch, a, forged, paths)));
        refusedDraws(abi.encodeCall(draws.otherSeat, (batch, a, forged, none)));
        draws.wrongTickets(batch, a, sign(a), paths);
    }

    function test_passOvers() public {
        HeartbeatReceipt memory h = HeartbeatReceipt(rollers[0], uint64(block.timestamp), true);
        bytes memory heard = sign(h);
        PassOver memory silent = signedPassOver(rollers[0], SILENT);
        PassOver memory draining = signedPassOver(rollers[0], DRAINING);
        refusedDraws(abi.encodeCall(draws.notSilent, (batch, silent, h, forged)));
        refusedDraws(abi.encodeCall(draws.notDraining, (batch, draining, h, forged, h, heard)));
        refusedDraws(abi.encodeCall(draws.notDraining, (batch, draining, h, heard, h, forged)));
        (silent.signature, draining.signature) = (forged, forged);
        refusedDraws(abi.encodeCall(draws.notSilent, (batch, silent, h, heard)));
        refusedDraws(abi.encodeCall(draws.notDraining, (batch, draining, h, heard, h, heard)));
        draining.receipt.reason = 0;
        refusedDraws(abi.encodeCall(draws.notTrue, (batch, draining)));
        silent.signature = sign(silent.receipt);
        draws.notSilent(batch, silent, h, heard);
    }

    function test_seatDelivered() public {
        uint64 other = begin();
        PassOver memory p = postedPassOver(AT_CAPACITY, seatsIn(other));
        VerdictReceipt memory v = verdict();
        v.roller = p.receipt.roller;
        SubmissionReceipt memory s = submitted(rollup.taskId(other), v, p.receipt.passedAt - 2 minutes - 1);
        refusedDraws(abi.encodeCall(draws.seatDelivered, (batch, p, 0, s, forged)));
        draws.seatDelivered(batch, p, 0, s, sign(s));
    }

    function test_batchesThatThereAreNot() public {
        AssignmentReceipt memory a = assignment(rollers[0], 4);
        bytes memory signature = sign(a);
        bytes4 unknown = IDraws.UnknownBatch.selector;
        bytes[] memory none;
        refused(address(draws), abi.encodeCall(draws.wrongTickets, (0, a, signature, none)), unknown);
        refused(address(draws), abi.encodeCall(draws.wrongTickets, (batch + 1, a, signature, none)), unknown);
        PassOver memory p = signedPassOver(rollers[0], 0);
        refused(address(draws), abi.encodeCall(draws.notTrue, (batch + 1, p)), unknown);
    }

    // --- defences

    function test_defend() public {
        VerdictReceipt memory v = verdict();
        refused(address(court), abi.encodeCall(court.defend, (batch, v, forged)), NOT_ITS_SIGNATURE);
        court.defend(batch, v, sign(v));
    }

    function test_defendExpired() public {
        SubmissionReceipt memory s = submitted(task, verdict(), 1);
        refused(address(court), abi.encodeCall(court.defendExpired, (s, forged)), NOT_ITS_SIGNATURE);
        refused(address(court), abi.encodeCall(court.defendExpired, (s, sign(s))), ICourt.NotAccused.selector);
    }

    // --- helpers

    function verdict() private view returns (VerdictReceipt memory) {
        return VerdictReceipt(task, 0, rollers[0], keccak256("proof"), true, true);
    }

    /// Receipt of the proof of a verdict, for a seat of the first round.
    function submitted(bytes32 ofTask, VerdictReceipt memory v, uint64 receivedAt)
        private
        pure
        returns (SubmissionReceipt memory)
    {
        return SubmissionReceipt(ofTask, 0, v.roller, keccak256("hash"), v.proofDigest, receivedAt);
    }

    function refusedEvidence(bytes memory call_) private {
        refused(address(evidence), call_, NOT_ITS_SIGNATURE);
    }

    function refusedDraws(bytes memory call_) private {
        refused(address(draws), call_, NOT_ITS_SIGNATURE);
    }

    function refused(address callee, bytes memory call_, bytes4 selector) private {
        (bool done, bytes memory why) = callee.call(call_);
        vm.assertFalse(done);
        vm.assertEq(bytes32(bytes4(why)), bytes32(selector));
    }
}
