// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IProgramTable} from "../src/interfaces/IProgramTable.sol";
import {Batch, Commit, Entry, IRollup} from "../src/interfaces/IRollup.sol";
import {BlobLib} from "../src/libraries/BlobLib.sol";
import {PublicValues} from "../src/libraries/PublicValues.sol";
import {Base} from "./Base.sol";

/// Batches whose data is in a blob, with the blobs of crates/l1/vectors/blobs.json and their KZG proofs.
contract BlobsTest is Base {
    struct Posted {
        bytes32 versionedHash;
        bytes32 dataCommitment;
        bytes32 z;
        bytes32 y;
        bytes opening;
    }

    function test_pinsTheBlobOfTheBatch() public {
        for (uint256 i = 0; i < 4; i++) {
            Posted memory p = posted(i);
            Commit memory c = nextCommit();
            carry(p.versionedHash);
            vm.expectEmit(address(rollup));
            emit IRollup.BlobCommitted(c.batch, p.versionedHash);
            commitBlob(c, p);
            Batch memory b = rollup.batches(c.batch);
            vm.assertEq(b.stateRoot, c.stateRoot);
            vm.assertEq(b.dataCommitment, p.dataCommitment);
            vm.assertEq(b.blobVersionedHash, p.versionedHash);
            vm.assertEq(b.blobValue, p.y);
            PublicValues memory pv = publicValues(c.batch, rollers[0]);
            vm.assertEq(pv.dataCommitment, p.dataCommitment);
            vm.assertEq(pv.blobVersionedHash, p.versionedHash);
            vm.assertEq(pv.z, p.z);
            vm.assertEq(pv.y, p.y);
        }
        vm.assertEq(rollup.committedBatch(), 4);
    }

    function test_calldataNamesNoBlob() public {
        carry(posted(0).versionedHash);
        commitNext();
        vm.assertEq(rollup.batches(1).blobVersionedHash, 0);
        PublicValues memory pv = publicValues(1, rollers[0]);
        vm.assertEq(pv.blobVersionedHash, 0);
        vm.assertEq(pv.z, 0);
        vm.assertEq(pv.y, 0);
    }

    function test_settlesWhatStatesTheBlobAndNothingElse() public {
        Posted memory p = posted(1);
        carry(p.versionedHash);
        commitBlob(nextCommit(), p);
        postEntries(1, entriesOf(1));
        storeBeacon(rollup.batches(1).lotteryBlock);
        Entry[] memory entries = entriesOf(1);
        PublicValues memory pv = publicValues(1, rollup.winnerOf(1, entries).roller);
        PublicValues memory other = publicValues(1, pv.roller);
        other.blobVersionedHash = posted(2).versionedHash;
        refusedSettlement(other, pv, entries, 15);
        other = publicValues(1, pv.roller);
        other.z = bytes32(uint256(pv.z) ^ 1);
        refusedSettlement(other, pv, entries, 16);
        other = publicValues(1, pv.roller);
        other.y = bytes32(uint256(pv.y) ^ 1);
        refusedSettlement(other, pv, entries, 17);
        other = publicValues(1, pv.roller);
        (other.blobVersionedHash, other.z, other.y) = (0, 0, 0);
        refusedSettlement(other, pv, entries, 15);
        rollup.settle(pv, proofOf(pv), entries);
        vm.assertEq(rollup.settledBatch(), 1);
    }

    function test_refusesATransactionWithoutBlob() public {
        Posted memory p = posted(1);
        refused(p, IRollup.NoBlob.selector);
        vm.blobhashes(new bytes32[](0));
        refused(p, IRollup.NoBlob.selector);
    }

    function test_refusesAnotherValueAnotherDataAndAnotherBlob() public {
        Posted memory p = posted(1);
        carry(p.versionedHash);
        p.y = bytes32(uint256(p.y) ^ 1);
        refused(p, IRollup.WrongBlobValue.selector);
        // Another point follows from other data, or from another blob.
        p = posted(1);
        p.dataCommitment = posted(2).dataCommitment;
        refused(p, IRollup.WrongBlobValue.selector);
        p = posted(1);
        carry(posted(2).versionedHash);
        refused(p, IRollup.WrongBlobValue.selector);
        // The first blob counts.
        bytes32[] memory hashes = new bytes32[](2);
        (hashes[0], hashes[1]) = (posted(2).versionedHash, p.versionedHash);
        vm.blobhashes(hashes);
        refused(p, IRollup.WrongBlobValue.selector);
        (hashes[1], hashes[0]) = (hashes[0], hashes[1]);
        vm.blobhashes(hashes);
        commitBlob(nextCommit(), p);
    }

    function test_refusesAnotherOpening() public {
        Posted memory p = posted(1);
        carry(p.versionedHash);
        bytes memory opening = p.opening;
        // A point of the curve that proves something else; cut short; something behind; nothing.
        p.opening = abi.encodePacked(slice(opening, 0, 48), slice(posted(2).opening, 48, 96));
        refused(p, IRollup.WrongBlobValue.selector);
        p.opening = slice(opening, 0, 95);
        refused(p, IRollup.WrongBlobValue.selector);
        p.opening = abi.encodePacked(opening, hex"00");
        refused(p, IRollup.WrongBlobValue.selector);
        p.opening = "";
        refused(p, IRollup.WrongBlobValue.selector);
    }

    /// y + r is the same value of the field and another word.
    function test_refusesAValueThatIsNotBelowTheModulus() public {
        Posted memory p = posted(0);
        carry(p.versionedHash);
        p.y = bytes32(uint256(p.y) + BlobLib.MODULUS);
        refused(p, IRollup.WrongBlobValue.selector);
    }

    /// Where there is no precompile, its address answers every call with nothing.
    function test_refusesAnL1WithoutThePrecompile() public {
        Posted memory p = posted(1);
        carry(p.versionedHash);
        vm.mockCall(BlobLib.POINT_EVALUATION, "", "");
        refused(p, IRollup.WrongBlobValue.selector);
    }

    function test_onlyTheOperatorAndNotInEnforcedMode() public {
        Posted memory p = posted(1);
        carry(p.versionedHash);
        Commit memory c = nextCommit();
        vm.expectRevert(abi.encodeWithSelector(IRollup.NotOperator.selector, stranger));
        vm.prank(stranger);
        rollup.commitBlob(c, p.dataCommitment, p.y, p.opening);
        commitNext();
        vm.warp(block.timestamp + 3 days);
        enforcement.enforce();
        refused(p, IRollup.EnforcedMode.selector);
    }

    function test_checksTheRestAsWithCalldata() public {
        Posted memory p = posted(1);
        carry(p.versionedHash);
        Commit memory c = nextCommit();
        c.batch = 2;
        vm.expectPartialRevert(IRollup.BatchOutOfOrder.selector);
        commitBlob(c, p);
        c = nextCommit();
        c.stateRoot = 0;
        vm.expectPartialRevert(IProgramTable.ZeroHash.selector);
        commitBlob(c, p);
        vm.assertEq(rollup.batches(2).blobVersionedHash, 0);
    }

    function test_pointsAreThoseOfRust() public view {
        for (uint256 i = 0; i < 4; i++) {
            Posted memory p = posted(i);
            vm.assertEq(BlobLib.point(p.versionedHash, p.dataCommitment), p.z);
            vm.assertTrue(this.hasValue(p));
        }
    }

    // --- helpers

    function hasValue(Posted calldata p) external view returns (bool) {
        return BlobLib.hasValue(p.versionedHash, p.z, p.y, p.opening);
    }

    function posted(uint256 i) private view returns (Posted memory) {
        string memory json = vm.readFile("../crates/l1/vectors/blobs.json");
        return Posted({
            versionedHash: vm.parseJsonBytes32Array(json, ".versionedHashes")[i],
            dataCommitment: vm.parseJsonBytes32Array(json, ".dataCommitments")[i],
            z: vm.parseJsonBytes32Array(json, ".points")[i],
            y: vm.parseJsonBytes32Array(json, ".values")[i],
            opening: vm.parseJsonBytesArray(json, ".openings")[i]
        });
    }

    /// The transactions that follow carry this blob.
    function carry(bytes32 versionedHash) private {
        bytes32[] memory hashes = new bytes32[](1);
        hashes[0] = versionedHash;
        vm.blobhashes(hashes);
    }

    function commitBlob(Commit memory c, Posted memory p) private {
        vm.prank(operator);
        rollup.commitBlob(c, p.dataCommitment, p.y, p.opening);
    }

    function refused(Posted memory p, bytes4 selector) private {
        Commit memory c = nextCommit();
        vm.expectPartialRevert(selector);
        commitBlob(c, p);
    }

    function refusedSettlement(PublicValues memory other, PublicValues memory pv, Entry[] memory entries, uint256 word)
        private
    {
        bytes memory proof = proofOf(pv);
        (bytes32 given, bytes32 wanted) = wordsAt(other, pv, word);
        vm.expectRevert(abi.encodeWithSelector(IRollup.PublicValuesMismatch.selector, word, given, wanted));
        rollup.settle(other, proof, entries);
    }

    function wordsAt(PublicValues memory a, PublicValues memory b, uint256 word)
        private
        pure
        returns (bytes32 inA, bytes32 inB)
    {
        assembly ("memory-safe") {
            inA := mload(add(a, mul(word, 32)))
            inB := mload(add(b, mul(word, 32)))
        }
    }

    function slice(bytes memory whole, uint256 from, uint256 to) private pure returns (bytes memory part) {
        part = new bytes(to - from);
        for (uint256 i = 0; i < part.length; i++) {
            part[i] = whole[from + i];
        }
    }
}
