/**
 * The draw of a task, made again (`crates/protocol/src/law/{draw,snapshot}.rs`): whom each point hits follows from the beacon and the
 * snapshot. What cannot be seen from here is whether somebody was rightly passed over: that the audit checks, by receipts and L1.
 */
import { hash, tag, word } from "./words.js";

/** Parts of one. */
const ONE = 1_000_000_000n;
const DRAW = tag("rollmill.draw.v1");
const LEAF = tag("rollmill.leaf.v1");
const NODE = tag("rollmill.node.v1");

/** `H("rollmill.draw.v1", task, round, beacon)`. */
export function seed(task, round, beacon) {
  return hash(DRAW, word(task), word(round), word(beacon));
}

/** Point number `i`: `H(seed, i) mod total`. */
export function point(seed, i, total) {
  return BigInt(hash(word(seed), word(i))) % total;
}

/** `floor(stake * q)`. */
export function weight(leaf) {
  const q = BigInt(leaf.q);
  return (BigInt(leaf.stakeWei) * (q < ONE ? q : ONE)) / ONE;
}

function parent(left, right) {
  const words = [word(left.hash), word(left.sum), word(right.hash), word(right.sum)];
  return { hash: hash(NODE, ...words), sum: left.sum + right.sum };
}

/** Root and total of the Merkle-sum tree over `{roller, stakeWei, q, capacity}`, in their order. */
export function sumTree(leaves) {
  let padding = { hash: `0x${"00".repeat(32)}`, sum: 0n };
  let level = leaves.map((leaf) => {
    const sum = weight(leaf);
    const fields = [leaf.roller, leaf.stakeWei, leaf.q, leaf.capacity, sum];
    return { hash: hash(LEAF, ...fields.map(word)), sum };
  });
  while (level.length > 1) {
    if (level.length % 2 === 1) level.push(padding);
    level = level.flatMap((left, i) => (i % 2 === 0 ? [parent(left, level[i + 1])] : []));
    padding = parent(padding, padding);
  }
  return { root: level[0].hash, total: level[0].sum };
}

/** The line of weights: `locate` says whose interval holds a point, and whether it is above the cap on that roller's chance. */
export function line(leaves, shareCap) {
  const ends = [];
  let total = 0n;
  let stakes = 0n;
  for (const leaf of leaves) {
    total += weight(leaf);
    stakes += BigInt(leaf.stakeWei);
    ends.push(total);
  }
  const locate = (point) => {
    let [low, high] = [0, leaves.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (ends[middle] <= point) low = middle + 1;
      else high = middle;
    }
    const leaf = leaves[low];
    const offset = point - (low === 0 ? 0n : ends[low - 1]);
    const isAboveCap = offset * stakes * ONE >= BigInt(leaf.stakeWei) * total * BigInt(shareCap);
    return { roller: leaf.roller, isAboveCap };
  };
  return { total, locate };
}

/** One thing that was checked: what, whether it agrees, and if not what was published and what follows. */
function step(what, published, found) {
  const isSame = String(published) === String(found);
  return { what, agrees: isSame, published: String(published), found: String(found) };
}

function checkPoints(drawn, places) {
  const wrong = drawn.points.flatMap((told, i) => {
    const at = point(drawn.seed, i, places.total);
    const { roller, isAboveCap } = places.locate(at);
    const same =
      told.point === at.toString() &&
      told.roller.toLowerCase() === roller.toLowerCase() &&
      (told.outcome === "above_cap") === isAboveCap;
    return same ? [] : [`point ${i} is ${at} and falls on ${roller}${isAboveCap ? ", above its cap" : ""}`];
  });
  return {
    what: `Each of ${drawn.points.length} points falls where the seed puts it`,
    agrees: wrong.length === 0,
    published: "",
    found: wrong.join("; "),
  };
}

/** A draw ends with its k-th ticket, or gives up; and whoever was passed over once was passed over each time. */
function checkEnd(drawn, k, drawsPerPointMax) {
  const isTicket = ({ outcome }) => outcome === "ticket";
  const tickets = drawn.points.filter(isTicket).length;
  const isFull = tickets === k && isTicket(drawn.points.at(-1));
  const isGivenUp = tickets < k && drawn.points.length === k * drawsPerPointMax;
  const seated = new Set(drawn.points.filter(isTicket).map(({ roller }) => roller));
  const both = drawn.points.filter(({ outcome, roller }) => outcome === "passed_over" && seated.has(roller));
  return [
    {
      what: `It ends with ticket number ${k}`,
      agrees: isFull || isGivenUp,
      published: "",
      found: `${tickets} tickets after ${drawn.points.length} points`,
    },
    {
      what: "Nobody is both seated and passed over",
      agrees: both.length === 0,
      published: "",
      found: both.map(({ roller }) => roller).join(", "),
    },
  ];
}

/** Tickets per roller as `address: n`, sorted. */
function tally(pairs) {
  const counts = new Map();
  for (const [roller, tickets] of pairs) {
    const key = roller.toLowerCase();
    counts.set(key, (counts.get(key) ?? 0) + tickets);
  }
  return [...counts].map(([roller, tickets]) => `${roller}: ${tickets}`).sort().join(", ");
}

/**
 * Makes a round of a task's draw again.
 *
 * `task` and `drawn` are of `/v1/tasks/{task}`, `snapshot` of `/v1/epochs/{epoch}` with all its leaves, `law` of `/v1/law`.
 */
export function checkDraw(task, drawn, snapshot, law) {
  const tree = sumTree(snapshot.leaves);
  const places = line(snapshot.leaves, law.shareCap);
  const seats = task.seats.filter((seat) => seat.round === drawn.round);
  const drawnTickets = drawn.points.filter(({ outcome }) => outcome === "ticket");
  return [
    step("The seed is the hash of task, round and beacon", drawn.seed, seed(task.task, drawn.round, drawn.beacon)),
    step(`The ${snapshot.leaves.length} published weights have the root of the draw`, drawn.weightsRoot, tree.root),
    step("They add up to its total", drawn.total, tree.total),
    checkPoints(drawn, places),
    ...checkEnd(drawn, snapshot.k, law.drawsPerPointMax),
    step(
      "The seats hold the tickets that were drawn",
      tally(seats.map((seat) => [seat.roller, seat.tickets])),
      tally(drawnTickets.map(({ roller }) => [roller, 1])),
    ),
  ];
}
