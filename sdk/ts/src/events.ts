/** Messages and withdrawals out of receipts. */
import {
  type Address,
  type Hash,
  type Hex,
  type Log,
  concat,
  isAddressEqual,
  keccak256,
  numberToHex,
  parseEventLogs,
  toRlp,
} from "viem";
import { rollupAbi, tokenBridgeAbi, withdrawalQueueAbi, withdrawalQueueAddress } from "./abi.js";
import type { Erc20Deposit, Message, Withdrawal } from "./types.js";

/** The messages that a transaction on L1 queued, in order. */
export function getMessages({ logs, rollup }: { logs: Log[]; rollup: Address }): Message[] {
  const own = logs.filter((log) => isAddressEqual(log.address, rollup));
  return parseEventLogs({ abi: rollupAbi, eventName: "MessageSent", logs: own }).map(({ args }) => ({
    index: args.index,
    sender: args.sender,
    to: args.to,
    mint: args.mint,
    value: args.value,
    gasLimit: args.gasLimit,
    data: args.data,
  }));
}

/** The token deposits that a transaction on L1 made, in order. */
export function getErc20Deposits({ logs, tokenBridge }: { logs: Log[]; tokenBridge: Address }): Erc20Deposit[] {
  const own = logs.filter((log) => isAddressEqual(log.address, tokenBridge));
  return parseEventLogs({ abi: tokenBridgeAbi, eventName: "DepositInitiated", logs: own }).map(({ args }) => ({
    id: args.id,
    token: args.token,
    from: args.from,
    to: args.to,
    amount: args.amount,
  }));
}

/** The withdrawals that a transaction on L2 initiated, in order. */
export function getWithdrawals({ logs }: { logs: Log[] }): Withdrawal[] {
  const own = logs.filter((log) => isAddressEqual(log.address, withdrawalQueueAddress));
  return parseEventLogs({ abi: withdrawalQueueAbi, eventName: "WithdrawalInitiated", logs: own }).map(
    ({ args }) => ({
      index: args.index,
      sender: args.sender,
      recipient: args.recipient,
      amount: args.amountWei,
      data: args.data,
    }),
  );
}

/** Hash of the transaction (type 0x7E) with which L2 executes a message; known before L2 has seen it. */
export function getL2TransactionHash(message: Message): Hash {
  const quantity = (value: bigint): Hex => (value === 0n ? "0x" : even(numberToHex(value)));
  const fields = [
    quantity(message.index),
    message.sender,
    message.to,
    quantity(message.mint),
    quantity(message.value),
    quantity(message.gasLimit),
    message.data,
  ];
  return keccak256(concat(["0x7e", toRlp(fields)]));
}

function even(hex: Hex): Hex {
  return hex.length % 2 === 0 ? hex : `0x0${hex.slice(2)}`;
}
