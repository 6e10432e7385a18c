// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {PublicValues} from "../libraries/PublicValues.sol";
import {AssignmentReceipt, CloseReceipt, SubmissionReceipt, VerdictReceipt} from "../libraries/ReceiptLib.sol";
import {Entry, Submission} from "./IRollup.sol";

/// @notice What the operator can be charged with.
enum Offence {
    /// Two receipts that no honest operator can sign both.
    Contradiction,
    /// An assignment or an entry that does not follow from the draw, or a draw that was not posted.
    WrongDraw,
    /// Passed over for a reason that was not there.
    FalsePassOver,
    /// A valid proof in time is missing from the entries.
    DroppedSubmission,
    /// The winner's bytes, which the operator held, did not settle the batch.
    LateSettlement,
    /// Nobody stored the lottery's beacon while it could be proven.
    LostBeacon
}

/// @notice A submission that a roller put on L1, because the operator gave no receipt for it.
struct Posted {
    bytes32 publicValuesHash;
    bytes32 proofDigest;
    uint64 batch;
    uint64 postedAt;
    /// Of the seat.
    uint64 deadline;
}

/// @notice Evidence against the operator. Each charge costs it `lossWei`, once per roller and task: half to the damaged roller (to the pool where nobody in particular is damaged), half burned.
/// @dev Everything is decided at once from what is signed or on L1; there is nothing to answer. A rule is here only if an
/// honest operator cannot break it, also when L1 reorganises: a receipt about a draw counts only with the seed that follows
/// from the beacon on L1. Charges end `ClaimS + AccuseS` after the settlement. The caller proves a case and gains nothing by it.
interface IEvidence {
    error NotDraws(address caller);
    error UnknownBatch(uint64 batch);
    error WrongTask(bytes32 task, bytes32 expected);
    error WrongSigner(address signer);
    error OtherSeat();
    error NoContradiction();
    error NoOffence();
    error TooEarly(uint64 fromS);
    error TooLate(uint64 untilS);
    error AlreadyCharged(bytes32 task, address roller);
    error AlreadyPosted(bytes32 task, uint32 round, address roller);
    error NotPosted(bytes32 task, uint32 round, address roller);
    error WrongSeed(bytes32 seed, bytes32 expected);
    error WrongEntries(bytes32 entriesHash, bytes32 posted);
    error WrongProofDigest(bytes32 digest, bytes32 expected);
    error WrongPreimage(bytes32 publicValuesHash);
    error ProofRejected();

    /// @param location Where the bytes can be fetched, in words; the operator includes what it finds valid there.
    event SubmissionPosted(
        uint64 indexed batch,
        address indexed roller,
        uint32 round,
        bytes32 publicValuesHash,
        bytes32 proofDigest,
        string location
    );
    event OperatorCharged(uint64 indexed batch, address indexed roller, Offence offence, uint256 lostWei);

    /// @notice Posts a signed submission before its deadline, when the operator refuses a receipt; anybody, for the roller.
    function postSubmission(
        uint64 batch,
        Submission calldata s,
        bytes calldata signature,
        AssignmentReceipt calldata a,
        bytes calldata operatorSignature,
        string calldata location
    ) external;

    /// @notice A posted submission with these valid bytes is missing from the entries.
    /// @param entries What was posted; empty if the batch settled without entries, two minutes after the seat's deadline or later.
    function droppedPosted(
        bytes32 task,
        uint32 round,
        address roller,
        PublicValues calldata pv,
        bytes calldata proof,
        Entry[] calldata entries
    ) external;

    /// @notice The operator's own verdict was valid and on time, but the roller is missing from the entries.
    function droppedVerdict(
        uint64 batch,
        AssignmentReceipt calldata a,
        bytes calldata assignmentSignature,
        VerdictReceipt calldata v,
        bytes calldata verdictSignature,
        Entry[] calldata entries
    ) external;

    /// @notice Two assignments of one seat under one seed that differ.
    function twoAssignments(
        uint64 batch,
        AssignmentReceipt calldata a,
        bytes calldata signatureA,
        AssignmentReceipt calldata b,
        bytes calldata signatureB
    ) external;

    /// @notice Two verdicts over the same bytes of one seat that differ in `valid`.
    function twoVerdicts(
        uint64 batch,
        VerdictReceipt calldata a,
        bytes calldata signatureA,
        VerdictReceipt calldata b,
        bytes calldata signatureB
    ) external;

    /// @notice Two ends of one seat among the same entries.
    function twoCloses(
        uint64 batch,
        CloseReceipt calldata a,
        bytes calldata signatureA,
        CloseReceipt calldata b,
        bytes calldata signatureB
    ) external;

    /// @notice A verdict whose `onTime` is not what the receipt time and the deadline say.
    function wrongTime(
        uint64 batch,
        AssignmentReceipt calldata a,
        bytes calldata assignmentSignature,
        SubmissionReceipt calldata s,
        bytes calldata submissionSignature,
        VerdictReceipt calldata v,
        bytes calldata verdictSignature
    ) external;

    /// @notice A batch settled unpaid although the operator held the winner's bytes, and what was held for the winner is burned.
    function lateSettlement(
        uint64 batch,
        SubmissionReceipt calldata r,
        bytes calldata signature,
        Entry[] calldata entries
    ) external;

    /// @notice A batch settled unpaid because nobody stored its lottery beacon in time.
    function lostBeacon(uint64 batch) external;

    /// @notice Charges the operator for a wrong about a draw; only Draws, which has the evidence.
    function charge(uint64 batch, address roller, Offence offence) external;

    /// @notice What a charge about a batch costs: twice its estimated reward, and for what is no matter of one reward (the
    /// offences before DroppedSubmission) the full fine of the task at least.
    function lossWei(uint64 batch, Offence offence) external view returns (uint256);
    function posted(bytes32 task, uint32 round, address roller) external view returns (Posted memory);
    /// @notice Whether the operator was charged for `roller` (zero: for nobody in particular) in `task`.
    function charged(bytes32 task, address roller) external view returns (bool);
}
