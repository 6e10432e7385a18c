// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Blockhash} from "@openzeppelin/contracts/utils/Blockhash.sol";
import {IRollup} from "./interfaces/IRollup.sol";
import {HeaderLib} from "./libraries/HeaderLib.sol";

/// @notice The beacons: prevrandao of past L1 blocks, each shown by its header.
/// @dev The header is bound by its hash against BLOCKHASH (256 blocks) or the EIP-2935 contract (8,191 blocks).
abstract contract BeaconStore is IRollup {
    /// @inheritdoc IRollup
    mapping(uint64 l1Block => bytes32) public beacons;

    /// @inheritdoc IRollup
    function storeBeacon(bytes calldata headerRlp) external {
        (uint64 number, bytes32 prevrandao) = HeaderLib.read(headerRlp);
        // SOUNDNESS: an unknown block has hash zero, which no header has.
        require(Blockhash.blockHash(number) == keccak256(headerRlp), WrongHeader(number));
        require(prevrandao != 0, ZeroHash("prevrandao"));
        beacons[number] = prevrandao;
        emit BeaconStored(number, prevrandao);
    }

    function _beacon(uint64 l1Block) internal view returns (bytes32 prevrandao) {
        prevrandao = beacons[l1Block];
        require(prevrandao != 0, BeaconMissing(l1Block));
    }
}
