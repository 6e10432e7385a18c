// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IDraws, PassOver, PostedDraw} from "../../src/interfaces/IDraws.sol";
import {Offence} from "../../src/interfaces/IEvidence.sol";
import {Entry} from "../../src/interfaces/IRollup.sol";
import {AssignmentReceipt, HeartbeatReceipt, PassOverReceipt} from "../../src/libraries/ReceiptLib.sol";
import {DrawBase} from "../DrawBase.sol";
import {EvidenceHandlers} from "./EvidenceHandlers.sol";

/// Draws that the operator posts, truly and falsely, and whom it passes over.
abstract contract DrawHandlers is EvidenceHandlers, DrawBase {
    /// More tickets in an assignment than the snapshot and the beacon give.
    function chargeTickets(uint256 who) external done {
        (uint64 batch, address roller) = seatOf(who);
        AssignmentReceipt memory a = assignment(batch, roller, 0);
        a.tickets = 17;
        Sums memory before = sums();
        draws.wrongTickets(batch, a, sign(a), this.pathsOf(leavesFor(batch)));
        bookCharge(batch, address(0), Offence.WrongDraw, before);
    }

    /// More tickets in the entries than the posted draw gives.
    function chargeEntry(uint256 who) external done {
        (uint64 batch,) = seatOf(who);
        PostedDraw memory posted = postRounds(batch, roundOf(plain(batch, 0), leavesFor(batch)), leavesFor(batch));
        Entry[] memory entries = trueEntries(batch, posted);
        who %= entries.length;
        entries[who].tickets++;
        enter_(batch, entries);
        Sums memory before = sums();
        draws.wrongEntry(batch, entries, who, posted);
        bookCharge(batch, address(0), Offence.WrongDraw, before);
    }

    /// Entries, and never the draw that they come from.
    function chargeUnposted(uint256 who) external done {
        (uint64 batch,) = seatOf(who);
        enter_(batch, entriesFor(batch, ROLLERS));
        refusedBy(address(draws), abi.encodeCall(IDraws.unposted, (batch)));
        pass(15 minutes + 1);
        Sums memory before = sums();
        draws.unposted(batch);
        bookCharge(batch, address(0), Offence.WrongDraw, before);
    }

    function chargeSilent(uint256 who) external done {
        (uint64 batch, address roller) = seatOf(who);
        PassOver memory p = signedPassOver(batch, roller, SILENT);
        HeartbeatReceipt memory h = HeartbeatReceipt(roller, p.receipt.passedAt - 29, true);
        Sums memory before = sums();
        draws.notSilent(batch, p, h, sign(h));
        bookCharge(batch, roller, Offence.FalsePassOver, before);
    }

    /// Nothing was signed, but a reason was posted.
    function chargePosted(uint256 who) external done {
        (uint64 batch,) = seatOf(who);
        PassOver memory p = postedPassOver(batch, who % 2 == 0 ? SILENT : DRAINING, "");
        HeartbeatReceipt memory h = HeartbeatReceipt(p.receipt.roller, p.receipt.passedAt, true);
        Sums memory before = sums();
        if (who % 2 == 0) draws.notSilent(batch, p, h, sign(h));
        else draws.notDraining(batch, p, h, sign(h), h, sign(h));
        bookCharge(batch, p.receipt.roller, Offence.FalsePassOver, before);
    }

    /// The honest roller is always ready, and has enough.
    function chargeNotReady(uint256 reason) external done {
        (uint64 batch, address roller) = seatOf(HONEST);
        pass(15 minutes + 1);
        Sums memory before = sums();
        draws.notTrue(batch, signedPassOver(batch, roller, uint8(reason % 2)));
        bookCharge(batch, roller, Offence.FalsePassOver, before);
    }

    /// Passed over as accused, but nobody accused.
    function chargeAccused(uint256 who) external done {
        (uint64 batch, address roller) = seatOf(who);
        pass(3 days);
        PassOver memory p = signedPassOver(batch, roller, 3);
        pass(1 days + 1);
        Sums memory before = sums();
        draws.notTrue(batch, p);
        bookCharge(batch, roller, Offence.FalsePassOver, before);
    }

    /// Passed over as at capacity, with one seat or with two that are none.
    function chargeCapacity(uint256 who) external done {
        pass(15 minutes + 1);
        (uint64 batch,) = seatOf(who);
        bytes memory seats = abi.encodePacked(batch, uint32(1));
        if (who % 2 == 0) seats = abi.encodePacked(seats, batch, uint32(2));
        PassOver memory p = postedPassOver(batch, AT_CAPACITY, seats);
        Sums memory before = sums();
        if (who % 2 == 0) draws.notSeated(batch, p, 1, p.posted);
        else draws.tooFewSeats(batch, p);
        bookCharge(batch, p.receipt.roller, Offence.FalsePassOver, before);
    }

    /// An operator that posts what it drew cannot be charged for it.
    function chargeNothingForATrueDraw(uint256 who) external done {
        (uint64 batch,) = seatOf(who);
        bytes memory seats = abi.encodePacked(batch, uint32(0), batch, uint32(1));
        PassOver memory p = postedPassOver(batch, AT_CAPACITY, seats);
        Entry[] memory entries = trueEntries(batch, p.posted);
        enter_(batch, entries);
        AssignmentReceipt memory a = assignment(batch, entries[0].roller, 0);
        (a.tickets, a.assignedAt) = (entries[0].tickets, p.receipt.passedAt);
        HeartbeatReceipt memory h = HeartbeatReceipt(p.receipt.roller, p.receipt.passedAt, true);
        refusedBy(address(draws), abi.encodeCall(IDraws.wrongEntry, (batch, entries, 0, p.posted)));
        refusedBy(address(draws), abi.encodeCall(IDraws.otherSeat, (batch, a, sign(a), p.posted)));
        refusedBy(address(draws), abi.encodeCall(IDraws.wrongTickets, (batch, a, sign(a), p.posted.paths)));
        refusedBy(address(draws), abi.encodeCall(IDraws.wrongCap, (batch, p.posted, 0, 0)));
        refusedBy(address(draws), abi.encodeCall(IDraws.notSilent, (batch, p, h, sign(h))));
        refusedBy(address(draws), abi.encodeCall(IDraws.notTrue, (batch, p)));
        refusedBy(address(draws), abi.encodeCall(IDraws.tooFewSeats, (batch, p)));
        refusedBy(address(draws), abi.encodeCall(IDraws.seatOver, (batch, p, 0)));
        pass(15 minutes + 1);
        refusedBy(address(draws), abi.encodeCall(IDraws.unposted, (batch)));
    }

    // --- steps

    function leavesFor(uint64 batch) private view returns (bytes memory) {
        return leavesOf[rollup.batches(batch).epoch];
    }

    function trueEntries(uint64 batch, PostedDraw memory posted) private view returns (Entry[] memory entries) {
        address[] memory among = new address[](ROLLERS);
        for (uint256 i = 0; i < ROLLERS; i++) {
            among[i] = names[i];
        }
        entries = drawnEntries(batch, posted, among);
        for (uint256 i = 0; i < entries.length; i++) {
            entries[i].proofDigest = digestOf(proofOf(values(batch, entries[i].roller)));
        }
    }

    function signedPassOver(uint64 batch, address roller, uint8 reason) private view returns (PassOver memory p) {
        p.receipt = PassOverReceipt(rollup.taskId(batch), 0, roller, 0, reason, uint64(block.timestamp));
        p.signature = sign(p.receipt);
    }

    /// Whoever is hit first was passed over.
    function postedPassOver(uint64 batch, uint8 reason, bytes memory seats) private returns (PassOver memory p) {
        Drawing memory d = plain(batch, 0);
        (d.passedOver,) = this.ownerOf(leavesFor(batch), seedOf(batch, 0), 0);
        (d.reason, d.seats) = (reason, seats);
        p.posted = postRounds(batch, roundOf(d, leavesFor(batch)), leavesFor(batch));
        p.receipt = PassOverReceipt(rollup.taskId(batch), 0, d.passedOver, 0, reason, d.time);
    }
}
