// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {BeaconStore} from "./BeaconStore.sol";
import {FeeAuction} from "./FeeAuction.sol";
import {MessageQueue} from "./MessageQueue.sol";
import {ProgramTable} from "./ProgramTable.sol";
import {Messenger} from "./bridge/Messenger.sol";
import {TokenBridge} from "./bridge/TokenBridge.sol";
import {Contracts} from "./interfaces/IContracts.sol";
import {Dials, IControl} from "./interfaces/IControl.sol";
import {IEmission} from "./interfaces/IEmission.sol";
import {IOperatorBond} from "./interfaces/IOperatorBond.sol";
import {IMessenger} from "./interfaces/IMessenger.sol";
import {IParameters, Key} from "./interfaces/IParameters.sol";
import {IRewardPool} from "./interfaces/IRewardPool.sol";
import {IRollerRegistry} from "./interfaces/IRollerRegistry.sol";
import {
    Batch,
    Commit,
    Entry,
    IRollup,
    Program,
    Reward,
    RollupParams,
    Snapshot,
    Withdrawal
} from "./interfaces/IRollup.sol";
import {AggregateLib} from "./libraries/AggregateLib.sol";
import {AmountsLib} from "./libraries/AmountsLib.sol";
import {BlobLib} from "./libraries/BlobLib.sol";
import {Devnets} from "./libraries/Devnets.sol";
import {LotteryLib} from "./libraries/LotteryLib.sol";
import {ProofLib} from "./libraries/ProofLib.sol";
import {PublicValues, PublicValuesLib} from "./libraries/PublicValues.sol";

/// @notice See IRollup.
/// @dev The chain id is read anew each time: after a fork of L1, nothing signed, proven or withdrawn on one side counts
/// on the other.
/// INVARIANT: settledBatch <= committedBatch; every batch up to settledBatch has been proven, or dropped: then it changes nothing.
/// INVARIANT: a batch is paid at most once, and only to the winner of its lottery.
contract Rollup is ProgramTable, MessageQueue, BeaconStore {
    using PublicValuesLib for PublicValues;

    uint256 private constant ENTRIES_MAX = 256;
    /// @dev Whoever proposes the block of a beacon must not know its prevrandao when it includes the facts before it.
    uint64 private constant LAG_MIN = 4;

    address public immutable operator;
    IParameters public immutable parameters;
    IControl public immutable control;
    IRollerRegistry public immutable registry;
    IRewardPool public immutable rewardPool;
    IOperatorBond public immutable bond;
    IEmission public immutable emission;
    address private immutable _enforcement;
    address private immutable _settlement;
    IMessenger public immutable messenger;
    uint64 public immutable l2ChainId;
    uint64 public immutable drawLag;
    uint64 public immutable lotteryLag;
    uint64 public immutable futureS;

    uint64 public committedBatch;
    uint64 public settledBatch;
    uint64 public currentEpoch;
    uint64 public enforcedSince;
    /// @inheritdoc IRollup
    uint64 public enteredThrough;
    mapping(uint64 batch => Batch) private _batches;
    mapping(uint64 epoch => Snapshot) private _snapshots;
    /// @dev Estimated rewards that one lottery beacon decides on.
    mapping(uint64 l1Block => uint256) private _openWei;
    mapping(uint64 index => bool) public withdrawalFinalized;

    modifier onlyOperator() {
        _requireOperator();
        _;
    }

    modifier onlyEnforcement() {
        _requireEnforcement();
        _;
    }

    constructor(Contracts memory c, RollupParams memory p)
        ProgramTable(p.governor, p.programDelayS, p.programs)
        MessageQueue(p.messageGasPriceWei, p.messageGasMax, p.forceS)
    {
        require(p.operator != address(0), BadParameter("operator"));
        require(p.l2ChainId != 0 && p.l2ChainId != block.chainid, BadParameter("l2ChainId"));
        uint64 lagMin = Devnets.isDevnet() ? 1 : LAG_MIN;
        require(p.drawLag >= lagMin && p.lotteryLag >= lagMin, BadParameter("lag"));
        require(c.rollup == address(this), BadParameter("rollup"));
        operator = p.operator;
        parameters = IParameters(c.parameters);
        control = IControl(c.control);
        registry = IRollerRegistry(c.registry);
        rewardPool = IRewardPool(c.rewardPool);
        bond = IOperatorBond(c.bond);
        emission = IEmission(c.emission);
        _enforcement = c.enforcement;
        _settlement = c.settlement;
        l2ChainId = p.l2ChainId;
        drawLag = p.drawLag;
        lotteryLag = p.lotteryLag;
        futureS = p.futureS;
        messenger = new Messenger(p.l2ChainId);
        // At addresses that follow from this one: L2's genesis holds them, and nobody else can be there.
        new TokenBridge(IRollup(address(this)), messenger);
        new FeeAuction(c.token, c.rewardPool);
        _storeGenesis(p);
    }

    /// @inheritdoc IRollup
    function commit(Commit calldata c, bytes calldata data) external {
        bool isEnforced = enforcedSince != 0;
        if (isEnforced) require(msg.sender == _enforcement, EnforcedMode(enforcedSince));
        else _requireOperator();
        require(data.length > 0, EmptyData());
        _commit(c, keccak256(data), isEnforced);
    }

    /// @inheritdoc IRollup
    function commitBlob(Commit calldata c, bytes32 dataCommitment, bytes32 y, bytes calldata opening)
        external
        onlyOperator
    {
        require(enforcedSince == 0, EnforcedMode(enforcedSince));
        bytes32 versionedHash = blobhash(0);
        require(versionedHash != 0, NoBlob());
        bytes32 z = BlobLib.point(versionedHash, dataCommitment);
        // SOUNDNESS: with the same value of the data's polynomial, which the proof states, the blob holds the data.
        require(BlobLib.hasValue(versionedHash, z, y, opening), WrongBlobValue(versionedHash, z, y));
        Batch storage b = _batches[c.batch];
        b.blobVersionedHash = versionedHash;
        b.blobValue = y;
        _commit(c, dataCommitment, false);
        emit BlobCommitted(c.batch, versionedHash);
    }

    /// @inheritdoc IRollup
    function postSnapshot(uint64 epoch, bytes32 root, uint256 total, bytes calldata leaves) external onlyOperator {
        require(epoch == currentEpoch + 1, EpochOutOfOrder(epoch, currentEpoch + 1));
        (bytes32 actualRoot, uint256 actualTotal, uint256 stakes) = control.wholeSnapshot(epoch, leaves);
        require(root == actualRoot && total == actualTotal && total > 0, WrongSnapshot(actualRoot, actualTotal));
        currentEpoch = epoch;
        _snapshots[epoch] = Snapshot(root, SafeCast.toUint128(total), SafeCast.toUint128(stakes));
        emit SnapshotPosted(epoch, root, total, leaves);
    }

    /// @inheritdoc IRollup
    function postEntries(uint64 batch, Entry[] calldata entries) external onlyOperator {
        Batch storage b = _committed(batch);
        require(b.entriesHash == 0, EntriesAlreadyPosted(batch));
        require(batch > settledBatch, AlreadySettled(batch));
        require(entries.length <= ENTRIES_MAX, TooManyEntries(entries.length));
        require(entries.length > 0, LotteryLib.EmptyEntries());
        _beacon(drawBlock(batch));
        address previous = address(0);
        for (uint256 i = 0; i < entries.length; i++) {
            Entry calldata e = entries[i];
            require(LotteryLib.isNext(e, previous) && registry.isRegistered(e.roller), BadEntry(i));
            previous = e.roller;
        }
        b.entriesHash = LotteryLib.hash(entries);
        b.entriesAt = uint64(block.timestamp);
        b.lotteryBlock = uint64(block.number) + lotteryLag;
        uint256 othersWei = _openWei[b.lotteryBlock];
        uint256 openWei = othersWei + _rewardWei(b, b.proverGasEstimate);
        // A batch alone may exceed the cap: else nobody would ever be paid for it.
        require(othersWei == 0 || openWei <= _value(Key.BeaconCapWei), BeaconFull(b.lotteryBlock, openWei));
        _openWei[b.lotteryBlock] = openWei;
        _markEntered();
        emit EntriesPosted(batch, b.entriesHash, b.lotteryBlock, entries);
    }

    /// @inheritdoc IRollup
    function settle(PublicValues memory pv, bytes calldata proof, Entry[] calldata entries) external {
        uint64 batch = _next(pv.firstBatch);
        _checkWinner(batch, pv.roller, proof, entries);
        _checkProof(batch, pv, proof);
        _moveState(batch);
        uint256 rewardWei = _pay(batch, pv.roller, pv.proverGas);
        emit BatchSettled(batch, pv.roller, pv.stateRoot, rewardWei, pv.proverGas);
    }

    /// @inheritdoc IRollup
    function settleUnpaid(PublicValues memory pv, bytes calldata proof) external {
        uint64 batch = _next(pv.firstBatch);
        uint64 fromS = unpaidFrom(batch);
        require(enforcedSince != 0 || block.timestamp >= fromS, TooEarly(fromS));
        _checkProof(batch, pv, proof);
        _moveState(batch);
        if (_batches[batch].entriesHash != 0) _hold(batch, pv.proverGas);
        emit BatchSettledUnpaid(batch, pv.roller, pv.stateRoot, pv.proverGas);
    }

    /// @inheritdoc IRollup
    function finalizeWithdrawal(uint64 batch, Withdrawal calldata w, bytes32[32] calldata proof) external {
        require(batch != 0 && batch <= settledBatch, NotSettled(batch));
        require(!withdrawalFinalized[w.index], AlreadyFinalized(w.index));
        withdrawalFinalized[w.index] = true;
        emit WithdrawalFinalized(w.index, w.recipient, w.amountWei, batch);
        // SOUNDNESS: reverts unless the tree of the batch holds exactly this withdrawal of exactly this value.
        // slither-disable-next-line arbitrary-send-eth
        messenger.deliver{value: w.amountWei}(
            _batches[batch].withdrawalRoot, w.index, w.sender, w.recipient, w.data, proof
        );
    }

    /// @inheritdoc IRollup
    function setEnforced(uint64 sinceS) external onlyEnforcement {
        enforcedSince = sinceS;
    }

    /// @inheritdoc IRollup
    function drop() external onlyEnforcement {
        uint64 batch = settledBatch + 1;
        Batch storage b = _committed(batch);
        Batch storage previous = _batches[batch - 1];
        // SOUNDNESS: what it claimed was never proven, so none of it stays: neither its state nor its withdrawals.
        b.stateRoot = previous.stateRoot;
        b.blockHash = previous.blockHash;
        b.withdrawalRoot = previous.withdrawalRoot;
        b.lastBlock = previous.lastBlock;
        b.lastTimestamp = previous.lastTimestamp;
        b.messagesEnd = previous.messagesEnd;
        _moveState(batch);
        emit BatchDropped(batch);
    }

    /// @inheritdoc IRollup
    function settleThrough(uint64 batch) external {
        _requireSettlement();
        _moveState(batch);
    }

    /// @inheritdoc IRollup
    function reward(uint64 batch, address roller, uint64 proverGas, Reward kind) external returns (uint256 rewardWei) {
        _requireSettlement();
        require(!_batches[batch].paid, AlreadyPaid(batch));
        if (kind == Reward.Now) return _pay(batch, roller, proverGas);
        if (kind == Reward.Later) {
            _hold(batch, proverGas);
            return 0;
        }
        _batches[batch].paid = true;
        return _finishPay(batch, roller, proverGas, rewardPool.release(batch, roller));
    }

    /// @inheritdoc IRollup
    function withdrawFees() external onlyOperator {
        uint256 amountWei = feesWei;
        feesWei = 0;
        emit FeesWithdrawn(amountWei);
        (bool done,) = operator.call{value: amountWei}("");
        require(done, TransferFailed());
    }

    /// @inheritdoc IRollup
    function batches(uint64 batch) external view returns (Batch memory b) {
        b = _batches[batch];
        b.settledAt = settledAt(batch);
    }

    /// @inheritdoc IRollup
    function snapshots(uint64 epoch) external view returns (Snapshot memory) {
        return _snapshots[epoch];
    }

    /// @inheritdoc IRollup
    function stateRoot() external view returns (bytes32) {
        return _batches[settledBatch].stateRoot;
    }

    /// @inheritdoc IRollup
    function winnerOf(uint64 batch, Entry[] calldata entries) public view returns (Entry memory) {
        Batch storage b = _committed(batch);
        bytes32 entriesHash = LotteryLib.hash(entries);
        require(b.entriesHash != 0 && entriesHash == b.entriesHash, WrongEntries(entriesHash, b.entriesHash));
        return entries[LotteryLib.winner(taskId(batch), entriesHash, _beacon(b.lotteryBlock), entries)];
    }

    /// @inheritdoc IRollup
    function taskId(uint64 batch) public view returns (bytes32) {
        return LotteryLib.taskId(block.chainid, address(this), batch);
    }

    /// @inheritdoc IRollup
    function settledAt(uint64 batch) public view returns (uint64) {
        return _batches[settlementEnd(batch)].settledAt;
    }

    /// @inheritdoc IRollup
    function settlementEnd(uint64 batch) public view returns (uint64 end) {
        end = batch;
        // Of the batches that settled together only the last one has the time written to it: zero until it is set, once.
        // slither-disable-next-line incorrect-equality
        while (end != 0 && end < settledBatch && _batches[end].settledAt == 0) end++;
    }

    /// @inheritdoc IRollup
    function drawBlock(uint64 batch) public view returns (uint64) {
        return _committed(batch).commitBlock + drawLag;
    }

    /// @inheritdoc IRollup
    function unpaidFrom(uint64 batch) public view returns (uint64) {
        Batch storage b = _committed(batch);
        if (b.entriesHash == 0) return b.committedAt + uint64(_value(Key.FallbackS));
        // The winner cannot settle before the batch is the next, so its time does not run before that.
        return uint64(Math.max(b.entriesAt, _batches[batch - 1].settledAt)) + uint64(_value(Key.SettleS));
    }

    /// @inheritdoc IRollup
    function expectedPublicValues(uint64 batch, address roller, uint64 proverGas)
        public
        view
        returns (PublicValues memory pv)
    {
        pv = _range(batch, batch);
        Batch storage b = _batches[batch];
        pv.roller = roller;
        pv.task = taskId(batch);
        pv.dataCommitment = b.dataCommitment;
        if (b.blobVersionedHash != 0) {
            pv.blobVersionedHash = b.blobVersionedHash;
            pv.z = BlobLib.point(b.blobVersionedHash, b.dataCommitment);
            pv.y = b.blobValue;
        }
        pv.proverGas = proverGas;
    }

    /// @inheritdoc IRollup
    function expectedRange(uint64 first, uint64 last)
        external
        view
        returns (PublicValues memory pv, bytes32 previousLineage, bytes32 lineage)
    {
        return (_range(first, last), _batches[first - 1].lineage, _batches[last].lineage);
    }

    /// @dev What is proven of committed batches from before the first to after the last, without what is each one's own.
    function _range(uint64 first, uint64 last) private view returns (PublicValues memory pv) {
        Batch storage b = _committed(last);
        Batch storage previous = _batches[first - 1];
        Program storage p = _program(b.programVersion);
        pv.formatVersion = PublicValuesLib.FORMAT_VERSION;
        pv.programVersion = b.programVersion;
        pv.forkId = p.forkId;
        pv.l1ChainId = uint64(block.chainid);
        pv.rollup = address(this);
        pv.l2ChainId = l2ChainId;
        pv.firstBatch = first;
        pv.lastBatch = last;
        pv.previousStateRoot = previous.stateRoot;
        pv.stateRoot = b.stateRoot;
        pv.previousBlockHash = previous.blockHash;
        pv.blockHash = b.blockHash;
        pv.previousMessageHash = messageHashAt(previous.messagesEnd);
        pv.messageHash = messageHashAt(b.messagesEnd);
        pv.withdrawalRoot = b.withdrawalRoot;
        pv.lastBlock = b.lastBlock;
        pv.lastTimestamp = b.lastTimestamp;
        pv.scheduleId = p.scheduleId;
    }

    function _storeGenesis(RollupParams memory p) private {
        require(p.genesisStateRoot != 0, ZeroHash("genesisStateRoot"));
        require(p.genesisBlockHash != 0, ZeroHash("genesisBlockHash"));
        require(p.genesisWithdrawalRoot != 0, ZeroHash("genesisWithdrawalRoot"));
        Batch storage genesis = _batches[0];
        genesis.stateRoot = p.genesisStateRoot;
        genesis.blockHash = p.genesisBlockHash;
        genesis.withdrawalRoot = p.genesisWithdrawalRoot;
        genesis.lastTimestamp = p.genesisTimestamp;
    }

    function _commit(Commit calldata c, bytes32 dataCommitment, bool isEnforced) private {
        require(c.batch == committedBatch + 1, BatchOutOfOrder(c.batch, committedBatch + 1));
        Batch storage previous = _batches[committedBatch];
        _checkCommit(c, previous);
        if (!isEnforced) _requireNoneOverdue(c.messagesEnd, c.lastTimestamp);
        Batch storage b = _batches[c.batch];
        b.stateRoot = c.stateRoot;
        b.blockHash = c.blockHash;
        b.withdrawalRoot = c.withdrawalRoot;
        b.dataCommitment = dataCommitment;
        b.lastBlock = c.lastBlock;
        b.lastTimestamp = c.lastTimestamp;
        b.messagesEnd = c.messagesEnd;
        b.proverGasEstimate = c.proverGasEstimate;
        b.commitBlock = uint64(block.number);
        b.committedAt = uint64(block.timestamp);
        b.epoch = currentEpoch;
        b.programVersion = c.programVersion;
        committedBatch = c.batch;
        // SOUNDNESS: who proved it, and with how much work, is left out, so that a proof by anybody goes on from here.
        PublicValues memory pv = expectedPublicValues(c.batch, address(0), 0);
        b.lineage = AggregateLib.roll(previous.lineage, pv.hash());
        // In enforced mode nobody is drawn and nobody is paid.
        if (!isEnforced) _book(c.batch, b);
        emit BatchCommitted(
            c.batch, pv.task, c, dataCommitment, pv.previousMessageHash, pv.messageHash, b.unitPriceWei, b.epoch
        );
    }

    function _checkCommit(Commit calldata c, Batch storage previous) private view {
        require(c.stateRoot != 0, ZeroHash("stateRoot"));
        require(c.blockHash != 0, ZeroHash("blockHash"));
        require(c.withdrawalRoot != 0, ZeroHash("withdrawalRoot"));
        require(c.witnessHash != 0, ZeroHash("witnessHash"));
        require(
            c.proverGasEstimate > 0 && c.proverGasEstimate <= _value(Key.ProverGasMax),
            BadParameter("proverGasEstimate")
        );
        require(c.lastBlock > previous.lastBlock, BlockNotAfter(c.lastBlock, previous.lastBlock));
        require(
            c.lastTimestamp >= previous.lastTimestamp && c.lastTimestamp <= block.timestamp + futureS,
            BadTimestamp(c.lastTimestamp)
        );
        require(c.messagesEnd >= previous.messagesEnd, BadMessagesEnd(c.messagesEnd));
        require(c.messagesEnd <= messageCount, BadMessagesEnd(c.messagesEnd));
        _requireActive(c.programVersion);
    }

    function _requireEnforcement() private view {
        require(msg.sender == _enforcement, NotEnforcement(msg.sender));
    }

    function _value(Key key) private view returns (uint256) {
        return parameters.value(key);
    }

    function _requireSettlement() private view {
        require(msg.sender == _settlement, NotSettlement(msg.sender));
    }

    function _requireOperator() private view {
        require(msg.sender == operator, NotOperator(msg.sender));
    }

    function _committed(uint64 batch) private view returns (Batch storage) {
        require(batch != 0 && batch <= committedBatch, UnknownBatch(batch));
        return _batches[batch];
    }

    /// @dev The batch to settle, which `claimed` must be.
    function _next(uint64 claimed) private view returns (uint64 batch) {
        batch = settledBatch + 1;
        require(claimed == batch, BatchOutOfOrder(claimed, batch));
        _committed(batch);
    }

    /// @dev SOUNDNESS: pays only whom the lottery drew, for the very bytes that were posted before it.
    function _checkWinner(uint64 batch, address roller, bytes calldata proof, Entry[] calldata entries) private view {
        Entry memory winner = winnerOf(batch, entries);
        require(roller == winner.roller, NotWinner(roller, winner.roller));
        bytes32 digest = ProofLib.digest(proof);
        require(digest == winner.proofDigest, WrongProofDigest(digest, winner.proofDigest));
    }

    /// @dev SOUNDNESS: of all public values only roller and prover gas are the prover's word; the rest is rebuilt from
    /// storage, so no field can be forgotten.
    function _checkProof(uint64 batch, PublicValues memory pv, bytes calldata proof) private view {
        PublicValues memory expected = expectedPublicValues(batch, pv.roller, pv.proverGas);
        (uint256 word, bytes32 given, bytes32 wanted) = pv.firstDifference(expected);
        require(word == PublicValuesLib.WORDS, PublicValuesMismatch(word, given, wanted));
        require(_accepts(_batches[batch].programVersion, pv.hash(), proof), ProofRejected());
    }

    function _moveState(uint64 batch) private {
        settledBatch = batch;
        _batches[batch].settledAt = uint64(block.timestamp);
    }

    /// @dev Fixes what rollers get for the batch; reverts unless the operator's bond covers it.
    function _book(uint64 batch, Batch storage b) private {
        Dials memory dials = control.current();
        b.k = dials.k;
        b.unitPriceWei = dials.unitPriceWei;
        uint256 fineWei =
            AmountsLib.fine(_value(Key.FineMinWei), b.unitPriceWei, b.proverGasEstimate, registry.stakeMinWei());
        bond.book(batch, _rewardWei(b, b.proverGasEstimate), fineWei, batch - settledBatch);
    }

    function _rewardWei(Batch storage b, uint256 proverGas) private view returns (uint256) {
        return AmountsLib.reward(b.unitPriceWei, b.k, proverGas);
    }

    /// @dev What the pool pays for the proven gas.
    function _coveredWei(Batch storage b, uint256 proverGas) private view returns (uint256) {
        return _rewardWei(b, AmountsLib.covered(proverGas, b.proverGasEstimate));
    }

    /// @dev Credits the winner of a batch that has just been proven by its proof.
    function _pay(uint64 batch, address roller, uint64 proverGas) private returns (uint256 rewardWei) {
        Batch storage b = _batches[batch];
        b.paid = true;
        uint256 coveredWei = _coveredWei(b, proverGas);
        rewardPool.credit(roller, coveredWei);
        return _finishPay(batch, roller, proverGas, coveredWei);
    }

    /// @dev Sets the reward of a settled batch aside for its winner.
    function _hold(uint64 batch, uint64 proverGas) private {
        uint64 untilS = settledAt(batch) + uint64(_value(Key.ClaimS));
        rewardPool.hold(batch, _coveredWei(_batches[batch], proverGas), untilS);
    }

    /// @dev The pool has paid `coveredWei` of a batch that is marked as paid; the operator's bond pays the rest, as far as it goes.
    function _finishPay(uint64 batch, address roller, uint64 proverGas, uint256 coveredWei)
        private
        returns (uint256 rewardWei)
    {
        uint256 earnedWei = _rewardWei(_batches[batch], proverGas);
        rewardWei = coveredWei;
        if (earnedWei > coveredWei) rewardWei += bond.payExcess(roller, earnedWei - coveredWei);
        emission.record(roller, proverGas);
    }

    /// @dev Goes on with the batches behind the last that has settled or has entries.
    function _markEntered() private {
        uint64 through = uint64(Math.max(enteredThrough, settledBatch));
        while (_batches[through + 1].entriesHash != 0) through++;
        enteredThrough = through;
    }
}
