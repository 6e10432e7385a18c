/** What needs no chain. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createClient, custom, encodeAbiParameters, encodeEventTopics, keccak256, type Log } from "viem";
import {
  WaitTimeoutError,
  WithdrawalNotSettledError,
  estimateFee,
  getBatch,
  getErc20Deposits,
  getL2TransactionHash,
  getMessages,
  getWithdrawals,
  proveWithdrawal,
  rollupAbi,
  tokenBridgeAbi,
  waitForTransactionStatus,
  withdrawalQueueAbi,
  withdrawalQueueAddress,
} from "../src/index.js";

const ANN = "0x0101010101010101010101010101010101010101";
const BEN = "0x0202020202020202020202020202020202020202";

function answering(answer: (method: string, params: unknown) => unknown) {
  return createClient({
    transport: custom({ request: async ({ method, params }) => answer(method, params) }, { retryCount: 0 }),
    pollingInterval: 1,
  });
}

test("a message's hash is that of its transaction of type 0x7E", () => {
  const message = { index: 0n, sender: ANN, to: BEN, mint: 4n, value: 5n, gasLimit: 21_000n, data: "0x" } as const;
  // rlp([0, ann, ben, 4, 5, 21000, ""]) by hand.
  const rlp = `f180940101010101010101010101010101010101010101940202020202020202020202020202020202020202040582520880`;
  assert.equal(getL2TransactionHash(message), keccak256(`0x7e${rlp}`));
});

test("messages of other contracts are not ours", () => {
  const log = (address: `0x${string}`) =>
    ({
      address,
      topics: encodeEventTopics({ abi: rollupAbi, eventName: "MessageSent", args: { index: 7n, sender: ANN, to: BEN } }),
      data: encodeAbiParameters(
        [{ type: "uint256" }, { type: "uint256" }, { type: "uint64" }, { type: "bytes" }, { type: "bytes32" }],
        [4n, 5n, 21_000n, "0x", keccak256("0x")],
      ),
    }) as Log;
  const messages = getMessages({ logs: [log(ANN), log(BEN)], rollup: BEN });
  assert.deepEqual(messages, [{ index: 7n, sender: ANN, to: BEN, mint: 4n, value: 5n, gasLimit: 21_000n, data: "0x" }]);
});

test("withdrawals carry their data, and the queue's alone are ours", () => {
  const log = (address: `0x${string}`) =>
    ({
      address,
      topics: encodeEventTopics({
        abi: withdrawalQueueAbi,
        eventName: "WithdrawalInitiated",
        args: { index: 3n, sender: ANN, recipient: BEN },
      }),
      data: encodeAbiParameters([{ type: "uint256" }, { type: "bytes" }], [4n, "0xda7a"]),
    }) as Log;
  assert.deepEqual(getWithdrawals({ logs: [log(ANN), log(withdrawalQueueAddress)] }), [
    { index: 3n, sender: ANN, recipient: BEN, amount: 4n, data: "0xda7a" },
  ]);
});

test("token deposits of other contracts are not ours", () => {
  const log = (address: `0x${string}`) =>
    ({
      address,
      topics: encodeEventTopics({
        abi: tokenBridgeAbi,
        eventName: "DepositInitiated",
        args: { id: 5n, token: ANN, from: BEN },
      }),
      data: encodeAbiParameters([{ type: "address" }, { type: "uint256" }], [ANN, 9n]),
    }) as Log;
  assert.deepEqual(getErc20Deposits({ logs: [log(ANN), log(BEN)], tokenBridge: BEN }), [
    { id: 5n, token: ANN, from: BEN, to: ANN, amount: 9n },
  ]);
});

test("quantities become bigints, and nothing else does", async () => {
  const hash = keccak256("0x");
  const client = answering((method, params) => {
    assert.equal(method, "rollmill_getBatch");
    assert.deepEqual(params, ["0x3"]);
    return {
      number: "0x3", status: "committed", task: hash,
      commitTransaction: { hash, blockNumber: "0x10" }, settleTransaction: null,
    };
  });
  const batch = await getBatch(client, { batch: 3n });
  assert.deepEqual(batch, {
    number: 3n, status: "committed", task: hash,
    commitTransaction: { hash, blockNumber: 16n }, settleTransaction: null,
  });
  assert.equal(await getBatch(answering(() => null), { batch: "settled" }), null);
});

test("an estimate asks with hexadecimal quantities", async () => {
  const client = answering((method, params) => {
    assert.equal(method, "rollmill_estimateFee");
    assert.deepEqual(params, [{ from: ANN, to: BEN, value: "0x5" }]);
    return { gasLimit: "0x5208", provingFee: "0x7", required: "0x9" };
  });
  const estimate = await estimateFee(client, { from: ANN, to: BEN, value: 5n });
  assert.deepEqual(estimate, { gasLimit: 21_000n, provingFee: 7n, required: 9n });
});

test("a withdrawal that is not settled has an error of its own", async () => {
  const failing = (code: number) =>
    answering(() => {
      throw Object.assign(new Error("no"), { code });
    });
  await assert.rejects(proveWithdrawal(failing(-32010), { index: 1n }), WithdrawalNotSettledError);
  await assert.rejects(
    proveWithdrawal(failing(-32000), { index: 1n }),
    (error) => !(error instanceof WithdrawalNotSettledError),
  );
});

test("waiting ends when the status is reached or passed, or with an error", async () => {
  const steps = ["unknown", "pending", "committed"];
  const client = answering(() => ({ status: steps.shift() ?? "committed", blockNumber: "0x1", batch: null }));
  const progress = await waitForTransactionStatus(client, { hash: keccak256("0x"), status: "included" });
  assert.deepEqual(progress, { status: "committed", blockNumber: 1n, batch: null });
  await assert.rejects(
    waitForTransactionStatus(client, { hash: keccak256("0x"), status: "settled", timeout: 5 }),
    WaitTimeoutError,
  );
});
