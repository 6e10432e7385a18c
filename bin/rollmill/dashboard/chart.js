/** A line over numbers, as SVG. */
import { h, svg } from "./dom.js";

const WIDTH = 640;
const HEIGHT = 220;
const LEFT = 84;
const RIGHT = 12;
const TOP = 12;
const BOTTOM = 28;

/** Round numbers from below `least` to above `most`, about so many steps apart. */
export function ticks(least, most, count = 4) {
  const range = most - least || Math.abs(most) || 1;
  const magnitude = 10 ** Math.floor(Math.log10(range / count));
  const step = [1, 2, 5, 10].map((factor) => factor * magnitude).find((each) => range / each <= count);
  const first = Math.floor(least / step);
  const last = Math.max(Math.ceil(most / step), first + 1);
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
}

/** From numbers to places. */
export function scale([from, to], [start, end]) {
  return (value) => (to === from ? start : start + ((value - from) / (to - from)) * (end - start));
}

/** A path that keeps each value until the next one comes. */
export function stepPath(points) {
  const [[x0, y0], ...rest] = points.map(([x, y]) => [x.toFixed(1), y.toFixed(1)]);
  return rest.reduce((path, [x, y]) => `${path}H${x}V${y}`, `M${x0} ${y0}`);
}

/** A path straight from value to value. */
export function linePath(points) {
  return `M${points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}`;
}

function sentence({ title, of, points, format, other }) {
  const values = points.map(([, value]) => value);
  const [first, last] = [points[0], points.at(-1)];
  const range = `least ${format(Math.min(...values))}, most ${format(Math.max(...values))}`;
  const beside = other ? `; dashed: ${other.name}` : "";
  return `${title} by ${of}: ${format(first[1])} at ${first[0]}, ${format(last[1])} at ${last[0]}; ${range}${beside}`;
}

/**
 * A chart of `[x, value]` in ascending order of x, which counts what `of` names; `other`, `{name, points}`, is drawn dashed beside it, and
 * `path` draws a line through places.
 */
export function chart({ key, title, of, points, format, other, path = stepPath }) {
  if (points.length === 0) return h("figure", { "data-key": key }, h("figcaption", {}, `${title}: nothing yet`));
  const all = [...points, ...(other?.points ?? [])];
  const values = all.map(([, value]) => value);
  const [left, right] = [Math.min, Math.max].map((most) => most(...all.map(([at]) => at)));
  const marks = ticks(Math.min(...values), Math.max(...values));
  const x = scale([left, right], [LEFT, WIDTH - RIGHT]);
  const y = scale([marks[0], marks.at(-1)], [HEIGHT - BOTTOM, TOP]);
  const place = ([at, value]) => [x(at), y(value)];
  const places = points.map(place);
  const mark = (value) => [
    svg("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value) }),
    svg("text", { x: LEFT - 8, y: y(value) + 4, "text-anchor": "end" }, format(value)),
  ];
  const [lastX, lastY] = places.at(-1);
  return h(
    "figure",
    { "data-key": key },
    h("figcaption", {}, h("strong", {}, title), other ? ` (dashed: ${other.name})` : ` ${format(points.at(-1)[1])}`),
    svg(
      "svg",
      { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": sentence({ title, of, points, format, other }) },
      marks.map(mark),
      other && svg("path", { class: "line other", d: path(other.points.map(place)) }),
      svg("path", { class: "line", d: path(places) }),
      svg("circle", { class: "dot", cx: lastX, cy: lastY, r: 4 }),
      svg("text", { x: LEFT, y: HEIGHT - 8 }, `${of} ${left}`),
      right > left && svg("text", { x: WIDTH - RIGHT, y: HEIGHT - 8, "text-anchor": "end" }, `${right}`),
    ),
  );
}
