/** The board: who proves what by when, and how each was chosen. */
import { about, get, snapshot } from "../api.js";
import { h } from "../dom.js";
import { checkDraw } from "../draw.js";
import { grouped, label, scr, size, span } from "../format.js";
import { checkLottery } from "../lottery.js";
import { badge, batchLink, checker, facts, hash, onL1, rollerLink, table, taskLink, time, withoutCoordinator } from "../show.js";

const OPEN = 100;
const SETTLED = 20;
const BY_SEAT = { on_time: "good", posted: "good", late: "bad", missed: "bad", invalid: "bad", open: "busy" };

function tickets(count) {
  return count === 1 ? "1 ticket" : `${count} tickets`;
}

/** How far a seat is: a bar while it proves, a word afterwards. */
function progress(seat, batch) {
  if (seat.state !== "open") return badge(seat.state, BY_SEAT[seat.state]);
  if (seat.stage === null) return badge("drawn", "busy");
  const name = `Progress of ${seat.roller} on batch ${batch}`;
  const left = seat.etaS === null ? "" : `, about ${span(seat.etaS)} left`;
  return [
    h("progress", { max: 1, value: seat.fraction ?? 0, "aria-label": name }),
    ` ${label(seat.stage)} ${Math.round((seat.fraction ?? 0) * 100)} %${left}`,
  ];
}

function card(task) {
  const seats = task.seats.filter((seat) => seat.round === task.round);
  const seat = (each) =>
    h("li", { "data-key": each.roller }, rollerLink(each.roller), ` ${tickets(each.tickets)} `, progress(each, task.batch));
  return h(
    "article",
    { class: "card", "data-key": task.task },
    h("h3", {}, taskLink(task.task, `Batch ${task.batch}`)),
    h(
      "p",
      {},
      badge(task.state, "busy"),
      task.round > 0 && ` round ${task.round}`,
      task.deadlineUnixS !== null && [" deadline ", time(task.deadlineUnixS)],
      task.fallbackStarted && " the operator's own prover joins",
    ),
    seats.length > 0 && h("ul", { class: "seats" }, seats.map(seat)),
  );
}

/** Open tasks as a board, and the last settled ones. */
export async function board() {
  if (!about.coordinator) return withoutCoordinator("Proving");
  const [open, settled, epochs, status] = await Promise.all([
    get(`v1/tasks?open=true&limit=${OPEN}`),
    get(`v1/tasks?open=false&limit=${SETTLED}`),
    get("v1/epochs"),
    get("v1/status"),
  ]);
  const dials = epochs.findLast(({ epoch }) => epoch <= status.epoch);
  const row = (task) => [
    task.task,
    taskLink(task.task, `Batch ${task.batch}`),
    grouped(task.proverGasEstimate),
    grouped(task.seats.length),
    grouped(task.entries.length),
    task.settle?.roller ? rollerLink(task.settle.roller) : "nobody",
    task.settle ? scr(task.settle.rewardWei) : "",
  ];
  return {
    title: "Proving",
    topics: ["board", "reports"],
    body: [
      facts([
        ["Open tasks", dials ? `${status.tasksOpen} of a window of ${dials.window}` : status.tasksOpen],
        ["Tickets of a draw", dials?.k],
        ["Rollers", `${status.rollersAlive} of ${status.rollers} are there`],
        ["Epoch", status.epoch],
        ["Settled", status.settledBatch === 0 ? "nothing yet" : ["up to batch ", batchLink(status.settledBatch)]],
      ]),
      h(
        "section",
        { "aria-labelledby": "open", "data-key": "open" },
        h("h2", { id: "open" }, "Open tasks"),
        open.length === 0 && h("p", {}, "Every committed batch is settled."),
        h("div", { class: "cards" }, open.map(card)),
      ),
      table(
        "Settled lately",
        ["Task", "Prover gas", "Seats", "Entries", "Paid", "Reward"],
        settled.reverse().map(row),
        "No batch is settled yet.",
      ),
    ],
  };
}

/** What was published of a draw is fetched anew: nothing on this page takes part but the task's id. */
async function drawAgain(id, round) {
  const [task, law] = await Promise.all([get(`v1/tasks/${id}`), get("v1/law")]);
  const drawn = task?.draws.find((draw) => draw.round === round);
  if (!drawn) throw new Error("the task or its draw is no longer kept");
  const weights = await snapshot(drawn.epoch);
  if (weights === null) throw new Error("its snapshot is no longer kept; the audit reads it from L1");
  return checkDraw(task, drawn, weights, law);
}

async function lotteryAgain(id) {
  const task = await get(`v1/tasks/${id}`);
  if (!task?.lottery) throw new Error("the task is no longer kept");
  return checkLottery(task);
}

function draw(task, drawn) {
  const outcomes = { ticket: "good", passed_over: "", above_cap: "" };
  const row = (point, i) => [
    i,
    i,
    h("code", {}, grouped(point.point)),
    rollerLink(point.roller),
    [badge(point.outcome, outcomes[point.outcome]), point.why && ` ${point.why}`],
  ];
  return h(
    "section",
    { "data-key": `draw ${drawn.round}`, "aria-label": `Draw of round ${drawn.round}` },
    h("h2", {}, `Draw of round ${drawn.round}`),
    h(
      "p",
      {},
      "The hash of task, round and beacon is the seed; point number i is the hash of seed and i, modulo the total of all weights. ",
      "Whoever's interval it falls on holds a ticket.",
    ),
    facts([
      ["Beacon", hash(drawn.beacon, true)],
      ["Seed", hash(drawn.seed, true)],
      ["Root of the weights", hash(drawn.weightsRoot, true)],
      ["Epoch of the weights", drawn.epoch],
      ["Sum of the weights", grouped(drawn.total)],
    ]),
    table(`Points of round ${drawn.round}`, ["Number", "Point", "Roller", "Outcome"], drawn.points.map(row), "None."),
    checker("Check this draw", "The draw", () => drawAgain(task.task, drawn.round)),
  );
}

function seats(task) {
  const row = (seat) => [
    `${seat.round} ${seat.roller}`,
    rollerLink(seat.roller),
    seat.round,
    seat.tickets,
    progress(seat, task.batch),
    time(seat.deadlineUnixS),
    seat.proveSeconds === null ? "" : `${seat.proveSeconds.toFixed(1)} s`,
    seat.proofBytes === null ? "" : size(seat.proofBytes),
    seat.why ?? "",
  ];
  const head = ["Roller", "Round", "Tickets", "State", "Deadline", "Proved in", "Proof", "Why"];
  return table("Seats", head, task.seats.map(row), "Nobody is seated yet.");
}

function lottery(task) {
  if (task.lottery === null) return null;
  const { entriesHash, beaconBlock, beacon, winner } = task.lottery;
  const row = (entry) => [entry.roller, rollerLink(entry.roller), entry.tickets, hash(entry.proofDigest)];
  return h(
    "section",
    { "data-key": "lottery", "aria-label": "Lottery" },
    h("h2", {}, "Lottery"),
    h("p", {}, "The entries were final on L1 before the beacon existed; each ticket had the same chance, however fast its proof was."),
    table("Entries", ["Roller", "Tickets", "Proof"], task.entries.map(row), "There are none."),
    facts([
      ["Hash of the entries", hash(entriesHash, true)],
      ["Beacon's L1 block", onL1("block", beaconBlock, grouped(beaconBlock))],
      ["Beacon", beacon === null ? "not known yet" : hash(beacon, true)],
      ["Winner", winner === null ? "not known" : rollerLink(winner, true)],
    ]),
    checker("Check this lottery", "The lottery", () => lotteryAgain(task.task)),
  );
}

/** One task, from its draw to its settlement. */
export async function task(id) {
  if (!about.coordinator) return withoutCoordinator("Task");
  const found = await get(`v1/tasks/${id}`);
  if (found === null) return { title: "Task", topics: ["board"], body: [h("p", {}, "The coordinator keeps no such task (any more).")] };
  const settle = found.settle;
  return {
    title: `Task of batch ${found.batch}`,
    topics: ["board", "reports"],
    body: [
      facts([
        ["State", badge(found.state, found.state === "settled" ? "good" : "busy")],
        ["Batch", batchLink(found.batch)],
        ["Task", hash(found.task, true)],
        ["Prover gas expected", grouped(found.proverGasEstimate)],
        ["Round", found.draws.length === 0 ? null : found.round],
        ["Deadline", found.deadlineUnixS && time(found.deadlineUnixS)],
        ["Operator's own prover", found.fallbackStarted ? "was called" : null],
        ["Paid", settle && (settle.roller ? [scr(settle.rewardWei), " to ", rollerLink(settle.roller)] : "nobody")],
        ["Settled in L1 transaction", settle?.l1Tx && onL1("tx", settle.l1Tx)],
      ]),
      seats(found),
      found.draws.map((drawn) => draw(found, drawn)),
      lottery(found),
    ],
  };
}
