/**
 * Makes and updates the page's content. Text only ever becomes text nodes and attributes are set by name, so that nothing that
 * strangers wrote can become markup.
 */

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return element;
}

/** An HTML element. Attributes that are functions are its handlers; children are elements, texts, numbers, lists of them, or nothing. */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

const HANDLERS = ["onclick", "onsubmit"];
const keyOf = (node) => node.dataset?.key;
const isAlike = (a, b) => a.nodeName === b.nodeName && keyOf(a) === keyOf(b);

function update(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
    return;
  }
  // Whether details are open is the reader's affair.
  const isGone = ({ name }) => name !== "open" && !fresh.hasAttribute(name);
  for (const { name } of [...old.attributes].filter(isGone)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  for (const name of HANDLERS) old[name] = fresh[name];
  if (!old.hasAttribute("data-keep")) morph(old, fresh);
}

/**
 * Makes the content of `old` that of `fresh`, keeping what is alike: focus, selection and scroll positions stay. Elements with
 * `data-key` are found again wherever they moved; what is inside of one with `data-keep` is its own affair.
 */
export function morph(old, fresh) {
  const known = new Map();
  for (const child of old.childNodes) if (keyOf(child)) known.set(keyOf(child), child);
  let at = old.firstChild;
  for (const next of [...fresh.childNodes]) {
    const moved = known.get(keyOf(next));
    const match = at && isAlike(at, next) ? at : moved && isAlike(moved, next) ? moved : null;
    if (match === null) {
      old.insertBefore(next, at);
      continue;
    }
    if (match === at) at = at.nextSibling;
    else old.insertBefore(match, at);
    known.delete(keyOf(match));
    update(match, next);
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
}
