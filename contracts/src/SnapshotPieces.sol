// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IControl} from "./interfaces/IControl.sol";
import {IRollup} from "./interfaces/IRollup.sol";
import {SnapshotLib, Tree} from "./libraries/SnapshotLib.sol";

/// @notice See IControl.
/// @dev A piece of 2^n leaves is a whole subtree, so that only its root has to be kept.
abstract contract SnapshotPieces is IControl {
    struct Piece {
        bytes32 hash;
        uint128 sum;
        uint128 stakes;
    }

    IRollup public immutable rollup;

    uint64 private _epoch;
    /// @dev Levels of each piece's tree.
    uint64 private _levels;
    /// @dev Last roller of the last piece.
    address private _last;
    Piece[] private _pieces;

    constructor(address rollup_) {
        rollup = IRollup(rollup_);
    }

    /// @inheritdoc IControl
    function postPiece(uint64 epoch, uint256 index, bytes calldata leaves) external {
        require(msg.sender == rollup.operator(), NotOperator(msg.sender));
        uint64 next = rollup.currentEpoch() + 1;
        require(epoch == next, WrongEpoch(epoch, next));
        if (index == 0) {
            delete _pieces;
            _epoch = epoch;
            _last = address(0);
            _levels = _levelsOf(leaves.length);
        }
        uint256 count = pieceCount(epoch);
        require(index == count, WrongPiece(index, count));
        emit SnapshotPiecePosted(epoch, index, leaves);
        if (leaves.length == 0) return;
        require(leaves.length == SnapshotLib.LEAF_BYTES << _levels, SnapshotLib.BadLeavesLength(leaves.length));
        Tree memory t = SnapshotLib.tree(leaves, _last, _levels);
        _last = t.last;
        _pieces.push(Piece(t.root, SafeCast.toUint128(t.total), SafeCast.toUint128(t.stakes)));
    }

    /// @inheritdoc IControl
    function wholeSnapshot(uint64 epoch, bytes calldata leaves)
        external
        view
        returns (bytes32 root, uint256 total, uint256 stakes)
    {
        uint256 count = pieceCount(epoch);
        if (count == 0) {
            Tree memory whole = SnapshotLib.tree(leaves, address(0), 0);
            return (whole.root, whole.total, whole.stakes);
        }
        require(leaves.length <= SnapshotLib.LEAF_BYTES << _levels, SnapshotLib.BadLeavesLength(leaves.length));
        bytes32[] memory hashes = new bytes32[](count + 2);
        uint256[] memory sums = new uint256[](count + 2);
        for (uint256 i = 0; i < count; i++) {
            (hashes[i], sums[i]) = (_pieces[i].hash, _pieces[i].sum);
            stakes += _pieces[i].stakes;
        }
        Tree memory t = SnapshotLib.tree(leaves, _last, _levels);
        (hashes[count], sums[count]) = (t.root, t.total);
        (root, total) = SnapshotLib.climb(hashes, sums, count + 1, 0, SnapshotLib.padding(_levels));
        stakes += t.stakes;
    }

    /// @inheritdoc IControl
    function pieceCount(uint64 epoch) public view returns (uint256) {
        return epoch == _epoch ? _pieces.length : 0;
    }

    /// @dev Of a first piece: its leaves must be a power of two, or none.
    function _levelsOf(uint256 length) private pure returns (uint64 levels) {
        while (SnapshotLib.LEAF_BYTES << levels < length) levels++;
    }
}
