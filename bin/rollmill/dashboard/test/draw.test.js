import assert from "node:assert/strict";
import { test } from "node:test";
import { checkDraw, line, point, seed, sumTree, weight } from "../draw.js";
import { vectors } from "./vectors.js";

const LAW = { shareCap: 1_250_000_000, drawsPerPointMax: 8 };
const K = 3;
const BEACON = `0x${"be".repeat(32)}`;
const TASK = `0x${"07".repeat(32)}`;

function leaves() {
  const { rollers, stakes, qs, capacities } = vectors("snapshot");
  return rollers.map((roller, i) => ({ roller, stakeWei: stakes[i], q: qs[i], capacity: capacities[i] }));
}

/** Everything that is published of a task whose first round was drawn with everybody eligible but `without`. */
function published(without = null) {
  const all = leaves();
  const tree = sumTree(all);
  const places = line(all, LAW.shareCap);
  const drawn = { round: 0, beacon: BEACON, seed: seed(TASK, 0, BEACON), weightsRoot: tree.root, total: tree.total.toString() };
  drawn.points = [];
  const tickets = () => drawn.points.filter(({ outcome }) => outcome === "ticket");
  for (let i = 0; i < K * LAW.drawsPerPointMax && tickets().length < K; i++) {
    const at = point(drawn.seed, i, places.total);
    const { roller, isAboveCap } = places.locate(at);
    const outcome = isAboveCap ? "above_cap" : roller === without ? "passed_over" : "ticket";
    drawn.points.push({ point: at.toString(), roller, outcome });
  }
  const seats = new Map();
  for (const { roller } of tickets()) seats.set(roller, (seats.get(roller) ?? 0) + 1);
  const task = { task: TASK, seats: [...seats].map(([roller, count]) => ({ round: 0, roller, tickets: count })) };
  return { task, drawn, snapshot: { k: K, leaves: all } };
}

function findings({ task, drawn, snapshot }) {
  return checkDraw(task, drawn, snapshot, LAW).filter(({ agrees }) => !agrees).map(({ what }) => what);
}

test("seed and points are the law's", () => {
  const golden = vectors("draw");
  assert.equal(seed(golden.task, golden.round, golden.beacon), golden.seed);
  golden.points.forEach((expected, i) => {
    assert.equal(point(golden.seed, i, BigInt(golden.total)).toString(), expected);
  });
});

test("weights, root and total are the law's", () => {
  const golden = vectors("snapshot");
  assert.deepEqual(leaves().map((leaf) => weight(leaf).toString()), golden.weights);
  const tree = sumTree(leaves());
  assert.equal(tree.root, golden.root);
  assert.equal(tree.total.toString(), golden.total);
  // A ratio above one counts as one.
  assert.equal(weight({ stakeWei: "100", q: 2_000_000_000 }), 100n);
});

test("a point belongs to the interval that holds it", () => {
  const all = [1n, 2n, 3n].map((stake, i) => ({ roller: `0x0${i}`, stakeWei: (stake * 100n).toString(), q: 1_000_000_000, capacity: 1 }));
  const { total, locate } = line(all, 4_000_000_000);
  assert.equal(total, 600n);
  const owners = [0n, 99n, 100n, 299n, 300n, 599n].map((at) => locate(at).roller);
  assert.deepEqual(owners, ["0x00", "0x00", "0x01", "0x01", "0x02", "0x02"]);
});

test("what is above the cap on a roller's share of all stake is seen", () => {
  // A tenth of the stake and more than half of the weight: an eighth of the line is its cap.
  const all = [
    { roller: "0x01", stakeWei: "10000", q: 1_000_000_000, capacity: 1 },
    { roller: "0x02", stakeWei: "90000", q: 100_000_000, capacity: 1 },
  ];
  const { total, locate } = line(all, LAW.shareCap);
  const cap = (total * 125n) / 1_000n;
  assert.equal(locate(cap - 1n).isAboveCap, false);
  assert.equal(locate(cap).isAboveCap, true);
  assert.equal(locate(10_000n).roller, "0x02");
});

test("an honest draw agrees, with somebody passed over or not", () => {
  assert.deepEqual(findings(published()), []);
  const { drawn } = published();
  const first = drawn.points.find(({ outcome }) => outcome === "ticket").roller;
  const without = published(first);
  assert.ok(without.drawn.points.some(({ outcome }) => outcome === "passed_over"));
  assert.deepEqual(findings(without), []);
});

test("whatever is changed in a draw is found", () => {
  const other = `0x${"99".repeat(20)}`;
  const changes = {
    "another beacon": ({ drawn }) => (drawn.beacon = `0x${"00".repeat(32)}`),
    "another seed": ({ drawn }) => (drawn.seed = `0x${"00".repeat(32)}`),
    "another stake": ({ snapshot }) => (snapshot.leaves[0].stakeWei += "0"),
    "another root": ({ drawn }) => (drawn.weightsRoot = `0x${"00".repeat(32)}`),
    "another total": ({ drawn }) => (drawn.total += "0"),
    "another point": ({ drawn }) => (drawn.points[0].point = "1"),
    "another roller": ({ drawn }) => (drawn.points[0].roller = other),
    "a cap that is none": ({ drawn }) => (drawn.points[0].outcome = "above_cap"),
    "a ticket less": ({ drawn }) => drawn.points.pop(),
    "a seat more": ({ task }) => task.seats.push({ round: 0, roller: other, tickets: 1 }),
    "a ticket more on a seat": ({ task }) => (task.seats[0].tickets += 1),
  };
  for (const [name, change] of Object.entries(changes)) {
    const all = published();
    change(all);
    assert.notDeepEqual(findings(all), [], name);
  }
});

test("nobody is seated by one point and passed over by another", () => {
  const all = published();
  const roller = all.drawn.points.find(({ outcome }) => outcome === "ticket").roller;
  all.drawn.points.unshift({ ...all.drawn.points[0], roller, outcome: "passed_over" });
  assert.ok(findings(all).includes("Nobody is both seated and passed over"));
});

test("a draw that gave up has used all of its points", () => {
  const all = published();
  for (const each of all.drawn.points) each.outcome = "passed_over";
  all.task.seats = [];
  assert.ok(findings(all).includes(`It ends with ticket number ${K}`));
  // As many as the law allows.
  const places = line(all.snapshot.leaves, LAW.shareCap);
  all.drawn.points = Array.from({ length: K * LAW.drawsPerPointMax }, (_, i) => {
    const at = point(all.drawn.seed, i, places.total);
    const { roller, isAboveCap } = places.locate(at);
    return { point: at.toString(), roller, outcome: isAboveCap ? "above_cap" : "passed_over" };
  });
  assert.deepEqual(findings(all), []);
});
