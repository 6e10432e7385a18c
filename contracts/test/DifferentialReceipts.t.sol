// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Submission} from "../src/interfaces/IRollup.sol";
import {
    AssignmentReceipt,
    CloseReceipt,
    HeartbeatReceipt,
    PassOverReceipt,
    ReceiptLib,
    SubmissionReceipt,
    VerdictReceipt
} from "../src/libraries/ReceiptLib.sol";
import {Cases} from "./Cases.sol";
import {ReceiptHashes} from "./ReceiptHashes.sol";

/// Digests of everything that L1 reads signatures of, on 10,000 random cases each, against the hashes that Rust wrote
/// (`crates/roller-api/tests/vectors/differential.rs`). Words 0 and 1 are chain id and Rollup, the fields follow.
contract DifferentialReceiptsTest is Cases, ReceiptHashes {
    function file() internal pure override returns (string memory) {
        return "../crates/roller-api/vectors/differential.json";
    }

    function test_submission() public {
        run("submission", this.submission);
    }

    function test_assignment() public {
        run("assignment", this.assignment);
    }

    function test_passOver() public {
        run("passOver", this.passOver);
    }

    function test_heartbeat() public {
        run("heartbeat", this.heartbeat);
    }

    function test_submissionReceipt() public {
        run("submissionReceipt", this.submissionReceipt);
    }

    function test_verdict() public {
        run("verdict", this.verdict);
    }

    function test_close() public {
        run("close", this.close);
    }

    // --- the types

    function submission(Case calldata c) external returns (bytes memory) {
        Submission memory s = Submission(w(c, 2), uint32(word(c, 3)), account(c, 4), w(c, 5), w(c, 6));
        return digest(c, this.hashSigned(s));
    }

    function assignment(Case calldata c) external returns (bytes memory) {
        AssignmentReceipt memory r = AssignmentReceipt(
            w(c, 2),
            uint32(word(c, 3)),
            account(c, 4),
            uint32(word(c, 5)),
            uint64(word(c, 6)),
            uint64(word(c, 7)),
            w(c, 8)
        );
        return digest(c, this.hashAssignment(r));
    }

    function passOver(Case calldata c) external returns (bytes memory) {
        PassOverReceipt memory r = PassOverReceipt(
            w(c, 2), uint32(word(c, 3)), account(c, 4), uint32(word(c, 5)), uint8(word(c, 6)), uint64(word(c, 7))
        );
        return digest(c, this.hashPassOver(r));
    }

    function heartbeat(Case calldata c) external returns (bytes memory) {
        HeartbeatReceipt memory r = HeartbeatReceipt(account(c, 2), uint64(word(c, 3)), flag(c, 4));
        return digest(c, this.hashHeartbeat(r));
    }

    function submissionReceipt(Case calldata c) external returns (bytes memory) {
        SubmissionReceipt memory r =
            SubmissionReceipt(w(c, 2), uint32(word(c, 3)), account(c, 4), w(c, 5), w(c, 6), uint64(word(c, 7)));
        return digest(c, this.hashSubmission(r));
    }

    function verdict(Case calldata c) external returns (bytes memory) {
        VerdictReceipt memory r =
            VerdictReceipt(w(c, 2), uint32(word(c, 3)), account(c, 4), w(c, 5), flag(c, 6), flag(c, 7));
        return digest(c, this.hashVerdict(r));
    }

    function close(Case calldata c) external returns (bytes memory) {
        CloseReceipt memory r =
            CloseReceipt(w(c, 2), uint32(word(c, 3)), account(c, 4), uint8(word(c, 5)), w(c, 6), uint64(word(c, 7)));
        return digest(c, this.hashClose(r));
    }

    // --- helpers

    function hashSigned(Submission calldata s) external pure returns (bytes32) {
        return ReceiptLib.hash(s);
    }

    function digest(Case memory c, bytes32 structHash) private returns (bytes memory) {
        vm.chainId(uint32(word(c, 0)));
        return abi.encode(ReceiptLib.digest(account(c, 1), structHash));
    }

    function w(Case memory c, uint256 j) private pure returns (bytes32) {
        return bytes32(word(c, j));
    }

    function flag(Case memory c, uint256 j) private pure returns (bool) {
        return uint64(word(c, j)) % 2 == 0;
    }
}
