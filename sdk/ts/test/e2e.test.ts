/** The bridge from end to end: deposit, withdraw, prove, finalize, against a devnet with mock proofs. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { type Abi, type Address, type Hex, encodeFunctionData, erc20Abi, parseEther } from "viem";
import {
  WithdrawalNotSettledError,
  getErc20Deposits,
  getL2TransactionHash,
  getMessages,
  getWithdrawals,
  l2TokenBridgeAddress,
  withdrawalQueueAbi,
  withdrawalQueueAddress,
} from "../src/index.js";
import { type Devnet, ROOT, clients, fund, startDevnet } from "./devnet.js";

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

test("the node serves its dashboard, and all that the page asks for", async () => {
  const page = await fetch(net.dashboardUrl);
  assert.match(page.headers.get("content-security-policy") ?? "", /default-src 'none'/);
  assert.match(await page.text(), /<title>rollmill<\/title>/);
  const get = async (path: string) => (await fetch(`${net.dashboardUrl}/${path}`)).json();
  assert.equal((await get("about.json")).coordinator, true);
  const rollers = (await get("v1/rollers")) as { alive: boolean }[];
  assert.deepEqual(rollers.map(({ alive }) => alive), [true, true, true]);
  const call = { jsonrpc: "2.0", id: 1, method: "rollmill_sequencerInfo", params: [] };
  const answer = await fetch(`${net.dashboardUrl}/rpc`, { method: "POST", body: JSON.stringify(call) });
  const { result } = (await answer.json()) as { result: { rollup: string } };
  assert.equal(result.rollup, net.rollup.toLowerCase());
});

/** An ERC-20 token on L1 of which the account has `supply`. */
async function deployToken({ l1, walletL1 }: ReturnType<typeof clients>, supply: bigint): Promise<Address> {
  const file = path.join(ROOT, "contracts/artifacts/ExampleToken.json");
  const { abi, bytecode } = JSON.parse(await readFile(file, "utf8")) as { abi: Abi; bytecode: Hex };
  const hash = await walletL1.deployContract({ abi, bytecode, args: [supply] });
  const { contractAddress } = await l1.waitForTransactionReceipt({ hash });
  assert.ok(contractAddress);
  return contractAddress;
}

test("a token goes to L2 and comes back", { timeout: 300_000 }, async () => {
  const own = clients(net, 8);
  const { account, l1, l2, walletL1, walletL2 } = own;
  const { tokenBridge, l2TokenBridge } = await l2.getSequencerInfo();
  assert.equal(l2TokenBridge.toLowerCase(), l2TokenBridgeAddress);
  await fund(net, 8, parseEther("1"));
  const token = await deployToken(own, 1_000n);
  const approve = { abi: erc20Abi, address: token, functionName: "approve", args: [tokenBridge, 1_000n] } as const;
  await l1.waitForTransactionReceipt({ hash: await walletL1.writeContract(approve) });

  // There: what L1 holds is what L2 has.
  const deposit = await walletL1.depositErc20({ tokenBridge, token, amount: 700n });
  const { logs } = await l1.waitForTransactionReceipt({ hash: deposit });
  const [made] = getErc20Deposits({ logs, tokenBridge });
  assert.deepEqual(made && [made.from, made.to, made.amount], [account.address, account.address, 700n]);
  const [message] = getMessages({ logs, rollup: net.rollup });
  assert.ok(made && message);
  const executed = await l2.waitForMessage({ message, timeout: 60_000 });
  assert.equal(executed.status, "success");
  const twin = await l2.getL2Token({ l1Token: token });
  const read = { abi: erc20Abi, address: twin } as const;
  const balance = () => l2.readContract({ ...read, functionName: "balanceOf", args: [account.address] });
  assert.equal(await l2.readContract({ ...read, functionName: "symbol" }), "EXM");
  assert.equal(await balance(), 700n);

  // Sent again, it does nothing more.
  const again = await walletL1.retryErc20Deposit({ tokenBridge, deposit: made, gasLimit: 200_000n });
  const [second] = getMessages({
    logs: (await l1.waitForTransactionReceipt({ hash: again })).logs,
    rollup: net.rollup,
  });
  assert.ok(second);
  assert.equal((await l2.waitForMessage({ message: second, timeout: 60_000 })).status, "reverted");
  assert.equal(await balance(), 700n);

  // And back.
  const recipient = "0x00000000000000000000000000000000000c0de6";
  const hash = await walletL2.withdrawErc20({ l1Token: token, amount: 300n, to: recipient });
  const receipt = await l2.waitForTransactionReceipt({ hash });
  assert.equal(receipt.status, "success");
  assert.equal(await balance(), 400n);
  const [withdrawal] = getWithdrawals({ logs: receipt.logs });
  assert.ok(withdrawal);
  assert.equal(withdrawal.recipient.toLowerCase(), tokenBridge.toLowerCase());
  const proof = await l2.waitToFinalize({ index: withdrawal.index, timeout: 240_000 });
  assert.equal(proof.data, withdrawal.data);
  const paying = await walletL1.finalizeWithdrawal({ rollup: net.rollup, withdrawal: proof });
  assert.equal((await l1.waitForTransactionReceipt({ hash: paying })).status, "success");
  const held = { abi: erc20Abi, address: token, functionName: "balanceOf" } as const;
  assert.equal(await l1.readContract({ ...held, args: [recipient] }), 300n);
  assert.equal(await l1.readContract({ ...held, args: [tokenBridge] }), 400n);
  await assert.rejects(walletL1.finalizeWithdrawal({ rollup: net.rollup, withdrawal: proof }));
});
