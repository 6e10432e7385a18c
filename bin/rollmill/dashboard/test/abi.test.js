import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { callData, decode, hashOf, result, selector } from "../abi.js";
import * as contracts from "../contracts.js";

const word = (value) => BigInt(value).toString(16).padStart(64, "0");
const ALICE = `0x${"a1".repeat(20)}`;
const BOB = `0x${"B0".repeat(20)}`;

test("a call begins with its selector, and its words follow", () => {
  assert.equal(callData("transfer(address,uint256) bool", ALICE, 5n), `0xa9059cbb${word(ALICE)}${word(5)}`);
  assert.equal(hashOf("Transfer(address,address,uint256)"), "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");
  assert.equal(callData("symbol() string"), "0x95d89b41");
});

test("what has no fixed length stands behind, at its offset", () => {
  const text = "é".repeat(20);
  const data = callData("register(address,address,uint32,string)", ALICE, BOB, 3, text);
  const bytes = Buffer.from(text).toString("hex");
  const expected = [word(ALICE), word(BOB), word(3), word(128), word(40), bytes.padEnd(128, "0")].join("");
  assert.equal(data, selector("register(address,address,uint32,string)") + expected);
  const withdrawal = [7n, ALICE, BOB, 9n, "0x1234"];
  const proof = ["0x11", "0x22"];
  const name = "f(uint64,(uint64,address,address,uint256,bytes),bytes32[2])";
  const tuple = [word(7), word(ALICE), word(BOB), word(9), word(160), word(2), "1234".padEnd(64, "0")].join("");
  assert.equal(callData(name, 1n, withdrawal, proof), selector(name) + word(1) + word(128) + word(0x11) + word(0x22) + tuple);
});

test("an answer is read back, and one that lies about its length is refused", () => {
  const tuple = "(address,bool,uint128)";
  const data = `0x${word(ALICE)}${word(1)}${word(77)}`;
  assert.deepEqual(result(`f() ${tuple}`, data), [ALICE, true, 77n]);
  assert.deepEqual(decode("bytes32,uint64", `0x${word(1)}${word(2)}`), [`0x${word(1)}`, 2n]);
  const name = `0x${word(32)}${word(3)}${Buffer.from("SCR").toString("hex").padEnd(64, "0")}`;
  assert.equal(result("symbol() string", name), "SCR");
  assert.throws(() => result("symbol() string", `0x${word(32)}${word(2n ** 60n)}`), RangeError);
  assert.throws(() => result("symbol() string", `0x${word(2n ** 200n)}`), RangeError);
  assert.throws(() => result("decimals() uint8", "0x"), RangeError);
});

test("what is no value of its type is refused", () => {
  for (const wrong of ["0x12", `0x${"zz".repeat(20)}`, "alice"]) {
    assert.throws(() => callData("f(address)", wrong), TypeError);
  }
  assert.throws(() => callData("f(uint256)", 2n ** 256n), RangeError);
  assert.throws(() => callData("f(uint256)"), TypeError);
});

/** `name(inputs) output` of each function of an artifact, its errors and its events, as the page writes them. */
function written(artifact) {
  const file = new URL(`../../../../contracts/artifacts/${artifact}.json`, import.meta.url);
  const type = ({ type, components }) =>
    components ? `(${components.map(type_).join(",")})${type.slice("tuple".length)}` : type;
  const type_ = type;
  const { abi } = JSON.parse(readFileSync(file, "utf8"));
  return new Set(
    abi.filter(({ name }) => name).map(({ name, inputs, outputs = [] }) => {
      const [output] = outputs;
      return `${name}(${inputs.map(type).join(",")})${output ? ` ${type(output)}` : ""}`;
    }),
  );
}

test("the contracts have what the page calls, with these types", () => {
  const { ARTIFACTS, ERRORS, EVENTS } = contracts;
  for (const [artifact, functions] of Object.entries(ARTIFACTS)) {
    const known = written(artifact);
    for (const name of Object.values(functions)) assert.ok(known.has(name), `${artifact} has no ${name}`);
  }
  const all = ["Rollup", "RollerRegistry", "RewardPool", "Emission", "ScrToken", "TokenBridge", "WithdrawalQueue", "L2TokenBridge"];
  const known = new Set(all.flatMap((artifact) => [...written(artifact)]));
  for (const name of [...Object.keys(ERRORS), ...Object.values(EVENTS)]) assert.ok(known.has(name), `nobody has ${name}`);
});
