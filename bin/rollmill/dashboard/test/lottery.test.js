import assert from "node:assert/strict";
import { test } from "node:test";
import { checkLottery, entriesHash, winner } from "../lottery.js";
import { vectors } from "./vectors.js";

const golden = vectors("entries");

function entries() {
  const { rollers, tickets, proofDigests } = golden;
  return rollers.map((roller, i) => ({ roller, tickets: tickets[i], proofDigest: proofDigests[i] }));
}

function task() {
  const lottery = { entriesHash: golden.entriesHash, beacon: golden.beacons[0], winner: golden.winners[0] };
  return { task: golden.task, entries: entries(), lottery };
}

const agrees = (task) => checkLottery(task).every((step) => step.agrees);

test("the hash of entries is L1's", () => {
  assert.equal(entriesHash(entries()), golden.entriesHash);
  assert.equal(entriesHash([]), golden.emptyEntriesHash);
});

test("winners are the law's", () => {
  golden.beacons.forEach((beacon, i) => {
    assert.equal(winner(golden.task, entries(), beacon).roller, golden.winners[i]);
  });
  assert.throws(() => winner(golden.task, [], golden.beacons[0]), RangeError);
});

test("an honest lottery agrees, as far as it has come", () => {
  assert.ok(agrees(task()));
  const early = task();
  early.lottery.beacon = null;
  early.lottery.winner = null;
  assert.ok(agrees(early));
  assert.equal(checkLottery(early).length, 2);
});

test("whatever is changed in a lottery is found", () => {
  const changes = {
    "another winner": (task) => (task.lottery.winner = golden.rollers.find((roller) => roller !== golden.winners[0])),
    "another hash": (task) => (task.lottery.entriesHash = golden.emptyEntriesHash),
    "more tickets": (task) => (task.entries[0].tickets += 1),
    "another proof": (task) => (task.entries[0].proofDigest = task.entries[1].proofDigest),
    "another order": (task) => task.entries.reverse(),
  };
  for (const [name, change] of Object.entries(changes)) {
    const changed = task();
    change(changed);
    assert.ok(!agrees(changed), name);
  }
});
