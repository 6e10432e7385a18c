/** What the namespace `rollmill_*` answers, with numbers as bigints. */
import type { Address, Hash, Hex } from "viem";

export type L1Transaction = { hash: Hash; blockNumber: bigint };

/** How far a batch has come. */
export type BatchStatus = "sealed" | "committed" | "settled";

export type Batch = {
  number: bigint;
  status: BatchStatus;
  firstBlock: bigint;
  lastBlock: bigint;
  task: Hash;
  programVersion: bigint;
  stateRoot: Hash;
  blockHash: Hash;
  withdrawalRoot: Hash;
  dataCommitment: Hash;
  /** Null when the data is calldata. */
  blobVersionedHash: Hash | null;
  witnessHash: Hash;
  messagesEnd: bigint;
  transactions: bigint;
  proverGas: bigint;
  dataBytes: bigint;
  /** Null until it is in a block of L1. */
  commitTransaction: L1Transaction | null;
  /** Null until it is in a block of L1, and when somebody else than the node settled the batch. */
  settleTransaction: L1Transaction | null;
};

/** How far a transaction has come: `included` is the sequencer's word, `committed` and `settled` are L1's. */
export type TransactionStatus = "unknown" | "pending" | "confirmed" | "included" | "committed" | "settled";

export type TransactionProgress = {
  status: TransactionStatus;
  blockNumber: bigint | null;
  batch: bigint | null;
};

/** What a transaction paid, wei; `total` is the sum of the four fees. */
export type TransactionFees = {
  gasUsed: bigint;
  effectiveGasPrice: bigint;
  baseFee: bigint;
  priorityFee: bigint;
  l1DataFee: bigint;
  provingFee: bigint;
  total: bigint;
};

/** What a transaction would pay in the next block, wei; `required` is what its sender must have besides the value. */
export type FeeEstimate = {
  gasLimit: bigint;
  gasUsed: bigint;
  baseFeePerGas: bigint;
  priorityFeePerGas: bigint;
  /** The request's; without one, twice the base fee and the tip. `required` counts with it. */
  maxFeePerGas: bigint;
  /** L1 gas of the signed transaction as calldata, and wei per unit of it. */
  l1GasUsed: bigint;
  l1GasPrice: bigint;
  proverGasUsed: bigint;
  proverGasPrice: bigint;
  baseFee: bigint;
  priorityFee: bigint;
  l1DataFee: bigint;
  provingFee: bigint;
  total: bigint;
  required: bigint;
};

export type SequencerInfo = {
  l1ChainId: bigint;
  l2ChainId: bigint;
  rollup: Address;
  operator: Address;
  withdrawalQueue: Address;
  /** Holds tokens on L1. */
  tokenBridge: Address;
  /** Mints their twins on L2. */
  l2TokenBridge: Address;
  /** Takes fees for gas and data on L2. */
  feeVault: Address;
  /** Takes fees for proving on L2. */
  provingVault: Address;
  /** Sells these on L1. */
  feeAuction: Address;
  feeSchedule: Address;
  blockTimeMs: bigint;
  programVersion: bigint;
  latestBlock: bigint;
  safeBlock: bigint;
  finalizedBlock: bigint;
  sealedBatch: bigint | null;
  committedBatch: bigint | null;
  settledBatch: bigint | null;
  /** How often blocks were taken back because L1 was reorganised. */
  rollbacks: bigint;
  /** Pre-confirmations that were broken by that. */
  brokenConfirmations: bigint;
};

/** A message from L1, as its event says it. */
export type Message = {
  index: bigint;
  /** Who speaks on L2: the account on L1, aliased when it is a contract. */
  sender: Address;
  to: Address;
  /** Wei that arrive with it: minted for the sender. */
  mint: bigint;
  /** Wei sent along, out of the sender's balance. */
  value: bigint;
  gasLimit: bigint;
  data: Hex;
};

/** A withdrawal, as its event on L2 says it. */
export type Withdrawal = {
  index: bigint;
  sender: Address;
  recipient: Address;
  amount: bigint;
  /** What the recipient is called with; `0x` for a plain payment. */
  data: Hex;
};

/** A deposit of an ERC-20 token, as its event on L1 says it. */
export type Erc20Deposit = {
  id: bigint;
  /** The token on L1. */
  token: Address;
  from: Address;
  /** Recipient on L2. */
  to: Address;
  amount: bigint;
};

/** A withdrawal with its path to the root of a settled batch: the arguments of `finalizeWithdrawal`. */
export type WithdrawalProof = Withdrawal & { batch: bigint; proof: readonly Hash[] };

/** `waiting-to-settle`: the batch is not settled, or not sealed yet. */
export type WithdrawalStatus = "waiting-to-settle" | "ready-to-finalize" | "finalized";

/** JSON as it comes: quantities are hexadecimal strings. */
export type Wire<T> = { [K in keyof T]: WireValue<T[K]> };
type WireValue<V> = V extends bigint ? Hex : V extends L1Transaction ? Wire<L1Transaction> : V;
