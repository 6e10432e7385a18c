/** Actions of clients on L2. */
import {
  type Account,
  type Address,
  type BlockNumber,
  type BlockTag,
  type Chain,
  type Client,
  type Hash,
  type Hex,
  type Transport,
  type TransactionReceipt,
  type TransactionRequest,
  formatTransactionRequest,
  hexToBigInt,
  isHex,
  numberToHex,
} from "viem";
import { readContract, waitForTransactionReceipt, writeContract } from "viem/actions";
import { l2TokenBridgeAbi, l2TokenBridgeAddress, withdrawalQueueAbi, withdrawalQueueAddress } from "./abi.js";
import { WaitTimeoutError, WithdrawalNotSettledError } from "./errors.js";
import { getL2TransactionHash } from "./events.js";
import type {
  Batch,
  BatchStatus,
  FeeEstimate,
  Message,
  SequencerInfo,
  TransactionFees,
  TransactionProgress,
  WithdrawalProof,
  Wire,
} from "./types.js";

type AnyClient = Client<Transport, Chain | undefined, Account | undefined>;

/** The node's code for "in no settled batch yet". */
const NOT_SETTLED = -32010;
const QUANTITY_FIELDS = new Set([
  "number", "firstBlock", "lastBlock", "programVersion", "messagesEnd", "transactions", "proverGas", "dataBytes",
  "blockNumber", "batch", "index", "amount", "gasUsed", "effectiveGasPrice", "baseFee", "priorityFee", "l1DataFee",
  "provingFee", "total", "l1ChainId", "l2ChainId", "blockTimeMs", "latestBlock", "safeBlock", "finalizedBlock",
  "sealedBatch", "committedBatch", "settledBatch", "rollbacks", "brokenConfirmations", "gasLimit", "baseFeePerGas",
  "priorityFeePerGas", "l1GasUsed", "l1GasPrice", "proverGasUsed", "proverGasPrice", "required",
]);

/** Quantities become bigints; hashes and addresses stay what they are. */
function format<T>(wire: Wire<T>): T {
  const entries = Object.entries(wire as Record<string, unknown>).map(([key, value]) => {
    if (QUANTITY_FIELDS.has(key) && isHex(value)) return [key, hexToBigInt(value)];
    if (value !== null && typeof value === "object" && !Array.isArray(value)) return [key, format(value as Wire<unknown>)];
    return [key, value];
  });
  return Object.fromEntries(entries) as T;
}

async function ask<T>(client: AnyClient, method: string, params: readonly unknown[]): Promise<T> {
  return (await client.request({ method, params } as never)) as T;
}

function nullable<T>(wire: Wire<T> | null): T | null {
  return wire === null ? null : format<T>(wire);
}

/** Who makes blocks, where the contracts are, how far the chain has come. */
export async function getSequencerInfo(client: AnyClient): Promise<SequencerInfo> {
  return format<SequencerInfo>(await ask(client, "rollmill_sequencerInfo", []));
}

/** A batch by number, or the last that has come at least as far as the status; null if there is none. */
export async function getBatch(
  client: AnyClient,
  { batch }: { batch: bigint | BatchStatus },
): Promise<Batch | null> {
  const id = typeof batch === "bigint" ? numberToHex(batch) : batch;
  return nullable<Batch>(await ask(client, "rollmill_getBatch", [id]));
}

/** The batch that holds a block of L2; null while none does. */
export async function getBatchByBlock(
  client: AnyClient,
  { block }: { block: BlockNumber | BlockTag },
): Promise<Batch | null> {
  const id = typeof block === "bigint" ? numberToHex(block) : block;
  return nullable<Batch>(await ask(client, "rollmill_getBatchByBlock", [id]));
}

export async function getTransactionStatus(client: AnyClient, { hash }: { hash: Hash }): Promise<TransactionProgress> {
  return format<TransactionProgress>(await ask(client, "rollmill_getTransactionStatus", [hash]));
}

/** What a mined transaction paid, by part; null while it is not mined. */
export async function getTransactionFees(client: AnyClient, { hash }: { hash: Hash }): Promise<TransactionFees | null> {
  return nullable<TransactionFees>(await ask(client, "rollmill_getTransactionFees", [hash]));
}

/** What a transaction would pay in the next block, by part. */
export async function estimateFee(client: AnyClient, request: TransactionRequest): Promise<FeeEstimate> {
  return format<FeeEstimate>(await ask(client, "rollmill_estimateFee", [formatTransactionRequest(request)]));
}

/**
 * Proves a withdrawal against the root of the last settled batch: the arguments of `finalizeWithdrawal`.
 * @throws WithdrawalNotSettledError when it is in no settled batch yet
 */
export async function proveWithdrawal(client: AnyClient, { index }: { index: bigint }): Promise<WithdrawalProof> {
  try {
    return format<WithdrawalProof>(await ask(client, "rollmill_getWithdrawalProof", [numberToHex(index)]));
  } catch (error) {
    const walk = (error as { walk?: (test: (e: unknown) => boolean) => unknown }).walk;
    const isNotSettled = (e: unknown) => (e as { code?: number }).code === NOT_SETTLED;
    if (isNotSettled(error) || walk?.call(error, isNotSettled)) throw new WithdrawalNotSettledError(index, { cause: error });
    throw error;
  }
}

export type WaitOptions = {
  /** Milliseconds between questions; the client's by default. */
  pollingInterval?: number;
  /** Milliseconds after which it gives up; ten minutes by default. */
  timeout?: number;
};

async function poll<T>(
  client: AnyClient,
  what: string,
  { pollingInterval = client.pollingInterval, timeout = 600_000 }: WaitOptions,
  probe: () => Promise<T | undefined>,
): Promise<T> {
  const end = Date.now() + timeout;
  for (;;) {
    const found = await probe();
    if (found !== undefined) return found;
    if (Date.now() + pollingInterval > end) throw new WaitTimeoutError(what, timeout);
    await new Promise((resolve) => setTimeout(resolve, pollingInterval));
  }
}

const RANK = { unknown: 0, pending: 0, confirmed: 1, included: 2, committed: 3, settled: 4 } as const;

/** Waits until a transaction has come at least that far. */
export async function waitForTransactionStatus(
  client: AnyClient,
  { hash, status, ...wait }: { hash: Hash; status: "confirmed" | "included" | "committed" | "settled" } & WaitOptions,
): Promise<TransactionProgress> {
  return poll(client, `Transaction ${hash}: ${status}`, wait, async () => {
    const progress = await getTransactionStatus(client, { hash });
    return RANK[progress.status] >= RANK[status] ? progress : undefined;
  });
}

/** Waits until a batch has come at least that far. */
export async function waitForBatch(
  client: AnyClient,
  { batch, status, ...wait }: { batch: bigint; status: BatchStatus } & WaitOptions,
): Promise<Batch> {
  const rank = { sealed: 0, committed: 1, settled: 2 } as const;
  return poll(client, `Batch ${batch}: ${status}`, wait, async () => {
    const found = await getBatch(client, { batch });
    return found !== null && rank[found.status] >= rank[status] ? found : undefined;
  });
}

/** Waits until a withdrawal can be finalized on L1, and returns its proof. */
export async function waitToFinalize(
  client: AnyClient,
  { index, ...wait }: { index: bigint } & WaitOptions,
): Promise<WithdrawalProof> {
  return poll(client, `Withdrawal ${index}: settled`, wait, async () => {
    try {
      return await proveWithdrawal(client, { index });
    } catch (error) {
      if (error instanceof WithdrawalNotSettledError) return undefined;
      throw error;
    }
  });
}

/** Waits until L2 has executed a message of L1, and returns the receipt; look at its `status`. */
export async function waitForMessage(
  client: AnyClient,
  { message, ...wait }: { message: Message } & WaitOptions,
): Promise<TransactionReceipt> {
  return waitForTransactionReceipt(client, { hash: getL2TransactionHash(message), ...wait });
}

/** Burns ether on L2 for a recipient on L1; the withdrawal is in the receipt (`getWithdrawals`). */
export async function initiateWithdrawal(
  client: Client<Transport, Chain | undefined, Account>,
  { amount, to, gas }: { amount: bigint; to?: Address; gas?: bigint },
): Promise<Hash> {
  return writeContract(client, {
    abi: withdrawalQueueAbi,
    address: withdrawalQueueAddress,
    functionName: "initiateWithdrawal",
    args: [to ?? client.account.address],
    value: amount,
    account: client.account,
    chain: client.chain ?? null,
    ...(gas === undefined ? {} : { gas }),
  });
}

/** Where the twin of an L1 token is on L2, from its first deposit on. */
export async function getL2Token(client: AnyClient, { l1Token }: { l1Token: Address }): Promise<Address> {
  return readContract(client, {
    abi: l2TokenBridgeAbi,
    address: l2TokenBridgeAddress,
    functionName: "tokenOf",
    args: [l1Token],
  });
}

/** Burns a bridged token on L2 for a recipient on L1; the withdrawal is in the receipt (`getWithdrawals`). */
export async function withdrawErc20(
  client: Client<Transport, Chain | undefined, Account>,
  { l1Token, amount, to, gas }: { l1Token: Address; amount: bigint; to?: Address; gas?: bigint },
): Promise<Hash> {
  return writeContract(client, {
    abi: l2TokenBridgeAbi,
    address: l2TokenBridgeAddress,
    functionName: "withdraw",
    args: [l1Token, to ?? client.account.address, amount],
    account: client.account,
    chain: client.chain ?? null,
    ...(gas === undefined ? {} : { gas }),
  });
}

/** Reading actions for a client on L2. */
export function publicActionsL2() {
  return (client: AnyClient) => ({
    getSequencerInfo: () => getSequencerInfo(client),
    getBatch: (args: Parameters<typeof getBatch>[1]) => getBatch(client, args),
    getBatchByBlock: (args: Parameters<typeof getBatchByBlock>[1]) => getBatchByBlock(client, args),
    getTransactionStatus: (args: Parameters<typeof getTransactionStatus>[1]) => getTransactionStatus(client, args),
    getTransactionFees: (args: Parameters<typeof getTransactionFees>[1]) => getTransactionFees(client, args),
    estimateFee: (args: Parameters<typeof estimateFee>[1]) => estimateFee(client, args),
    getL2Token: (args: Parameters<typeof getL2Token>[1]) => getL2Token(client, args),
    proveWithdrawal: (args: Parameters<typeof proveWithdrawal>[1]) => proveWithdrawal(client, args),
    waitForTransactionStatus: (args: Parameters<typeof waitForTransactionStatus>[1]) =>
      waitForTransactionStatus(client, args),
    waitForBatch: (args: Parameters<typeof waitForBatch>[1]) => waitForBatch(client, args),
    waitToFinalize: (args: Parameters<typeof waitToFinalize>[1]) => waitToFinalize(client, args),
    waitForMessage: (args: Parameters<typeof waitForMessage>[1]) => waitForMessage(client, args),
  });
}

/** Writing actions for a wallet on L2. */
export function walletActionsL2() {
  return (client: Client<Transport, Chain | undefined, Account>) => ({
    initiateWithdrawal: (args: Parameters<typeof initiateWithdrawal>[1]) => initiateWithdrawal(client, args),
    withdrawErc20: (args: Parameters<typeof withdrawErc20>[1]) => withdrawErc20(client, args),
  });
}
