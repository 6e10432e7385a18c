import assert from "node:assert/strict";
import { test } from "node:test";
import { concentration, failures, gini, luck, speeds } from "../measure.js";

const entry = (roller, tickets) => ({ roller, tickets });
const close = (found, expected) => assert.ok(Math.abs(found - expected) < 1e-9, `${found}, not ${expected}`);

test("wins are held against what tickets let expect", () => {
  const tasks = [
    { entries: [entry("0xA", 1), entry("0xb", 3)], settle: { roller: "0xa" } },
    { entries: [entry("0xa", 1)], settle: { roller: "0xA" } },
    // Nobody was paid, or somebody without an entry.
    { entries: [entry("0xa", 1)], settle: { roller: null } },
    { entries: [entry("0xa", 1)], settle: { roller: "0xc" } },
    { entries: [], settle: null },
  ];
  assert.deepEqual(luck(tasks), [
    { roller: "0xa", expected: 1.25, won: 2 },
    { roller: "0xb", expected: 0.75, won: 0 },
  ]);
});

test("what is got by due lies on the diagonal, and the rest below it", () => {
  const fair = concentration([[1, 10], [3, 30], [6, 60]]);
  for (const [x, y] of fair) close(y, x);
  close(gini(fair), 0);
  const one = concentration([[1, 0], [1, 0], [1, 0], [1, 8]]);
  assert.deepEqual(one, [[0, 0], [0.25, 0], [0.5, 0], [0.75, 0], [1, 1]]);
  close(gini(one), 0.75);
  // Those without a due come last, whatever they got.
  close(gini(concentration([[1, 0], [0, 5]])), 1);
  for (const nothing of [[], [[0, 0]], [[1, 0]], [[0, 1]]]) assert.deepEqual(concentration(nothing), []);
});

test("a roller's speed and failures are those of its own seats", () => {
  const seat = (roller, state, proveSeconds = null) => ({ roller, state, proveSeconds });
  const tasks = [
    { task: "t1", batch: 1, proverGasEstimate: 600, seats: [seat("0xA", "on_time", 2), seat("0xb", "late", 3)] },
    { task: "t2", batch: 2, proverGasEstimate: 900, seats: [seat("0xa", "missed"), seat("0xb", "on_time", 3)] },
    { task: "t3", batch: 3, proverGasEstimate: 900, seats: [seat("0xa", "released"), seat("0xa", "invalid")] },
  ];
  assert.deepEqual(speeds(tasks, "0xa"), [[1, 300]]);
  assert.deepEqual(failures(tasks, "0xA").map(({ task, seat }) => [task, seat.state]), [["t3", "invalid"], ["t2", "missed"]]);
  assert.deepEqual(failures(tasks, "0xc"), []);
});
