// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {PublicValues} from "../libraries/PublicValues.sol";
import {SubmissionReceipt, VerdictReceipt} from "../libraries/ReceiptLib.sol";
import {Submission} from "./IRollup.sol";

/// @notice An optimistic accusation that waits for an answer.
struct Accusation {
    /// Who put the bond; zero if there is none.
    address accuser;
    address roller;
    uint64 batch;
    /// From when nobody can answer any more, unix seconds.
    uint64 untilS;
    bytes32 publicValuesHash;
    bytes32 proofDigest;
    uint256 bondWei;
    /// The fine, which is frozen meanwhile.
    uint256 fineWei;
}

/// @notice Verdicts over what rollers signed. The only contract that takes stake.
/// @dev Where the verifier decides on any bytes, the submitted bytes are judged at once. Elsewhere an accusation is
/// optimistic: the accuser puts a bond, the fine is frozen, and the roller (anybody for it) answers with the very bytes that
/// the verifier accepts, or with a receipt. An answered accuser loses its bond: the roller gets its costs, the rest is
/// burned. An unanswered accusation ends in the fine, and the accuser gets its bond and its costs back.
///
/// The bounds hold whatever the parameters are: a fine is half of the least stake at most, an accuser's bond is the fine at
/// least, its gain a quarter of the fine at most, and half of the bond of one who was answered is burned at least.
///
/// Where each amount goes: fine = half burned, of the other half the accuser's costs (a quarter of the fine at most), the
/// rest to the pool. Bond = back to the accuser, or costs to the accused roller's credit and the rest burned.
interface ICourt {
    error UnknownBatch(uint64 batch);
    error WrongTask(bytes32 task, bytes32 expected);
    error WrongSigner(address signer);
    error WrongProofDigest(bytes32 digest, bytes32 expected);
    error WrongPreimage(bytes32 publicValuesHash);
    error TooLate(uint64 untilS);
    error TooEarly(uint64 fromS);
    error AlreadyFined(bytes32 task, uint32 round, address roller);
    error Defended(bytes32 task, uint32 round, address roller);
    error AlreadyAccused(address roller);
    error NotAccused(bytes32 task, uint32 round, address roller);
    error TooManyAccusations(uint256 open);
    error Quarantined(uint32 version);
    /// @notice The verifier of this program decides on any bytes: use `judge`.
    error JudgeInstead();
    /// @notice The verifier of this program cannot reject: use `accuse`.
    error AccuseInstead();
    error ProofRejected();
    error NoDefence();

    /// @notice Verdict over a signed submission; `fineWei` is zero for a valid one, and while its version is quarantined.
    event SubmissionJudged(
        uint64 indexed batch,
        address indexed roller,
        uint32 round,
        bool valid,
        uint256 fineWei,
        bytes32 proofDigest,
        address accuser
    );
    event Accused(
        uint64 indexed batch,
        address indexed roller,
        uint32 round,
        bytes32 proofDigest,
        address accuser,
        uint256 fineWei,
        uint64 untilS
    );
    /// @notice An accusation was answered: `costWei` of the bond went to the roller, `burnedWei` were burned.
    event Acquitted(uint64 indexed batch, address indexed roller, uint32 round, uint256 costWei, uint256 burnedWei);
    /// @notice A signed verdict `valid` was recorded: this submission can never be fined.
    event DefenceRecorded(bytes32 indexed task, address indexed roller, uint32 round, bytes32 proofDigest);
    /// @notice Rollers with more than a tenth of all stake submitted invalid proofs for a version within an epoch: no fines for
    /// it in this and the next epoch.
    event VersionQuarantined(uint32 indexed version, uint64 epoch, uint256 rollers, uint256 stakeWei);

    /// @notice Judges a signed submission by running the verifier on the very bytes; anybody.
    /// Rejected bytes, or a proof of another task or roller, are fined once per (task, round, roller). A true proof
    /// that only disagrees with the commit is never fined: then the commit is wrong.
    /// @param pv Preimage of `s.publicValuesHash`; needed when the verifier accepts, ignored when it rejects.
    function judge(
        uint64 batch,
        Submission calldata s,
        bytes calldata signature,
        PublicValues calldata pv,
        bytes calldata proof
    ) external;

    /// @notice Accuses optimistically; needs an allowance of the bond, `max(RebuttalBondWei, fineWei)`, on the SCR token. One
    /// open accusation per roller.
    function accuse(uint64 batch, Submission calldata s, bytes calldata signature) external;

    /// @notice Answers an accusation with the accused bytes, which the verifier accepts; anybody.
    function rebut(bytes32 task, uint32 round, address roller, PublicValues calldata pv, bytes calldata proof) external;

    /// @notice Records the operator's verdict `valid`: a complete defence, before or during an accusation; anybody.
    function defend(uint64 batch, VerdictReceipt calldata r, bytes calldata signature) external;

    /// @notice Answers an accusation that came later than `AccuseS` after the submission's receipt; anybody.
    function defendExpired(SubmissionReceipt calldata r, bytes calldata signature) external;

    /// @notice Ends an accusation that nobody answered in time; anybody.
    function convict(bytes32 task, uint32 round, address roller) external;

    /// @notice Digest that the roller signs.
    function submissionDigest(Submission calldata s) external view returns (bytes32);
    /// @notice Fine for an invalid submission for a batch, before it is cut to the roller's stake.
    function fineWei(uint64 batch) external view returns (uint256);
    function fined(bytes32 task, uint32 round, address roller) external view returns (bool);
    function accusation(bytes32 task, uint32 round, address roller) external view returns (Accusation memory);
    /// @notice Accusations that wait for an answer.
    function openAccusations() external view returns (uint256);
    /// @notice Last time that a roller was accused or judged invalid; zero if never.
    function accusedAt(address roller) external view returns (uint64);
    /// @notice Whether fines for a program version pause.
    function quarantined(uint32 version) external view returns (bool);
}
