import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { keccak256, sponge } from "../keccak.js";
import { fromHex, hash, tag, toHex, word } from "../words.js";

test("the sponge is SHA-3's, over every length around a block", () => {
  for (const length of [0, 1, 31, 32, 134, 135, 136, 137, 271, 272, 273, 1_000]) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 7 + length) % 256);
    const expected = createHash("sha3-256").update(bytes).digest("hex");
    assert.equal(toHex(sponge(bytes, 0x06)), `0x${expected}`, `${length} bytes`);
  }
});

test("the padding is Ethereum's", () => {
  const empty = "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470";
  assert.equal(toHex(keccak256(new Uint8Array())), empty);
  const abc = "0x4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45";
  assert.equal(toHex(keccak256(new TextEncoder().encode("abc"))), abc);
});

test("words are laid out as Solidity does", () => {
  assert.equal(toHex(tag("ab")), `0x6162${"00".repeat(30)}`);
  assert.equal(toHex(word(258)), `0x${"00".repeat(30)}0102`);
  assert.equal(toHex(word("258")), toHex(word(258)));
  assert.equal(toHex(word(`0x${"ee".repeat(20)}`)), `0x${"00".repeat(12)}${"ee".repeat(20)}`);
  assert.equal(hash(), toHex(keccak256(new Uint8Array())));
  assert.notEqual(hash(word(1), word(2)), hash(word(2), word(1)));
});

test("what is no word is refused", () => {
  assert.throws(() => word(2n ** 256n), RangeError);
  assert.throws(() => word(-1), TypeError);
  assert.throws(() => word("0xzz"), TypeError);
  assert.throws(() => fromHex("0x123"), TypeError);
  assert.throws(() => fromHex("12"), TypeError);
});
