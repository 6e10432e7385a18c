// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {BlockHeader} from "@openzeppelin/contracts/utils/BlockHeader.sol";
import {IProgramTable} from "../src/interfaces/IProgramTable.sol";
import {IRollup} from "../src/interfaces/IRollup.sol";
import {HeaderLib} from "../src/libraries/HeaderLib.sol";
import {Base} from "./Base.sol";

contract BeaconsTest is Base {
    address private constant HISTORY = 0x0000F90827F1C53a10cb7A02335B175320002935;
    bytes private constant HISTORY_CODE =
        hex"3373fffffffffffffffffffffffffffffffffffffffe14604657602036036042575f35600143038111604257611fff81430311604257611fff9006545f5260205ff35b5f5ffd5b5f35611fff60014303065500";

    function test_storesThePrevrandaoOfARecentBlock() public {
        bytes32 prevrandao = keccak256("random");
        bytes memory header = headerOf(999, prevrandao);
        vm.setBlockhash(999, keccak256(header));
        vm.expectEmit(address(rollup));
        emit IRollup.BeaconStored(999, prevrandao);
        vm.prank(stranger);
        rollup.storeBeacon(header);
        vm.assertEq(rollup.beacons(999), prevrandao);
        rollup.storeBeacon(header);
        vm.assertEq(rollup.beacons(999), prevrandao);
    }

    function test_refusesAWrongHeader() public {
        bytes memory header = headerOf(999, keccak256("random"));
        vm.setBlockhash(999, keccak256(header));
        bytes memory other = headerOf(999, keccak256("chosen"));
        vm.expectPartialRevert(IRollup.WrongHeader.selector);
        rollup.storeBeacon(other);
        other = headerOf(998, keccak256("random"));
        vm.expectPartialRevert(IRollup.WrongHeader.selector);
        rollup.storeBeacon(other);
        vm.expectPartialRevert(IRollup.WrongHeader.selector);
        rollup.storeBeacon(abi.encodePacked(header, hex"00"));
        vm.assertEq(rollup.beacons(999), bytes32(0));
    }

    function test_refusesPresentFutureAndForgottenBlocks() public {
        vm.roll(20_000);
        uint64[4] memory numbers = [uint64(20_000), 20_001, 11_000, type(uint64).max];
        for (uint256 i = 0; i < numbers.length; i++) {
            bytes memory header = headerOf(numbers[i], keccak256("random"));
            vm.expectRevert(abi.encodeWithSelector(IRollup.WrongHeader.selector, numbers[i]));
            rollup.storeBeacon(header);
        }
    }

    function test_olderBlocksComeFromTheHistoryContract() public {
        vm.roll(20_000);
        vm.etch(HISTORY, HISTORY_CODE);
        bytes memory header = headerOf(12_000, keccak256("random"));
        vm.expectPartialRevert(IRollup.WrongHeader.selector);
        rollup.storeBeacon(header);
        vm.store(HISTORY, bytes32(uint256(12_000 % 8191)), keccak256(header));
        rollup.storeBeacon(header);
        vm.assertEq(rollup.beacons(12_000), keccak256("random"));
        // The same slot no longer stands for a block that has left the window.
        header = headerOf(12_000 - 8191, keccak256("random"));
        vm.store(HISTORY, bytes32(uint256(12_000 % 8191)), keccak256(header));
        vm.expectPartialRevert(IRollup.WrongHeader.selector);
        rollup.storeBeacon(header);
    }

    function test_refusesAZeroPrevrandao() public {
        bytes memory header = headerOf(999, 0);
        vm.setBlockhash(999, keccak256(header));
        vm.expectPartialRevert(IProgramTable.ZeroHash.selector);
        rollup.storeBeacon(header);
    }

    function test_refusesWhatIsNoHeader() public {
        bytes memory header = headerOf(999, keccak256("random"));
        vm.expectPartialRevert(HeaderLib.BadHeader.selector);
        rollup.storeBeacon("");
        vm.expectPartialRevert(HeaderLib.BadHeader.selector);
        rollup.storeBeacon(hex"c0");
        vm.expectPartialRevert(HeaderLib.BadHeader.selector);
        rollup.storeBeacon(hex"f901");
        for (uint256 length = 1; length < 500; length += 37) {
            bytes memory cut = new bytes(length);
            for (uint256 i = 0; i < length; i++) {
                cut[i] = header[i];
            }
            vm.expectPartialRevert(HeaderLib.BadHeader.selector);
            rollup.storeBeacon(cut);
        }
    }

    /// Differential against OpenZeppelin's reader.
    function testFuzz_readsHeadersLikeOpenZeppelin(uint64 number, bytes32 prevrandao) public view {
        bytes memory header = headerOf(number, prevrandao);
        (uint64 readNumber, bytes32 readPrevrandao) = this.read(header);
        vm.assertEq(readNumber, BlockHeader.getNumber(header));
        vm.assertEq(readPrevrandao, BlockHeader.getPrevRandao(header));
        vm.assertEq(readNumber, number);
        vm.assertEq(readPrevrandao, prevrandao);
    }

    function testFuzz_arbitraryBytesNeverBecomeABeacon(bytes memory bytes_) public {
        (bool done,) = address(rollup).call(abi.encodeCall(IRollup.storeBeacon, (bytes_)));
        vm.assertFalse(done);
    }

    function read(bytes calldata header) external pure returns (uint64, bytes32) {
        return HeaderLib.read(header);
    }
}
