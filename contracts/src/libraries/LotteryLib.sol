// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Entry} from "../interfaces/IRollup.sol";

/// @notice Task ids and the lottery among the entries of a task.
/// @dev The entries are fixed on L1 before the beacon exists, so nobody can choose the winner.
library LotteryLib {
    bytes32 internal constant TASK_TAG = "rollmill.task.v1";
    bytes32 internal constant LOTTERY_TAG = "rollmill.lottery.v1";

    error EmptyEntries();

    /// @notice Task of a batch. A sequence number: nothing in it can be ground.
    function taskId(uint256 l1ChainId, address rollup, uint64 batch) internal pure returns (bytes32) {
        return keccak256(abi.encode(TASK_TAG, l1ChainId, rollup, batch));
    }

    /// @notice Hash that pins a list of entries.
    function hash(Entry[] calldata entries) internal pure returns (bytes32) {
        return keccak256(abi.encode(entries));
    }

    /// @notice Whether an entry can follow on that of `previous`: in ascending order, with tickets and a proof.
    function isNext(Entry calldata e, address previous) internal pure returns (bool) {
        return e.roller > previous && e.tickets > 0 && e.proofDigest != 0;
    }

    /// @notice Position of the entry that holds the drawn ticket.
    function winner(bytes32 task, bytes32 entriesHash, bytes32 beacon, Entry[] calldata entries)
        internal
        pure
        returns (uint256)
    {
        uint256 tickets = 0;
        for (uint256 i = 0; i < entries.length; i++) {
            tickets += entries[i].tickets;
        }
        require(tickets > 0, EmptyEntries());
        uint256 ticket = uint256(keccak256(abi.encode(LOTTERY_TAG, task, entriesHash, beacon))) % tickets;
        uint256 position = 0;
        while (ticket >= entries[position].tickets) {
            ticket -= entries[position].tickets;
            position++;
        }
        return position;
    }
}
