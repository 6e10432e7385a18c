import assert from "node:assert/strict";
import { test } from "node:test";
import { scale, stepPath, ticks } from "../chart.js";

test("marks are round and hold all values", () => {
  assert.deepEqual(ticks(0, 100), [0, 50, 100]);
  assert.deepEqual(ticks(3, 17), [0, 5, 10, 15, 20]);
  for (const [least, most] of [[0, 1], [7, 7], [0, 0], [0.1, 0.13], [1e-7, 4e-7], [12, 98_765]]) {
    const marks = ticks(least, most);
    assert.ok(marks.length >= 2 && marks.length <= 6, `${marks}`);
    assert.ok(marks[0] <= least + 1e-12 && marks.at(-1) >= most - 1e-12, `${marks}`);
  }
});

test("numbers become places, also where all are the same", () => {
  const place = scale([0, 10], [100, 200]);
  assert.deepEqual([0, 5, 10].map(place), [100, 150, 200]);
  assert.equal(scale([3, 3], [100, 200])(3), 100);
});

test("a value stays until the next one comes", () => {
  assert.equal(stepPath([[0, 10], [5, 20], [9, 20]]), "M0.0 10.0H5.0V20.0H9.0V20.0");
  assert.equal(stepPath([[1, 2]]), "M1.0 2.0");
});
