/** The dials of the law over epochs, what proving takes and earns, and whether it is fair. */
import { about, get, rollers } from "../api.js";
import { chart } from "../chart.js";
import { h } from "../dom.js";
import { weight } from "../draw.js";
import { decimal, grouped, percent, scr } from "../format.js";
import { facts, rollerLink, table, time, withoutCoordinator } from "../show.js";

/** Prices are shown for so much prover gas. */
const GAS = 1_000_000;
const SCR = 1e18;
const EPOCHS_LISTED = 20;
const ROLLERS_LISTED = 50;
const TASKS = 100;

const amount = (value) => `${Number(value.toPrecision(6))} SCR`;
const seconds = (value) => `${Number(value.toPrecision(4))} s`;
const count = (value) => grouped(Number(value.toPrecision(6)));
const micros = (value) => `${Number(value.toPrecision(4))} µs`;

function dials(epochs) {
  const series = (pick) => epochs.map((epoch) => [epoch.epoch, pick(epoch)]);
  const of = "epoch";
  const price = series((epoch) => (Number(epoch.unitPriceWei) * GAS) / SCR);
  return [
    chart({ key: "price", title: "Price of a million prover gas", of, points: price, format: amount }),
    chart({ key: "tau", title: "Deadline per prover gas (tau)", of, points: series((epoch) => epoch.tauNsPerGas / 1_000), format: micros }),
    chart({ key: "k", title: "Tickets of a draw (k)", of, points: series((epoch) => epoch.k), format: count }),
    chart({ key: "window", title: "Tasks open at once (window)", of, points: series((epoch) => epoch.window), format: count }),
  ];
}

function work(tasks) {
  const drawn = tasks.filter((task) => task.seats.length > 0);
  const limit = ({ seats: [seat] }) => seat.deadlineUnixS - seat.assignedUnixS;
  const paid = tasks.filter((task) => task.settle);
  const of = "batch";
  return [
    chart({ key: "t", title: "Deadline of a task (T)", of, points: drawn.map((task) => [task.batch, limit(task)]), format: seconds }),
    chart({
      key: "reward",
      title: "Reward of a batch",
      of,
      points: paid.map((task) => [task.batch, Number(task.settle.rewardWei) / SCR]),
      format: amount,
    }),
  ];
}

/** `part` of `whole` in billionths. */
function share(part, whole) {
  return whole === 0n ? 0 : Number((part * 1_000_000_000n) / whole);
}

function fairness(all) {
  const sum = (pick) => all.reduce((total, roller) => total + pick(roller), 0n);
  const earned = (roller) => BigInt(roller.earnedWei);
  const [weights, earnings] = [sum(weight), sum(earned)];
  const row = (roller) => [
    roller.roller,
    rollerLink(roller.roller),
    percent(share(weight(roller), weights)),
    percent(share(earned(roller), earnings)),
    scr(roller.earnedWei),
  ];
  const heaviest = [...all].sort((a, b) => (weight(a) < weight(b) ? 1 : -1)).slice(0, ROLLERS_LISTED);
  const head = ["Roller", "Share of the weight now", "Share of all earnings", "Earned"];
  return table("Weight and earnings, which meet in the long run", head, heaviest.map(row), "Nobody has registered.");
}

/** All of it. */
export async function economics() {
  if (!about.coordinator) return withoutCoordinator("Economics");
  const [epochs, tasks, all] = await Promise.all([get("v1/epochs"), get(`v1/tasks?limit=${TASKS}`), rollers()]);
  const row = (epoch) => [
    epoch.epoch,
    epoch.epoch,
    time(epoch.atUnixS),
    `${decimal(BigInt(epoch.unitPriceWei) * BigInt(GAS))} SCR`,
    micros(epoch.tauNsPerGas / 1_000),
    epoch.k,
    epoch.window,
  ];
  const earned = all.reduce((total, roller) => total + BigInt(roller.earnedWei), 0n);
  const fined = all.reduce((total, roller) => total + BigInt(roller.finedWei), 0n);
  const head = ["Epoch", "Since", "Price of a million gas", "Tau", "k", "Window"];
  return {
    title: "Economics",
    topics: ["board"],
    body: [
      facts([
        ["Paid to rollers in all", scr(earned)],
        ["Fined in all", scr(fined)],
      ]),
      h("h2", {}, "Dials"),
      h("p", {}, "What the law made of the rollers' measured computing power, epoch by epoch."),
      h("div", { class: "charts" }, dials(epochs)),
      h("h2", {}, "Work"),
      h("div", { class: "charts" }, work(tasks)),
      fairness(all),
      table("Last epochs", head, epochs.slice(-EPOCHS_LISTED).reverse().map(row), "The first epoch has not begun."),
    ],
  };
}
