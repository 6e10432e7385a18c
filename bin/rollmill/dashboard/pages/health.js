/** Whether everything keeps up: finality, backlog, rollers, L1. */
import { about, get, moneyOnL1, rpc } from "../api.js";
import { h } from "../dom.js";
import { ether, grouped, number, scr, span } from "../format.js";
import { badge, blockLink, facts, hash, onL1, table, time } from "../show.js";

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

function coordinator(status, dials) {
  return h(
    "section",
    { "data-key": "coordinator", "aria-labelledby": "coordinator" },
    h("h2", { id: "coordinator" }, "Coordinator"),
    facts([
      ["Proofs", status.proofs === "mock" ? badge("mock", "bad") : badge("real", "good")],
      ["Open tasks", `${grouped(status.tasksOpen)}, of which ${grouped(dials.measure.queued)} wait for the window`],
      ["Rollers", `${grouped(status.rollersAlive)} of ${grouped(status.rollers)} are there, ${grouped(status.rollersPresent)} could take a seat`],
      ["Epoch on L1", status.epoch],
      ["L1 is read up to block", status.l1Block === null ? "nothing yet" : grouped(status.l1Block)],
      ["Records of the log", grouped(status.events)],
      ["Head of the log", hash(status.eventsHash, true)],
    ]),
  );
}

/** Everything that is not as it should be. */
function modes(status, l1) {
  const now = Date.now() / 1_000;
  const found = [
    status?.degraded && badge("degraded: the operator's own prover joins", "bad"),
    status?.quarantined && badge("quarantined: fines pause", "bad"),
    l1?.enforcedSince && badge("enforced: without its operator's privilege", "bad"),
    l1 && !l1.enforcedSince && l1.enforceableFrom <= now && badge("anybody may end the operator's privilege", "bad"),
  ].filter(Boolean);
  return found.length > 0 ? found.flatMap((mode) => [mode, " "]) : badge("normal", "good");
}

/** What the operator has on L1, and what it spends there. */
function spending(l1) {
  const heading = h("h2", { id: "spend" }, "L1");
  const page = (...content) => h("section", { "data-key": "spend", "aria-labelledby": "spend" }, heading, content);
  if (!l1) return page(h("p", {}, l1 === null ? "L1 does not answer the node." : "Asking L1 …"));
  const { operatorWei, bondWei, exposedWei, spent, vaults } = l1;
  const each = spent.batches === 0 ? 0n : BigInt(spent.wei) / BigInt(spent.batches);
  return page(
    facts([
      ["The operator has", ether(operatorWei)],
      ["Commit and settlement of a batch", each === 0n ? "none was settled yet" : `${ether(each)}, mean of the last ${spent.batches}`],
      ["Enough for", each === 0n ? null : `${grouped(BigInt(operatorWei) / each)} more batches`],
      ["Fees in L2's vault for the operator", ether(vaults.feesWei)],
      ["Bond", scr(bondWei)],
      ["Of it needed by open batches", scr(exposedWei)],
    ]),
  );
}

/** All of it. */
export async function health() {
  const [info, pool, latest, safe, finalized, status, dials] = await Promise.all([
    rpc("rollmill_sequencerInfo"),
    rpc("txpool_status"),
    blockAt("latest"),
    blockAt("safe"),
    blockAt("finalized"),
    about.coordinator ? get("v1/status") : null,
    about.coordinator ? get("v1/dials") : null,
  ]);
  const l1 = moneyOnL1();
  return {
    title: "Health",
    topics: ["hash", "board", "l1"],
    body: [
      h(
        "section",
        { "aria-labelledby": "finality", "data-key": "finality" },
        h("h2", { id: "finality" }, "Finality"),
        facts([
          ["Mode", modes(status, l1)],
          ["Newest block", [blockLink(latest.number), ", ", time(latest.time)]],
          ["Not committed", lag(latest, safe)],
          ["Not settled", lag(latest, finalized)],
          ["Transactions waiting", grouped(number(pool.pending) + number(pool.queued))],
          ["Blocks taken back with L1", `${number(info.rollbacks)} times, ${grouped(info.brokenConfirmations)} confirmations broken`],
        ]),
      ),
      table("Batches", ["Stage", "Last batch", "Waiting for it"], batches(info), ""),
      status && coordinator(status, dials),
      spending(l1),
      h(
        "section",
        { "aria-labelledby": "contracts", "data-key": "contracts" },
        h("h2", { id: "contracts" }, "Where it is"),
        facts([
          ["Chain id of L1", number(info.l1ChainId)],
          ["Chain id of L2", number(info.l2ChainId)],
          ["Rollup on L1", onL1("address", info.rollup)],
          ["Operator on L1", onL1("address", info.operator)],
          ["Token bridge on L1", onL1("address", info.tokenBridge)],
          ["Longest wait for a block", span(number(info.blockTimeMs) / 1_000)],
          ["Program version", number(info.programVersion)],
        ]),
      ),
    ],
  };
}
