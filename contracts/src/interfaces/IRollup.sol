// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {PublicValues} from "../libraries/PublicValues.sol";
import {IMessenger} from "./IMessenger.sol";
import {IProgramTable, Program} from "./IProgramTable.sol";

/// @notice Constructor arguments of Rollup.
struct RollupParams {
    /// Commits batches, posts snapshots and entries. Names no root, beacon or winner by it: proofs and hashes decide.
    address operator;
    /// Announces further program versions, which become usable after `programDelayS`; zero closes the table.
    address governor;
    uint64 l2ChainId;
    bytes32 genesisStateRoot;
    bytes32 genesisBlockHash;
    bytes32 genesisWithdrawalRoot;
    uint64 genesisTimestamp;
    /// Blocks from a commit to the block whose prevrandao draws; at least 1.
    uint64 drawLag;
    /// Blocks from the posted entries to the block whose prevrandao picks the winner; at least 1.
    uint64 lotteryLag;
    /// A batch may not leave out messages older than this at its last timestamp, seconds.
    uint64 forceS;
    /// How far L2 time may run ahead of L1 time at a commit, seconds.
    uint64 futureS;
    /// Seconds between the announcement of a program version and its use.
    uint64 programDelayS;
    /// Wei per unit of L2 gas of an L1 message.
    uint128 messageGasPriceWei;
    /// Largest L2 gas limit of an L1 message.
    uint64 messageGasMax;
    /// Versions 1, 2, ... of the program table.
    Program[] programs;
}

/// @notice What the operator commits of a batch.
struct Commit {
    /// Next number; the first is 1.
    uint64 batch;
    /// Program version that must prove it.
    uint32 programVersion;
    /// L2 number and timestamp of its last block.
    uint64 lastBlock;
    uint64 lastTimestamp;
    /// Claimed results; only a proof makes them true.
    bytes32 stateRoot;
    bytes32 blockHash;
    bytes32 withdrawalRoot;
    /// L1 messages consumed up to the end of the batch, counted from the start of the chain.
    uint64 messagesEnd;
    /// Estimated prover gas: deadlines and fines use it; pay uses the proven value, of which the operator's bond pays what
    /// exceeds the estimate by more than a tenth.
    uint64 proverGasEstimate;
    /// Content hash of the witness that rollers download.
    bytes32 witnessHash;
}

/// @notice What L1 keeps of a committed batch.
struct Batch {
    bytes32 stateRoot;
    bytes32 blockHash;
    bytes32 withdrawalRoot;
    bytes32 dataCommitment;
    /// Versioned hash of the blob with the data, and the value of the blob's polynomial (see BlobLib); zero with calldata.
    bytes32 blobVersionedHash;
    bytes32 blobValue;
    /// Rolling hash of the transitions of all batches up to it, as they were committed: see AggregateLib.
    bytes32 lineage;
    /// Zero until the entries are posted.
    bytes32 entriesHash;
    uint64 lastBlock;
    uint64 lastTimestamp;
    uint64 messagesEnd;
    uint64 proverGasEstimate;
    /// L1 block and time of the commit.
    uint64 commitBlock;
    uint64 committedAt;
    /// L1 block whose prevrandao picks the winner; zero until the entries are posted.
    uint64 lotteryBlock;
    uint64 entriesAt;
    uint64 settledAt;
    /// Snapshot that the draw uses; zero if there was none.
    uint64 epoch;
    uint32 programVersion;
    /// Points drawn, fixed at commit.
    uint32 k;
    /// The reward was credited.
    bool paid;
    /// SCR-wei per prover gas, fixed at commit.
    uint128 unitPriceWei;
}

/// @notice Stake and reputation of an epoch, as a Merkle-sum root.
struct Snapshot {
    bytes32 root;
    /// Sum of the weights.
    uint128 total;
    /// Sum of the stakes.
    uint128 stakes;
}

/// @notice An on-time valid submission; the list is sorted by roller, without repetition.
struct Entry {
    address roller;
    uint32 tickets;
    /// Digest of the proof: see ProofLib.
    bytes32 proofDigest;
}

/// @notice What becomes of a reward: credited, held, or credited from what was held.
enum Reward {
    Now,
    Later,
    Held
}

/// @notice A message from L2 to L1: ether, data, or both.
struct Withdrawal {
    /// Position in the tree, from 0.
    uint64 index;
    /// Who sent it on L2.
    address sender;
    /// Who is paid and called on L1.
    address recipient;
    uint256 amountWei;
    /// What the recipient is called with.
    bytes data;
}

/// @notice What a roller signs (EIP-712) when it submits.
struct Submission {
    bytes32 task;
    uint32 round;
    address roller;
    bytes32 publicValuesHash;
    bytes32 proofDigest;
}

/// @notice L1 side of the rollup: commit -> draw -> entries -> lottery -> settle, the message queue and withdrawals.
/// @dev Task of batch n: keccak256("rollmill.task.v1", chain id, this, n). Batches are committed and settled in order,
/// entries are posted in any order. Draw beacon: prevrandao of block `commitBlock + drawLag`; lottery beacon: of
/// `lotteryBlock`. Nobody chooses either, and nobody chooses the winner: see LotteryLib.
interface IRollup is IProgramTable {
    error NotOperator(address caller);
    error NotEnforcement(address caller);
    error NotSettlement(address caller);
    /// @notice Since then batches are committed through Enforcement, with their proofs.
    error EnforcedMode(uint64 sinceS);
    error UnknownBatch(uint64 batch);
    error BatchOutOfOrder(uint64 batch, uint64 expected);
    error BlockNotAfter(uint64 lastBlock, uint64 previous);
    error BadTimestamp(uint64 lastTimestamp);
    error EmptyData();
    error NoBlob();
    /// @notice The blob's polynomial has another value at `z`, or what shall prove it does not.
    error WrongBlobValue(bytes32 versionedHash, bytes32 z, bytes32 y);
    error BadMessagesEnd(uint64 messagesEnd);
    error MessageOverdue(uint64 index);
    error TooManyEntries(uint256 count);
    error EpochOutOfOrder(uint64 epoch, uint64 expected);
    error WrongSnapshot(bytes32 root, uint256 total);
    error WrongHeader(uint64 l1Block);
    error BeaconMissing(uint64 l1Block);
    error EntriesAlreadyPosted(uint64 batch);
    error BadEntry(uint256 position);
    error WrongEntries(bytes32 entriesHash, bytes32 posted);
    error AlreadySettled(uint64 batch);
    error NotSettled(uint64 batch);
    error NotWinner(address roller, address winner);
    error WrongProofDigest(bytes32 digest, bytes32 expected);
    /// @notice Word `word` (from 0, in the order of PublicValues) is not what the batch demands.
    error PublicValuesMismatch(uint256 word, bytes32 given, bytes32 expected);
    error TooEarly(uint64 fromS);
    error AlreadyPaid(uint64 batch);
    error BeaconFull(uint64 l1Block, uint256 openWei);
    error BadMessage(string reason);
    error FeeNotCovered(uint256 valueWei, uint256 feeWei);
    error AlreadyFinalized(uint64 index);
    error TransferFailed();

    event BatchCommitted(
        uint64 indexed batch,
        bytes32 indexed task,
        Commit c,
        bytes32 dataCommitment,
        bytes32 previousMessageHash,
        bytes32 messageHash,
        uint256 unitPriceWei,
        uint64 epoch
    );
    /// @notice The data of the batch that was committed with it is in this blob.
    event BlobCommitted(uint64 indexed batch, bytes32 versionedHash);
    /// @param leaves Behind those of the pieces at Control, if there are any: concatenated (roller 20 | stake 16 | q 8 | capacity 4 bytes), big-endian, sorted by roller.
    event SnapshotPosted(uint64 indexed epoch, bytes32 root, uint256 total, bytes leaves);
    event BeaconStored(uint64 indexed l1Block, bytes32 prevrandao);
    event EntriesPosted(uint64 indexed batch, bytes32 entriesHash, uint64 lotteryBlock, Entry[] entries);
    /// @notice A batch settled by its winner's proof.
    event BatchSettled(
        uint64 indexed batch, address indexed roller, bytes32 stateRoot, uint256 rewardWei, uint64 proverGas
    );
    /// @notice A batch settled by somebody's proof after the winner's time; nobody is paid.
    event BatchSettledUnpaid(uint64 indexed batch, address indexed roller, bytes32 stateRoot, uint64 proverGas);
    /// @notice Nobody proved a committed batch in enforced mode: it counts as settled and changes nothing.
    event BatchDropped(uint64 indexed batch);
    event MessageSent(
        uint64 indexed index,
        address indexed sender,
        address indexed to,
        uint256 mint,
        uint256 value,
        uint64 gasLimit,
        bytes data,
        bytes32 rollingHash
    );
    event WithdrawalFinalized(uint64 indexed index, address indexed recipient, uint256 amountWei, uint64 batch);
    event FeesWithdrawn(uint256 amountWei);

    /// @notice Commits the next batch with its data; only the operator, and only while its bond covers it. In enforced mode only
    /// Enforcement, which settles it at once; then nobody is drawn or paid for it.
    function commit(Commit calldata c, bytes calldata data) external;

    /// @notice The same with the data in the transaction's first blob; not in enforced mode.
    /// @param dataCommitment keccak256 of the data. Only a proof makes it that of the data in the blob.
    /// @param y Value of the blob's polynomial at the point that `dataCommitment` and the blob fix: see BlobLib.
    /// @param opening KZG commitment of the blob and KZG proof of the value, 48 bytes each.
    function commitBlob(Commit calldata c, bytes32 dataCommitment, bytes32 y, bytes calldata opening) external;

    /// @notice Posts the snapshot of the next epoch (1, 2, ...) with its leaves, behind the pieces at Control; only the operator.
    function postSnapshot(uint64 epoch, bytes32 root, uint256 total, bytes calldata leaves) external;

    /// @notice Stores the prevrandao of a recent L1 block (8,191 blocks) from its RLP header; anybody.
    function storeBeacon(bytes calldata headerRlp) external;

    /// @notice Posts the entries of a batch, once and finally, after its draw beacon is stored; only the operator.
    function postEntries(uint64 batch, Entry[] calldata entries) external;

    /// @notice Settles the next batch with the winner's proof and credits the winner; anybody.
    function settle(PublicValues calldata pv, bytes calldata proof, Entry[] calldata entries) external;

    /// @notice Settles the next batch with any valid proof, after `unpaidFrom`, or at any time in enforced mode; anybody. Nobody is
    /// paid; if entries were posted, the reward is held for the winner for `ClaimS`.
    function settleUnpaid(PublicValues calldata pv, bytes calldata proof) external;

    /// @notice Queues a message to L2 that takes `msg.value` less `gasLimit * messageGasPriceWei` along: it is minted for the sender on
    /// L2 and sent to `to`. A deposit is a message with empty data. A caller that is a contract is aliased (see MessageLib).
    function sendMessage(address to, uint64 gasLimit, bytes calldata data) external payable returns (uint64 index);

    /// @notice Queues a transaction of the caller on L2 that no sequencer can leave out: it sends `value` of what the caller has on L2,
    /// and what `msg.value` brings beyond the price of the gas is minted for the caller first. When it cannot be executed it is
    /// included as a failed transaction. This is how anybody withdraws against the operator's will.
    function forceTransaction(address to, uint256 value, uint64 gasLimit, bytes calldata data)
        external
        payable
        returns (uint64 index);

    /// @notice Delivers a withdrawal that a settled batch contains: Messenger pays the recipient and calls it with the data.
    /// Anybody, once per index. When the recipient refuses, all is as before, and it can be delivered later.
    function finalizeWithdrawal(uint64 batch, Withdrawal calldata w, bytes32[32] calldata proof) external;

    /// @notice Begins enforced mode, or ends it with zero; only Enforcement.
    function setEnforced(uint64 sinceS) external;

    /// @notice Drops the next committed batch: what it claimed is forgotten, and it counts as settled; only Enforcement.
    function drop() external;

    /// @notice Settles all batches up to this one; only Settlement, which has a proof of them.
    function settleThrough(uint64 batch) external;

    /// @notice Credits the winner of a settled batch, once, or holds the reward for it until `ClaimS` after the settlement; only
    /// Settlement.
    /// @return rewardWei What is credited.
    function reward(uint64 batch, address roller, uint64 proverGas, Reward kind) external returns (uint256 rewardWei);

    /// @notice Pays the collected message fees to the operator; only the operator.
    function withdrawFees() external;

    function taskId(uint64 batch) external view returns (bytes32);
    /// @notice The only public values with which a proof by `roller` of `proverGas` settles a committed batch.
    function expectedPublicValues(uint64 batch, address roller, uint64 proverGas)
        external
        view
        returns (PublicValues memory);
    /// @notice What all proofs of these committed batches together state, without roller, task, data and prover gas, which are each
    /// one's own; and the lineage before the first batch and after the last.
    function expectedRange(uint64 first, uint64 last)
        external
        view
        returns (PublicValues memory pv, bytes32 previousLineage, bytes32 lineage);
    function operator() external view returns (address);
    /// @notice Proves withdrawals and makes the calls that they order. Created by the constructor, as TokenBridge is after it.
    function messenger() external view returns (IMessenger);
    /// @notice When a batch settled, unix seconds; zero if it has not.
    function settledAt(uint64 batch) external view returns (uint64);
    /// @notice Last of the batches that settled together with a settled one.
    function settlementEnd(uint64 batch) external view returns (uint64);
    function batches(uint64 batch) external view returns (Batch memory);
    function snapshots(uint64 epoch) external view returns (Snapshot memory);
    /// @notice Last posted epoch; zero before the first.
    function currentEpoch() external view returns (uint64);
    /// @notice Last committed and last settled batch; zero at genesis.
    function committedBatch() external view returns (uint64);
    function settledBatch() external view returns (uint64);
    /// @notice State root of the last settled batch.
    function stateRoot() external view returns (bytes32);
    /// @notice L1 block whose prevrandao draws the seats of a committed batch.
    function drawBlock(uint64 batch) external view returns (uint64);
    /// @notice Stored prevrandao of an L1 block; zero if none.
    function beacons(uint64 l1Block) external view returns (bytes32);
    /// @notice Winner of a batch whose lottery beacon is stored.
    function winnerOf(uint64 batch, Entry[] calldata entries) external view returns (Entry memory);
    /// @notice Up to this batch all have settled or have entries.
    function enteredThrough() external view returns (uint64);
    /// @notice From when `settleUnpaid` is open for a committed batch, once it is the next, unix seconds.
    function unpaidFrom(uint64 batch) external view returns (uint64);
    /// @notice Since when the chain is in enforced mode, unix seconds; zero if it is not.
    function enforcedSince() external view returns (uint64);
    function messageCount() external view returns (uint64);
    /// @notice When a message was queued, unix seconds.
    function messageSentAt(uint64 index) external view returns (uint64);
    /// @notice Wei per unit of L2 gas of an L1 message.
    function messageGasPriceWei() external view returns (uint128);
    /// @notice Rolling hash after the first `count` messages.
    function messageHashAt(uint64 count) external view returns (bytes32);
    function withdrawalFinalized(uint64 index) external view returns (bool);
    function feesWei() external view returns (uint256);
}
