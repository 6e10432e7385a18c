// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {Submission} from "../interfaces/IRollup.sol";

/// @notice The operator gives a roller a seat of a task.
struct AssignmentReceipt {
    bytes32 task;
    uint32 round;
    address roller;
    uint32 tickets;
    uint64 assignedAt;
    uint64 deadline;
    /// Seed of the draw.
    bytes32 seed;
}

/// @notice The operator heard a roller. It is ready if it wants seats and is not kept out for an earlier drain.
struct HeartbeatReceipt {
    address roller;
    /// `at` in the type's name.
    uint64 heardAt;
    bool ready;
}

/// @notice The operator holds the bytes of a submission.
struct SubmissionReceipt {
    bytes32 task;
    uint32 round;
    address roller;
    bytes32 publicValuesHash;
    bytes32 proofDigest;
    uint64 receivedAt;
}

/// @notice The operator has verified a submission.
struct VerdictReceipt {
    bytes32 task;
    uint32 round;
    address roller;
    bytes32 proofDigest;
    bool valid;
    bool onTime;
}

/// @notice How a seat ended.
struct CloseReceipt {
    bytes32 task;
    uint32 round;
    address roller;
    uint8 outcome;
    bytes32 entriesHash;
    uint64 closedAt;
}

/// @notice Why a roller that was hit did not get the seat.
struct PassOverReceipt {
    bytes32 task;
    uint32 round;
    address roller;
    /// Number of the point in the draw.
    uint32 point;
    /// 0 not ready, 1 stake too low, 2 silent, 3 accused, 4 at capacity, 5 draining.
    uint8 reason;
    /// `at` in the type's name.
    uint64 passedAt;
}

/// @notice Digests (EIP-712) of what rollers and the operator sign, and their signers.
/// @dev Domain: name "rollmill", version "1", this chain, verifying contract Rollup. The chain id is read anew each time:
/// after a fork of L1 nothing signed on one side counts on the other. The structs have static members only, so their
/// ABI encoding is that of EIP-712.
library ReceiptLib {
    bytes32 internal constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 internal constant SUBMISSION_TYPEHASH =
        keccak256("Submission(bytes32 task,uint32 round,address roller,bytes32 publicValuesHash,bytes32 proofDigest)");
    bytes32 internal constant ASSIGNMENT_TYPEHASH = keccak256(
        "AssignmentReceipt(bytes32 task,uint32 round,address roller,uint32 tickets,uint64 assignedAt,uint64 deadline,bytes32 seed)"
    );
    bytes32 internal constant HEARTBEAT_TYPEHASH = keccak256("HeartbeatReceipt(address roller,uint64 at,bool ready)");
    bytes32 internal constant SUBMISSION_RECEIPT_TYPEHASH = keccak256(
        "SubmissionReceipt(bytes32 task,uint32 round,address roller,bytes32 publicValuesHash,bytes32 proofDigest,uint64 receivedAt)"
    );
    bytes32 internal constant VERDICT_TYPEHASH = keccak256(
        "VerdictReceipt(bytes32 task,uint32 round,address roller,bytes32 proofDigest,bool valid,bool onTime)"
    );
    bytes32 internal constant CLOSE_TYPEHASH = keccak256(
        "CloseReceipt(bytes32 task,uint32 round,address roller,uint8 outcome,bytes32 entriesHash,uint64 closedAt)"
    );
    bytes32 internal constant PASS_OVER_TYPEHASH =
        keccak256("PassOverReceipt(bytes32 task,uint32 round,address roller,uint32 point,uint8 reason,uint64 at)");

    /// @notice What is signed for a struct hash under `rollup`'s domain.
    function digest(address rollup, bytes32 structHash) internal view returns (bytes32) {
        bytes32 domain =
            keccak256(abi.encode(DOMAIN_TYPEHASH, keccak256("rollmill"), keccak256("1"), block.chainid, rollup));
        return MessageHashUtils.toTypedDataHash(domain, structHash);
    }

    /// @notice Who signed; reverts for a malformed signature, and for a malleable one.
    function signer(address rollup, bytes32 structHash, bytes calldata signature) internal view returns (address) {
        return ECDSA.recover(digest(rollup, structHash), signature);
    }

    function hash(Submission calldata s) internal pure returns (bytes32) {
        return keccak256(abi.encode(SUBMISSION_TYPEHASH, s));
    }

    function hash(AssignmentReceipt calldata r) internal pure returns (bytes32) {
        return keccak256(abi.encode(ASSIGNMENT_TYPEHASH, r));
    }

    function hash(HeartbeatReceipt calldata r) internal pure returns (bytes32) {
        return keccak256(abi.encode(HEARTBEAT_TYPEHASH, r));
    }

    function hash(SubmissionReceipt calldata r) internal pure returns (bytes32) {
        return keccak256(abi.encode(SUBMISSION_RECEIPT_TYPEHASH, r));
    }

    function hash(VerdictReceipt calldata r) internal pure returns (bytes32) {
        return keccak256(abi.encode(VERDICT_TYPEHASH, r));
    }

    function hash(CloseReceipt calldata r) internal pure returns (bytes32) {
        return keccak256(abi.encode(CLOSE_TYPEHASH, r));
    }

    function hash(PassOverReceipt calldata r) internal pure returns (bytes32) {
        return keccak256(abi.encode(PASS_OVER_TYPEHASH, r));
    }
}
