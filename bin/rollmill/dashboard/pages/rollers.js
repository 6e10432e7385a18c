/** Who proves: stake, reputation, what they earned and why they were penalised. */
import { about, get, rollers } from "../api.js";
import { chart } from "../chart.js";
import { h } from "../dom.js";
import { weight } from "../draw.js";
import { grouped, percent, scr } from "../format.js";
import { failures, speeds } from "../measure.js";
import { addressLink, badge, facts, hash, link, onL1, rollerLink, table, taskLink, time, withoutCoordinator } from "../show.js";

/** Newest tasks that are looked at for what it did. */
const TASKS = 100;

const BY_OUTCOME = { on_time: "good", late: "bad", missed: "bad", invalid: "bad", declined: "" };

function presence(roller) {
  if (roller.accused) return badge("accused", "bad");
  if (!roller.alive) return badge("silent", "bad");
  return roller.ready ? badge("ready", "good") : badge("not ready");
}

function delivered(roller) {
  return `${roller.onTime} on time, ${roller.late} late, ${roller.missed} missed, ${roller.invalid} invalid, ${roller.declined} declined`;
}

/** All of them, the heaviest first. */
export async function list() {
  if (!about.coordinator) return withoutCoordinator("Rollers");
  const all = await rollers();
  const heaviest = all
    .map((roller) => ({ roller, weight: weight(roller) }))
    .sort((a, b) => (a.weight < b.weight ? 1 : a.weight > b.weight ? -1 : 0));
  const row = ({ roller, weight }) => [
    roller.roller,
    rollerLink(roller.roller),
    presence(roller),
    scr(roller.stakeWei),
    percent(roller.q),
    scr(weight),
    `${roller.seatsOpen} of ${roller.capacity}`,
    delivered(roller),
    scr(roller.earnedWei),
    scr(roller.finedWei),
  ];
  const head = ["Roller", "Presence", "Stake", "Ratio q", "Reputation", "Seats in work", "Delivered", "Earned", "Fined"];
  return {
    title: "Rollers",
    topics: ["board"],
    body: [
      h("p", {}, "Reputation, the weight in the draw, is stake times q; q follows what a roller delivers of what it is offered."),
      table("Rollers, the heaviest first", head, heaviest.map(row), "Nobody has registered."),
    ],
  };
}

const share = (value) => `${Number((value * 100).toPrecision(3))} %`;
const speed = (value) => `${grouped(Math.round(value))} gas/s`;

/** Reputation over time, beside the computing power that it has shown. */
function charts(weights, tasks, name) {
  const q = weights.map((one) => [one.epoch, one.q / 1e9]);
  const part = weights.map((one) => [one.epoch, Number((weight(one) * 1_000_000n) / BigInt(one.totalWei)) / 1e6]);
  const of = "epoch";
  return h(
    "div",
    { class: "charts" },
    chart({ key: "q", title: "Reputation ratio q", of, points: q, format: share }),
    chart({ key: "share", title: "Share of all reputation", of, points: part, format: share }),
    chart({ key: "speed", title: "Measured computing power", of: "batch", points: speeds(tasks, name), format: speed }),
  );
}

/** What counts against it, with what the operator's receipts for the seat say. */
function penalties(found) {
  const row = ({ task, batch, seat }) => [
    `${task} ${seat.round}`,
    taskLink(task, `Batch ${batch}`),
    badge(seat.state, "bad"),
    seat.why,
    time(seat.assignedUnixS),
    time(seat.deadlineUnixS),
    seat.proofDigest === null ? "none came" : hash(seat.proofDigest),
  ];
  const head = ["Task", "Outcome", "Why", "Assigned", "Deadline", "Proof"];
  return [
    table("Missed, late and invalid", head, found.map(row), "Nothing in the tasks that are kept."),
    found.length > 0 && h("p", {}, "The roller has the operator's signed receipt for each step: `roller receipts list` shows them, and `roller status` beside each penalty."),
  ];
}

/** One of them, with its last offers and how each ended. */
export async function one(name) {
  if (!about.coordinator) return withoutCoordinator("Roller");
  const [roller, weights, tasks] = await Promise.all([
    get(`v1/rollers/${name}`),
    get(`v1/rollers/${name}/weights`),
    get(`v1/tasks?limit=${TASKS}`),
  ]);
  if (roller === null) return { title: "Roller", topics: ["board"], body: [h("p", {}, "Nobody has registered with this address.")] };
  const row = (offer) => [
    `${offer.task} ${offer.round} ${offer.outcome}`,
    taskLink(offer.task),
    badge(offer.outcome, BY_OUTCOME[offer.outcome]),
    offer.why,
    percent(offer.weight),
    time(offer.atUnixS),
  ];
  return {
    title: "Roller",
    topics: ["board"],
    body: [
      facts([
        ["Address", hash(roller.roller, true)],
        ["Account on L2", addressLink(roller.roller)],
        ["Signer", onL1("address", roller.signer)],
        ["Presence", presence(roller)],
        ["Last heartbeat", roller.heartbeatUnixS && time(roller.heartbeatUnixS)],
        ["Stake that counts", scr(roller.stakeWei)],
        ["Reputation ratio q", percent(roller.q)],
        ["Reputation", scr(weight(roller))],
        ["Seats at once", `${roller.capacityCounted} shown, ${roller.capacity} declared`],
        ["Seats in work", roller.seatsOpen],
        ["Offers", grouped(roller.offers)],
        ["Delivered", delivered(roller)],
        ["Lotteries won", grouped(roller.won)],
        ["Earned", scr(roller.earnedWei)],
        ["Fined", scr(roller.finedWei)],
      ]),
      h("p", {}, link("stake", "Stake, claim and change keys"), " with the owner's wallet."),
      h("h2", {}, "Reputation and capacity"),
      charts(weights ?? [], tasks, name),
      penalties(failures(tasks, name)),
      table("Last offers", ["Task", "Outcome", "Why", "Weight", "Counted"], roller.history.map(row), "It was offered nothing yet."),
    ],
  };
}
