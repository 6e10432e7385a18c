/** 32-byte words: the one way in which rollmill hashes structured data (`crates/protocol/src/words.rs`). */
import { keccak256 } from "./keccak.js";

const WORD_BYTES = 32;

/** `0x…` as bytes. */
export function fromHex(text) {
  if (!/^0x([0-9a-fA-F]{2})*$/.test(text)) throw new TypeError("not hexadecimal");
  return Uint8Array.from(text.slice(2).match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/** Bytes as `0x…`. */
export function toHex(bytes) {
  return `0x${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/** An ASCII name, left-aligned. */
export function tag(name) {
  const word = new Uint8Array(WORD_BYTES);
  word.set(new TextEncoder().encode(name));
  return word;
}

/** A number, or an address or hash in hexadecimal, right-aligned. */
export function word(value) {
  const digits = typeof value === "string" && value.startsWith("0x") ? value.slice(2) : BigInt(value).toString(16);
  if (digits.length > 2 * WORD_BYTES) throw new RangeError("longer than a word");
  return fromHex(`0x${digits.padStart(2 * WORD_BYTES, "0")}`);
}

/** Keccak-256 of words, in hexadecimal. */
export function hash(...words) {
  const bytes = new Uint8Array(words.length * WORD_BYTES);
  words.forEach((each, i) => bytes.set(each, i * WORD_BYTES));
  return toHex(keccak256(bytes));
}
