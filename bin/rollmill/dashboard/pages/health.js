/** Whether everything keeps up: finality, backlog, rollers, L1. */
import { about, get, rpc } from "../api.js";
import { h } from "../dom.js";
import { grouped, number, span } from "../format.js";
import { badge, blockLink, facts, hash, table } from "../show.js";

async function blockAt(tag) {
  const block = await rpc("eth_getBlockByNumber", tag, false);
  return { number: number(block.number), time: number(block.timestamp) };
}

function lag(latest, { number, time }) {
  const blocks = latest.number - number;
  return blocks === 0 ? "none" : `${grouped(blocks)} blocks, ${span(latest.time - time)} of the chain`;
}

function batches(info) {
  const [sealed, committed, settled] = [info.sealedBatch, info.committedBatch, info.settledBatch].map((batch) =>
    batch === null ? 0 : number(batch),
  );
  const row = (stage, last, waiting) => [stage, stage, last === 0 ? "none" : grouped(last), grouped(waiting)];
  return [
    row("Sealed", sealed, 0),
    row("Committed on L1", committed, sealed - committed),
    row("Settled on L1", settled, committed - settled),
  ];
}

function coordinator(status) {
  return h(
    "section",
    { "data-key": "coordinator", "aria-labelledby": "coordinator" },
    h("h2", { id: "coordinator" }, "Coordinator"),
    facts([
      ["Proofs", status.proofs === "mock" ? badge("mock", "bad") : badge("real", "good")],
      ["Open tasks", grouped(status.tasksOpen)],
      ["Rollers", `${grouped(status.rollersAlive)} of ${grouped(status.rollers)} are there`],
      ["Epoch on L1", status.epoch],
      ["L1 is read up to block", status.l1Block === null ? "nothing yet" : grouped(status.l1Block)],
      ["Records of the log", grouped(status.events)],
      ["Head of the log", hash(status.eventsHash, true)],
    ]),
  );
}

/** All of it. */
export async function health() {
  const [info, pool, latest, safe, finalized, status] = await Promise.all([
    rpc("rollmill_sequencerInfo"),
    rpc("txpool_status"),
    blockAt("latest"),
    blockAt("safe"),
    blockAt("finalized"),
    about.coordinator ? get("v1/status") : null,
  ]);
  return {
    title: "Health",
    topics: ["hash", "board"],
    body: [
      h(
        "section",
        { "aria-labelledby": "finality", "data-key": "finality" },
        h("h2", { id: "finality" }, "Finality"),
        facts([
          ["Newest block", blockLink(latest.number)],
          ["Not committed", lag(latest, safe)],
          ["Not settled", lag(latest, finalized)],
          ["Transactions waiting", grouped(number(pool.pending) + number(pool.queued))],
          ["Blocks taken back with L1", `${number(info.rollbacks)} times, ${grouped(info.brokenConfirmations)} confirmations broken`],
        ]),
      ),
      table("Batches", ["Stage", "Last batch", "Waiting for it"], batches(info), ""),
      status && coordinator(status),
      h(
        "section",
        { "aria-labelledby": "contracts", "data-key": "contracts" },
        h("h2", { id: "contracts" }, "Where it is"),
        facts([
          ["Chain id of L1", number(info.l1ChainId)],
          ["Chain id of L2", number(info.l2ChainId)],
          ["Rollup on L1", hash(info.rollup, true)],
          ["Operator on L1", hash(info.operator, true)],
          ["Token bridge on L1", hash(info.tokenBridge, true)],
          ["Longest wait for a block", span(number(info.blockTimeMs) / 1_000)],
          ["Program version", number(info.programVersion)],
        ]),
      ),
    ],
  };
}
