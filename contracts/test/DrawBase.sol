// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {PostedDraw} from "../src/interfaces/IDraws.sol";
import {Entry, Snapshot} from "../src/interfaces/IRollup.sol";
import {DrawLib} from "../src/libraries/DrawLib.sol";
import {SnapshotLib} from "../src/libraries/SnapshotLib.sol";
import {Base} from "./Base.sol";
import {Paths} from "./Paths.sol";

/// @notice Draws as an honest operator makes and posts them, and as a lying one does.
abstract contract DrawBase is Base {
    uint8 internal constant SILENT = 2;
    uint8 internal constant AT_CAPACITY = 4;
    uint8 internal constant DRAINING = 5;
    uint8 internal constant ABOVE_CAP = 6;
    uint8 internal constant TICKET = 7;

    /// @notice How a round is drawn.
    struct Drawing {
        uint64 batch;
        uint32 round;
        uint64 time;
        /// Nobody else is passed over.
        address passedOver;
        uint8 reason;
        /// Packed seats of whom was passed over as at capacity.
        bytes seats;
    }

    /// A packed round: the points of the draw until k tickets or 8 k points.
    function roundOf(Drawing memory d, bytes memory leaves) internal view returns (bytes memory) {
        bytes memory outcomes;
        uint256 tickets = 0;
        uint256 k = rollup.batches(d.batch).k;
        while (tickets < k && outcomes.length < 8 * k) {
            uint8 outcome = outcomeOf(d, leaves, outcomes.length);
            if (outcome == TICKET) tickets++;
            outcomes = abi.encodePacked(outcomes, outcome);
        }
        bytes memory named = hex"00";
        if (d.reason == AT_CAPACITY) {
            named = abi.encodePacked(uint8(1), d.passedOver, uint16(d.seats.length / 12), d.seats);
        }
        return abi.encodePacked(d.time, uint8(outcomes.length), outcomes, named);
    }

    function outcomeOf(Drawing memory d, bytes memory leaves, uint256 point) internal view returns (uint8) {
        (address roller, bool isAboveCap) = this.ownerOf(leaves, seedOf(d.batch, d.round), point);
        if (isAboveCap) return ABOVE_CAP;
        return roller == d.passedOver ? d.reason : TICKET;
    }

    /// A round in which nobody was passed over, drawn now.
    function plain(uint64 batch, uint32 round) internal view returns (Drawing memory d) {
        (d.batch, d.round, d.time) = (batch, round, uint64(block.timestamp));
    }

    /// Whom a point hits, leaf by leaf.
    function ownerOf(bytes calldata leaves, bytes32 seed, uint256 point)
        external
        pure
        returns (address roller, bool isAboveCap)
    {
        Snapshot memory s = Paths.snapshotOf(leaves);
        uint256 offset = DrawLib.point(seed, point, s.total);
        for (uint256 from = 0; from < leaves.length; from += SnapshotLib.LEAF_BYTES) {
            bytes calldata packed = leaves[from:from + SnapshotLib.LEAF_BYTES];
            // slither-disable-next-line unused-return
            (address who,, uint256 weight) = SnapshotLib.leaf(packed);
            bool isAbove = offset * s.stakes * 4 >= SnapshotLib.stakeOf(packed) * s.total * 5;
            if (offset < weight) return (who, isAbove);
            offset -= weight;
        }
    }

    function seedOf(uint64 batch, uint32 round) internal view returns (bytes32) {
        return DrawLib.seed(rollup.taskId(batch), round, rollup.beacons(rollup.drawBlock(batch)));
    }

    function postRounds(uint64 batch, bytes memory rounds, bytes memory leaves) internal returns (PostedDraw memory) {
        postRounds(batch, rounds);
        return PostedDraw(rounds, this.pathsOf(leaves));
    }

    function postRounds(uint64 batch, bytes memory rounds) internal {
        bytes32 beacon = rollup.beacons(rollup.drawBlock(batch));
        vm.prank(operator);
        draws.post(batch, beacon, rounds);
    }

    function pathsOf(bytes calldata leaves) external pure returns (bytes[] memory) {
        return Paths.allOf(leaves);
    }

    /// Entries of everybody who has tickets in the first round.
    function drawnEntries(uint64 batch, PostedDraw memory posted, address[] memory among)
        internal
        view
        returns (Entry[] memory entries)
    {
        uint256 count = 0;
        entries = new Entry[](among.length);
        for (uint256 i = 0; i < among.length; i++) {
            (uint256[] memory tickets,) = draws.ticketsOf(batch, posted, among[i]);
            bytes32 digest = digestOf(proofOf(publicValues(batch, among[i])));
            if (tickets[0] > 0) entries[count++] = Entry(among[i], uint32(tickets[0]), digest);
        }
        assembly ("memory-safe") {
            mstore(entries, count)
        }
    }
}
