// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {BlockHeader} from "@openzeppelin/contracts/utils/BlockHeader.sol";
import {Memory} from "@openzeppelin/contracts/utils/Memory.sol";
import {IRollup} from "./interfaces/IRollup.sol";

/// @notice The beacons: prevrandao of past L1 blocks, each shown by its header.
/// @dev The header is bound by its hash against BLOCKHASH (256 blocks) or the EIP-2935 contract (8,191 blocks).
abstract contract BeaconStore is IRollup {
    /// @inheritdoc IRollup
    mapping(uint64 l1Block => bytes32) public beacons;

    /// @inheritdoc IRollup
    function storeBeacon(bytes calldata headerRlp) external {
        bytes memory header = headerRlp;
        Memory.Slice[] memory fields = BlockHeader.parseHeader(header);
        uint256 number = BlockHeader.getNumber(fields);
        require(number < block.number, WrongHeader(number));
        require(BlockHeader.verifyBlockHeader(fields, keccak256(header)), WrongHeader(number));
        bytes32 prevrandao = BlockHeader.getPrevRandao(fields);
        require(prevrandao != 0, ZeroHash("prevrandao"));
        beacons[uint64(number)] = prevrandao;
        emit BeaconStored(uint64(number), prevrandao);
    }

    function _beacon(uint64 l1Block) internal view returns (bytes32 prevrandao) {
        prevrandao = beacons[l1Block];
        require(prevrandao != 0, BeaconMissing(l1Block));
    }
}
