/** What people do with their wallet in the dashboard, asserted on the chains. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import { type Abi, type Address, type Hex, erc20Abi, getAddress, parseAbi, parseEther } from "viem";
import { PATIENCE, type Site, checkReadable, startSite } from "./browser.js";
import { type Devnet, ROOT, clients, fund } from "./devnet.js";
import { type TestWallet, injectWallet } from "./wallet.js";

const OPERATOR = 0;
const STAKER = 4;
const BRIDGER = 5;
/** Owner of the first roller that a devnet starts; the others follow. */
const ROLLER = 1_001;

const contractsAbi = parseAbi([
  "function registry() view returns (address)",
  "function rewardPool() view returns (address)",
  "function token() view returns (address)",
  "function credits(address) view returns (uint256)",
  "struct Roller { address signer; address payout; uint32 capacity; bool ready; uint64 unbondAt; uint64 changedAt; uint128 stakeWei; uint128 unbondingWei; }",
  "function rollers(address roller) view returns (Roller)",
]);

let site: Site;
let net: Devnet;
before(async () => {
  site = await startSite();
  net = site.net;
}, { timeout: 400_000 });
after(async () => site?.stop());

/** A page with a wallet that is connected and on L1. */
async function withWallet(index: number, route: string): Promise<{ page: Page; wallet: TestWallet; close(): Promise<void> }> {
  // The policy has no place for axe; that the page obeys it without a wallet, other tests see.
  const { page, close } = await site.open({ bypassCSP: true });
  const wallet = await injectWallet(page, net, index);
  await site.show(page, route);
  await page.getByRole("button", { name: "Connect Test Wallet" }).click();
  await page.getByRole("button", { name: "Switch to L1" }).click();
  await page.getByText(wallet.address.toLowerCase()).first().waitFor();
  return { page, wallet, close };
}

/** Fills in a form by the labels of its fields, sends it, and waits until it says what is expected. */
async function submit(page: Page, title: string, fields: Record<string, string>, expected: string | RegExp): Promise<void> {
  const form = page.getByRole("form", { name: title, exact: true });
  for (const [label, value] of Object.entries(fields)) await form.getByLabel(label).fill(value);
  await form.getByRole("button").click();
  await form.getByRole("status").getByText(expected).waitFor(PATIENCE);
}

function l1() {
  return clients(net, OPERATOR).l1;
}

async function registry(): Promise<Address> {
  return l1().readContract({ abi: contractsAbi, address: net.rollup, functionName: "registry" });
}

async function scr(): Promise<Address> {
  return l1().readContract({ abi: contractsAbi, address: await registry(), functionName: "token" });
}

async function record(roller: Address) {
  return l1().readContract({ abi: contractsAbi, address: await registry(), functionName: "rollers", args: [roller] });
}

test("somebody stakes, unbonds and changes keys, and L1 has it", { timeout: 300_000 }, async () => {
  const { page, wallet, close } = await withWallet(STAKER, "stake");
  const { walletL1 } = clients(net, OPERATOR);
  const gift = { abi: erc20Abi, address: await scr(), functionName: "transfer", args: [wallet.address, parseEther("500")] } as const;
  await l1().waitForTransactionReceipt({ hash: await walletL1.writeContract(gift) });
  await site.show(page, "stake");
  await page.getByRole("button", { name: "Connect Test Wallet" }).click();
  await page.getByText("500 SCR", { exact: true }).waitFor();

  const signer = getAddress(`0x${"51".repeat(20)}`);
  const keys = { "Signer": signer, "Proofs that it makes at once": "2" };
  await submit(page, "Stake", { "SCR to add": "99.5", ...keys }, /nobody would draw a roller with less than 100 SCR/);
  await submit(page, "Stake", { "SCR to add": "501", ...keys }, /the account has 500 SCR/);
  wallet.refuse = true;
  await submit(page, "Stake", { "SCR to add": "150", ...keys }, /the wallet's owner refused/);
  assert.equal((await record(wallet.address)).stakeWei, 0n);
  wallet.refuse = false;
  await submit(page, "Stake", { "SCR to add": "150", ...keys }, /150 SCR are staked/);
  const staked = await record(wallet.address);
  assert.equal(staked.stakeWei, parseEther("150"));
  assert.deepEqual([staked.signer, staked.payout, staked.capacity, staked.ready], [signer, wallet.address, 2, true]);
  await checkReadable(page, "wallet-stake");

  await submit(page, "Unbond", { "SCR to take out": "40" }, /can be withdrawn in 7 d/);
  const { stakeWei, unbondingWei } = await record(wallet.address);
  assert.deepEqual([stakeWei, unbondingWei], [parseEther("110"), parseEther("40")]);
  await submit(page, "Withdraw", {}, /the stake's time is not over/);
  await submit(page, "Claim", {}, /there is nothing to claim/);
  const other = getAddress(`0x${"52".repeat(20)}`);
  await submit(page, "Change the signer", { "Address of the new key": other }, /with the new key/);
  await submit(page, "Change the signer", { "Address of the new key": signer }, /serves it for ever/);
  await submit(page, "Leave the draw", {}, "L1 knows it now.");
  const left = await record(wallet.address);
  assert.deepEqual([left.signer, left.ready], [other, false]);
  await close();
});

test("what is no amount or address is not sent", { timeout: 100_000 }, async () => {
  const { page, close } = await withWallet(BRIDGER, "bridge");
  const form = page.getByRole("form", { name: "Deposit", exact: true });
  for (const [label, wrong] of [["Amount", "1,5x"], ["Token", "0x12"], ["Recipient", "alice"]] as const) {
    const field = form.getByLabel(label);
    const before = await field.inputValue();
    await field.fill(wrong);
    await form.getByRole("button").click();
    assert.notEqual(await field.evaluate((input) => (input as HTMLInputElement).validationMessage), "", label);
    await field.fill(before);
  }
  assert.equal(await form.getByRole("status").textContent(), "");
  await close();
});

test("ether goes to L2 and comes back, and L1 forces what the operator could leave out", { timeout: 400_000 }, async () => {
  const { page, wallet, close } = await withWallet(BRIDGER, "bridge");
  const { l2 } = clients(net, BRIDGER);
  const has = (address: Address) => l2.getBalance({ address });
  await submit(page, "Deposit", { "Amount": "2" }, /Queued as message/);
  await page.getByText("2 ETH", { exact: true }).waitFor(PATIENCE);
  assert.equal(await has(wallet.address), parseEther("2"));

  await submit(page, "Withdraw", { "Amount": "0.5" }, /It is begun/);
  const row = page.getByRole("row", { name: /0\.5 ETH/ });
  await row.getByText("waits for its batch").or(row.getByRole("button")).first().waitFor(PATIENCE);
  await page.getByRole("button", { name: "Switch to L1" }).click();
  await row.getByRole("button", { name: /Finalise withdrawal/ }).click(PATIENCE);
  await row.getByText("paid on L1").waitFor(PATIENCE);
  const index = BigInt((await row.getByRole("rowheader").textContent()) ?? "");
  assert.equal(await l1().readContract({
    abi: parseAbi(["function withdrawalFinalized(uint64) view returns (bool)"]),
    address: net.rollup,
    functionName: "withdrawalFinalized",
    args: [index],
  }), true);
  await checkReadable(page, "wallet-bridge");

  const friend = getAddress(`0x${"f1".repeat(20)}`);
  const call = { "Recipient on L2": friend, "Ether to send along": "0.25" };
  await submit(page, "Force a transaction", call, /Queued as message/);
  await submit(page, "Force a withdrawal", { "Amount": "0.125" }, /Queued as message/);
  await page.getByRole("row", { name: /0\.125 ETH/ }).waitFor(PATIENCE);
  assert.equal(await has(friend), parseEther("0.25"));
  await close();
});

async function deployToken(): Promise<Address> {
  const { l1, walletL1 } = clients(net, BRIDGER);
  const file = path.join(ROOT, "contracts/artifacts/ExampleToken.json");
  const { abi, bytecode } = JSON.parse(await readFile(file, "utf8")) as { abi: Abi; bytecode: Hex };
  const hash = await walletL1.deployContract({ abi, bytecode, args: [parseEther("1000")] });
  const { contractAddress } = await l1.waitForTransactionReceipt({ hash });
  assert.ok(contractAddress);
  return contractAddress;
}

test("a token goes to L2, is seen in the explorer, and is withdrawn", { timeout: 400_000 }, async () => {
  const token = await deployToken();
  await fund(net, BRIDGER, parseEther("1"));
  const { page, wallet, close } = await withWallet(BRIDGER, "bridge");
  await submit(page, "Deposit", { "Amount": "70", "Token": token }, /Queued as message/);
  await site.show(page, "tokens");
  await page.getByRole("link", { name: "EXM" }).click(PATIENCE);
  await page.getByRole("heading", { name: "Token EXM" }).waitFor();
  await page.getByText(token.toLowerCase()).waitFor();
  assert.equal(await page.getByRole("table", { name: "Transfers" }).getByText("70 EXM").count(), 1);
  await checkReadable(page, "wallet-token");
  await page.getByRole("table", { name: "Transfers" }).getByRole("link").first().click();
  await page.getByRole("table", { name: "Token transfers" }).getByText("70 EXM").waitFor();
  await site.show(page, `addresses/${wallet.address}`);
  await page.getByRole("table", { name: "Tokens that came to it lately" }).getByText("70 EXM").waitFor();
  await checkReadable(page, "wallet-holder");

  await site.show(page, "bridge");
  await page.getByRole("button", { name: "Connect Test Wallet" }).click();
  await submit(page, "Withdraw", { "Amount": "30", "Token": token }, /It is begun/);
  await site.show(page, `addresses/${wallet.address}`);
  await page.getByRole("table", { name: "Tokens that came to it lately" }).getByText("40 EXM").waitFor(PATIENCE);
  await close();
});

test("a roller's owner claims what a batch has earned", { timeout: 300_000 }, async () => {
  const settled = async () => (await (await fetch(`${net.dashboardUrl}/v1/tasks?open=false`)).json()) as { settle: { roller: Address | null } }[];
  const owners = [0, 1, 2].map((n) => clients(net, ROLLER + n).account.address);
  const paid = (await settled()).map(({ settle }) => settle.roller).find((roller) => roller !== null);
  const index = owners.findIndex((owner) => owner.toLowerCase() === paid?.toLowerCase());
  assert.notEqual(index, -1, "the batches of the tests before are settled and paid");
  const { page, wallet, close } = await withWallet(ROLLER + index, "stake");
  const pool = await l1().readContract({ abi: contractsAbi, address: net.rollup, functionName: "rewardPool" });
  const credits = () => l1().readContract({ abi: contractsAbi, address: pool, functionName: "credits", args: [wallet.address] });
  const has = async () => l1().readContract({ abi: erc20Abi, address: await scr(), functionName: "balanceOf", args: [wallet.address] });
  const [owed, before] = [await credits(), await has()];
  assert.ok(owed > 0n);
  await submit(page, "Claim", {}, /Paid to/);
  assert.ok((await has()) - before >= owed);
  await close();
});
