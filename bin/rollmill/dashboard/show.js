/** The pieces that pages are made of. */
import { about } from "./api.js";
import { h } from "./dom.js";
import { label, relative, short } from "./format.js";

/** A link within the page. */
export function link(route, ...content) {
  return h("a", { href: `#/${route}` }, ...content);
}

/** A hash or an address, cut where there is little room. */
export function hash(value, isWhole = false) {
  return h("code", { title: value }, isWhole ? value : short(value));
}

export function blockLink(number) {
  return link(`blocks/${number}`, number);
}

export function batchLink(number) {
  return link(`batches/${number}`, number);
}

export function transactionLink(value, isWhole = false) {
  return link(`transactions/${value}`, hash(value, isWhole));
}

export function addressLink(value, isWhole = false) {
  return link(`addresses/${value}`, hash(value, isWhole));
}

export function rollerLink(value, isWhole = false) {
  return link(`rollers/${value}`, hash(value, isWhole));
}

export function taskLink(value, content) {
  return link(`tasks/${value}`, content ?? hash(value));
}

/** Something of L1, with its page in an explorer of L1 where the operator names one; `kind` is tx, block or address. */
export function onL1(kind, value, shown) {
  const base = about.l1Explorer?.replace(/\/$/, "");
  return base ? h("a", { href: `${base}/${kind}/${value}` }, shown ?? hash(value, true)) : (shown ?? hash(value, true));
}

/** The last second that a date can have. */
const TIME_MAX = 8_640_000_000_000;

/** A time that the page keeps true; Unix seconds. */
export function time(at) {
  if (at > TIME_MAX) return "never";
  const date = new Date(at * 1000).toISOString();
  return h("time", { datetime: date, title: date, "data-at": at }, relative(at, Date.now() / 1000));
}

/** Makes all times true again. */
export function tick(root) {
  for (const element of root.querySelectorAll("time[data-at]")) {
    const text = relative(Number(element.dataset.at), Date.now() / 1000);
    if (element.textContent !== text) element.textContent = text;
  }
}

/** A state in one word; `kind` is good, bad, busy or nothing. */
export function badge(state, kind = "") {
  return h("span", { class: `badge ${kind}` }, label(state));
}

/** Names with values. */
export function facts(pairs) {
  const shown = pairs.filter((pair) => pair !== null && pair[1] !== null && pair[1] !== undefined);
  return h(
    "dl",
    { class: "facts" },
    shown.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
  );
}

/** A table; each row is its key and then its cells, the first of which names it. */
export function table(caption, head, rows, empty) {
  if (rows.length === 0) return h("section", {}, h("h2", {}, caption), h("p", {}, empty));
  const row = ([key, first, ...cells]) =>
    h("tr", { "data-key": key }, h("th", { scope: "row" }, first), cells.map((cell) => h("td", {}, cell)));
  return h(
    "div",
    { class: "scroll", role: "region", tabindex: 0, "aria-label": caption },
    h(
      "table",
      {},
      h("caption", {}, caption),
      h("thead", {}, h("tr", {}, head.map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, rows.map(row)),
    ),
  );
}

/** Steps of a check: `{what, agrees, published, found}`. */
function verdict(subject, steps) {
  const agrees = steps.every((step) => step.agrees);
  const line = ({ what, agrees, published, found }) => {
    const why = published === "" ? found : `published is ${published}, it follows ${found}`;
    return h("li", { class: agrees ? "good" : "bad" }, `${what}: ${agrees ? "agrees" : `differs (${why})`}.`);
  };
  const summary = agrees ? `${subject} agrees with what is published.` : `${subject} DIFFERS from what is published.`;
  return [h("p", { class: agrees ? "good" : "bad" }, h("strong", {}, summary)), h("ol", {}, steps.map(line))];
}

/** A button that checks something in the browser, and where it says what it found. The place keeps that while the page is updated. */
export function checker(text, subject, check) {
  const onclick = async ({ currentTarget: button }) => {
    const place = button.nextElementSibling;
    place.replaceChildren(h("p", {}, "Checking …"));
    try {
      place.replaceChildren(...verdict(subject, await check()));
    } catch (error) {
      place.replaceChildren(h("p", { class: "bad" }, `It cannot be checked: ${error.message}.`));
    }
  };
  return h(
    "div",
    { class: "checker" },
    h("button", { type: "button", onclick }, text),
    h("div", { role: "status", "data-keep": true }),
  );
}

/** What a page says that needs the coordinator where there is none. */
export function withoutCoordinator(title) {
  const sentence = "This node follows L1 and has no coordinator: its operator's node shows this page.";
  return { title, topics: [], body: [h("p", {}, sentence)] };
}
