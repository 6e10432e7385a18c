/** What ERC-20 contracts say of themselves. Everybody can write one: what they say is text, and asking has a limit of gas. */
import { callData, hashOf, result } from "./abi.js";
import { rpc } from "./api.js";
import { EVENTS, Token } from "./contracts.js";
import { decimal, quantity } from "./format.js";

/** The node's server lets the page's calls have no more. */
const GAS = quantity(200_000);
const SHOWN_MAX = 40;
const TRANSFER = hashOf(EVENTS.transfer);

export async function view(token, name, ...values) {
  return result(name, await rpc("eth_call", { to: token, data: callData(name, ...values), gas: GAS }, "latest"));
}

const known = new Map();

async function describe(token) {
  const ask = (name, fallback) => view(token, name).catch(() => fallback);
  const [name, symbol, decimals] = await Promise.all([ask(Token.name, ""), ask(Token.symbol, ""), ask(Token.decimals, 0n)]);
  const cut = (text) => (text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text);
  return { token, name: cut(name), symbol: cut(symbol), decimals: Math.min(Number(decimals), 77) };
}

/** Name, symbol and decimals, which do not change; empty where it does not say. */
export function about(token) {
  if (!known.has(token)) known.set(token, describe(token));
  return known.get(token);
}

/** An amount of it as people read it. */
export function tokens(units, { symbol, decimals }) {
  return `${decimal(units, decimals)} ${symbol}`.trim();
}

const party = (topic) => `0x${topic.slice(-40)}`;

/** The transfers among logs, in their order. Other kinds of tokens have the event, too, with more topics. */
export function transfers(logs) {
  const found = logs.filter(({ topics, data }) => topics.length === 3 && topics[0] === TRANSFER && data.length === 66);
  return found.map((log) => ({
    token: log.address,
    from: party(log.topics[1]),
    to: party(log.topics[2]),
    amount: BigInt(log.data),
    block: log.blockNumber,
    transaction: log.transactionHash,
    index: log.logIndex,
  }));
}

/** The node's code for more logs than it tells at once. */
const TOO_MANY = -32005;

/**
 * Transfers in a range of blocks, newest first, as `{first, moves}`: of one token, to one account, or all. Where there are too many to be told,
 * `first` is a later block.
 */
export async function transfersIn(first, last, { token, to } = {}) {
  const topics = to ? [TRANSFER, null, `0x${to.slice(2).padStart(64, "0")}`] : [TRANSFER];
  const filter = { fromBlock: quantity(first), toBlock: quantity(last), topics, ...(token ? { address: token } : {}) };
  try {
    return { first, moves: transfers(await rpc("eth_getLogs", filter)).reverse() };
  } catch (error) {
    if (error.code !== TOO_MANY || first === last) throw error;
    return transfersIn(last - Math.floor((last - first) / 10), last, { token, to });
  }
}
