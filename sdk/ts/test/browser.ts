/** A devnet whose dashboard is open in headless Chromium, and what every page must be. */
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import axe from "axe-core";
import { type BrowserContextOptions, type Page, chromium } from "playwright-core";
import { type Devnet, startDevnet } from "./devnet.js";

/** A task takes some L1 blocks from its commit to its settlement. */
export const PATIENCE = { timeout: 120_000 };
const SHOTS = process.env["ROLLMILL_SCREENSHOTS"] ?? path.join(tmpdir(), "rollmill-dashboard");

export type Site = Awaited<ReturnType<typeof startSite>>;

export async function startSite() {
  await mkdir(SHOTS, { recursive: true });
  const browser = await chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    // Chromium refuses to give root a sandbox.
    args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
  });
  let net: Devnet;
  try {
    net = await startDevnet(["--batch-age", "1"]);
  } catch (error) {
    await browser.close();
    throw error;
  }

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

  async function stop(): Promise<void> {
    await browser.close();
    await net.stop();
  }

  return { net, open, show, stop };
}

export async function shoot(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: path.join(SHOTS, `${name}.png`), fullPage: true });
}

type Finding = { id: string; impact?: string | null; nodes: { html: string }[] };

/** What axe calls serious or worse. */
async function serious(page: Page): Promise<string[]> {
  await page.addScriptTag({ content: axe.source });
  const { violations } = (await page.evaluate("axe.run()")) as { violations: Finding[] };
  const found = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
}

/** A page that is there, for everybody, and no wider than the screen; it is kept as a picture. The page's policy must be bypassed. */
export async function checkReadable(page: Page, name: string): Promise<void> {
  assert.equal(await page.getByText("cannot be shown").count(), 0, name);
  assert.deepEqual(await serious(page), [], name);
  const overflow = await page.evaluate("document.documentElement.scrollWidth - window.innerWidth");
  assert.ok((overflow as number) <= 0, `${name} is ${overflow} pixels too wide`);
  await shoot(page, name);
}
