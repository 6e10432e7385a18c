/** The bridge from end to end: deposit, withdraw, prove, finalize, against a devnet with mock proofs. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { encodeFunctionData, parseEther } from "viem";
import {
  WithdrawalNotSettledError,
  getL2TransactionHash,
  getMessages,
  getWithdrawals,
  withdrawalQueueAbi,
  withdrawalQueueAddress,
} from "../src/index.js";
import { type Devnet, clients, startDevnet } from "./devnet.js";

let net: Devnet;
before(async () => {
  net = await startDevnet();
});
after(async () => net?.stop());

const USER = 7;

test("ether goes to L2 and comes back", { timeout: 300_000 }, async () => {
  const { account, l1, l2, walletL1, walletL2 } = clients(net, USER);
  const info = await l2.getSequencerInfo();
  assert.equal(info.rollup.toLowerCase(), net.rollup.toLowerCase());
  assert.equal(info.l2ChainId, BigInt(net.l2.id));
  assert.equal(info.l1ChainId, BigInt(net.l1.id));

  // Deposit: what arrives is the amount, the gas was paid on top.
  const before = await l2.getBalance({ address: account.address });
  const deposit = await walletL1.deposit({ rollup: net.rollup, amount: parseEther("2") });
  const deposited = await l1.waitForTransactionReceipt({ hash: deposit });
  const [message] = getMessages({ logs: deposited.logs, rollup: net.rollup });
  assert.ok(message);
  assert.equal(message.value, parseEther("2"));
  const executed = await l2.waitForMessage({ message, timeout: 60_000 });
  assert.equal(executed.status, "success");
  assert.equal(executed.transactionHash, getL2TransactionHash(message));
  assert.equal(await l2.getBalance({ address: account.address }), before + parseEther("2"));

  // Withdraw to an account that has nothing.
  const recipient = "0x00000000000000000000000000000000000c0de5";
  const hash = await walletL2.initiateWithdrawal({ amount: parseEther("0.5"), to: recipient });
  const receipt = await l2.waitForTransactionReceipt({ hash });
  const [withdrawal] = getWithdrawals({ logs: receipt.logs });
  assert.ok(withdrawal);
  assert.equal(withdrawal.amount, parseEther("0.5"));
  assert.equal(withdrawal.sender, account.address);

  // The same from L1: nobody at the sequencer is asked.
  const own = await l2.getBalance({ address: account.address });
  const forced = await walletL1.forceTransaction({
    rollup: net.rollup,
    to: withdrawalQueueAddress,
    value: parseEther("0.25"),
    gasLimit: 500_000n,
    data: encodeFunctionData({ abi: withdrawalQueueAbi, functionName: "initiateWithdrawal", args: [recipient] }),
  });
  const [order] = getMessages({
    logs: (await l1.waitForTransactionReceipt({ hash: forced })).logs,
    rollup: net.rollup,
  });
  assert.ok(order);
  assert.deepEqual([order.mint, order.value], [0n, parseEther("0.25")]);
  const obeyed = await l2.waitForMessage({ message: order, timeout: 60_000 });
  assert.equal(obeyed.status, "success");
  const [second] = getWithdrawals({ logs: obeyed.logs });
  assert.deepEqual([second?.amount, second?.sender], [parseEther("0.25"), account.address]);
  assert.equal(await l2.getBalance({ address: account.address }), own - parseEther("0.25"));

  // What it paid is what the receipt says, part by part.
  const fees = await l2.getTransactionFees({ hash });
  assert.ok(fees);
  assert.equal(fees.total, receipt.gasUsed * receipt.effectiveGasPrice);
  assert.equal(fees.baseFee + fees.priorityFee + fees.l1DataFee + fees.provingFee, fees.total);

  // Too early, then in time.
  await l2.proveWithdrawal({ index: withdrawal.index }).catch((error) => {
    assert.ok(error instanceof WithdrawalNotSettledError, String(error));
  });
  const proof = await l2.waitToFinalize({ index: withdrawal.index, timeout: 240_000 });
  assert.equal(proof.proof.length, 32);
  // Nobody has withdrawn with an index that high.
  await assert.rejects(l2.proveWithdrawal({ index: withdrawal.index + 1_000n }), /there is no withdrawal/);
  assert.equal(
    await l1.getWithdrawalStatus({ rollup: net.rollup, index: withdrawal.index, proof }),
    "ready-to-finalize",
  );
  const paying = await walletL1.finalizeWithdrawal({ rollup: net.rollup, withdrawal: proof });
  const paid = await l1.waitForTransactionReceipt({ hash: paying });
  assert.equal(paid.status, "success");
  assert.equal(await l1.getBalance({ address: recipient }), parseEther("0.5"));
  assert.equal(await l1.getWithdrawalStatus({ rollup: net.rollup, index: withdrawal.index, proof }), "finalized");
  // Once.
  await assert.rejects(walletL1.finalizeWithdrawal({ rollup: net.rollup, withdrawal: proof }));

  // Its batch has come all the way, and the tags with it.
  const progress = await l2.waitForTransactionStatus({ hash, status: "settled", timeout: 60_000 });
  assert.equal(progress.blockNumber, receipt.blockNumber);
  assert.ok(progress.batch);
  const batch = await l2.waitForBatch({ batch: progress.batch, status: "settled", timeout: 60_000 });
  assert.ok(batch.firstBlock <= receipt.blockNumber && receipt.blockNumber <= batch.lastBlock);
  assert.deepEqual(await l2.getBatchByBlock({ block: receipt.blockNumber }), batch);
  assert.ok(batch.commitTransaction);
  const commit = await l1.getTransactionReceipt({ hash: batch.commitTransaction.hash });
  assert.equal(commit.blockNumber, batch.commitTransaction.blockNumber);
  assert.equal(commit.to, net.rollup.toLowerCase());
  const finalized = await l2.getBlock({ blockTag: "finalized" });
  assert.ok(finalized.number >= receipt.blockNumber);
  assert.equal(await l2.getBatch({ batch: 1_000_000n }), null);
  assert.deepEqual(await l2.getTransactionStatus({ hash: `0x${"11".repeat(32)}` }), {
    status: "unknown",
    blockNumber: null,
    batch: null,
  });
});
