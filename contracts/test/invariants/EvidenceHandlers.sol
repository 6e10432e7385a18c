// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IEvidence, Offence} from "../../src/interfaces/IEvidence.sol";
import {Entry, Submission} from "../../src/interfaces/IRollup.sol";
import {DrawLib} from "../../src/libraries/DrawLib.sol";
import {PublicValues, PublicValuesLib} from "../../src/libraries/PublicValues.sol";
import {AssignmentReceipt, CloseReceipt, SubmissionReceipt, VerdictReceipt} from "../../src/libraries/ReceiptLib.sol";
import {CourtHandlers} from "./CourtHandlers.sol";

/// What is said of the operator: each kind of evidence, for an operator that did it; and false evidence against one that did not.
abstract contract EvidenceHandlers is CourtHandlers {
    using PublicValuesLib for PublicValues;

    /// Anybody can be named in a receipt, also who is no roller.
    function chargeVerdicts(uint256 who) external done {
        uint64 batch = fresh(JUDGED);
        address roller = who % 5 < ROLLERS ? names[who % 5] : stranger;
        VerdictReceipt memory a = VerdictReceipt(rollup.taskId(batch), 0, roller, keccak256("a"), true, true);
        VerdictReceipt memory b = VerdictReceipt(a.task, 0, roller, keccak256("a"), false, true);
        Sums memory before = sums();
        evidence.twoVerdicts(batch, a, sign(a), b, sign(b));
        bookCharge(batch, roller, Offence.Contradiction, before);
        (bool again,) = address(evidence).call(abi.encodeCall(IEvidence.twoVerdicts, (batch, a, sign(a), b, sign(b))));
        must(!again, "charged again");
    }

    function chargeAssignments(uint256 who) external done {
        (uint64 batch, address roller) = seatOf(who);
        AssignmentReceipt memory a = assignment(batch, roller, 0);
        AssignmentReceipt memory b = assignment(batch, roller, 0);
        b.deadline++;
        Sums memory before = sums();
        evidence.twoAssignments(batch, a, sign(a), b, sign(b));
        bookCharge(batch, roller, Offence.Contradiction, before);
    }

    function chargeCloses(uint256 who) external done {
        (uint64 batch, address roller) = seatOf(who);
        CloseReceipt memory a = CloseReceipt(rollup.taskId(batch), 0, roller, 0, keccak256("entries"), 1);
        CloseReceipt memory b = CloseReceipt(a.task, 0, roller, 1, keccak256("entries"), 2);
        Sums memory before = sums();
        evidence.twoCloses(batch, a, sign(a), b, sign(b));
        bookCharge(batch, roller, Offence.Contradiction, before);
    }

    /// In time, but called late.
    function chargeTime(uint256 who) external done {
        (uint64 batch, address roller) = seatOf(who);
        AssignmentReceipt memory a = assignment(batch, roller, 0);
        VerdictReceipt memory v = VerdictReceipt(a.task, 0, roller, keccak256("bytes"), true, false);
        SubmissionReceipt memory s =
            SubmissionReceipt(a.task, 0, roller, keccak256("values"), v.proofDigest, a.deadline);
        Sums memory before = sums();
        evidence.wrongTime(batch, a, sign(a), s, sign(s), v, sign(v));
        bookCharge(batch, roller, Offence.Contradiction, before);
    }

    /// A roller that is refused a receipt posts its proof; the operator leaves it out.
    function chargeDroppedPosted(uint256 who) external done {
        who %= ROLLERS;
        (uint64 batch, address roller) = seatOf(who);
        uint32 round = post(batch, who);
        PublicValues memory pv = values(batch, roller);
        pass(2 minutes);
        Entry[] memory entries = entriesFor(batch, who);
        enter_(batch, entries);
        Sums memory before = sums();
        evidence.droppedPosted(rollup.taskId(batch), round, roller, pv, proofOf(pv), entries);
        bookCharge(batch, roller, Offence.DroppedSubmission, before);
    }

    /// The operator called it valid and in time, and left it out; or posted nothing at all.
    function chargeDroppedVerdict(uint256 who, bool isSettled) external done {
        who %= ROLLERS;
        if (isSettled) clearQueue();
        (uint64 batch, address roller) = seatOf(who);
        Entry[] memory entries;
        if (isSettled) {
            settleUnpaid_(who);
        } else {
            entries = entriesFor(batch, who);
            enter_(batch, entries);
        }
        AssignmentReceipt memory a = assignment(batch, roller, 0);
        if (isSettled) a.deadline = rollup.settledAt(batch) - 2 minutes;
        VerdictReceipt memory v = VerdictReceipt(a.task, 0, roller, keccak256("bytes"), true, true);
        Sums memory before = sums();
        evidence.droppedVerdict(batch, a, sign(a), v, sign(v), entries);
        bookCharge(batch, roller, Offence.DroppedSubmission, before);
    }

    /// The winner's bytes were with the operator and did not settle: its bond pays, once and nothing else ever.
    function chargeLateSettlement(uint256 seed) external done {
        uint64 batch = burnHeld_();
        address winner = drawnBy(batch);
        PublicValues memory pv = values(batch, winner);
        SubmissionReceipt memory r =
            SubmissionReceipt(rollup.taskId(batch), 0, winner, pv.hash(), digestOf(proofOf(pv)), uint64(seed));
        Entry[] memory entries = entriesPosted[batch];
        Sums memory before = sums();
        evidence.lateSettlement(batch, r, sign(r), entries);
        bookCharge(batch, winner, Offence.LateSettlement, before);
        compensated[batch] = true;
        (bool isPaid,) =
            address(settlement).call(abi.encodeCall(settlement.claimLate, (batch, pv, proofOf(pv), entries)));
        must(!isPaid, "paid besides");
    }

    /// A claimed reward is no late settlement.
    function chargeNothingAfterAClaim(uint256 seed) external done {
        uint64 batch = hold();
        address winner = drawnBy(batch);
        PublicValues memory pv = values(batch, winner);
        Entry[] memory entries = entriesPosted[batch];
        Sums memory before = sums();
        settlement.claimLate(batch, pv, proofOf(pv), entries);
        bookReward(batch, winner, before);
        held.pop();
        SubmissionReceipt memory r =
            SubmissionReceipt(rollup.taskId(batch), 0, winner, pv.hash(), digestOf(proofOf(pv)), uint64(seed));
        refused(abi.encodeCall(IEvidence.lateSettlement, (batch, r, sign(r), entries)));
    }

    /// Nobody stores the lottery's beacon while it can be proven.
    function chargeLostBeacon(uint256 who) external done {
        clearQueue();
        (uint64 batch,) = seatOf(who);
        post_(batch, entriesFor(batch, ROLLERS));
        settleUnpaid_(who % ROLLERS);
        held.pop();
        refused(abi.encodeCall(IEvidence.lostBeacon, (batch)));
        vm.roll(rollup.batches(batch).lotteryBlock + 8193);
        Sums memory before = sums();
        evidence.lostBeacon(batch);
        bookCharge(batch, address(0), Offence.LostBeacon, before);
    }

    /// An operator that did its duty cannot be charged, whoever says what.
    function chargeTheInnocent(uint256 who) external done {
        who %= ROLLERS;
        (uint64 batch, address roller) = seatOf(who);
        uint32 round = post(batch, who);
        Entry[] memory entries = entriesFor(batch, ROLLERS);
        enter_(batch, entries);
        PublicValues memory pv = values(batch, roller);
        AssignmentReceipt memory a = assignment(batch, roller, 0);
        VerdictReceipt memory v = VerdictReceipt(a.task, 0, roller, digestOf(proofOf(pv)), true, true);
        SubmissionReceipt memory s = SubmissionReceipt(a.task, 0, roller, pv.hash(), v.proofDigest, a.deadline);
        refused(abi.encodeCall(IEvidence.twoAssignments, (batch, a, sign(a), a, sign(a))));
        refused(abi.encodeCall(IEvidence.twoVerdicts, (batch, v, sign(v), v, sign(v))));
        refused(abi.encodeCall(IEvidence.wrongTime, (batch, a, sign(a), s, sign(s), v, sign(v))));
        refused(abi.encodeCall(IEvidence.droppedVerdict, (batch, a, sign(a), v, sign(v), entries)));
        refused(abi.encodeCall(IEvidence.droppedPosted, (a.task, round, roller, pv, proofOf(pv), entries)));
        refused(abi.encodeCall(IEvidence.lateSettlement, (batch, s, sign(s), entries)));
        refused(abi.encodeCall(IEvidence.lostBeacon, (batch)));
    }

    // --- steps

    /// A new batch of an epoch with a snapshot, and a roller of it.
    function seatOf(uint256 who) internal returns (uint64 batch, address roller) {
        if (rollup.currentEpoch() == 0) snapshot_(false);
        return (fresh(JUDGED), names[who % ROLLERS]);
    }

    function refused(bytes memory data) internal {
        refusedBy(address(evidence), data);
    }

    function refusedBy(address judge, bytes memory data) internal {
        Sums memory before = sums();
        (bool isDone,) = judge.call(data);
        must(!isDone, "charged for nothing");
        must(scr.balanceOf(address(bond)) == before.bonded, "the bond changed");
    }

    /// Posts a true proof on L1, in a round of its own.
    function post(uint64 batch, uint256 who) private returns (uint32 round) {
        PublicValues memory pv = values(batch, names[who]);
        (Submission memory s, bytes memory signature) = signedBy(batch, who, pv.hash(), proofOf(pv));
        AssignmentReceipt memory a = assignment(batch, names[who], s.round);
        evidence.postSubmission(batch, s, signature, a, sign(a), "https://roller.example");
        return s.round;
    }

    function assignment(uint64 batch, address roller, uint32 round) internal view returns (AssignmentReceipt memory a) {
        a.task = rollup.taskId(batch);
        a.round = round;
        a.roller = roller;
        a.tickets = 1;
        a.assignedAt = uint64(block.timestamp);
        a.deadline = a.assignedAt + 1 hours;
        a.seed = DrawLib.seed(a.task, round, rollup.beacons(rollup.drawBlock(batch)));
    }
}
