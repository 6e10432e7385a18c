// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SnapshotLib} from "./SnapshotLib.sol";

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

    /// @notice Interval of `roller` below the cap among packed leaves (see SnapshotLib), whose root the caller has checked.
    function locate(bytes calldata leaves, address roller) internal pure returns (Interval memory interval) {
        uint256 weightOf = 0;
        uint256 stakeOf = 0;
        uint256 stakeTotal = 0;
        for (uint256 i = 0; i < leaves.length; i += SnapshotLib.LEAF_BYTES) {
            (address who, uint256 stake, uint256 weight) = SnapshotLib.amounts(leaves[i:i + SnapshotLib.LEAF_BYTES]);
            if (who == roller) (interval.start, weightOf, stakeOf) = (interval.total, weight, stake);
            interval.total += weight;
            stakeTotal += stake;
        }
        // Below the cap are the offsets with offset / total < SHARE_CAP / ONE * stake / stakeTotal.
        uint256 capped =
            Math.mulDiv(stakeOf * SHARE_CAP, interval.total, stakeTotal * SnapshotLib.ONE, Math.Rounding.Ceil);
        interval.end = interval.start + Math.min(weightOf, capped);
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

    /// @notice The roller among packed leaves on whose weight, capped or not, a place below `total` falls.
    function ownerOf(bytes calldata leaves, uint256 place) internal pure returns (address) {
        uint256 end = 0;
        for (uint256 i = 0; i < leaves.length; i += SnapshotLib.LEAF_BYTES) {
            // slither-disable-next-line unused-return
            (address who,, uint256 weight) = SnapshotLib.amounts(leaves[i:i + SnapshotLib.LEAF_BYTES]);
            end += weight;
            if (place < end) return who;
        }
        return address(0);
    }
}
