/** The dials of the law over epochs, what proving takes and earns, and whether it is fair. */
import { about, get, moneyOnL1, rollers } from "../api.js";
import { chart, linePath } from "../chart.js";
import { h } from "../dom.js";
import { weight } from "../draw.js";
import { decimal, ether, grouped, percent, scr, span } from "../format.js";
import { concentration, gini, luck } from "../measure.js";
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
    chart({ key: "window", title: "Tasks open at once (window, W)", of, points: series((epoch) => epoch.window), format: count }),
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

const ratio = (value) => `${Number((value * 100).toPrecision(3))} %`;

/** A concentration against the diagonal. */
function curve(key, title, of, pairs) {
  const points = concentration(pairs);
  const fair = { name: "perfectly fair", points: [[0, 0], [1, 1]] };
  const said = points.length === 0 ? title : `${title}; ${ratio(gini(points))} off (Gini)`;
  return chart({ key, title: said, of, points, format: ratio, other: fair, path: linePath });
}

/** `part` of `whole` in billionths. */
function share(part, whole) {
  return whole === 0n ? 0 : Number((part * 1_000_000_000n) / whole);
}

function fairness(all, tasks) {
  const sum = (pick) => all.reduce((total, roller) => total + pick(roller), 0n);
  const earned = (roller) => BigInt(roller.earnedWei);
  const [weights, earnings] = [sum(weight), sum(earned)];
  const lotteries = luck(tasks);
  const lately = new Map(lotteries.map((one) => [one.roller, one]));
  const row = (roller) => {
    const wins = lately.get(roller.roller.toLowerCase());
    return [
      roller.roller,
      rollerLink(roller.roller),
      percent(share(weight(roller), weights)),
      percent(share(earned(roller), earnings)),
      scr(roller.earnedWei),
      wins ? `${grouped(wins.won)}, expected ${wins.expected.toFixed(1)}` : "in none",
    ];
  };
  const heaviest = [...all].sort((a, b) => (weight(a) < weight(b) ? 1 : -1)).slice(0, ROLLERS_LISTED);
  const head = ["Roller", "Share of the weight now", "Share of all earnings", "Earned", "Lotteries lately"];
  const numbers = all.map((roller) => [Number(weight(roller)), Number(earned(roller))]);
  return [
    h("h2", {}, "Fairness"),
    h("p", {}, "Weight and earnings meet in the long run; wins and tickets do so at once, but for chance."),
    h(
      "div",
      { class: "charts" },
      curve("earnings", "Earnings by weight", "share of the weight", numbers),
      curve("wins", `Wins by tickets, last ${grouped(tasks.length)} tasks`, "share of the tickets", lotteries.map(({ expected, won }) => [expected, won])),
    ),
    table("Weight, earnings and wins", head, heaviest.map(row), "Nobody has registered."),
  ];
}

/** What the law measures in the running epoch, and where it would move the dials. */
function ahead({ inForce, next, measure, endsUnixS }) {
  const names = [
    ["Price of a million gas", ({ unitPriceWei }) => `${decimal(BigInt(unitPriceWei) * BigInt(GAS))} SCR`],
    ["Tau", ({ tauNsPerGas }) => micros(tauNsPerGas / 1_000)],
    ["k", ({ k }) => k],
    ["Window (W)", ({ window }) => window],
  ];
  const row = ([name, of]) => [name, name, of(inForce), of(next)];
  return [
    table("Dials in force, and what the law would make of them now", ["Dial", "In force", "Next"], names.map(row), ""),
    facts([
      ["The epoch may end", time(endsUnixS)],
      ["Measured capacity", `${grouped(measure.capacity)} seats at once`],
      ["Of it in use", percent(measure.load)],
      ["On time", percent(measure.onTimeRate)],
      ["Median of completion / T", measure.completion === null ? "nobody has delivered" : percent(measure.completion)],
      ["Tasks that wait for the window", grouped(measure.queued)],
    ]),
  ];
}

/** The emission, of which L1 knows. */
function emission(l1) {
  if (!l1) return h("p", {}, l1 === null ? "L1 does not answer the node." : "Asking L1 …");
  const { emission, poolWei, vaults, auction } = l1;
  const { epochs, epochS, halvingEpochs } = emission;
  const row = ({ epoch, potWei, proverGas }) => [epoch, epoch, scr(potWei), grouped(proverGas)];
  const points = epochs.map(({ epoch, potWei }) => [epoch, Number(potWei) / SCR]);
  return [
    facts([
      ["A pot is shared every", span(epochS)],
      ["Pots are halved every", `${grouped(halvingEpochs)} epochs`],
      ["In the pool for rewards", scr(poolWei)],
      ["Proving fees in L2's vault", ether(vaults.proofsWei)],
      ["For sale on L1, for SCR", ether(auction.lotWei)],
    ]),
    h("div", { class: "charts" }, chart({ key: "pot", title: "Emission of an epoch", of: "emission epoch", points, format: amount })),
    table("Emission, shared by proven work", ["Epoch", "Pot", "Prover gas that shares it"], [...epochs].reverse().map(row), ""),
  ];
}

/** All of it. */
export async function economics() {
  if (!about.coordinator) return withoutCoordinator("Economics");
  const [epochs, tasks, all, dialsNow] = await Promise.all([
    get("v1/epochs"),
    get(`v1/tasks?limit=${TASKS}`),
    rollers(),
    get("v1/dials"),
  ]);
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
    topics: ["board", "l1"],
    body: [
      facts([
        ["Paid to rollers in all", scr(earned)],
        ["Fined in all", scr(fined)],
      ]),
      h("h2", {}, "Dials"),
      h("p", {}, "What the law made of the rollers' measured computing power, epoch by epoch."),
      h("div", { class: "charts" }, dials(epochs)),
      ahead(dialsNow),
      h("h2", {}, "Work"),
      h("div", { class: "charts" }, work(tasks)),
      fairness(all, tasks),
      h("h2", {}, "Emission and fees"),
      emission(moneyOnL1()),
      table("Last epochs", head, epochs.slice(-EPOCHS_LISTED).reverse().map(row), "The first epoch has not begun."),
    ],
  };
}
