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
import {ReceiptHashes} from "./ReceiptHashes.sol";
import {Vm} from "./Vm.sol";

/// The golden receipts of crates/roller-api: what rollers keep is what L1 takes as evidence.
contract ReceiptsTest is ReceiptHashes {
    Vm private constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);

    string private json;

    function setUp() public {
        json = vm.readFile("../crates/roller-api/vectors/receipts.json");
        vm.chainId(number(".chainId"));
    }

    function test_assignment() public view {
        AssignmentReceipt memory r;
        r.task = word(".assignment.receipt.task");
        r.round = uint32(number(".assignment.receipt.round"));
        r.roller = account(".assignment.receipt.roller");
        r.tickets = uint32(number(".assignment.receipt.tickets"));
        r.assignedAt = uint64(number(".assignment.receipt.assignedAt"));
        r.deadline = uint64(number(".assignment.receipt.deadline"));
        r.seed = word(".assignment.receipt.seed");
        check("assignment", this.hashAssignment(r));
    }

    function test_heartbeat() public view {
        HeartbeatReceipt memory r;
        r.roller = account(".heartbeat.receipt.roller");
        r.heardAt = uint64(number(".heartbeat.receipt.at"));
        r.ready = vm.parseJsonBool(json, ".heartbeat.receipt.ready");
        check("heartbeat", this.hashHeartbeat(r));
    }

    function test_submission() public view {
        SubmissionReceipt memory r;
        r.task = word(".submission.receipt.task");
        r.round = uint32(number(".submission.receipt.round"));
        r.roller = account(".submission.receipt.roller");
        r.publicValuesHash = word(".submission.receipt.publicValuesHash");
        r.proofDigest = word(".submission.receipt.proofDigest");
        r.receivedAt = uint64(number(".submission.receipt.receivedAt"));
        check("submission", this.hashSubmission(r));
    }

    function test_verdict() public view {
        VerdictReceipt memory r;
        r.task = word(".verdict.receipt.task");
        r.round = uint32(number(".verdict.receipt.round"));
        r.roller = account(".verdict.receipt.roller");
        r.proofDigest = word(".verdict.receipt.proofDigest");
        r.valid = vm.parseJsonBool(json, ".verdict.receipt.valid");
        r.onTime = vm.parseJsonBool(json, ".verdict.receipt.onTime");
        check("verdict", this.hashVerdict(r));
    }

    function test_close() public view {
        CloseReceipt memory r;
        r.task = word(".close.receipt.task");
        r.round = uint32(number(".close.receipt.round"));
        r.roller = account(".close.receipt.roller");
        r.outcome = uint8(number(".close.receipt.outcome"));
        r.entriesHash = word(".close.receipt.entriesHash");
        r.closedAt = uint64(number(".close.receipt.closedAt"));
        check("close", this.hashClose(r));
    }

    function test_passOver() public view {
        PassOverReceipt memory r;
        r.task = word(".passOver.receipt.task");
        r.round = uint32(number(".passOver.receipt.round"));
        r.roller = account(".passOver.receipt.roller");
        r.point = uint32(number(".passOver.receipt.point"));
        r.reason = uint8(number(".passOver.receipt.reason"));
        r.passedAt = uint64(number(".passOver.receipt.at"));
        check("passOver", this.hashPassOver(r));
    }

    // --- helpers

    function check(string memory name, bytes32 structHash) private view {
        string memory at_ = string.concat(".", name);
        vm.assertEq(structHash, word(string.concat(at_, ".structHash")));
        address rollup = account(".rollup");
        vm.assertEq(ReceiptLib.digest(rollup, structHash), word(string.concat(at_, ".digest")));
        bytes memory signature = vm.parseJsonBytes(json, string.concat(at_, ".signature"));
        vm.assertEq(this.signerOf(rollup, structHash, signature), account(".operator"));
    }

    function signerOf(address rollup, bytes32 structHash, bytes calldata signature) external view returns (address) {
        return ReceiptLib.signer(rollup, structHash, signature);
    }

    function number(string memory key) private view returns (uint256) {
        return vm.parseJsonUint(json, key);
    }

    function word(string memory key) private view returns (bytes32) {
        return vm.parseJsonBytes32(json, key);
    }

    function account(string memory key) private view returns (address) {
        return vm.parseJsonAddress(json, key);
    }
}
