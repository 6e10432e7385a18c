// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Contracts} from "./interfaces/IContracts.sol";
import {Accusation, ICourt} from "./interfaces/ICourt.sol";
import {IOperatorBond} from "./interfaces/IOperatorBond.sol";
import {IParameters, Key} from "./interfaces/IParameters.sol";
import {IProofVerifier} from "./interfaces/IProofVerifier.sol";
import {IRewardPool} from "./interfaces/IRewardPool.sol";
import {IRollerRegistry} from "./interfaces/IRollerRegistry.sol";
import {Batch, IRollup, Program, Submission} from "./interfaces/IRollup.sol";
import {AmountsLib} from "./libraries/AmountsLib.sol";
import {ProofLib} from "./libraries/ProofLib.sol";
import {PublicValues, PublicValuesLib} from "./libraries/PublicValues.sol";
import {ReceiptLib, SubmissionReceipt, VerdictReceipt} from "./libraries/ReceiptLib.sol";
import {ScrToken} from "./ScrToken.sol";

/// @notice See ICourt.
/// @dev A seat is keccak256(abi.encode(task, round, roller)). INVARIANT: the SCR balance is the sum of the open bonds, and
/// what is frozen in the registry is the sum of the open fines.
contract Court is ICourt {
    using PublicValuesLib for PublicValues;
    using SafeERC20 for IERC20;

    /// @dev Rollers with invalid proofs for a version in an epoch.
    struct Tally {
        uint256 stakeWei;
        uint256 rollers;
    }

    ScrToken public immutable token;
    IParameters public immutable parameters;
    IRewardPool public immutable rewardPool;
    IRollerRegistry public immutable registry;
    IOperatorBond public immutable bond;
    IRollup public immutable rollup;

    uint256 public openAccusations;
    mapping(address roller => uint64) public accusedAt;
    mapping(bytes32 seat => bool) private _fined;
    mapping(bytes32 seat => mapping(bytes32 proofDigest => bool)) private _defended;
    mapping(bytes32 seat => Accusation) private _accusations;
    mapping(address roller => bool) private _isAccused;
    mapping(uint32 version => mapping(uint64 epoch => mapping(address roller => bool))) private _wasInvalid;
    mapping(uint32 version => mapping(uint64 epoch => Tally)) private _tallies;
    /// @dev The epoch in which a version is trusted again.
    mapping(uint32 version => uint64) private _quarantineEnd;

    constructor(Contracts memory c) {
        token = ScrToken(c.token);
        parameters = IParameters(c.parameters);
        rewardPool = IRewardPool(c.rewardPool);
        registry = IRollerRegistry(c.registry);
        bond = IOperatorBond(c.bond);
        rollup = IRollup(c.rollup);
    }

    /// @inheritdoc ICourt
    function judge(
        uint64 batch,
        Submission calldata s,
        bytes calldata signature,
        PublicValues memory pv,
        bytes calldata proof
    ) external {
        Batch memory b = _checkSubmission(batch, s, signature);
        bool valid = _verdict(b.programVersion, s, pv, proof);
        uint256 finedWei = valid ? 0 : _fine(b, s.roller, _seat(s), fineWei(batch), msg.sender);
        emit SubmissionJudged(batch, s.roller, s.round, valid, finedWei, s.proofDigest, msg.sender);
    }

    /// @inheritdoc ICourt
    function accuse(uint64 batch, Submission calldata s, bytes calldata signature) external {
        Batch memory b = _checkSubmission(batch, s, signature);
        require(!IProofVerifier(rollup.programs(b.programVersion).verifier).total(), JudgeInstead());
        require(!quarantined(b.programVersion), Quarantined(b.programVersion));
        require(!_isAccused[s.roller], AlreadyAccused(s.roller));
        uint256 claimedWei = fineWei(batch);
        // Whoever claims a fine puts up as much at least: no parameter makes it cheap to accuse the absent.
        uint256 rebuttalBondWei = Math.max(parameters.value(Key.RebuttalBondWei), claimedWei);
        // The operator's bond covers what all rebuttals together can cost.
        openAccusations++;
        require(
            openAccusations <= AmountsLib.accusationsMax(bond.bondWei(), rebuttalBondWei),
            TooManyAccusations(openAccusations)
        );
        uint64 untilS = uint64(block.timestamp + parameters.value(Key.DefendS));
        _accusations[_seat(s)] = Accusation(
            msg.sender, s.roller, batch, untilS, s.publicValuesHash, s.proofDigest, rebuttalBondWei, claimedWei
        );
        _isAccused[s.roller] = true;
        accusedAt[s.roller] = uint64(block.timestamp);
        emit Accused(batch, s.roller, s.round, s.proofDigest, msg.sender, claimedWei, untilS);
        registry.freeze(s.roller, claimedWei);
        IERC20(token).safeTransferFrom(msg.sender, address(this), rebuttalBondWei);
    }

    /// @inheritdoc ICourt
    function rebut(bytes32 task, uint32 round, address roller, PublicValues memory pv, bytes calldata proof) external {
        bytes32 seat = keccak256(abi.encode(task, round, roller));
        Accusation memory a = _open(seat, task, round, roller);
        bytes32 digest = ProofLib.digest(proof);
        // Hashes: nobody can move them towards each other.
        // slither-disable-next-line incorrect-equality
        require(digest == a.proofDigest, WrongProofDigest(digest, a.proofDigest));
        // Hashes: nobody can move them towards each other.
        // slither-disable-next-line incorrect-equality
        require(pv.hash() == a.publicValuesHash, WrongPreimage(a.publicValuesHash));
        require(pv.task == task && pv.roller == roller, NoDefence());
        Program memory program = rollup.programs(rollup.batches(a.batch).programVersion);
        require(_accepts(program, a.publicValuesHash, proof), ProofRejected());
        _defended[seat][digest] = true;
        _acquit(seat, a, round);
    }

    /// @inheritdoc ICourt
    function defend(uint64 batch, VerdictReceipt calldata r, bytes calldata signature) external {
        bytes32 task = rollup.taskId(batch);
        require(r.task == task, WrongTask(r.task, task));
        require(r.valid, NoDefence());
        _requireOperator(ReceiptLib.hash(r), signature);
        bytes32 seat = keccak256(abi.encode(r.task, r.round, r.roller));
        _defended[seat][r.proofDigest] = true;
        emit DefenceRecorded(r.task, r.roller, r.round, r.proofDigest);
        Accusation memory a = _accusations[seat];
        if (a.accuser != address(0) && a.proofDigest == r.proofDigest && block.timestamp < a.untilS) {
            _acquit(seat, a, r.round);
        }
    }

    /// @inheritdoc ICourt
    function defendExpired(SubmissionReceipt calldata r, bytes calldata signature) external {
        _requireOperator(ReceiptLib.hash(r), signature);
        bytes32 seat = keccak256(abi.encode(r.task, r.round, r.roller));
        Accusation memory a = _open(seat, r.task, r.round, r.roller);
        // Hashes: nobody can move them towards each other.
        // slither-disable-next-line incorrect-equality
        require(r.proofDigest == a.proofDigest, WrongProofDigest(r.proofDigest, a.proofDigest));
        uint256 accusedAtS = accusedAt[r.roller];
        require(accusedAtS > r.receivedAt + parameters.value(Key.AccuseS), NoDefence());
        _defended[seat][r.proofDigest] = true;
        _acquit(seat, a, r.round);
    }

    /// @inheritdoc ICourt
    function convict(bytes32 task, uint32 round, address roller) external {
        bytes32 seat = keccak256(abi.encode(task, round, roller));
        Accusation memory a = _accusations[seat];
        require(a.accuser != address(0), NotAccused(task, round, roller));
        require(block.timestamp >= a.untilS, TooEarly(a.untilS));
        _close(seat, a);
        uint256 finedWei = _fine(rollup.batches(a.batch), roller, seat, a.fineWei, a.accuser);
        emit SubmissionJudged(a.batch, roller, round, false, finedWei, a.proofDigest, a.accuser);
        IERC20(token).safeTransfer(a.accuser, a.bondWei);
    }

    /// @inheritdoc ICourt
    function submissionDigest(Submission calldata s) external view returns (bytes32) {
        return ReceiptLib.digest(address(rollup), ReceiptLib.hash(s));
    }

    /// @inheritdoc ICourt
    function fined(bytes32 task, uint32 round, address roller) external view returns (bool) {
        return _fined[keccak256(abi.encode(task, round, roller))];
    }

    /// @inheritdoc ICourt
    function accusation(bytes32 task, uint32 round, address roller) external view returns (Accusation memory) {
        return _accusations[keccak256(abi.encode(task, round, roller))];
    }

    /// @inheritdoc ICourt
    function fineWei(uint64 batch) public view returns (uint256) {
        require(batch != 0 && batch <= rollup.committedBatch(), UnknownBatch(batch));
        Batch memory b = rollup.batches(batch);
        return
            AmountsLib.fine(
                parameters.value(Key.FineMinWei), b.unitPriceWei, b.proverGasEstimate, registry.stakeMinWei()
            );
    }

    /// @inheritdoc ICourt
    function quarantined(uint32 version) public view returns (bool) {
        return rollup.currentEpoch() < _quarantineEnd[version];
    }

    /// @dev A submission counts if its signer was a signer of the roller when the batch was committed or later.
    function _checkSubmission(uint64 batch, Submission calldata s, bytes calldata signature)
        private
        view
        returns (Batch memory b)
    {
        require(batch != 0 && batch <= rollup.committedBatch(), UnknownBatch(batch));
        b = rollup.batches(batch);
        bytes32 task = rollup.taskId(batch);
        require(s.task == task, WrongTask(s.task, task));
        bytes32 seat = _seat(s);
        require(!_fined[seat], AlreadyFined(task, s.round, s.roller));
        require(!_defended[seat][s.proofDigest], Defended(task, s.round, s.roller));
        uint256 untilS = b.settledAt + parameters.value(Key.AccuseS);
        require(b.settledAt == 0 || block.timestamp <= untilS, TooLate(uint64(untilS)));
        address signer = ReceiptLib.signer(address(rollup), ReceiptLib.hash(s), signature);
        require(registry.answersFor(signer, s.roller, b.committedAt), WrongSigner(signer));
    }

    function _requireOperator(bytes32 structHash, bytes calldata signature) private view {
        address signer = ReceiptLib.signer(address(rollup), structHash, signature);
        require(signer == rollup.operator(), WrongSigner(signer));
    }

    /// @dev The open accusation of a seat, while it can be answered.
    function _open(bytes32 seat, bytes32 task, uint32 round, address roller)
        private
        view
        returns (Accusation memory a)
    {
        a = _accusations[seat];
        require(a.accuser != address(0), NotAccused(task, round, roller));
        require(block.timestamp < a.untilS, TooLate(a.untilS));
    }

    function _verdict(uint32 version, Submission calldata s, PublicValues memory pv, bytes calldata proof)
        private
        view
        returns (bool)
    {
        bytes32 digest = ProofLib.digest(proof);
        require(digest == s.proofDigest, WrongProofDigest(digest, s.proofDigest));
        Program memory program = rollup.programs(version);
        require(IProofVerifier(program.verifier).total(), AccuseInstead());
        if (!_accepts(program, s.publicValuesHash, proof)) return false;
        // SOUNDNESS: a true proof is fined only for being about another task or another roller. Any other
        // difference from the commit may be the operator's fault, and costs the roller nothing.
        require(pv.hash() == s.publicValuesHash, WrongPreimage(s.publicValuesHash));
        return pv.task == s.task && pv.roller == s.roller;
    }

    function _accepts(Program memory p, bytes32 publicValuesHash, bytes calldata proof) private view returns (bool) {
        return IProofVerifier(p.verifier).verify(p.exeCommit, p.vmCommit, publicValuesHash, proof);
    }

    function _seat(Submission calldata s) private pure returns (bytes32) {
        return keccak256(abi.encode(s.task, s.round, s.roller));
    }

    /// @dev Takes the fine from stake, then from credits. A quarantine puts it off and pardons nobody.
    function _fine(Batch memory b, address roller, bytes32 seat, uint256 amountWei, address accuser)
        private
        returns (uint256 finedWei)
    {
        require(!quarantined(b.programVersion), Quarantined(b.programVersion));
        _fined[seat] = true;
        accusedAt[roller] = uint64(block.timestamp);
        _count(b, roller);
        finedWei = registry.fine(roller, amountWei, accuser, parameters.value(Key.AccuserCostWei));
        if (finedWei < amountWei) finedWei += rewardPool.setOff(roller, amountWei - finedWei);
    }

    /// @dev Counts the rollers with invalid proofs for a version in the epoch of its batches; starts a quarantine.
    function _count(Batch memory b, address roller) private {
        uint32 version = b.programVersion;
        if (_wasInvalid[version][b.epoch][roller]) return;
        _wasInvalid[version][b.epoch][roller] = true;
        Tally storage tally = _tallies[version][b.epoch];
        tally.rollers++;
        // By stake, because names are free.
        tally.stakeWei += registry.rollers(roller).stakeWei;
        uint256 rollersMin = parameters.value(Key.QuarantineRollersMin);
        if (!AmountsLib.quarantineDue(tally.rollers, rollersMin, tally.stakeWei, registry.totalStakeWei())) return;
        uint64 end = AmountsLib.trustedFrom(rollup.currentEpoch());
        if (end > _quarantineEnd[version]) {
            _quarantineEnd[version] = end;
            emit VersionQuarantined(version, b.epoch, tally.rollers, tally.stakeWei);
        }
    }

    function _acquit(bytes32 seat, Accusation memory a, uint32 round) private {
        _close(seat, a);
        // Half is burned at least: whoever accuses himself loses.
        uint256 costWei = Math.min(parameters.value(Key.RebuttalCostWei), a.bondWei / 2);
        uint256 burnedWei = a.bondWei - costWei;
        emit Acquitted(a.batch, a.roller, round, costWei, burnedWei);
        token.burn(burnedWei);
        IERC20(token).forceApprove(address(rewardPool), costWei);
        rewardPool.creditFunded(a.roller, costWei);
    }

    function _close(bytes32 seat, Accusation memory a) private {
        delete _accusations[seat];
        _isAccused[a.roller] = false;
        openAccusations--;
        registry.unfreeze(a.roller, a.fineWei);
    }
}
