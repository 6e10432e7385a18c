/** Who proves: stake, reputation, what they earned and why they were penalised. */
import { about, get, rollers } from "../api.js";
import { h } from "../dom.js";
import { weight } from "../draw.js";
import { grouped, percent, scr } from "../format.js";
import { addressLink, badge, facts, hash, rollerLink, table, taskLink, time, withoutCoordinator } from "../show.js";

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

/** One of them, with its last offers and how each ended. */
export async function one(name) {
  if (!about.coordinator) return withoutCoordinator("Roller");
  const roller = await get(`v1/rollers/${name}`);
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
        ["Signer", hash(roller.signer, true)],
        ["Presence", presence(roller)],
        ["Last heartbeat", roller.heartbeatUnixS && time(roller.heartbeatUnixS)],
        ["Stake that counts", scr(roller.stakeWei)],
        ["Reputation ratio q", percent(roller.q)],
        ["Reputation", scr(weight(roller))],
        ["Declared capacity", roller.capacity],
        ["Seats in work", roller.seatsOpen],
        ["Offers", grouped(roller.offers)],
        ["Delivered", delivered(roller)],
        ["Lotteries won", grouped(roller.won)],
        ["Earned", scr(roller.earnedWei)],
        ["Fined", scr(roller.finedWei)],
      ]),
      table("Last offers", ["Task", "Outcome", "Why", "Weight", "Counted"], roller.history.map(row), "It was offered nothing yet."),
    ],
  };
}
