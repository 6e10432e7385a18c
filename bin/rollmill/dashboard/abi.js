/**
 * As much of Solidity's ABI as the page needs. A function is a text, `balanceOf(address) uint256`: its signature, and behind it
 * what it answers with.
 */
import { keccak256 } from "./keccak.js";
import { fromHex, toHex, word } from "./words.js";

/** Hexadecimal digits of a word. */
const DIGITS = 64;

/** The parts of `a,(b,c),d`. */
function parts(list) {
  const found = [];
  let [depth, start] = [0, 0];
  for (let i = 0; i < list.length; i++) {
    if (list[i] === "(") depth += 1;
    if (list[i] === ")") depth -= 1;
    if (list[i] !== "," || depth > 0) continue;
    found.push(list.slice(start, i));
    start = i + 1;
  }
  return list === "" ? [] : [...found, list.slice(start)];
}

/** Types of the members of a tuple or of an array of fixed length; null for what has none. */
function members(type) {
  const array = /^(.+)\[(\d+)\]$/.exec(type);
  if (array) return Array(Number(array[2])).fill(array[1]);
  return type.startsWith("(") ? parts(type.slice(1, -1)) : null;
}

function isDynamic(type) {
  return type === "bytes" || type === "string" || (members(type) ?? []).some(isDynamic);
}

/** Words that a value takes where it stands: of a dynamic one, its offset. */
function width(type) {
  if (isDynamic(type)) return 1;
  return (members(type) ?? [null]).reduce((sum, member) => sum + (member === null ? 1 : width(member)), 0);
}

const digits = (value) => toHex(word(value)).slice(2);

function encode(type, value) {
  const inner = members(type);
  if (inner !== null) return encodeAll(inner, value);
  if (type === "address" && !/^0x[0-9a-f]{40}$/i.test(value)) throw new TypeError("not an address");
  if (!isDynamic(type)) return digits(value);
  const bytes = type === "string" ? new TextEncoder().encode(value) : fromHex(value);
  const text = toHex(bytes).slice(2);
  return digits(bytes.length) + text.padEnd(Math.ceil(text.length / DIGITS) * DIGITS, "0");
}

function encodeAll(types, values) {
  if (types.length !== values.length) throw new TypeError(`${types.length} values are expected`);
  let head = "";
  let tail = "";
  const start = types.reduce((sum, type) => sum + width(type), 0) * (DIGITS / 2);
  types.forEach((type, i) => {
    const text = encode(type, values[i]);
    if (!isDynamic(type)) return (head += text);
    head += digits(start + tail.length / 2);
    tail += text;
  });
  return head + tail;
}

/** The first four bytes of a call or of an error. */
export function selector(signature) {
  return hashOf(signature).slice(0, 10);
}

/** What an event is known by. */
export function hashOf(signature) {
  return toHex(keccak256(new TextEncoder().encode(signature)));
}

/** The data of a call. */
export function callData(name, ...values) {
  const [signature] = name.split(" ");
  const types = parts(signature.slice(signature.indexOf("(") + 1, -1));
  return selector(signature) + encodeAll(types, values);
}

function decodeAt(text, types, start) {
  const values = [];
  let at = start;
  for (const type of types) {
    if (at + DIGITS > text.length) throw new RangeError("the answer is too short");
    const value = text.slice(at, at + DIGITS);
    at += width(type) * DIGITS;
    const inner = members(type);
    if (isDynamic(type)) {
      const place = start + Number(BigInt(`0x${value}`)) * 2;
      values.push(inner === null ? bytesAt(text, place, type) : decodeAt(text, inner, place));
    } else if (inner !== null) values.push(decodeAt(text, inner, at - width(type) * DIGITS));
    else if (type === "address") values.push(`0x${value.slice(-40)}`);
    else if (type === "bytes32") values.push(`0x${value}`);
    else if (type === "bool") values.push(BigInt(`0x${value}`) !== 0n);
    else values.push(BigInt(`0x${value}`));
  }
  return values;
}

function bytesAt(text, place, type) {
  const length = Number(BigInt(`0x${text.slice(place, place + DIGITS) || "0"}`)) * 2;
  const start = place + DIGITS;
  if (!(start + length <= text.length)) throw new RangeError("the answer is too short");
  const bytes = text.slice(start, start + length);
  return type === "bytes" ? `0x${bytes}` : new TextDecoder().decode(fromHex(`0x${bytes}`));
}

/** Values out of the data of a log, or out of an answer: numbers as BigInt. */
export function decode(types, data) {
  return decodeAt(data.slice(2), parts(types), 0);
}

/** What a call of `name` was answered with. */
export function result(name, data) {
  const [value] = decode(name.slice(name.indexOf(" ") + 1), data);
  return value;
}
