import assert from "node:assert/strict";
import { test } from "node:test";

const TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";
const word = (value) => BigInt(value).toString(16).padStart(64, "0");
const topic = (value) => `0x${word(value)}`;
const log = (change = {}) => ({ address: "0xab", topics: [TRANSFER, topic(1), topic(2)], data: topic(7), logIndex: "0x0", ...change });

// The page's own modules ask the node when they are loaded.
const asked = [];
let answers = {};
globalThis.fetch = async (path, request) => {
  if (path === "about.json") return { ok: true, json: async () => ({ coordinator: false }) };
  const { method, params } = JSON.parse(request.body);
  asked.push({ method, params });
  return { ok: true, json: async () => answers[method](...params) };
};
const { about, transfers, transfersIn, view } = await import("../token.js");

test("transfers of ERC-20 tokens are read, other events are not", () => {
  const [found, ...rest] = transfers([
    log(),
    log({ topics: [TRANSFER, topic(1), topic(2), topic(3)], data: "0x" }),
    log({ topics: [topic(9), topic(1), topic(2)] }),
    log({ data: "0x" }),
  ]);
  assert.deepEqual(rest, []);
  assert.equal(found.amount, 7n);
  assert.equal(found.to, `0x${"2".padStart(40, "0")}`);
});

test("where there are too many transfers, later blocks alone are asked for", async () => {
  const error = { error: { code: -32005, message: "query exceeds max results" } };
  answers = { eth_getLogs: ({ fromBlock }) => (fromBlock === "0x0" ? error : { result: [log(), log({ logIndex: "0x1" })] }) };
  const { first, moves } = await transfersIn(0, 1_000, { to: `0x${"ab".repeat(20)}` });
  assert.equal(first, 900);
  assert.deepEqual(moves.map(({ index }) => index), ["0x1", "0x0"]);
  assert.deepEqual(asked.at(-1).params[0].topics, [TRANSFER, null, `0x${"ab".repeat(20).padStart(64, "0")}`]);
  answers = { eth_getLogs: () => error };
  await assert.rejects(transfersIn(5, 5), /exceeds/);
});

test("a contract that answers with nonsense has no name, and no number of decimals that breaks the page", async () => {
  const huge = `0x${"ff".repeat(32)}`;
  answers = { eth_call: ({ data }) => ({ result: data === "0x313ce567" ? huge : "0x" }) };
  assert.deepEqual(await about("0x1"), { token: "0x1", name: "", symbol: "", decimals: 77 });
  const long = "x".repeat(100);
  const text = `0x${word(32)}${word(100)}${Buffer.from(long).toString("hex").padEnd(256, "0")}`;
  answers = { eth_call: ({ data }) => ({ result: data === "0x313ce567" ? topic(6) : text }) };
  assert.deepEqual(await about("0x2"), { token: "0x2", name: `${"x".repeat(40)}…`, symbol: `${"x".repeat(40)}…`, decimals: 6 });
  assert.equal(asked.at(-1).params[0].gas, "0x30d40");
  answers = { eth_call: () => ({ result: "0x" }) };
  await assert.rejects(view("0x2", "totalSupply() uint256"), RangeError);
});
