// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {
    AssignmentReceipt,
    CloseReceipt,
    HeartbeatReceipt,
    PassOverReceipt,
    ReceiptLib,
    SubmissionReceipt,
    VerdictReceipt
} from "../src/libraries/ReceiptLib.sol";

/// Struct hashes of the receipts, for tests that have them in memory: their arguments must be calldata.
abstract contract ReceiptHashes {
    function hashAssignment(AssignmentReceipt calldata r) external pure returns (bytes32) {
        return ReceiptLib.hash(r);
    }

    function hashHeartbeat(HeartbeatReceipt calldata r) external pure returns (bytes32) {
        return ReceiptLib.hash(r);
    }

    function hashSubmission(SubmissionReceipt calldata r) external pure returns (bytes32) {
        return ReceiptLib.hash(r);
    }

    function hashVerdict(VerdictReceipt calldata r) external pure returns (bytes32) {
        return ReceiptLib.hash(r);
    }

    function hashClose(CloseReceipt calldata r) external pure returns (bytes32) {
        return ReceiptLib.hash(r);
    }

    function hashPassOver(PassOverReceipt calldata r) external pure returns (bytes32) {
        return ReceiptLib.hash(r);
    }
}
