/** Actions of clients on L1. */
import type { Account, Address, Chain, Client, Hash, Hex, Transport } from "viem";
import { readContract, writeContract } from "viem/actions";
import { rollupAbi, tokenBridgeAbi } from "./abi.js";
import type { Erc20Deposit, WithdrawalProof, WithdrawalStatus } from "./types.js";

type AnyClient = Client<Transport, Chain | undefined, Account | undefined>;
type Wallet = Client<Transport, Chain | undefined, Account>;

/** Gas on L2 that a plain deposit buys: a transfer to an account without code. */
export const DEPOSIT_GAS = 21_000n;

export type MessageRequest = {
  rollup: Address;
  to: Address;
  /** Wei that the call sends along on L2. */
  value?: bigint;
  /** Gas that the call may use on L2; bought on L1. */
  gasLimit?: bigint;
  data?: Hex;
};

/** Wei that a message's gas costs on L1, on top of its value. */
export async function getMessageFee(
  client: AnyClient,
  { rollup, gasLimit = DEPOSIT_GAS }: { rollup: Address; gasLimit?: bigint },
): Promise<bigint> {
  const price = await readContract(client, { abi: rollupAbi, address: rollup, functionName: "messageGasPriceWei" });
  return price * gasLimit;
}

/** Queues a call on L2 that takes ether along. */
export async function sendMessage(
  client: Wallet,
  { rollup, to, value = 0n, gasLimit = DEPOSIT_GAS, data = "0x" }: MessageRequest,
): Promise<Hash> {
  const fee = await getMessageFee(client, { rollup, gasLimit });
  return writeContract(client, {
    abi: rollupAbi,
    address: rollup,
    functionName: "sendMessage",
    args: [to, gasLimit, data],
    value: value + fee,
    account: client.account,
    chain: client.chain ?? null,
  });
}

/**
 * Queues a transaction of the account on L2 that no sequencer can leave out; `value` is paid from its balance there. With
 * `to: withdrawalQueueAddress` and the call of `initiateWithdrawal` it is a forced withdrawal.
 */
export async function forceTransaction(
  client: Wallet,
  { rollup, to, value = 0n, gasLimit = DEPOSIT_GAS, data = "0x" }: MessageRequest,
): Promise<Hash> {
  return writeContract(client, {
    abi: rollupAbi,
    address: rollup,
    functionName: "forceTransaction",
    args: [to, value, gasLimit, data],
    value: await getMessageFee(client, { rollup, gasLimit }),
    account: client.account,
    chain: client.chain ?? null,
  });
}

/** Deposits ether; `amount` is what arrives. */
export async function deposit(
  client: Wallet,
  { rollup, amount, to, gasLimit }: { rollup: Address; amount: bigint; to?: Address; gasLimit?: bigint },
): Promise<Hash> {
  return sendMessage(client, {
    rollup,
    to: to ?? client.account.address,
    value: amount,
    ...(gasLimit === undefined ? {} : { gasLimit }),
  });
}

/** Wei that a deposit of a token costs, for its gas on L2. */
export async function getErc20DepositFee(
  client: AnyClient,
  { tokenBridge }: { tokenBridge: Address },
): Promise<bigint> {
  return readContract(client, { abi: tokenBridgeAbi, address: tokenBridge, functionName: "depositFeeWei" });
}

/** Deposits an ERC-20 token that the account has approved `tokenBridge` for; `amount` of its twin arrives. */
export async function depositErc20(
  client: Wallet,
  { tokenBridge, token, amount, to }: { tokenBridge: Address; token: Address; amount: bigint; to?: Address },
): Promise<Hash> {
  return writeContract(client, {
    abi: tokenBridgeAbi,
    address: tokenBridge,
    functionName: "deposit",
    args: [token, to ?? client.account.address, amount],
    value: await getErc20DepositFee(client, { tokenBridge }),
    account: client.account,
    chain: client.chain ?? null,
  });
}

/** Sends the message of a deposit that failed on L2 once more; anybody may, and what was executed is not executed again. */
export async function retryErc20Deposit(
  client: Wallet,
  { tokenBridge, deposit: { id, token, to, amount }, gasLimit }: {
    tokenBridge: Address;
    deposit: Erc20Deposit;
    gasLimit: bigint;
  },
): Promise<Hash> {
  const fee = await readContract(client, {
    abi: tokenBridgeAbi,
    address: tokenBridge,
    functionName: "messageFeeWei",
    args: [gasLimit],
  });
  return writeContract(client, {
    abi: tokenBridgeAbi,
    address: tokenBridge,
    functionName: "retryDeposit",
    args: [id, token, to, amount, gasLimit],
    value: fee,
    account: client.account,
    chain: client.chain ?? null,
  });
}

/** Delivers a proven withdrawal: its recipient is paid and called; anybody may send it, once. */
export async function finalizeWithdrawal(
  client: Wallet,
  { rollup, withdrawal }: { rollup: Address; withdrawal: WithdrawalProof },
): Promise<Hash> {
  const { batch, index, sender, recipient, amount, data, proof } = withdrawal;
  return writeContract(client, {
    abi: rollupAbi,
    address: rollup,
    functionName: "finalizeWithdrawal",
    args: [batch, { index, sender, recipient, amountWei: amount, data }, proof as never],
    account: client.account,
    chain: client.chain ?? null,
  });
}

/** Whether a withdrawal was paid out on L1. */
export async function getWithdrawalFinalized(
  client: AnyClient,
  { rollup, index }: { rollup: Address; index: bigint },
): Promise<boolean> {
  return readContract(client, { abi: rollupAbi, address: rollup, functionName: "withdrawalFinalized", args: [index] });
}

/** How far a withdrawal has come; `proof` is what `proveWithdrawal` gave, if it gave something. */
export async function getWithdrawalStatus(
  client: AnyClient,
  { rollup, index, proof }: { rollup: Address; index: bigint; proof: WithdrawalProof | null },
): Promise<WithdrawalStatus> {
  if (await getWithdrawalFinalized(client, { rollup, index })) return "finalized";
  return proof === null ? "waiting-to-settle" : "ready-to-finalize";
}

/** Reading actions for a client on L1. */
export function publicActionsL1() {
  return (client: AnyClient) => ({
    getMessageFee: (args: Parameters<typeof getMessageFee>[1]) => getMessageFee(client, args),
    getErc20DepositFee: (args: Parameters<typeof getErc20DepositFee>[1]) => getErc20DepositFee(client, args),
    getWithdrawalFinalized: (args: Parameters<typeof getWithdrawalFinalized>[1]) => getWithdrawalFinalized(client, args),
    getWithdrawalStatus: (args: Parameters<typeof getWithdrawalStatus>[1]) => getWithdrawalStatus(client, args),
  });
}

/** Writing actions for a wallet on L1. */
export function walletActionsL1() {
  return (client: Wallet) => ({
    deposit: (args: Parameters<typeof deposit>[1]) => deposit(client, args),
    depositErc20: (args: Parameters<typeof depositErc20>[1]) => depositErc20(client, args),
    retryErc20Deposit: (args: Parameters<typeof retryErc20Deposit>[1]) => retryErc20Deposit(client, args),
    sendMessage: (args: MessageRequest) => sendMessage(client, args),
    forceTransaction: (args: MessageRequest) => forceTransaction(client, args),
    finalizeWithdrawal: (args: Parameters<typeof finalizeWithdrawal>[1]) => finalizeWithdrawal(client, args),
  });
}
