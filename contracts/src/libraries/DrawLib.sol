// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Snapshot} from "../interfaces/IRollup.sol";
import {Place, SnapshotLib} from "./SnapshotLib.sol";

/// @notice The draw of seats, as far as L1 can know it: where points fall, not who was eligible.
library DrawLib {
    bytes32 internal constant DRAW_TAG = "rollmill.draw.v1";
    /// @dev A draw of k points gives up after k times this many.
    uint32 internal constant DRAWS_PER_POINT_MAX = 8;
    /// @dev A point's probability is at most SHARE_CAP / ONE of the roller's share of all stake.
    uint256 internal constant SHARE_CAP = 1.25e9;

    /// @notice The points of [start, end) among `total` are tickets of a roller; none if it is not in the snapshot.
    struct Interval {
        uint256 start;
        uint256 end;
        uint256 total;
    }

    /// @notice Seed of a round's draw.
    function seed(bytes32 task, uint32 round, bytes32 beacon) internal pure returns (bytes32) {
        return keccak256(abi.encode(DRAW_TAG, task, round, beacon));
    }

    error NotShown();

    /// @notice Interval of `roller` below the cap, by the path of its leaf in a snapshot (see SnapshotLib). Who has none is shown by those of
    /// the leaves between which it would stand.
    function locate(bytes[] calldata paths, Snapshot memory s, address roller)
        internal
        pure
        returns (Interval memory interval)
    {
        interval.total = s.total;
        uint256 below = 0;
        uint256 above = s.total;
        for (uint256 i = 0; i < paths.length; i++) {
            Place memory p = SnapshotLib.place(paths[i], s.root);
            if (p.roller == roller) {
                // Below the cap are the offsets with offset / total < SHARE_CAP / ONE * stake / stakes.
                uint256 capped =
                    Math.mulDiv(p.stake * SHARE_CAP, s.total, s.stakes * SnapshotLib.ONE, Math.Rounding.Ceil);
                interval.start = p.start;
                interval.end = p.start + Math.min(p.weight, capped);
                return interval;
            }
            if (p.roller < roller) below = Math.max(below, p.start + p.weight);
            else above = Math.min(above, p.start);
        }
        // SOUNDNESS: leaves ascend by roller, so that its own would have its weight here.
        require(below == above, NotShown());
    }

    /// @notice How many of the first `points` points fall into the interval.
    function hits(Interval memory interval, bytes32 seed_, uint256 points) internal pure returns (uint256 count) {
        for (uint256 i = 0; i < points; i++) {
            if (isHit(interval, seed_, i)) count++;
        }
    }

    /// @notice Whether point number `i` falls into the interval.
    function isHit(Interval memory interval, bytes32 seed_, uint256 i) internal pure returns (bool) {
        uint256 place = point(seed_, i, interval.total);
        return place >= interval.start && place < interval.end;
    }

    /// @notice Where point number `i` falls among `total`.
    function point(bytes32 seed_, uint256 i, uint256 total) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed_, i))) % total;
    }

    /// @notice The roller on whose weight, capped or not, a point falls, by the path of its leaf.
    function ownerOf(bytes[] calldata paths, Snapshot memory s, uint256 point_) internal pure returns (address) {
        for (uint256 i = 0; i < paths.length; i++) {
            Place memory p = SnapshotLib.place(paths[i], s.root);
            if (p.start <= point_ && point_ < p.start + p.weight) return p.roller;
        }
        revert NotShown();
    }
}
