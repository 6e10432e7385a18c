// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {DrawLib} from "./DrawLib.sol";

/// @notice A posted round, and where its parts stand among the packed bytes.
struct Round {
    /// When the operator drew it, unix seconds.
    uint64 drawnAt;
    uint256 points;
    uint256 outcomesAt;
    uint256 rollers;
    uint256 rollersAt;
    /// Where the next round begins.
    uint256 end;
}

/// @notice A seat that the operator names as open.
struct NamedSeat {
    uint64 batch;
    uint32 round;
}

/// @notice What the operator says of a task's draws: its rounds from the first on, packed and big-endian.
/// @dev Round: (drawnAt 8 | points 1 | an outcome of 1 byte for each point | rollers 1 | rollers). Roller, one for each that
/// was passed over as at capacity: (address 20 | seats 2 | seats). Seat: (batch 8 | round 4). An outcome is the reason for which
/// the point was passed over (see PassOverReceipt), or one of the two below.
library RoundsLib {
    /// @dev Above the cap on the roller's probability.
    uint8 internal constant ABOVE_CAP = 6;
    uint8 internal constant TICKET = 7;
    uint256 private constant HEAD_BYTES = 9;
    uint256 private constant ROLLER_BYTES = 22;
    uint256 private constant SEAT_BYTES = 12;
    /// @dev On-time tickets count this many times those of late proofs.
    uint256 internal constant LATE_DIVISOR = 2;

    error BadRounds(uint256 position);
    error NoSuchRound(uint256 round);

    /// @notice Reverts unless these are whole rounds of draws of `k` points: each goes on until k tickets or 8 k points.
    function check(bytes calldata rounds, uint256 k) internal pure {
        require(rounds.length > 0, BadRounds(0));
        uint64 drawnAt = 0;
        for (uint256 start = 0; start < rounds.length;) {
            Round memory r = _at(rounds, start);
            require(r.drawnAt >= drawnAt && _isWhole(rounds, r, k), BadRounds(start));
            (drawnAt, start) = (r.drawnAt, r.end);
        }
    }

    function count(bytes calldata rounds) internal pure returns (uint256 n) {
        for (uint256 start = 0; start < rounds.length; n++) {
            start = _at(rounds, start).end;
        }
    }

    /// @notice Round number `n`.
    function nth(bytes calldata rounds, uint256 n) internal pure returns (Round memory r) {
        for (uint256 i = 0; i <= n; i++) {
            require(r.end < rounds.length, NoSuchRound(n));
            r = _at(rounds, r.end);
        }
    }

    /// @notice What became of a point; reverts if there is no such point.
    function outcome(bytes calldata rounds, Round memory r, uint256 point) internal pure returns (uint8) {
        require(point < r.points, BadRounds(point));
        return uint8(rounds[r.outcomesAt + point]);
    }

    /// @notice Tickets that a round gives to the owner of an interval.
    function tickets(bytes calldata rounds, Round memory r, DrawLib.Interval memory interval, bytes32 seed)
        internal
        pure
        returns (uint256 found)
    {
        for (uint256 i = 0; i < r.points; i++) {
            if (uint8(rounds[r.outcomesAt + i]) == TICKET && DrawLib.isHit(interval, seed, i)) found++;
        }
    }

    /// @notice The seats that are named as those that bind all of a roller's capacity; none if it is not named.
    function seats(bytes calldata rounds, Round memory r, address roller)
        internal
        pure
        returns (NamedSeat[] memory named)
    {
        uint256 start = r.rollersAt;
        for (uint256 i = 0; i < r.rollers; i++) {
            uint256 length = uint16(bytes2(rounds[start + 20:start + ROLLER_BYTES]));
            if (address(bytes20(rounds[start:start + 20])) == roller) {
                named = new NamedSeat[](length);
                for (uint256 j = 0; j < length; j++) {
                    uint256 seatAt = start + ROLLER_BYTES + j * SEAT_BYTES;
                    named[j].batch = uint64(bytes8(rounds[seatAt:seatAt + 8]));
                    named[j].round = uint32(bytes4(rounds[seatAt + 8:seatAt + SEAT_BYTES]));
                }
                return named;
            }
            start += ROLLER_BYTES + length * SEAT_BYTES;
        }
    }

    /// @notice How many seats are really named: each only once, in ascending order.
    function distinct(NamedSeat[] memory named) internal pure returns (uint256 found) {
        uint256 last = 0;
        for (uint256 i = 0; i < named.length; i++) {
            uint256 key = (uint256(named[i].batch) << 32 | named[i].round) + 1;
            if (key > last) (found, last) = (found + 1, key);
        }
    }

    /// @notice Can an entry with so many tickets be of a roller with these tickets in the rounds? Only where there are several
    /// rounds can late proofs be among the entries, beside which on-time tickets count twice.
    function fits(uint256[] memory ofRounds, uint256 entered) internal pure returns (bool) {
        for (uint256 i = 0; i < ofRounds.length; i++) {
            if (ofRounds[i] == 0) continue;
            if (entered == ofRounds[i] || (ofRounds.length > 1 && entered == LATE_DIVISOR * ofRounds[i])) return true;
        }
        return false;
    }

    function _at(bytes calldata rounds, uint256 start) private pure returns (Round memory r) {
        require(start + HEAD_BYTES <= rounds.length, BadRounds(start));
        r.drawnAt = uint64(bytes8(rounds[start:start + 8]));
        r.points = uint8(rounds[start + 8]);
        r.outcomesAt = start + HEAD_BYTES;
        uint256 end = r.outcomesAt + r.points;
        require(end < rounds.length, BadRounds(start));
        r.rollers = uint8(rounds[end]);
        r.rollersAt = ++end;
        for (uint256 i = 0; i < r.rollers; i++) {
            require(end + ROLLER_BYTES <= rounds.length, BadRounds(start));
            end += ROLLER_BYTES + SEAT_BYTES * uint16(bytes2(rounds[end + 20:end + ROLLER_BYTES]));
        }
        require(end <= rounds.length, BadRounds(start));
        r.end = end;
    }

    function _isWhole(bytes calldata rounds, Round memory r, uint256 k) private pure returns (bool) {
        uint256 found = 0;
        for (uint256 i = 0; i < r.points; i++) {
            uint8 said = uint8(rounds[r.outcomesAt + i]);
            if (found == k || said > TICKET) return false;
            if (said == TICKET) found++;
        }
        return found == k || r.points == k * DrawLib.DRAWS_PER_POINT_MAX;
    }
}
