/** The golden vectors that the law's Rust and Solidity are tested against. */
import { readFileSync } from "node:fs";

const FOLDER = new URL("../../../../crates/protocol/vectors/", import.meta.url);

export function vectors(name) {
  return JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), "utf8"));
}
