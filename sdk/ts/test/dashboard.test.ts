/**
 * The dashboard in a browser, over a devnet with mock proofs: a task from its draw to its settlement, every page as a desk, a phone and
 * the dark show it, the keyboard, and what axe finds. `CHROMIUM` is the browser's program.
 */
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import axe from "axe-core";
import { type Browser, type BrowserContextOptions, type Page, chromium } from "playwright-core";
import { type Hex, parseEther } from "viem";
import { type Devnet, clients, fund, startDevnet } from "./devnet.js";

const USER = 7;
/** A task takes some L1 blocks from its commit to its settlement. */
const PATIENCE = { timeout: 120_000 };
const SHOTS = process.env["ROLLMILL_SCREENSHOTS"] ?? path.join(tmpdir(), "rollmill-dashboard");

let net: Devnet;
let browser: Browser;
before(async () => {
  await mkdir(SHOTS, { recursive: true });
  browser = await chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    // Chromium refuses to give root a sandbox.
    args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
  });
  net = await startDevnet(["--batch-age", "1"]);
}, { timeout: 400_000 });
after(async () => {
  await browser?.close();
  await net?.stop();
});

/** A page that fails the test for errors of its scripts and for everything that its policy refuses. */
async function open(options: BrowserContextOptions = {}): Promise<{ page: Page; close(): Promise<void> }> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => {
    // What is not there is no error of the page.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) problems.push(message.text());
  });
  return {
    page,
    close: async () => {
      await context.close();
      assert.deepEqual(problems, []);
    },
  };
}

/** Loads the page anew, so that what is found is not the page before. */
async function show(page: Page, route: string): Promise<void> {
  await page.goto("about:blank");
  await page.goto(`${net.dashboardUrl}/#/${route}`);
  await page.getByRole("heading", { level: 1 }).waitFor();
}

async function shoot(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: path.join(SHOTS, `${name}.png`), fullPage: true });
}

/** A transfer on L2 and its block. */
async function transfer(): Promise<{ hash: Hex; block: bigint }> {
  const { account, l2, walletL2 } = clients(net, USER);
  const hash = await walletL2.sendTransaction({ to: account.address, value: 1n });
  const { blockNumber } = await l2.waitForTransactionReceipt({ hash });
  return { hash, block: blockNumber };
}

test("a task is watched from its draw to its settlement", { timeout: 300_000 }, async () => {
  const { page, close } = await open();
  await show(page, "proving");
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

  await show(page, "batches/1");
  await page.locator(".way .done", { hasText: /^\s*Settled/ }).waitFor(PATIENCE);
  await close();
});

test("a new block appears without a reload, and a search leads to its transaction", { timeout: 200_000 }, async () => {
  const { page, close } = await open();
  await show(page, "");
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
  const { page, close } = await open();
  await show(page, "health");
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
  const { page, close } = await open();
  const markup = "<img src=x onerror=alert(1)>";
  const [roller] = (await (await fetch(`${net.dashboardUrl}/v1/rollers`)).json()) as { roller: string }[];
  assert.ok(roller);
  await page.route(`**/v1/rollers/${roller.roller}`, async (route) => {
    const answer = await route.fetch();
    const offer = { task: `0x${"11".repeat(32)}`, round: 0, outcome: "invalid", why: markup, weight: 1, atUnixS: 1 };
    await route.fulfill({ response: answer, json: { ...(await answer.json()), history: [offer] } });
  });
  await show(page, `rollers/${roller.roller}`);
  await page.getByText(markup).waitFor();
  assert.equal(await page.locator("main img").count(), 0);
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
    ["batches", "batches"],
    ["batch", "batches/1"],
    ["proving", "proving"],
    ["task", `tasks/${batch.task}`],
    ["rollers", "rollers"],
    ["roller", `rollers/${roller.roller}`],
    ["economics", "economics"],
    ["health", "health"],
    ["nothing", "nothing"],
  ];
}

type Finding = { id: string; impact?: string | null; nodes: { html: string }[] };

/** What axe calls serious or worse. */
async function serious(page: Page): Promise<string[]> {
  await page.addScriptTag({ content: axe.source });
  const { violations } = (await page.evaluate("axe.run()")) as { violations: Finding[] };
  const found = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
}

const READERS: [string, BrowserContextOptions][] = [
  ["desk", { viewport: { width: 1280, height: 900 }, colorScheme: "light" }],
  ["dark", { viewport: { width: 1280, height: 900 }, colorScheme: "dark" }],
  ["phone", { viewport: { width: 360, height: 780 }, colorScheme: "light" }],
];

for (const [reader, options] of READERS) {
  test(`every page can be read (${reader})`, { timeout: 300_000 }, async () => {
    // The policy has no place for axe; that the page obeys it, the other tests see.
    const { page, close } = await open({ ...options, bypassCSP: true });
    for (const [name, route] of await routes()) {
      await show(page, route);
      assert.equal(await page.getByText("cannot be shown").count(), 0, name);
      assert.deepEqual(await serious(page), [], name);
      const overflow = await page.evaluate("document.documentElement.scrollWidth - window.innerWidth");
      assert.ok((overflow as number) <= 0, `${name} is ${overflow} pixels too wide`);
      await shoot(page, `${reader}-${name}`);
    }
    await close();
  });
}
