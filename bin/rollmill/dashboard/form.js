/** Forms that make the wallet do something, and the part of a page that connects it. */
import { h } from "./dom.js";
import { units } from "./format.js";
import { facts, hash } from "./show.js";
import { connect, connected, disconnect, switchTo, wallets } from "./wallet.js";

const ADDRESS = /^0x[0-9a-f]{40}$/i;

/** An amount with decimals, more than nothing. */
export function amount(text, decimals = 18) {
  const value = units(text, decimals);
  if (value === null || value === 0n) throw new Error("An amount such as 1.5.");
  return value;
}

export function address(text) {
  if (!ADDRESS.test(text)) throw new Error("An address: 0x with 40 digits.");
  return text.toLowerCase();
}

export function whole(text) {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new Error("A whole number, 1 or more.");
  return Number(text);
}

export function bytes(text) {
  if (!/^0x([0-9a-f]{2})*$/i.test(text)) throw new Error("Bytes: 0x with an even number of digits.");
  return text.toLowerCase();
}

/** Forms whose answer is awaited, by the place where it will stand. */
const busy = new WeakSet();

async function run(place, work) {
  if (busy.has(place)) return;
  busy.add(place);
  const say = (text, kind = "") => place.replaceChildren(h("p", { class: kind }, text));
  try {
    say(await work(say), "good");
  } catch (error) {
    say(`It was not done: ${error.message}.`, "bad");
  } finally {
    busy.delete(place);
  }
}

/** What is in the fields, read; null when one is wrong, which then says so. */
function readAll(form, fields) {
  const values = {};
  for (const { name, read } of fields) {
    const input = form.elements[name];
    input.setCustomValidity("");
    try {
      values[name] = read(input.value.trim());
    } catch (error) {
      input.setCustomValidity(error.message);
      input.oninput = () => input.setCustomValidity("");
    }
  }
  return form.reportValidity() ? values : null;
}

/**
 * A form: `fields` are `{name, label, value, read}`, `act(values, say)` resolves to a sentence about what was done. What it says stays
 * while the page is updated.
 */
export function form({ key, title, says, fields = [], button, act }) {
  const onsubmit = (event) => {
    event.preventDefault();
    const { currentTarget: form } = event;
    const values = readAll(form, fields);
    if (values !== null) run(form.lastElementChild, (say) => act(values, say));
  };
  const input = ({ name, label, value = "" }) =>
    h("label", { "data-key": name }, label, h("input", { name, value, autocomplete: "off", spellcheck: "false" }));
  return h(
    "form",
    { class: "act", "data-key": key, "aria-label": title, novalidate: true, onsubmit },
    h("h3", {}, title),
    says && h("p", {}, says),
    fields.map(input),
    h("button", { "data-key": "send", type: "submit" }, button),
    h("div", { "data-key": "said", role: "status", "data-keep": true }),
  );
}

/** A button with a place for what comes of it. */
export function press(text, work) {
  const onclick = ({ currentTarget }) => run(currentTarget.nextElementSibling, work);
  return h("div", { "data-key": text }, h("button", { type: "button", onclick }, text), h("div", { role: "status", "data-keep": true }));
}

/** Connects a wallet, or shows the one that is; with a button where it is not on `chain`. */
export function walletPart(chain) {
  const wallet = connected();
  const offers = wallets();
  const content =
    wallet === null
      ? [
          offers.length === 0 && h("p", {}, "No wallet of this browser has announced itself (EIP-6963)."),
          offers.map(({ uuid, name }) => press(`Connect ${name}`, async () => (await connect(uuid), ""))),
        ]
      : [
          facts([
            ["Wallet", wallet.name],
            ["Account", hash(wallet.account, true)],
            ["Chain", wallet.chainId],
          ]),
          wallet.chainId !== chain.id && press(`Switch to ${chain.name}`, async () => (await switchTo(chain), "")),
          press("Disconnect", async () => (disconnect(), "")),
        ];
  return h("section", { "aria-labelledby": "wallet", "data-key": "wallet" }, h("h2", { id: "wallet" }, "Wallet"), content);
}
