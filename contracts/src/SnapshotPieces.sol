// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IControl} from "./interfaces/IControl.sol";
import {IRollup} from "./interfaces/IRollup.sol";
import {SnapshotLib} from "./libraries/SnapshotLib.sol";

/// @notice See IControl.
/// @dev A piece of 2^n leaves is a whole subtree, so that only its root has to be kept.
abstract contract SnapshotPieces is IControl {
    struct Piece {
        bytes32 hash;
        uint256 sum;
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
        (bytes32 hash, uint256 sum, address last) = SnapshotLib.tree(leaves, _last, _levels);
        _last = last;
        _pieces.push(Piece(hash, sum));
    }

    /// @inheritdoc IControl
    function wholeSnapshot(uint64 epoch, bytes calldata leaves) external view returns (bytes32, uint256) {
        uint256 count = pieceCount(epoch);
        if (count == 0) return SnapshotLib.root(leaves);
        require(leaves.length <= SnapshotLib.LEAF_BYTES << _levels, SnapshotLib.BadLeavesLength(leaves.length));
        bytes32[] memory hashes = new bytes32[](count + 2);
        uint256[] memory sums = new uint256[](count + 2);
        for (uint256 i = 0; i < count; i++) {
            (hashes[i], sums[i]) = (_pieces[i].hash, _pieces[i].sum);
        }
        // slither-disable-next-line unused-return
        (hashes[count], sums[count],) = SnapshotLib.tree(leaves, _last, _levels);
        return SnapshotLib.climb(hashes, sums, count + 1, 0, SnapshotLib.padding(_levels));
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
