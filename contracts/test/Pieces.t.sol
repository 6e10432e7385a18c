// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IControl} from "../src/interfaces/IControl.sol";
import {IRollup, Snapshot} from "../src/interfaces/IRollup.sol";
import {SnapshotLib} from "../src/libraries/SnapshotLib.sol";
import {Base} from "./Base.sol";
import {Paths} from "./Paths.sol";

/// Snapshots that are posted in pieces.
contract PiecesTest is Base {
    function test_piecesMakeTheTreeOfTheWhole() public {
        for (uint256 levels = 0; levels <= 3; levels++) {
            uint256 size = 1 << levels;
            for (uint256 count = 1; count <= 19; count++) {
                (bytes32 root, uint256 total) = this.rootOf(leaves(0, count));
                uint64 epoch = rollup.currentEpoch() + 1;
                uint256 whole = (count - 1) / size;
                for (uint256 i = 0; i < whole; i++) {
                    piece(epoch, i, leaves(i * size, size));
                    vm.assertEq(control.pieceCount(epoch), i + 1);
                }
                vm.assertEq(rollup.currentEpoch(), epoch - 1);
                finish(epoch, root, total, leaves(whole * size, count - whole * size));
                vm.assertEq(rollup.currentEpoch(), epoch);
                Snapshot memory s = rollup.snapshots(epoch);
                vm.assertEq(s.root, root);
                vm.assertEq(s.total, total);
                vm.assertEq(s.stakes, this.stakesOf(leaves(0, count)));
            }
        }
    }

    function test_nothingCountsBeforeTheLastPiece() public {
        piece(1, 0, leaves(0, 2));
        vm.assertEq(rollup.batches(commitNext()).epoch, 0);
        (bytes32 root, uint256 total) = this.rootOf(leaves(0, 2));
        // A piece alone is no snapshot, nor is a part behind it under the root of the part.
        refused(1, root, total, "", SnapshotLib.BadLeavesLength.selector);
        refused(1, root, total, leaves(0, 2), SnapshotLib.BadLeaf.selector);
        (root, total) = this.rootOf(leaves(2, 1));
        refused(1, root, total, leaves(2, 1), IRollup.WrongSnapshot.selector);
        refused(1, root, total, leaves(2, 3), SnapshotLib.BadLeavesLength.selector);
        (root, total) = this.rootOf(leaves(0, 3));
        refused(1, root, total + 1, leaves(2, 1), IRollup.WrongSnapshot.selector);
        finish(1, root, total, leaves(2, 1));
        vm.assertEq(rollup.batches(commitNext()).epoch, 1);
        // The next epoch begins without pieces.
        vm.assertEq(control.pieceCount(2), 0);
        finish(2, root, total, leaves(0, 3));
    }

    function test_theFirstPieceDropsWhatThereWas() public {
        piece(1, 0, leaves(5, 4));
        piece(1, 1, leaves(9, 4));
        piece(1, 0, leaves(0, 2));
        vm.assertEq(control.pieceCount(1), 1);
        (bytes32 root, uint256 total) = this.rootOf(leaves(0, 4));
        vm.expectPartialRevert(IRollup.WrongSnapshot.selector);
        vm.prank(operator);
        rollup.postSnapshot(1, root, total, leaves(2, 1));
        piece(1, 0, "");
        vm.assertEq(control.pieceCount(1), 0);
        finish(1, root, total, leaves(0, 4));
    }

    function test_refusals() public {
        vm.expectRevert(abi.encodeWithSelector(IControl.NotOperator.selector, stranger));
        vm.prank(stranger);
        control.postPiece(1, 0, leaves(0, 2));
        refusedPiece(2, 0, leaves(0, 2), IControl.WrongEpoch.selector);
        refusedPiece(0, 0, leaves(0, 2), IControl.WrongEpoch.selector);
        refusedPiece(1, 1, leaves(0, 2), IControl.WrongPiece.selector);
        refusedPiece(1, 0, leaves(0, 3), SnapshotLib.BadLeavesLength.selector);
        refusedPiece(1, 0, abi.encodePacked(leaves(0, 2), hex"00"), SnapshotLib.BadLeavesLength.selector);
        refusedPiece(1, 0, new bytes(4096 * SnapshotLib.LEAF_BYTES), SnapshotLib.BadLeavesLength.selector);
        piece(1, 0, leaves(2, 2));
        refusedPiece(1, 2, leaves(4, 2), IControl.WrongPiece.selector);
        refusedPiece(1, 1, leaves(4, 1), SnapshotLib.BadLeavesLength.selector);
        refusedPiece(1, 1, leaves(4, 4), SnapshotLib.BadLeavesLength.selector);
        refusedPiece(1, 1, leaves(3, 2), SnapshotLib.BadLeaf.selector);
        refusedPiece(1, 1, leaves(0, 2), SnapshotLib.BadLeaf.selector);
        piece(1, 1, leaves(4, 2));
    }

    // --- helpers

    /// Leaves of the rollers `from` + 1 to `from` + `count`.
    function leaves(uint256 from, uint256 count) private pure returns (bytes memory packed) {
        for (uint256 i = from + 1; i <= from + count; i++) {
            packed = abi.encodePacked(packed, address(uint160(i)), uint128(i * 1 ether), uint64(1e8 + i), uint32(1));
        }
    }

    function piece(uint64 epoch, uint256 index, bytes memory packed) private {
        vm.prank(operator);
        control.postPiece(epoch, index, packed);
    }

    function finish(uint64 epoch, bytes32 root, uint256 total, bytes memory packed) private {
        vm.prank(operator);
        rollup.postSnapshot(epoch, root, total, packed);
    }

    function refused(uint64 epoch, bytes32 root, uint256 total, bytes memory packed, bytes4 selector) private {
        vm.expectPartialRevert(selector);
        finish(epoch, root, total, packed);
    }

    function refusedPiece(uint64 epoch, uint256 index, bytes memory packed, bytes4 selector) private {
        vm.expectPartialRevert(selector);
        vm.prank(operator);
        control.postPiece(epoch, index, packed);
    }

    function stakesOf(bytes calldata packed) external pure returns (uint256) {
        return Paths.snapshotOf(packed).stakes;
    }
}
