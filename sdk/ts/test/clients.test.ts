/**
 * The libraries and tools that people use, as they come from npm, against both layers of a devnet: viem and ethers over
 * HTTP and WebSocket, cast, `forge script --broadcast`, `forge test --fork-url`.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import * as ethers from "ethers";
import {
  type Abi,
  type Address,
  type Hex,
  BaseError,
  createPublicClient,
  createWalletClient,
  http,
  parseEther,
  parseGwei,
  publicActions,
  webSocket,
} from "viem";
import { mnemonicToAccount } from "viem/accounts";
import { type Devnet, MNEMONIC, ROOT, fund, startDevnet } from "./devnet.js";

const run = promisify(execFile);
const VIEM = 5;
const ETHERS = 6;
const FOUNDRY = 8;
const BIN = path.join(ROOT, "contracts/node_modules/.bin");
const PATIENCE = { timeout: 180_000 };

/** A promise that is decided from outside. */
function deferred<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

let net: Devnet;
let token: { abi: Abi; bytecode: Hex };
before(async () => {
  token = JSON.parse(await readFile(path.join(ROOT, "contracts/artifacts/ExampleToken.json"), "utf8"));
  net = await startDevnet();
  for (const account of [VIEM, ETHERS, FOUNDRY]) await fund(net, account, parseEther("10"));
}, { timeout: 400_000 });
after(async () => net?.stop());

for (const layer of ["l1", "l2"] as const) {
  const url = () => (layer === "l1" ? net.l1Url : net.l2Url);
  const ws = () => url().replace("http", "ws");

  describe(`viem on ${layer}`, () => {
    const account = mnemonicToAccount(MNEMONIC, { addressIndex: VIEM });
    const wallet = () =>
      createWalletClient({ account, chain: net[layer], transport: http(), pollingInterval: 100 }).extend(publicActions);

    test("sends, deploys, calls, reads logs", PATIENCE, async () => {
      const client = wallet();
      const friend: Address = "0x00000000000000000000000000000000000f41ed";
      const before = await client.getBalance({ address: friend });
      const hash = await client.sendTransaction({ to: friend, value: 3n });
      const receipt = await client.waitForTransactionReceipt({ hash });
      assert.equal(receipt.status, "success");
      assert.equal(receipt.gasUsed, 21_000n);
      assert.equal(await client.getBalance({ address: friend }), before + 3n);

      const deployed = await client.waitForTransactionReceipt({
        hash: await client.deployContract({ abi: token.abi, bytecode: token.bytecode, args: [1_000n] }),
      });
      const address = deployed.contractAddress;
      assert.ok(address);
      const moved = await client.waitForTransactionReceipt({
        hash: await client.writeContract({ abi: token.abi, address, functionName: "transfer", args: [friend, 7n] }),
      });
      assert.equal(await client.readContract({ abi: token.abi, address, functionName: "balanceOf", args: [friend] }), 7n);
      const logs = await client.getContractEvents({
        abi: token.abi, address, eventName: "Transfer", fromBlock: moved.blockNumber, toBlock: moved.blockNumber,
      });
      assert.equal(logs.length, 1);
      assert.equal(logs[0]?.transactionHash, moved.transactionHash);
    });

    test("reports a revert with its data", PATIENCE, async () => {
      const client = wallet();
      const deployed = await client.waitForTransactionReceipt({
        hash: await client.deployContract({ abi: token.abi, bytecode: token.bytecode, args: [1n] }),
      });
      const failing = client.simulateContract({
        abi: token.abi, address: deployed.contractAddress!, functionName: "transfer",
        args: ["0x00000000000000000000000000000000000f41ed", 2n], account: client.account,
      });
      await assert.rejects(failing, (error: BaseError) => /ERC20InsufficientBalance/.test(error.message));
    });

    test("watches by polling and by subscription", PATIENCE, async () => {
      const client = wallet();
      const listener = createPublicClient({ transport: webSocket(ws()) });
      const head = deferred<bigint>();
      const pending = deferred<Hex>();
      const stops = [
        listener.watchBlocks({ onBlock: (block) => head.resolve(block.number), onError: head.reject }),
        listener.watchPendingTransactions({ onTransactions: ([hash]) => pending.resolve(hash!), onError: pending.reject }),
      ];
      const polled = deferred<bigint>();
      stops.push(client.watchBlockNumber({ onBlockNumber: polled.resolve, onError: polled.reject, emitOnBegin: false }));
      // The subscriptions are there when a later request on the same connection is answered.
      await listener.getChainId();
      const hash = await client.sendTransaction({ to: client.account.address, value: 0n });
      const receipt = await client.waitForTransactionReceipt({ hash });
      assert.ok((await head.promise) <= receipt.blockNumber);
      assert.match(await pending.promise, /^0x[0-9a-f]{64}$/);
      await polled.promise;
      for (const stop of stops) stop();
      const socket = await listener.transport.getRpcClient();
      socket.close();
    });

    test("simulates blocks, makes access lists, proves, traces", PATIENCE, async () => {
      const client = wallet();
      const [block] = await client.simulateBlocks({
        blocks: [{ calls: [{ account: client.account, to: client.account.address, value: 1n }] }],
      });
      assert.equal(block?.calls[0]?.status, "success");
      assert.equal(block?.calls[0]?.gasUsed, 21_000n);
      const { accessList } = await client.createAccessList({ to: client.account.address, account: client.account });
      assert.deepEqual(accessList, []);
      const proof = await client.getProof({ address: client.account.address, storageKeys: [] });
      assert.equal(proof.nonce, await client.getTransactionCount({ address: client.account.address }));
      const hash = await client.sendTransaction({ to: client.account.address, value: 1n });
      await client.waitForTransactionReceipt({ hash });
      const trace = (await client.request({
        method: "debug_traceTransaction", params: [hash, { tracer: "callTracer" }],
      } as never)) as { from: string; value: string };
      assert.equal(trace.from, client.account.address.toLowerCase());
      assert.equal(trace.value, "0x1");
    });

    test("sends and waits in one request", PATIENCE, async () => {
      const client = wallet();
      const request = await client.prepareTransactionRequest({ to: client.account.address, value: 1n });
      const serializedTransaction = await client.signTransaction(request as never);
      const receipt = await client.sendRawTransactionSync({ serializedTransaction, timeout: 10_000 });
      assert.equal(receipt.status, "success");
    });

    test("prices a block's worth of history", PATIENCE, async () => {
      const client = wallet();
      const history = await client.getFeeHistory({ blockCount: 4, rewardPercentiles: [25, 75] });
      assert.equal(history.baseFeePerGas.length, history.gasUsedRatio.length + 1);
      assert.equal(history.reward?.length, history.gasUsedRatio.length);
      const { maxFeePerGas } = await client.estimateFeesPerGas();
      assert.ok(maxFeePerGas > 0n && maxFeePerGas < parseGwei("1000"));
    });
  });

  describe(`ethers on ${layer}`, () => {
    const connect = (provider: ethers.Provider) =>
      ethers.HDNodeWallet.fromPhrase(MNEMONIC, "", `m/44'/60'/0'/0/${ETHERS}`).connect(provider);

    test("sends, deploys, calls, finds events", PATIENCE, async () => {
      const provider = new ethers.JsonRpcProvider(url(), undefined, { pollingInterval: 100, cacheTimeout: -1 });
      const wallet = connect(provider);
      const sent = await wallet.sendTransaction({ to: wallet.address, value: 1n });
      assert.equal((await sent.wait())?.status, 1);
      const factory = new ethers.ContractFactory(token.abi as never, token.bytecode, wallet);
      const contract = (await (await factory.deploy(500n)).waitForDeployment()) as ethers.Contract;
      const friend = "0x00000000000000000000000000000000000f41ed";
      const moved = await (await contract.getFunction("transfer")(friend, 5n)).wait();
      assert.equal(await contract.getFunction("balanceOf")(friend), 5n);
      const events = await contract.queryFilter("Transfer", moved.blockNumber, moved.blockNumber);
      assert.equal(events.length, 1);
      const transfer = contract.getFunction("transfer");
      await assert.rejects(transfer.staticCall(friend, 10_000n), /ERC20InsufficientBalance/);
      // Estimating the gas for a transaction, ethers leaves the custom error to the caller.
      const selector = contract.interface.getError("ERC20InsufficientBalance")!.selector;
      await assert.rejects(
        transfer(friend, 10_000n),
        (error) => ethers.isError(error, "CALL_EXCEPTION") && error.data!.startsWith(selector),
      );
      provider.destroy();
    });

    test("refuses with the texts that it knows", PATIENCE, async () => {
      const provider = new ethers.JsonRpcProvider(url(), undefined, { pollingInterval: 100, cacheTimeout: -1 });
      const wallet = connect(provider);
      const nonce = await provider.getTransactionCount(wallet.address);
      await assert.rejects(
        wallet.sendTransaction({ to: wallet.address, nonce: nonce - 1, gasLimit: 21_000n }),
        (error) => ethers.isError(error, "NONCE_EXPIRED"),
      );
      await assert.rejects(
        wallet.sendTransaction({ to: wallet.address, value: ethers.parseEther("1000000"), gasLimit: 21_000n }),
        (error) => ethers.isError(error, "INSUFFICIENT_FUNDS"),
      );
      provider.destroy();
    });

    test("subscribes by WebSocket", PATIENCE, async () => {
      // Without its cache: a receipt that was not there yet would be missing for 250 ms, and with it the block's event.
      const provider = new ethers.WebSocketProvider(ws(), undefined, { cacheTimeout: -1 });
      const block = deferred<number>();
      await provider.on("block", block.resolve);
      const wallet = connect(provider);
      const receipt = await (await wallet.sendTransaction({ to: wallet.address })).wait();
      assert.ok((await block.promise) <= receipt!.blockNumber);
      await provider.destroy();
    });
  });

  describe(`foundry on ${layer}`, () => {
    const account = mnemonicToAccount(MNEMONIC, { addressIndex: FOUNDRY });
    const key = `0x${Buffer.from(account.getHdKey().privateKey!).toString("hex")}`;
    const tool = async (name: string, ...args: string[]) => {
      const project = path.join(ROOT, "sdk/ts/test/forge");
      const { stdout } = await run(path.join(BIN, name), args, { cwd: project, maxBuffer: 1 << 26 });
      return stdout.trim();
    };

    test("cast sends, calls, traces", PATIENCE, async () => {
      assert.equal(await tool("cast", "chain-id", "-r", url()), String(net[layer].id));
      const sent = await tool("cast", "send", "-r", url(), "--private-key", key, account.address, "--value", "1", "--json");
      const receipt = JSON.parse(sent) as { status: string; transactionHash: string };
      assert.equal(receipt.status, "0x1");
      assert.equal(await tool("cast", "receipt", "-r", url(), receipt.transactionHash, "status"), "true");
      assert.match(await tool("cast", "block", "-r", url(), "latest"), /hash\s+0x/);
      const balance = BigInt(await tool("cast", "balance", "-r", url(), account.address));
      assert.ok(balance > 0n);
      assert.match(await tool("cast", "run", "-r", url(), receipt.transactionHash), /successfully executed/);
    });

    test("forge script --broadcast deploys", PATIENCE, async () => {
      const out = await tool("forge", "script", "script/Counter.s.sol", "--broadcast", "-r", url(), "--private-key", key, "--slow");
      assert.match(out, /ONCHAIN EXECUTION COMPLETE & SUCCESSFUL/);
    });

    test("forge test --fork-url reads the chain", PATIENCE, async () => {
      const out = await tool("forge", "test", "--fork-url", url());
      assert.match(out, /1 passed; 0 failed/);
    });
  });
}

test("both layers say which methods they have", PATIENCE, async () => {
  for (const url of [net.l1Url, net.l2Url]) {
    const client = createPublicClient({ transport: http(url) });
    const modules = (await client.request({ method: "rpc_modules" } as never)) as Record<string, string>;
    assert.equal(modules["eth"], "1.0");
    assert.equal("rollmill" in modules, url === net.l2Url);
  }
});
