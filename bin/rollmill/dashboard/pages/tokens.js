/** Tokens: contracts on L2 that moved one lately. */
import { rpc } from "../api.js";
import { BridgedToken, Token } from "../contracts.js";
import { h } from "../dom.js";
import { grouped, number } from "../format.js";
import { addressLink, blockLink, facts, hash, link, table, transactionLink } from "../show.js";
import { about, tokens, transfersIn, view } from "../token.js";

/** Blocks that are looked at for all tokens, and for one. */
const BLOCKS = 1_000;
const BLOCKS_OF_ONE = 10_000;
const TOKENS_MAX = 50;
const TRANSFERS_MAX = 100;

export function tokenLink({ token, symbol }) {
  return link(`tokens/${token}`, symbol || hash(token));
}

async function range(before, length) {
  const head = number(await rpc("eth_blockNumber"));
  const last = before === undefined ? head : Math.min(head, Number(before) - 1);
  return [Math.max(0, last - length + 1), last];
}

function older(first, route) {
  if (first === 0) return h("p", {}, "This is where the chain begins.");
  return h("p", {}, `Looked at down to block ${grouped(first)}. `, link(`${route}/${first}`, "Look at older blocks"));
}

/** Tokens that moved in the blocks below `before`, or in the newest ones; those that moved most first. */
export async function list(before) {
  const { first, moves } = await transfersIn(...(await range(before, BLOCKS)));
  const counts = new Map();
  for (const { token } of moves) counts.set(token, (counts.get(token) ?? 0) + 1);
  const most = [...counts].sort(([, a], [, b]) => b - a).slice(0, TOKENS_MAX);
  const found = await Promise.all(
    most.map(async ([token, count]) => ({ ...(await about(token)), count, supply: await view(token, Token.totalSupply).catch(() => null) })),
  );
  const row = (token) => [
    token.token,
    tokenLink(token),
    token.name,
    addressLink(token.token),
    grouped(token.count),
    token.supply === null ? "" : tokens(token.supply, token),
  ];
  const head = ["Symbol", "Name", "Contract", "Transfers in these blocks", "Supply"];
  return {
    title: "Tokens",
    topics: ["hash"],
    body: [
      h("p", {}, "ERC-20 tokens that moved. Anybody can give a contract any name: the address is what counts."),
      table("Tokens, those that moved most first", head, found.map(row), "None moved in these blocks."),
      older(first, "tokens/before"),
    ],
  };
}

/** One token, with its transfers in the blocks below `before`, or in the newest ones. */
export async function one(name, before) {
  const token = name.toLowerCase();
  const [from, last] = await range(before, BLOCKS_OF_ONE);
  const [said, supply, onL1, { first, moves }] = await Promise.all([
    about(token),
    view(token, Token.totalSupply).catch(() => null),
    view(token, BridgedToken.l1Token).catch(() => null),
    transfersIn(from, last, { token }),
  ]);
  const row = (move) => [
    `${move.transaction} ${move.index}`,
    transactionLink(move.transaction),
    blockLink(number(move.block)),
    addressLink(move.from),
    addressLink(move.to),
    tokens(move.amount, said),
  ];
  const shown = moves.slice(0, TRANSFERS_MAX);
  return {
    title: said.symbol ? `Token ${said.symbol}` : "Token",
    topics: ["hash"],
    body: [
      facts([
        ["Contract", addressLink(token, true)],
        ["Name", said.name],
        ["Symbol", said.symbol],
        ["Decimals", said.decimals],
        ["Supply", supply === null ? "it does not say" : tokens(supply, said)],
        ["Stands for the token on L1", onL1 && hash(onL1, true)],
      ]),
      table("Transfers", ["Transaction", "Block", "From", "To", "Amount"], shown.map(row), "None in these blocks."),
      moves.length > shown.length && h("p", {}, `${grouped(moves.length - shown.length)} more in these blocks are not listed.`),
      older(first, `tokens/${token}`),
    ],
  };
}

/** What an account has of the tokens that came to it lately. */
export async function holdings(account) {
  const [first, last] = await range(undefined, BLOCKS_OF_ONE);
  const { moves } = await transfersIn(first, last, { to: account });
  const contracts = [...new Set(moves.map(({ token }) => token))].slice(0, TOKENS_MAX);
  const found = await Promise.all(
    contracts.map(async (token) => ({ ...(await about(token)), has: await view(token, Token.balanceOf, account).catch(() => 0n) })),
  );
  const row = (token) => [token.token, tokenLink(token), token.name, tokens(token.has, token)];
  return found.length === 0 ? null : table("Tokens that came to it lately", ["Symbol", "Name", "Balance"], found.map(row), "");
}

/** Token transfers of a transaction. */
export async function moved(found) {
  const said = await Promise.all(found.map(({ token }) => about(token)));
  const row = (move, i) => [i, tokenLink(said[i]), addressLink(move.from), addressLink(move.to), tokens(move.amount, said[i])];
  return found.length === 0 ? null : table("Token transfers", ["Token", "From", "To", "Amount"], found.map(row), "");
}
