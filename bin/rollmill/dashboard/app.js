/** Which page is shown, and that it stays true. */
import { about, listen } from "./api.js";
import { h, morph } from "./dom.js";
import { understood } from "./format.js";
import { list as batches, one as batch } from "./pages/batches.js";
import { bridge } from "./pages/bridge.js";
import { economics } from "./pages/economics.js";
import { address, block, home, resolve, transaction } from "./pages/explorer.js";
import { health } from "./pages/health.js";
import { board, task } from "./pages/proving.js";
import { list as rollers, one as roller } from "./pages/rollers.js";
import { stake } from "./pages/stake.js";
import { list as tokens, one as token } from "./pages/tokens.js";
import { tick } from "./show.js";
import { watch } from "./wallet.js";

/** How often times on the page are made true. */
const TICK_MS = 1_000;

/** Routes: what follows `#/`, the page, and which entry of the navigation it belongs to. */
const ROUTES = [
  [/^$/, home, ""],
  [/^blocks\/(\d{1,15}|0x[0-9a-f]{64})$/i, block, ""],
  [/^transactions\/(0x[0-9a-f]{64})$/i, transaction, ""],
  [/^addresses\/(0x[0-9a-f]{40})(?:\/(\d{1,15}))?$/i, address, ""],
  [/^batches(?:\/before\/(\d{1,15}))?$/, batches, "batches"],
  [/^batches\/(\d{1,15})$/, batch, "batches"],
  [/^proving$/, board, "proving"],
  [/^tasks\/(0x[0-9a-f]{64})$/i, task, "proving"],
  [/^rollers$/, rollers, "rollers"],
  [/^rollers\/(0x[0-9a-f]{40})$/i, roller, "rollers"],
  [/^economics$/, economics, "economics"],
  [/^health$/, health, "health"],
  [/^tokens(?:\/before\/(\d{1,15}))?$/, tokens, "tokens"],
  [/^tokens\/(0x[0-9a-f]{40})(?:\/(\d{1,15}))?$/i, token, "tokens"],
  [/^stake$/, stake, "stake"],
  [/^bridge(?:\/(\d{1,15}))?$/, bridge, "bridge"],
];

const main = document.getElementById("main");
const status = document.getElementById("live");

/** What is shown: how to load it again, and which changes concern it. */
let shown = { load: null, topics: [] };
/** Counts moves from page to page: what was asked for before the last one is not shown any more. */
let moves = 0;
let isLoading = false;
let isStale = false;

function say(text) {
  if (status.textContent !== text) status.textContent = text;
}

function unknown() {
  return { title: "No such page", topics: [], body: [h("p", {}, "There is nothing here. The search finds blocks, batches, transactions and addresses.")] };
}

function route() {
  const path = location.hash.replace(/^#\/?/, "");
  for (const [pattern, page, section] of ROUTES) {
    const match = pattern.exec(path);
    if (match) return { load: () => page(...match.slice(1)), section };
  }
  return { load: unknown, section: null };
}

function content({ title, body }) {
  return h("div", {}, h("h1", { tabindex: -1 }, title), body);
}

function mark(section) {
  for (const link of document.querySelectorAll("header nav a")) {
    const isHere = link.getAttribute("href") === `#/${section}`;
    if (isHere) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

/** Shows the page that the address names. */
async function move(isFirst) {
  const { load, section } = route();
  const turn = ++moves;
  main.setAttribute("aria-busy", "true");
  let page;
  try {
    page = await load();
  } catch (error) {
    page = { title: "No answer", topics: ["hash", "board"], body: [h("p", { class: "bad" }, `This page cannot be shown: ${error.message}.`)] };
  }
  if (turn !== moves) return;
  shown = { load, topics: page.topics };
  document.title = `${page.title} · rollmill`;
  mark(section);
  main.replaceChildren(...content(page).childNodes);
  main.removeAttribute("aria-busy");
  if (isFirst) return;
  main.querySelector("h1").focus({ preventScroll: true });
  window.scrollTo(0, 0);
}

/** Asks again and shows what is new, without disturbing who reads. */
async function refresh() {
  if (isLoading || document.hidden) {
    isStale = true;
    return;
  }
  const turn = moves;
  [isLoading, isStale] = [true, false];
  try {
    const page = await shown.load();
    if (turn === moves) morph(main, content(page));
  } catch (error) {
    say(`The node does not answer: ${error.message}`);
  } finally {
    isLoading = false;
  }
  if (isStale && !document.hidden) await refresh();
}

function changed(names) {
  if (shown.topics.some((topic) => names.has(topic))) refresh();
}

async function search(event) {
  event.preventDefault();
  const field = event.target.elements.query;
  const found = understood(field.value);
  field.setCustomValidity(found === null ? "A number, batch 3, or 0x with 40 or 64 digits." : "");
  if (!field.reportValidity()) return;
  try {
    location.hash = `#/${found.route ?? (await resolve(found.hash))}`;
  } catch (error) {
    say(`The node does not answer: ${error.message}`);
  }
}

document.getElementById("skip").onclick = (event) => {
  event.preventDefault();
  main.focus();
};
const form = document.getElementById("search");
form.onsubmit = search;
form.elements.query.oninput = ({ target }) => target.setCustomValidity("");
for (const link of document.querySelectorAll("[data-of=coordinator]")) link.parentElement.hidden = !about.coordinator;
document.getElementById("version").textContent = `rollmill ${about.version}`;
window.onhashchange = () => move(false);
document.onvisibilitychange = () => isStale && refresh();
setInterval(() => tick(main), TICK_MS);
watch(() => changed(new Set(["wallet"])));
listen(changed, (isConnected) => say(isConnected ? "Live" : "The node does not answer; trying again …"));
await move(true);
