/** The lottery of a task, made again (`crates/protocol/src/{entries,law/lottery}.rs`). */
import { hash, tag, word } from "./words.js";

const LOTTERY = tag("rollmill.lottery.v1");

/** `keccak256(abi.encode(Entry[]))` of `{roller, tickets, proofDigest}`. */
export function entriesHash(entries) {
  const words = entries.flatMap((entry) => [entry.roller, entry.tickets, entry.proofDigest].map(word));
  return hash(word(32), word(entries.length), ...words);
}

/** The entry that holds ticket `H("rollmill.lottery.v1", task, entries hash, beacon) mod tickets`. */
export function winner(task, entries, beacon) {
  const tickets = entries.reduce((sum, entry) => sum + BigInt(entry.tickets), 0n);
  if (tickets === 0n) throw new RangeError("there are no tickets");
  let ticket = BigInt(hash(LOTTERY, word(task), word(entriesHash(entries)), word(beacon))) % tickets;
  for (const entry of entries) {
    if (ticket < BigInt(entry.tickets)) return entry;
    ticket -= BigInt(entry.tickets);
  }
  throw new Error("a ticket below their number is somebody's");
}

function isSorted(entries) {
  const rollers = entries.map(({ roller }) => roller.toLowerCase());
  return rollers.every((roller, i) => i === 0 || rollers[i - 1] < roller);
}

/** Makes the lottery of `/v1/tasks/{task}` again, as far as it has come. Each step as in `draw.js`. */
export function checkLottery({ task, entries, lottery }) {
  const found = entriesHash(entries);
  const steps = [
    { what: "The entries are in the order of addresses", agrees: isSorted(entries), published: "", found: "they are not" },
    {
      what: "Their hash is the one on L1",
      agrees: found === lottery.entriesHash,
      published: lottery.entriesHash,
      found,
    },
  ];
  if (lottery.beacon !== null && lottery.winner !== null) {
    const { roller } = winner(task, entries, lottery.beacon);
    steps.push({
      what: "The beacon's ticket is the winner's",
      agrees: roller.toLowerCase() === lottery.winner.toLowerCase(),
      published: lottery.winner,
      found: roller,
    });
  }
  return steps;
}
