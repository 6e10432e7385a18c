/** Batches and their way: built, committed, proved, settled. */
import { about, get, rpc } from "../api.js";
import { h } from "../dom.js";
import { downwards, grouped, number, quantity, scr, size } from "../format.js";
import { badge, batchLink, blockLink, facts, hash, link, onL1, rollerLink, table, taskLink } from "../show.js";

const BATCHES = 25;
const BY_STATUS = { sealed: "busy", committed: "busy", settled: "good" };

function sent(transaction) {
  if (transaction === null) return "not yet";
  const { hash: id, blockNumber } = transaction;
  return [onL1("tx", id, hash(id)), " in L1 block ", onL1("block", number(blockNumber), grouped(blockNumber))];
}

function task(batch, tasks) {
  const found = tasks.find((each) => each.batch === number(batch.number));
  return found ? taskLink(found.task, badge(found.state)) : "";
}

/** Batches below `before`, or the newest ones. */
export async function list(before) {
  const [newest, tasks] = await Promise.all([
    rpc("rollmill_getBatch", "sealed"),
    about.coordinator ? get(`v1/tasks?limit=${2 * BATCHES}`) : [],
  ]);
  const last = newest === null ? 0 : number(newest.number);
  const numbers = downwards(before === undefined ? last : Math.min(last, Number(before) - 1), BATCHES, 1);
  const batches = await Promise.all(numbers.map((batch) => rpc("rollmill_getBatch", quantity(batch))));
  const row = (batch) => [
    batch.task,
    batchLink(number(batch.number)),
    badge(batch.status, BY_STATUS[batch.status]),
    [blockLink(number(batch.firstBlock)), " to ", blockLink(number(batch.lastBlock))],
    grouped(batch.transactions),
    sent(batch.commitTransaction),
    task(batch, tasks),
    sent(batch.settleTransaction),
  ];
  const head = ["Batch", "State", "Blocks", "Transactions", "Committed", "Proving", "Settled"];
  return {
    title: "Batches",
    topics: ["hash", "board"],
    body: [
      table("Batches, newest first", head, batches.filter(Boolean).map(row), "No batch is sealed yet."),
      numbers.length > 0 && numbers.at(-1) > 1 && h("p", {}, link(`batches/before/${numbers.at(-1)}`, "Older batches")),
    ],
  };
}

function way(batch, proof) {
  const isDone = (place) => (place === null ? "open" : "done");
  const seats = proof?.seats.filter((seat) => seat.state === "on_time").length ?? 0;
  const proving = () => {
    if (proof === null) return "The coordinator does not keep it any more.";
    const paid = proof.settle?.roller ? [`, ${scr(proof.settle.rewardWei)} to `, rollerLink(proof.settle.roller)] : "";
    return [taskLink(proof.task, "Task"), " ", badge(proof.state), ` ${seats} proofs in time`, paid];
  };
  return h(
    "ol",
    { class: "way" },
    h("li", { class: "done" }, h("strong", {}, "Built"), ` ${grouped(batch.transactions)} transactions, ${size(number(batch.dataBytes))} of data`),
    h("li", { class: isDone(batch.commitTransaction) }, h("strong", {}, "Committed "), sent(batch.commitTransaction)),
    about.coordinator && h("li", { class: isDone(batch.settleTransaction) }, h("strong", {}, "Proved "), proving()),
    h("li", { class: isDone(batch.settleTransaction) }, h("strong", {}, "Settled "), sent(batch.settleTransaction)),
  );
}

/** One batch. */
export async function one(name) {
  const batch = await rpc("rollmill_getBatch", quantity(name));
  const title = `Batch ${grouped(Number(name))}`;
  if (batch === null) return { title, topics: ["hash"], body: [h("p", {}, "There is no such batch (yet).")] };
  const proof = about.coordinator ? await get(`v1/tasks/${batch.task}`) : null;
  const at = number(batch.number);
  return {
    title,
    topics: ["hash", "board"],
    body: [
      h(
        "nav",
        { "aria-label": "Neighbours", class: "neighbours" },
        at > 1 && link(`batches/${at - 1}`, "Previous batch"),
        link(`batches/${at + 1}`, "Next batch"),
      ),
      way(batch, proof),
      facts([
        ["State", badge(batch.status, BY_STATUS[batch.status])],
        ["Blocks", [blockLink(number(batch.firstBlock)), " to ", blockLink(number(batch.lastBlock))]],
        ["Prover gas", grouped(batch.proverGas)],
        ["Program version", number(batch.programVersion)],
        ["Committed in", batch.commitTransaction && onL1("tx", batch.commitTransaction.hash)],
        ["Settled in", batch.settleTransaction && onL1("tx", batch.settleTransaction.hash)],
        ["State root", hash(batch.stateRoot, true)],
        ["Last block's hash", hash(batch.blockHash, true)],
        ["Withdrawal root", hash(batch.withdrawalRoot, true)],
        ["Data commitment", hash(batch.dataCommitment, true)],
        ["Witness", hash(batch.witnessHash, true)],
        ["Task", hash(batch.task, true)],
      ]),
    ],
  };
}
