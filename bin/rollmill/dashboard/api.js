/** What the node says: L2's JSON-RPC, the coordinator's API, and the stream of changes. All from the address of the page. */

/** Pause before the stream is tried again where the browser does not do it. */
const RETRY_MS = 10_000;

async function json(response) {
  if (!response.ok) throw new Error(`the node answers with status ${response.status}`);
  return response.json();
}

let calls = 0;

/** One call of L2's JSON-RPC. */
export async function rpc(method, ...params) {
  calls += 1;
  const body = JSON.stringify({ jsonrpc: "2.0", id: calls, method, params });
  const headers = { "content-type": "application/json" };
  const answer = await json(await fetch("rpc", { method: "POST", headers, body }));
  if (answer.error) throw Object.assign(new Error(answer.error.message), { code: answer.error.code });
  return answer.result;
}

/** What is at a path; null when there is nothing. */
export async function get(path) {
  const response = await fetch(path);
  return response.status === 404 ? null : json(response);
}

/** Version of the node, and whether it has a coordinator. */
export const about = await get("about.json");

/** All leaves of the snapshot of an epoch, page by page; null where it is no longer kept. */
export async function snapshot(epoch) {
  const first = await get(`v1/epochs/${epoch}`);
  if (first === null) return null;
  const leaves = first.leaves;
  while (leaves.length < first.leavesTotal) {
    const page = await get(`v1/epochs/${epoch}?from=${leaves.length}`);
    if (page === null || page.leaves.length === 0) return null;
    leaves.push(...page.leaves);
  }
  return { ...first, leaves };
}

/** All registered rollers, page by page. */
export async function rollers() {
  const all = [];
  for (;;) {
    const after = all.length > 0 ? `?after=${all.at(-1).roller}` : "";
    const page = (await get(`v1/rollers${after}`)) ?? [];
    if (page.length === 0) return all;
    all.push(...page);
  }
}

/** How long what L1 says is taken to hold, as the node does. */
const L1_MS = 30_000;
let onL1 = { at: -L1_MS, said: undefined };
let tell = () => {};

/**
 * What L1 says of the rollup's money as far as it is known: undefined while it is asked for the first time, null where it does not answer. It is
 * asked beside the page, which must not wait for it; an answer that is new is a change of `l1`.
 */
export function moneyOnL1() {
  if (performance.now() - onL1.at < L1_MS) return onL1.said;
  onL1.at = performance.now();
  const heard = (said) => {
    const isNew = JSON.stringify(said) !== JSON.stringify(onL1.said);
    onL1.said = said;
    if (isNew) tell(new Set(["l1"]));
  };
  get("l1.json").then(heard, () => heard(null));
  return onL1.said;
}

/** Calls `changed` with the names of what is not as it was (in `last`), and `connected` with whether the node is there. */
export function listen(changed, connected, last = null) {
  tell = changed;
  const source = new EventSource("events");
  source.onmessage = ({ data }) => {
    const stand = JSON.parse(data);
    const names = last === null ? [] : Object.keys(stand).filter((name) => stand[name] !== last[name]);
    last = stand;
    connected(true);
    if (names.length > 0) changed(new Set(names));
  };
  source.onerror = () => {
    connected(false);
    if (source.readyState === EventSource.CLOSED) setTimeout(() => listen(changed, connected, last), RETRY_MS);
  };
}
