// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {PassOver, PostedDraw} from "../src/interfaces/IDraws.sol";
import {AssignmentReceipt, PassOverReceipt} from "../src/libraries/ReceiptLib.sol";
import {DrawBase} from "./DrawBase.sol";

/// @notice A batch with its beacon, and what an operator says of whom it passed over.
abstract contract PassOverBase is DrawBase {
    uint64 internal batch;
    bytes32 internal task;
    bytes internal leaves;

    /// What shows the place of a roller: here all leaves.
    function pathsFor(address) internal view virtual returns (bytes[] memory) {
        return this.pathsOf(leaves);
    }

    /// A batch with its beacon.
    function begin() internal returns (uint64 next) {
        next = commitNext();
        storeBeacon(rollup.drawBlock(next));
    }

    /// Points of the first round that hit a roller, of those that everybody's tickets come from if nobody is passed over.
    function ticketsIn(uint64 ofBatch, address roller) internal view returns (uint256 count) {
        for (uint256 point = 0; point < 3; point++) {
            (address hit,) = this.ownerOf(leaves, seedOf(ofBatch, 0), point);
            if (hit == roller) count++;
        }
    }

    function assignment(address roller, uint32 tickets) internal view returns (AssignmentReceipt memory) {
        uint64 time = uint64(block.timestamp);
        return AssignmentReceipt(task, 0, roller, tickets, time, time + 20 minutes, seedOf(batch, 0));
    }

    function signedPassOver(address roller, uint8 reason) internal view returns (PassOver memory p) {
        p.receipt = PassOverReceipt(task, 0, roller, 0, reason, uint64(block.timestamp));
        p.signature = sign(p.receipt);
    }

    /// Whoever is hit first was passed over in the first round.
    function postedPassOver(uint8 reason, bytes memory seats) internal returns (PassOver memory p) {
        Drawing memory d = plain(batch, 0);
        (d.passedOver,) = this.ownerOf(leaves, seedOf(batch, 0), 0);
        (d.reason, d.seats) = (reason, seats);
        p.posted = PostedDraw(roundOf(d, leaves), pathsFor(d.passedOver));
        postRounds(batch, p.posted.rounds);
        p.receipt = PassOverReceipt(task, 0, d.passedOver, 0, reason, d.time);
    }

    /// Two seats of a batch, in its first and in a second round.
    function seatsIn(uint64 other) internal pure returns (bytes memory) {
        return abi.encodePacked(other, uint32(0), other, uint32(1));
    }
}
