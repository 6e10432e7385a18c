/** Blocks, transactions and addresses. */
import { about, get, rpc } from "../api.js";
import { h } from "../dom.js";
import { downwards, ether, grouped, number, quantity, size } from "../format.js";
import { addressLink, badge, batchLink, blockLink, facts, hash, link, rollerLink, table, time, transactionLink } from "../show.js";
import { about as describe, transfers } from "../token.js";
import { holdings, moved, tokenLink } from "./tokens.js";

const BLOCKS = 15;
/** Transactions of a block that are listed. */
const TRANSACTIONS_MAX = 200;
/** Digits of an input that are shown. */
const INPUT_MAX = 2_000;
/** Type of the execution of a message from L1. */
const L1_MESSAGE = "0x7e";
const BY_STATUS = { settled: "good", committed: "good", unknown: "bad", expired: "bad" };

/** The newest blocks. */
export async function home() {
  const [info, pool] = await Promise.all([rpc("rollmill_sequencerInfo"), rpc("txpool_status")]);
  const [latest, safe, finalized] = [info.latestBlock, info.safeBlock, info.finalizedBlock].map(number);
  const numbers = downwards(latest, BLOCKS);
  const blocks = await Promise.all(numbers.map((block) => rpc("eth_getBlockByNumber", quantity(block), false)));
  const state = (block) =>
    block <= finalized ? badge("settled", "good") : block <= safe ? badge("committed", "good") : badge("confirmed", "busy");
  const row = (block) => [
    block.hash,
    blockLink(number(block.number)),
    time(number(block.timestamp)),
    grouped(block.transactions.length),
    grouped(block.gasUsed),
    state(number(block.number)),
  ];
  return {
    title: "Explorer",
    topics: ["hash", "board"],
    body: [
      facts([
        ["Newest block", blockLink(latest)],
        ["Committed on L1 up to", blockLink(safe)],
        ["Settled on L1 up to", blockLink(finalized)],
        ["Transactions waiting", grouped(number(pool.pending) + number(pool.queued))],
        ["Chain id", number(info.l2ChainId)],
      ]),
      table("Newest blocks", ["Block", "Age", "Transactions", "Gas", "State"], blocks.filter(Boolean).map(row), "There is no block."),
    ],
  };
}

function recipient(transaction) {
  return transaction.to === null ? "a new contract" : addressLink(transaction.to);
}

function kind(type) {
  return type === L1_MESSAGE ? "message from L1" : `type ${number(type)}`;
}

/** One block, by number or hash. */
export async function block(name) {
  const isHash = name.startsWith("0x");
  const [method, id] = isHash ? ["eth_getBlockByHash", name] : ["eth_getBlockByNumber", quantity(name)];
  const found = await rpc(method, id, true);
  if (found === null) return { title: `Block ${name}`, topics: ["hash"], body: [h("p", {}, "There is no such block (yet).")] };
  const batch = await rpc("rollmill_getBatchByBlock", found.number);
  const at = number(found.number);
  const row = (transaction) => [
    transaction.hash,
    transactionLink(transaction.hash),
    addressLink(transaction.from),
    recipient(transaction),
    ether(transaction.value),
    kind(transaction.type),
  ];
  const shown = found.transactions.slice(0, TRANSACTIONS_MAX);
  const rest = found.transactions.length - shown.length;
  return {
    title: `Block ${grouped(at)}`,
    topics: ["board"],
    body: [
      h(
        "nav",
        { "aria-label": "Neighbours", class: "neighbours" },
        at > 0 && link(`blocks/${at - 1}`, "Previous block"),
        link(`blocks/${at + 1}`, "Next block"),
      ),
      facts([
        ["Hash", hash(found.hash, true)],
        ["Time", time(number(found.timestamp))],
        ["Batch", batch === null ? "in none yet" : [batchLink(number(batch.number)), " ", badge(batch.status)]],
        ["Transactions", grouped(found.transactions.length)],
        ["Gas", `${grouped(found.gasUsed)} of ${grouped(found.gasLimit)}`],
        ["Base fee", found.baseFeePerGas ? `${grouped(found.baseFeePerGas)} wei` : null],
        ["State root", hash(found.stateRoot, true)],
        ["Parent", link(`blocks/${found.parentHash}`, hash(found.parentHash, true))],
      ]),
      table("Transactions", ["Hash", "From", "To", "Value", "Kind"], shown.map(row), "The block has none."),
      rest > 0 && h("p", {}, `${grouped(rest)} more are not listed.`),
    ],
  };
}

function outcome(receipt) {
  return receipt.status === "0x1" ? badge("succeeded", "good") : badge("failed", "bad");
}

function logs(receipt) {
  const row = (log, i) => [
    i,
    i,
    addressLink(log.address),
    log.topics.map((topic) => h("div", {}, hash(topic))),
    h("code", { class: "wrap" }, log.data.length > INPUT_MAX ? `${log.data.slice(0, INPUT_MAX)}…` : log.data),
  ];
  return table("Logs", ["Number", "Contract", "Topics", "Data"], receipt.logs.map(row), "It left none.");
}

function fees(paid) {
  const rows = [
    ["Gas at the base fee", paid.baseFee],
    ["Tip", paid.priorityFee],
    ["Data on L1", paid.l1DataFee],
    ["Proving", paid.provingFee],
    ["Together", paid.total],
  ];
  return table("Fees", ["For", "Paid"], rows.map(([name, wei]) => [name, name, ether(wei)]), "");
}

/** One transaction with its receipt and what it paid. */
export async function transaction(id) {
  const [status, found, receipt, paid] = await Promise.all([
    rpc("rollmill_getTransactionStatus", id),
    rpc("eth_getTransactionByHash", id),
    rpc("eth_getTransactionReceipt", id),
    rpc("rollmill_getTransactionFees", id),
  ]);
  const input = found?.input ?? "0x";
  const bytes = (input.length - 2) / 2;
  const page = [
    facts([
      ["Hash", hash(id, true)],
      ["State", [badge(status.status, BY_STATUS[status.status] ?? "busy"), receipt && [" ", outcome(receipt)]]],
      ["Block", status.blockNumber && blockLink(number(status.blockNumber))],
      ["Batch", status.batch && batchLink(number(status.batch))],
      ["From", found && addressLink(found.from, true)],
      ["To", found && (found.to === null ? "a new contract" : addressLink(found.to, true))],
      ["Contract made", receipt?.contractAddress && addressLink(receipt.contractAddress, true)],
      ["Value", found && ether(found.value)],
      ["Minted by the deposit", found?.mint ? ether(found.mint) : null],
      ["Kind", found && kind(found.type)],
      ["Place in L1's queue", found?.queueIndex ? number(found.queueIndex) : null],
      ["Nonce", found && found.type !== L1_MESSAGE ? grouped(found.nonce) : null],
      ["Gas", receipt && `${grouped(receipt.gasUsed)} of ${grouped(found.gas)}`],
      ["Prover gas", receipt?.proverGasUsed ? grouped(receipt.proverGasUsed) : null],
    ]),
  ];
  if (paid !== null) page.push(fees(paid));
  if (receipt !== null) page.push(await moved(transfers(receipt.logs)), logs(receipt));
  if (bytes > 0) {
    const text = input.length > INPUT_MAX ? `${input.slice(0, INPUT_MAX)}…` : input;
    page.push(h("details", {}, h("summary", {}, `Input, ${size(bytes)}`), h("code", { class: "wrap" }, text)));
  }
  return { title: "Transaction", topics: ["hash", "board"], body: page };
}

function moves(address, { transactions }) {
  const row = (move) => {
    const isSent = move.from.toLowerCase() === address;
    const other = isSent ? recipient(move) : addressLink(move.from);
    return [
      move.hash,
      transactionLink(move.hash),
      blockLink(number(move.blockNumber)),
      time(number(move.timestamp)),
      [isSent ? "to " : "from ", other],
      ether(move.value),
      kind(move.type),
    ];
  };
  const head = ["Hash", "Block", "Age", "Other side", "Value", "Kind"];
  return table("Transactions", head, transactions.map(row), "None in these blocks.");
}

/** An account, with its transactions in the blocks below `before`, or in the newest ones. */
export async function address(name, before) {
  const account = name.toLowerCase();
  const [balance, nonce, code, activity, held, roller] = await Promise.all([
    rpc("eth_getBalance", account, "latest"),
    rpc("eth_getTransactionCount", account, "latest"),
    rpc("eth_getCode", account, "latest"),
    rpc("rollmill_getAddressTransactions", account, ...(before === undefined ? [] : [quantity(before)])),
    holdings(account),
    about.coordinator ? get(`v1/rollers/${account}`) : null,
  ]);
  const token = code === "0x" ? null : await describe(account);
  const older = activity.before === null ? null : number(activity.before);
  return {
    title: code === "0x" ? "Account" : "Contract",
    topics: ["hash"],
    body: [
      facts([
        ["Address", hash(account, true)],
        ["Balance", ether(balance)],
        ["Nonce", grouped(nonce)],
        ["Code", code === "0x" ? null : size((code.length - 2) / 2)],
        ["Token", token?.symbol ? tokenLink(token) : null],
        ["Roller", roller && rollerLink(roller.roller)],
      ]),
      held,
      moves(account, activity),
      older === null
        ? h("p", {}, "This is where the chain begins.")
        : h("p", {}, `Looked at down to block ${grouped(older)}. `, link(`addresses/${account}/${older}`, "Look at older blocks")),
    ],
  };
}

/** What a hash names: a transaction, a block or a task; as a route. */
export async function resolve(id) {
  const [transaction, block, task] = await Promise.all([
    rpc("eth_getTransactionByHash", id),
    rpc("eth_getBlockByHash", id, false),
    about.coordinator ? get(`v1/tasks/${id}`) : null,
  ]);
  if (transaction === null && block !== null) return `blocks/${number(block.number)}`;
  if (transaction === null && task !== null) return `tasks/${id}`;
  return `transactions/${id}`;
}
