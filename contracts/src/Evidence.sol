// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Contracts} from "./interfaces/IContracts.sol";
import {ICourt} from "./interfaces/ICourt.sol";
import {IEvidence, Offence, Posted} from "./interfaces/IEvidence.sol";
import {IOperatorBond} from "./interfaces/IOperatorBond.sol";
import {IParameters, Key} from "./interfaces/IParameters.sol";
import {IProofVerifier} from "./interfaces/IProofVerifier.sol";
import {IRewardPool} from "./interfaces/IRewardPool.sol";
import {IRollerRegistry} from "./interfaces/IRollerRegistry.sol";
import {Batch, Entry, IRollup, Program, Submission} from "./interfaces/IRollup.sol";
import {ISettlement} from "./interfaces/ISettlement.sol";
import {AmountsLib} from "./libraries/AmountsLib.sol";
import {DrawLib} from "./libraries/DrawLib.sol";
import {LotteryLib} from "./libraries/LotteryLib.sol";
import {ProofLib} from "./libraries/ProofLib.sol";
import {PublicValues, PublicValuesLib} from "./libraries/PublicValues.sol";
import {
    AssignmentReceipt,
    CloseReceipt,
    ReceiptLib,
    SubmissionReceipt,
    VerdictReceipt
} from "./libraries/ReceiptLib.sol";

/// @notice See IEvidence.
contract Evidence is IEvidence {
    using PublicValuesLib for PublicValues;

    /// @dev The operator includes what was posted up to this time before its entries, and has entries this time after a deadline,
    /// seconds.
    uint64 private constant CLOSING_S = 2 minutes;
    /// @dev Blocks within which a header can be proven (EIP-2935), with some spare.
    uint256 private constant HISTORY_BLOCKS = 8192;

    IParameters public immutable parameters;
    IRewardPool public immutable rewardPool;
    IRollerRegistry public immutable registry;
    IOperatorBond public immutable bond;
    ICourt public immutable court;
    address public immutable draws;
    IRollup public immutable rollup;
    ISettlement public immutable settlement;

    mapping(bytes32 task => mapping(address roller => bool)) public charged;
    mapping(bytes32 seat => Posted) private _posted;

    constructor(Contracts memory c) {
        parameters = IParameters(c.parameters);
        rewardPool = IRewardPool(c.rewardPool);
        registry = IRollerRegistry(c.registry);
        bond = IOperatorBond(c.bond);
        court = ICourt(c.court);
        draws = c.draws;
        settlement = ISettlement(c.settlement);
        rollup = IRollup(c.rollup);
    }

    /// @inheritdoc IEvidence
    function postSubmission(
        uint64 batch,
        Submission calldata s,
        bytes calldata signature,
        AssignmentReceipt calldata a,
        bytes calldata operatorSignature,
        string calldata location
    ) external {
        _requireTask(batch, s.task);
        require(a.task == s.task && a.round == s.round && a.roller == s.roller, OtherSeat());
        _requireSeed(batch, a);
        _requireOperator(ReceiptLib.hash(a), operatorSignature);
        address signer = ReceiptLib.signer(address(rollup), ReceiptLib.hash(s), signature);
        require(registry.answersFor(signer, s.roller, rollup.batches(batch).committedAt), WrongSigner(signer));
        require(block.timestamp <= a.deadline, TooLate(a.deadline));
        bytes32 seat = keccak256(abi.encode(s.task, s.round, s.roller));
        // Zero until it is set, once.
        // slither-disable-next-line incorrect-equality
        require(_posted[seat].postedAt == 0, AlreadyPosted(s.task, s.round, s.roller));
        _posted[seat] = Posted(s.publicValuesHash, s.proofDigest, batch, uint64(block.timestamp), a.deadline);
        emit SubmissionPosted(batch, s.roller, s.round, s.publicValuesHash, s.proofDigest, location);
    }

    /// @inheritdoc IEvidence
    function droppedPosted(
        bytes32 task,
        uint32 round,
        address roller,
        PublicValues memory pv,
        bytes calldata proof,
        Entry[] calldata entries
    ) external {
        Posted memory p = _posted[keccak256(abi.encode(task, round, roller))];
        require(p.postedAt != 0, NotPosted(task, round, roller));
        // The verdict `reject` over what the roller sent for this seat answers for the operator.
        require(!court.fined(task, round, roller), NoOffence());
        require(court.accusation(task, round, roller).accuser == address(0), NoOffence());
        bytes32 digest = ProofLib.digest(proof);
        // Hashes: nobody can move them towards each other.
        // slither-disable-next-line incorrect-equality
        require(digest == p.proofDigest, WrongProofDigest(digest, p.proofDigest));
        // Hashes: nobody can move them towards each other.
        // slither-disable-next-line incorrect-equality
        require(pv.hash() == p.publicValuesHash, WrongPreimage(p.publicValuesHash));
        // Only a proof that could have settled the batch was worth an entry. Whether it differs matters, not how.
        PublicValues memory expected = rollup.expectedPublicValues(p.batch, roller, pv.proverGas);
        // slither-disable-next-line unused-return
        (uint256 word,,) = pv.firstDifference(expected);
        // The index of the first difference, and that behind the last word where there is none.
        // slither-disable-next-line incorrect-equality
        require(word == PublicValuesLib.WORDS, WrongPreimage(p.publicValuesHash));
        Program memory program = rollup.programs(rollup.batches(p.batch).programVersion);
        require(
            IProofVerifier(program.verifier).verify(program.exeCommit, program.vmCommit, p.publicValuesHash, proof),
            ProofRejected()
        );
        uint64 entriesAt = rollup.batches(p.batch).entriesAt;
        // Zero until it is set, once.
        // slither-disable-next-line incorrect-equality
        require(entriesAt == 0 || p.postedAt + CLOSING_S <= entriesAt, NoOffence());
        _requireMissing(p.batch, roller, p.deadline, entries);
        _charge(p.batch, roller, Offence.DroppedSubmission);
    }

    /// @inheritdoc IEvidence
    function droppedVerdict(
        uint64 batch,
        AssignmentReceipt calldata a,
        bytes calldata assignmentSignature,
        VerdictReceipt calldata v,
        bytes calldata verdictSignature,
        Entry[] calldata entries
    ) external {
        _requireTask(batch, a.task);
        require(v.task == a.task && v.round == a.round && v.roller == a.roller, OtherSeat());
        _requireSeed(batch, a);
        _requireOperator(ReceiptLib.hash(a), assignmentSignature);
        _requireOperator(ReceiptLib.hash(v), verdictSignature);
        require(v.valid && v.onTime, NoOffence());
        _requireMissing(batch, v.roller, a.deadline, entries);
        _charge(batch, v.roller, Offence.DroppedSubmission);
    }

    /// @inheritdoc IEvidence
    function twoAssignments(
        uint64 batch,
        AssignmentReceipt calldata a,
        bytes calldata signatureA,
        AssignmentReceipt calldata b,
        bytes calldata signatureB
    ) external {
        require(a.task == b.task && a.round == b.round && a.roller == b.roller && a.seed == b.seed, OtherSeat());
        bytes32 hashA = ReceiptLib.hash(a);
        bytes32 hashB = ReceiptLib.hash(b);
        require(hashA != hashB, NoContradiction());
        _requireOperator(hashA, signatureA);
        _requireOperator(hashB, signatureB);
        _contradicted(batch, a.task, a.roller);
    }

    /// @inheritdoc IEvidence
    function twoVerdicts(
        uint64 batch,
        VerdictReceipt calldata a,
        bytes calldata signatureA,
        VerdictReceipt calldata b,
        bytes calldata signatureB
    ) external {
        require(
            a.task == b.task && a.round == b.round && a.roller == b.roller && a.proofDigest == b.proofDigest,
            OtherSeat()
        );
        require(a.valid != b.valid, NoContradiction());
        _requireOperator(ReceiptLib.hash(a), signatureA);
        _requireOperator(ReceiptLib.hash(b), signatureB);
        _contradicted(batch, a.task, a.roller);
    }

    /// @inheritdoc IEvidence
    function twoCloses(
        uint64 batch,
        CloseReceipt calldata a,
        bytes calldata signatureA,
        CloseReceipt calldata b,
        bytes calldata signatureB
    ) external {
        require(
            a.task == b.task && a.round == b.round && a.roller == b.roller && a.entriesHash == b.entriesHash,
            OtherSeat()
        );
        require(a.outcome != b.outcome, NoContradiction());
        _requireOperator(ReceiptLib.hash(a), signatureA);
        _requireOperator(ReceiptLib.hash(b), signatureB);
        _contradicted(batch, a.task, a.roller);
    }

    /// @inheritdoc IEvidence
    function wrongTime(
        uint64 batch,
        AssignmentReceipt calldata a,
        bytes calldata assignmentSignature,
        SubmissionReceipt calldata s,
        bytes calldata submissionSignature,
        VerdictReceipt calldata v,
        bytes calldata verdictSignature
    ) external {
        require(a.task == s.task && a.round == s.round && a.roller == s.roller, OtherSeat());
        require(s.task == v.task && s.round == v.round && s.roller == v.roller, OtherSeat());
        require(s.proofDigest == v.proofDigest, OtherSeat());
        _requireSeed(batch, a);
        _requireOperator(ReceiptLib.hash(a), assignmentSignature);
        _requireOperator(ReceiptLib.hash(s), submissionSignature);
        _requireOperator(ReceiptLib.hash(v), verdictSignature);
        require(v.onTime != (s.receivedAt <= a.deadline), NoContradiction());
        _contradicted(batch, a.task, a.roller);
    }

    /// @inheritdoc IEvidence
    function lateSettlement(
        uint64 batch,
        SubmissionReceipt calldata r,
        bytes calldata signature,
        Entry[] calldata entries
    ) external {
        _requireTask(batch, r.task);
        _requireOperator(ReceiptLib.hash(r), signature);
        Batch memory b = _requireEntries(batch, entries);
        require(b.settledAt != 0 && !b.paid, NoOffence());
        // The winner's, or held for it, as soon as anybody asks.
        require(!settlement.isOpen(batch), NoOffence());
        // As long as it is held the winner can have its reward for its proof: nobody is paid twice.
        uint64 untilS = rewardPool.heldUntilS(batch);
        require(untilS == 0, TooEarly(untilS));
        Entry memory winner = rollup.winnerOf(batch, entries);
        require(winner.roller == r.roller, OtherSeat());
        require(winner.proofDigest == r.proofDigest, WrongProofDigest(r.proofDigest, winner.proofDigest));
        _charge(batch, r.roller, Offence.LateSettlement);
    }

    /// @inheritdoc IEvidence
    function lostBeacon(uint64 batch) external {
        Batch memory b = rollup.batches(batch);
        require(b.settledAt != 0 && !b.paid && b.lotteryBlock != 0, NoOffence());
        require(block.number > b.lotteryBlock + HISTORY_BLOCKS, NoOffence());
        require(rollup.beacons(b.lotteryBlock) == 0, NoOffence());
        _charge(batch, address(0), Offence.LostBeacon);
    }

    /// @inheritdoc IEvidence
    function charge(uint64 batch, address roller, Offence offence) external {
        require(msg.sender == draws, NotDraws(msg.sender));
        _charge(batch, roller, offence);
    }

    /// @inheritdoc IEvidence
    function posted(bytes32 task, uint32 round, address roller) external view returns (Posted memory) {
        return _posted[keccak256(abi.encode(task, round, roller))];
    }

    /// @inheritdoc IEvidence
    function lossWei(uint64 batch, Offence offence) public view returns (uint256) {
        Batch memory b = rollup.batches(batch);
        uint256 rewardWei = AmountsLib.reward(b.unitPriceWei, b.k, b.proverGasEstimate);
        return AmountsLib.loss(offence, rewardWei, court.fineWei(batch));
    }

    function _contradicted(uint64 batch, bytes32 task, address roller) private {
        _requireTask(batch, task);
        _charge(batch, roller, Offence.Contradiction);
    }

    /// @dev The one place from which the bond is taken.
    function _charge(uint64 batch, address roller, Offence offence) private {
        bytes32 task = rollup.taskId(batch);
        require(!charged[task][roller], AlreadyCharged(task, roller));
        uint64 settledAt = rollup.settledAt(batch);
        uint256 untilS = settledAt + parameters.value(Key.ClaimS) + parameters.value(Key.AccuseS);
        // Zero until it is set, once.
        // slither-disable-next-line incorrect-equality
        require(settledAt == 0 || block.timestamp <= untilS, TooLate(uint64(untilS)));
        charged[task][roller] = true;
        uint256 lostWei = bond.slash(roller, lossWei(batch, offence));
        emit OperatorCharged(batch, roller, offence, lostWei);
    }

    function _requireTask(uint64 batch, bytes32 task) private view {
        require(batch != 0 && batch <= rollup.committedBatch(), UnknownBatch(batch));
        bytes32 expected = rollup.taskId(batch);
        require(task == expected, WrongTask(task, expected));
    }

    function _requireOperator(bytes32 structHash, bytes calldata signature) private view {
        address signer = ReceiptLib.signer(address(rollup), structHash, signature);
        require(signer == rollup.operator(), WrongSigner(signer));
    }

    /// @dev SOUNDNESS: an assignment from before a reorganisation of L1 is void, and costs nobody anything.
    function _requireSeed(uint64 batch, AssignmentReceipt calldata a) private view {
        bytes32 beacon = rollup.beacons(rollup.drawBlock(batch));
        bytes32 expected = DrawLib.seed(a.task, a.round, beacon);
        require(beacon != 0 && a.seed == expected, WrongSeed(a.seed, expected));
    }

    function _requireEntries(uint64 batch, Entry[] calldata entries) private view returns (Batch memory b) {
        require(batch != 0 && batch <= rollup.committedBatch(), UnknownBatch(batch));
        b = rollup.batches(batch);
        bytes32 entriesHash = LotteryLib.hash(entries);
        // Hashes: nobody can move them towards each other.
        // slither-disable-next-line incorrect-equality
        require(b.entriesHash != 0 && entriesHash == b.entriesHash, WrongEntries(entriesHash, b.entriesHash));
    }

    /// @dev The roller is not among the final entries, or the batch settled without any, when the task of a seat with this deadline
    /// had long been closed: anybody can settle unpaid, and who does it before leaves the operator nothing to enter.
    function _requireMissing(uint64 batch, address roller, uint64 deadline, Entry[] calldata entries) private view {
        Batch memory b = rollup.batches(batch);
        // Zero until it is set, once.
        // slither-disable-next-line incorrect-equality
        if (b.entriesHash == 0) {
            require(uint256(deadline) + CLOSING_S <= b.settledAt, NoOffence());
            return;
        }
        _requireEntries(batch, entries);
        for (uint256 i = 0; i < entries.length; i++) {
            require(entries[i].roller != roller, NoOffence());
        }
    }
}
