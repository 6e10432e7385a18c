/** Numbers, amounts and times as people read them. */

const GROUPED = new Intl.NumberFormat("en");

/** JSON-RPC's quantity, or a number, as a number. */
export function number(quantity) {
  return Number(BigInt(quantity));
}

/** A number as JSON-RPC's quantity. */
export function quantity(number) {
  return `0x${BigInt(number).toString(16)}`;
}

/** `1,234,567`. */
export function grouped(value) {
  return GROUPED.format(typeof value === "string" ? BigInt(value) : value);
}

/** An amount of the smallest units, with at most so many digits behind the point; what is too small to be seen is said to be. */
export function decimal(units, decimals = 18, digits = 6) {
  const value = BigInt(units);
  const one = 10n ** BigInt(decimals);
  const fraction = (value % one).toString().padStart(decimals, "0").slice(0, digits).replace(/0+$/, "");
  if (value > 0n && value < one && fraction === "") return `< 0.${"0".repeat(digits - 1)}1`;
  return grouped(value / one) + (fraction === "" ? "" : `.${fraction}`);
}

/** The smallest units of an amount as people write it; null for what is none, or has more decimals. */
export function units(text, decimals = 18) {
  const found = /^(\d{1,30})(?:\.(\d+))?$/.exec(text.trim().replaceAll(",", ""));
  const fraction = found?.[2] ?? "";
  if (!found || fraction.length > decimals) return null;
  return BigInt(found[1] + fraction.padEnd(decimals, "0"));
}

export function ether(wei) {
  return `${decimal(wei)} ETH`;
}

export function scr(wei) {
  return `${decimal(wei, 18, 4)} SCR`;
}

/** Billionths as a percentage. */
export function percent(billionths) {
  return `${(Number(billionths) / 1e7).toFixed(1)} %`;
}

/** `1 min 5 s`: the two greatest units. */
export function span(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const units = [
    [86_400, "d"],
    [3_600, "h"],
    [60, "min"],
    [1, "s"],
  ];
  const first = units.findIndex(([length]) => whole >= length);
  if (first === -1) return "0 s";
  const parts = [];
  let rest = whole;
  for (const [length, name] of units.slice(first, first + 2)) {
    const count = Math.floor(rest / length);
    rest -= count * length;
    if (count > 0) parts.push(`${count} ${name}`);
  }
  return parts.join(" ");
}

/** A time before or after now, both as Unix seconds. */
export function relative(at, now) {
  const seconds = Math.round(at - now);
  return seconds > 0 ? `in ${span(seconds)}` : `${span(-seconds)} ago`;
}

/** `0x1234…abcd`. */
export function short(hash) {
  return hash.length > 14 ? `${hash.slice(0, 8)}…${hash.slice(-6)}` : hash;
}

export function size(bytes) {
  return bytes < 10_000 ? `${grouped(bytes)} bytes` : `${grouped(Math.round(bytes / 1_000))} kB`;
}

/** `on_time` as `on time`. */
export function label(name) {
  return name.replaceAll("_", " ");
}

/** Where a search leads: a route, or a hash that may be several things; null for what is none of them. */
export function understood(text) {
  const query = text.trim().replaceAll(",", "");
  const batch = /^batch\s*#?(\d{1,15})$/i.exec(query);
  if (batch) return { route: `batches/${Number(batch[1])}` };
  if (/^#?\d{1,15}$/.test(query)) return { route: `blocks/${Number(query.replace("#", ""))}` };
  if (/^0x[0-9a-f]{40}$/i.test(query)) return { route: `addresses/${query.toLowerCase()}` };
  if (/^0x[0-9a-f]{64}$/i.test(query)) return { hash: query.toLowerCase() };
  return null;
}

/** `count` numbers downwards from `last`, none below `first`. */
export function downwards(last, count, first = 0) {
  const length = Math.max(0, Math.min(count, last - first + 1));
  return Array.from({ length }, (_, i) => last - i);
}
