/** A devnet with mock proofs on free ports, for as long as a test file runs. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { type Address, type Chain, createPublicClient, createWalletClient, defineChain, http } from "viem";
import { mnemonicToAccount } from "viem/accounts";
import { publicActionsL1, publicActionsL2, walletActionsL1, walletActionsL2 } from "../src/index.js";

export const MNEMONIC = "test test test test test test test test test test test junk";
/** The root of the repository, from `sdk/ts/dist/test`. */
export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../../..");
const START_MS = 300_000;

export type Devnet = {
  l1Url: string;
  l2Url: string;
  dashboardUrl: string;
  rollup: Address;
  l1: Chain;
  l2: Chain;
  stop(): Promise<void>;
};

/** Starts `rollmill devnet`, with further flags; the program is `ROLLMILL_BIN`, or the one that cargo built. */
export async function startDevnet(flags: string[] = []): Promise<Devnet> {
  const program = process.env["ROLLMILL_BIN"] ?? path.join(ROOT, "target/debug/rollmill");
  const dir = await mkdtemp(path.join(tmpdir(), "rollmill-sdk-"));
  const ready = path.join(dir, "ready.json");
  const ports = ["l1", "l2", "coordinator", "dashboard"].flatMap((name) => [`--${name}-port`, "0"]);
  const args = ["devnet", "--proofs", "mock", ...ports, ...flags];
  const child = spawn(program, [...args, "--data-dir", dir, "--ready-file", ready], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output: string[] = [];
  child.stdout.on("data", (chunk) => output.push(String(chunk)));
  child.stderr.on("data", (chunk) => output.push(String(chunk)));
  const failed = new Promise<never>((_, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`the devnet ended with ${code}:\n${output.join("")}`)));
  });
  const addresses = await Promise.race([failed, waitForFile(ready)]);
  failed.catch(() => undefined);
  type Ready = { l1: string; l2: string; dashboard: string; rollup: Address };
  const { l1, l2, dashboard, rollup } = JSON.parse(addresses) as Ready;
  return {
    l1Url: l1,
    l2Url: l2,
    dashboardUrl: dashboard,
    rollup,
    l1: await chainAt(l1, "embedded L1"),
    l2: await chainAt(l2, "rollmill devnet"),
    stop: () => stop(child, dir),
  };
}

async function waitForFile(file: string): Promise<string> {
  const end = Date.now() + START_MS;
  for (;;) {
    try {
      return await readFile(file, "utf8");
    } catch (error) {
      if (Date.now() > end) throw new Error(`the devnet was not ready within ${START_MS} ms`, { cause: error });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

async function chainAt(url: string, name: string): Promise<Chain> {
  const id = await createPublicClient({ transport: http(url) }).getChainId();
  return defineChain({
    id,
    name,
    nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
    rpcUrls: { default: { http: [url], webSocket: [url.replace("http", "ws")] } },
  });
}

async function stop(child: ChildProcess, dir: string): Promise<void> {
  const ended = new Promise((resolve) => child.once("exit", resolve));
  if (child.exitCode === null) {
    child.kill("SIGINT");
    const force = setTimeout(() => child.kill("SIGKILL"), 30_000);
    await ended;
    clearTimeout(force);
  }
  await rm(dir, { recursive: true, force: true });
}

/** Clients of one account of the test mnemonic on both layers. */
export function clients(net: Devnet, index: number) {
  const account = mnemonicToAccount(MNEMONIC, { addressIndex: index });
  const pollingInterval = 100;
  return {
    account,
    l1: createPublicClient({ chain: net.l1, transport: http(), pollingInterval }).extend(publicActionsL1()),
    l2: createPublicClient({ chain: net.l2, transport: http(), pollingInterval }).extend(publicActionsL2()),
    walletL1: createWalletClient({ account, chain: net.l1, transport: http(), pollingInterval }).extend(walletActionsL1()),
    walletL2: createWalletClient({ account, chain: net.l2, transport: http(), pollingInterval }).extend(walletActionsL2()),
  };
}

/** Puts ether of an L1 account onto L2. */
export async function fund(net: Devnet, index: number, amount: bigint): Promise<void> {
  const { l1, l2, walletL1 } = clients(net, index);
  const { getMessages } = await import("../src/index.js");
  const hash = await walletL1.deposit({ rollup: net.rollup, amount });
  const { logs } = await l1.waitForTransactionReceipt({ hash });
  const [message] = getMessages({ logs, rollup: net.rollup });
  if (message === undefined) throw new Error("the deposit queued no message");
  await l2.waitForMessage({ message, timeout: 60_000 });
}
