/**
 * The dashboard in a browser, over a devnet with mock proofs: a task from its draw to its settlement, every page as a desk, a phone and
 * the dark show it, the keyboard, and what axe finds. `CHROMIUM` is the browser's program.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { BrowserContextOptions } from "playwright-core";
import { type Hex, parseEther } from "viem";
import { PATIENCE, type Site, checkReadable, shoot, startSite } from "./browser.js";
import { type Devnet, clients, fund } from "./devnet.js";

const USER = 7;

let site: Site;
let net: Devnet;
before(async () => {
  site = await startSite();
  net = site.net;
}, { timeout: 400_000 });
after(async () => site?.stop());

/** A transfer on L2 and its block. */
async function transfer(): Promise<{ hash: Hex; block: bigint }> {
  const { account, l2, walletL2 } = clients(net, USER);
  const hash = await walletL2.sendTransaction({ to: account.address, value: 1n });
  const { blockNumber } = await l2.waitForTransactionReceipt({ hash });
  return { hash, block: blockNumber };
}

test("a task is watched from its draw to its settlement", { timeout: 300_000 }, async () => {
  const { page, close } = await site.open();
  await site.show(page, "proving");
  await fund(net, USER, parseEther("1"));
  const card = page.getByRole("article").first();
  await card.waitFor(PATIENCE);
  await shoot(page, "proving-open");
  await card.getByRole("link", { name: /^Batch/ }).click();
  await page.getByRole("heading", { level: 1, name: /^Task of batch/ }).waitFor();

  await page.getByRole("button", { name: "Check this draw" }).first().click(PATIENCE);
  const verdict = page.getByText("The draw agrees with what is published.");
  await verdict.waitFor();
  await page.getByRole("button", { name: "Check this lottery" }).click(PATIENCE);
  await page.getByText("The lottery agrees with what is published.").waitFor();
  await page.locator(".facts .badge", { hasText: /^settled$/ }).waitFor(PATIENCE);
  await page.getByText("Settled in L1 transaction").waitFor();
  // What was checked stays while the page is updated.
  assert.equal(await verdict.isVisible(), true);
  await shoot(page, "task-settled");

  await site.show(page, "batches/1");
  await page.locator(".way .done", { hasText: /^\s*Settled/ }).waitFor(PATIENCE);
  await close();
});

test("a new block appears without a reload, and a search leads to its transaction", { timeout: 200_000 }, async () => {
  const { page, close } = await site.open();
  await site.show(page, "");
  const { hash, block } = await transfer();
  await page.getByRole("table", { name: "Newest blocks" }).getByRole("link", { name: String(block), exact: true }).waitFor(PATIENCE);
  const field = page.getByRole("searchbox");
  for (const [query, heading] of [
    [hash, "Transaction"],
    [String(block), `Block ${block}`],
    ["batch 1", "Batch 1"],
    [clients(net, USER).account.address, "Account"],
  ] as const) {
    await field.fill(query);
    await field.press("Enter");
    await page.getByRole("heading", { level: 1, name: heading, exact: true }).waitFor(PATIENCE);
  }
  await page.getByRole("table", { name: "Transactions" }).getByRole("link").first().waitFor();
  await field.fill("nonsense");
  await field.press("Enter");
  assert.equal(await field.evaluate((input) => (input as HTMLInputElement).validity.valid), false);
  await close();
});

test("the keyboard reaches the content past the navigation", { timeout: 100_000 }, async () => {
  const { page, close } = await site.open();
  await site.show(page, "health");
  await page.keyboard.press("Tab");
  assert.equal(await page.locator(":focus").textContent(), "Skip to the content");
  await page.keyboard.press("Enter");
  assert.equal(await page.locator(":focus").getAttribute("id"), "main");
  assert.match(page.url(), /#\/health$/);
  // A page that is chosen is announced: its heading has the focus.
  await page.getByRole("link", { name: "Rollers" }).press("Enter");
  await page.locator("h1:focus", { hasText: "Rollers" }).waitFor();
  assert.equal(await page.getByRole("link", { name: "Rollers" }).getAttribute("aria-current"), "page");
  await close();
});

test("what strangers wrote is shown as text", { timeout: 100_000 }, async () => {
  const { page, close } = await site.open();
  const markup = "<img src=x onerror=alert(1)>";
  const [roller] = (await (await fetch(`${net.dashboardUrl}/v1/rollers`)).json()) as { roller: string }[];
  assert.ok(roller);
  await page.route(`**/v1/rollers/${roller.roller}`, async (route) => {
    const answer = await route.fetch();
    const offer = { task: `0x${"11".repeat(32)}`, round: 0, outcome: "invalid", why: markup, weight: 1, atUnixS: 1 };
    await route.fulfill({ response: answer, json: { ...(await answer.json()), history: [offer] } });
  });
  await site.show(page, `rollers/${roller.roller}`);
  await page.getByText(markup).waitFor();
  assert.equal(await page.locator("main img").count(), 0);
  await close();
});

type Task = { task: string; draws: { points: { roller: string }[] }[]; entries: object[]; lottery: { winner: string } | null; seats: object[] };

async function settled(): Promise<Task> {
  const tasks = (await (await fetch(`${net.dashboardUrl}/v1/tasks?open=false`)).json()) as Task[];
  const found = tasks.find(({ lottery }) => lottery?.winner);
  assert.ok(found, "the batches of the tests before are settled and paid");
  return found;
}

test("a draw and a lottery that were changed do not pass", { timeout: 100_000 }, async () => {
  const { page, close } = await site.open();
  const task = await settled();
  const stranger = `0x${"99".repeat(20)}`;
  await page.route(`**/v1/tasks/${task.task}`, async (route) => {
    const answer = await route.fetch();
    const told = (await answer.json()) as Task;
    const [point] = told.draws[0]?.points ?? [];
    if (point) point.roller = stranger;
    if (told.lottery) told.lottery.winner = stranger;
    await route.fulfill({ response: answer, json: told });
  });
  await site.show(page, `tasks/${task.task}`);
  await page.getByRole("button", { name: "Check this draw" }).first().click();
  await page.getByText("The draw DIFFERS from what is published.").waitFor(PATIENCE);
  await page.getByRole("button", { name: "Check this lottery" }).click();
  await page.getByText("The lottery DIFFERS from what is published.").waitFor(PATIENCE);
  await close();
});

test("a roller's page shows its reputation, its computing power and what counts against it", { timeout: 100_000 }, async () => {
  const { page, close } = await site.open();
  const task = await settled();
  const winner = task.lottery?.winner ?? "";
  await page.route("**/v1/tasks?limit=*", async (route) => {
    const answer = await route.fetch();
    const tasks = (await answer.json()) as Task[];
    const missed = { state: "missed", why: "The deadline passed without a proof.", roller: winner, round: 7, proofDigest: null };
    const told = tasks.map((one) => (one.task === task.task ? { ...one, seats: [...one.seats, { ...one.seats[0], ...missed }] } : one));
    await route.fulfill({ response: answer, json: told });
  });
  await site.show(page, `rollers/${winner}`);
  for (const name of ["Reputation ratio q", "Share of all reputation", "Measured computing power"]) {
    await page.getByRole("img", { name: new RegExp(`^${name}`) }).waitFor(PATIENCE);
  }
  const row = page.getByRole("table", { name: "Missed, late and invalid" }).getByRole("row");
  await row.getByText("The deadline passed without a proof.").waitFor();
  await close();
});

test("what L1 says of the money is shown, and that it says nothing", { timeout: 100_000 }, async () => {
  const { page, close } = await site.open();
  await settled();
  await site.show(page, "health");
  await page.getByText("Commit and settlement of a batch").waitFor(PATIENCE);
  await page.getByText(/mean of the last \d/).waitFor(PATIENCE);
  await site.show(page, "economics");
  await page.getByRole("img", { name: /^Emission of an epoch/ }).waitFor(PATIENCE);
  await page.getByRole("img", { name: /^Wins by tickets/ }).waitFor();
  await page.getByRole("table", { name: /^Dials in force/ }).waitFor();
  await page.route("**/l1.json", (route) => route.fulfill({ status: 502 }));
  await site.show(page, "health");
  await page.getByText("L1 does not answer the node.").waitFor();
  await close();
});

/** Routes of every page, with something on each. */
async function routes(): Promise<[string, string][]> {
  const { account, l2 } = clients(net, USER);
  const { hash, block } = await transfer();
  const batch = await l2.getBatch({ batch: 1n });
  const [roller] = (await (await fetch(`${net.dashboardUrl}/v1/rollers`)).json()) as { roller: string }[];
  assert.ok(batch && roller);
  return [
    ["explorer", ""],
    ["block", `blocks/${block}`],
    ["transaction", `transactions/${hash}`],
    ["address", `addresses/${account.address}`],
    ["tokens", "tokens"],
    ["token", `tokens/${account.address}`],
    ["batches", "batches"],
    ["batch", "batches/1"],
    ["proving", "proving"],
    ["task", `tasks/${batch.task}`],
    ["rollers", "rollers"],
    ["roller", `rollers/${roller.roller}`],
    ["economics", "economics"],
    ["health", "health"],
    ["stake", "stake"],
    ["bridge", "bridge"],
    ["nothing", "nothing"],
  ];
}

const READERS: [string, BrowserContextOptions][] = [
  ["desk", { viewport: { width: 1280, height: 900 }, colorScheme: "light" }],
  ["dark", { viewport: { width: 1280, height: 900 }, colorScheme: "dark" }],
  ["phone", { viewport: { width: 360, height: 780 }, colorScheme: "light" }],
];

for (const [reader, options] of READERS) {
  test(`every page can be read (${reader})`, { timeout: 300_000 }, async () => {
    // The policy has no place for axe; that the page obeys it, the other tests see.
    const { page, close } = await site.open({ ...options, bypassCSP: true });
    for (const [name, route] of await routes()) {
      await site.show(page, route);
      await checkReadable(page, `${reader}-${name}`);
    }
    await close();
  });
}
