import assert from "node:assert/strict";
import { test } from "node:test";
import * as format from "../format.js";

test("amounts are cut, never rounded up, and never shown as nothing", () => {
  const wei = (text) => format.decimal(text);
  assert.equal(wei("0"), "0");
  assert.equal(wei("1000000000000000000"), "1");
  assert.equal(wei("1500000000000000000"), "1.5");
  assert.equal(wei("0x1"), "< 0.000001");
  assert.equal(wei("999999999999999999"), "0.999999");
  assert.equal(wei("1234567000000000000000001"), "1,234,567");
  assert.equal(format.decimal(12_345n, 3, 2), "12.34");
  assert.equal(format.ether("2000000000000000000"), "2 ETH");
  assert.equal(format.scr("100000000000"), "< 0.0001 SCR");
});

test("amounts are read back exactly, or not at all", () => {
  assert.equal(format.units("1.5"), 1_500_000_000_000_000_000n);
  assert.equal(format.units(" 1,000 ", 6), 1_000_000_000n);
  assert.equal(format.units("0.000001", 6), 1n);
  assert.equal(format.units("7", 0), 7n);
  for (const nothing of ["", "-1", "1.", ".5", "1e3", "0x1", "1.0000001", "1.5 ETH"]) assert.equal(format.units(nothing, 6), null, nothing);
});

test("quantities of JSON-RPC go both ways", () => {
  assert.equal(format.number("0x10"), 16);
  assert.equal(format.quantity(16), "0x10");
  assert.equal(format.quantity("12"), "0xc");
  assert.equal(format.grouped("0xf4240"), "1,000,000");
  assert.equal(format.grouped(1_000), "1,000");
});

test("times have their two greatest units", () => {
  const cases = [
    [0, "0 s"],
    [59.4, "59 s"],
    [60, "1 min"],
    [65, "1 min 5 s"],
    [3_600, "1 h"],
    [3_661, "1 h 1 min"],
    [90_000, "1 d 1 h"],
    [-5, "0 s"],
  ];
  for (const [seconds, text] of cases) assert.equal(format.span(seconds), text);
  assert.equal(format.relative(100, 40), "in 1 min");
  assert.equal(format.relative(40, 100), "1 min ago");
});

test("the rest reads well", () => {
  assert.equal(format.percent(125_000_000), "12.5 %");
  assert.equal(format.short(`0x${"ab".repeat(32)}`), "0xababab…ababab");
  assert.equal(format.short("0x12"), "0x12");
  assert.equal(format.size(316_000), "316 kB");
  assert.equal(format.size(48), "48 bytes");
  assert.equal(format.label("awaiting_draw"), "awaiting draw");
  assert.deepEqual(format.downwards(3, 10), [3, 2, 1, 0]);
  assert.deepEqual(format.downwards(30, 2, 1), [30, 29]);
  assert.deepEqual(format.downwards(0, 5, 1), []);
});

test("a search is understood or refused", () => {
  const address = `0x${"Ab".repeat(20)}`;
  const hash = `0x${"Cd".repeat(32)}`;
  assert.deepEqual(format.understood(" 12 "), { route: "blocks/12" });
  assert.deepEqual(format.understood("#1,234"), { route: "blocks/1234" });
  assert.deepEqual(format.understood("Batch 7"), { route: "batches/7" });
  assert.deepEqual(format.understood(address), { route: `addresses/${address.toLowerCase()}` });
  assert.deepEqual(format.understood(hash), { hash: hash.toLowerCase() });
  for (const nothing of ["", "0x", "0x12", "batch", "-1", "1.5", "<img src=x>", "9".repeat(16)]) {
    assert.equal(format.understood(nothing), null, nothing);
  }
});
