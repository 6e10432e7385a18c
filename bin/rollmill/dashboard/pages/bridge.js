/** Ether and tokens between L1 and L2 with the reader's wallet, and what the operator cannot leave out. */
import { callData, decode, hashOf } from "../abi.js";
import { rpc } from "../api.js";
import { EVENTS, L2_TOKEN_BRIDGE, L2TokenBridge, NOBODY, Rollup, Token, TokenBridge, WITHDRAWAL_QUEUE, WithdrawalQueue } from "../contracts.js";
import { h } from "../dom.js";
import { address, amount, bytes, form, press, walletPart, whole } from "../form.js";
import { ether, grouped, number, quantity, units } from "../format.js";
import { badge, blockLink, facts, hash, link, table } from "../show.js";
import { view } from "../token.js";
import { balance, beOn, connected, read, send } from "../wallet.js";

/** Gas on L2 that a deposit buys: for an account, and for a contract. */
const GAS = 21_000n;
const GAS_OF_CONTRACT = 200_000n;
/** Gas on L2 of a withdrawal that L1 forces. */
const GAS_OF_WITHDRAWAL = 500_000n;
/** Blocks that are searched for withdrawals at once; the node's server answers no more. */
const BLOCKS = 10_000;
/** The node's code for "in no settled batch yet". */
const NOT_SETTLED = -32010;

const token = { name: "token", label: "Token: its address on L1; empty for ether", read: (text) => (text === "" ? null : address(text)) };
const sum = { name: "amount", label: "Amount", read: (text) => (amount(text), text) };
const recipient = (value) => ({ name: "to", label: "Recipient", value, read: address });

/** The amount in the token's units. */
async function inUnits(text, decimals) {
  const value = units(text, Number(decimals));
  if (value === null || value === 0n) throw new Error(`the token has ${decimals} decimals`);
  return value;
}

/** Wei on L1 for gas on L2. */
async function priceOf(rollup, gas) {
  return (await read(rollup, Rollup.messageGasPriceWei)) * gas;
}

/** The number of the message that a transaction queued on L1. */
function queued({ logs }, rollup) {
  const [topic, at] = [hashOf(EVENTS.message), rollup.toLowerCase()];
  const found = logs.find((log) => log.address.toLowerCase() === at && log.topics[0] === topic);
  return `Queued as message ${number(found.topics[1])}: L2 executes it in its order.`;
}

async function depositToken({ l1, info }, { token, amount, to }, owner, say) {
  const bridge = info.tokenBridge;
  const value = await inUnits(amount, await read(token, Token.decimals));
  if ((await read(token, Token.allowance, owner, bridge)) < value) {
    await send(l1, { to: token, name: Token.approve, values: [bridge, value] }, say);
  }
  const fee = await read(bridge, TokenBridge.depositFeeWei);
  return send(l1, { to: bridge, name: TokenBridge.deposit, values: [token, to, value], value: fee }, say);
}

function depositForm(net, owner) {
  const { l1, info } = net;
  const act = async (values, say) => {
    await beOn(l1);
    if (values.token !== null) return queued(await depositToken(net, values, owner, say), info.rollup);
    const { to } = values;
    const gas = (await rpc("eth_getCode", to, "latest")) === "0x" ? GAS : GAS_OF_CONTRACT;
    const value = amount(values.amount) + (await priceOf(info.rollup, gas));
    return queued(await send(l1, { to: info.rollup, name: Rollup.sendMessage, values: [to, gas, "0x"], value }, say), info.rollup);
  };
  const fields = [sum, token, recipient(owner)];
  return form({ key: "deposit", title: "Deposit", says: "From L1 to L2; there within some blocks of L1.", fields, button: "Deposit", act });
}

function withdrawForm({ l2 }, owner) {
  const act = async ({ amount: text, token, to }, say) => {
    if (token === null) {
      await send(l2, { to: WITHDRAWAL_QUEUE, name: WithdrawalQueue.initiateWithdrawal, values: [to], value: amount(text) }, say);
    } else {
      const twin = await view(L2_TOKEN_BRIDGE, L2TokenBridge.tokenOf, token);
      if (twin === NOBODY) throw new Error("nobody has brought this token to L2");
      const value = await inUnits(text, await view(twin, Token.decimals));
      await send(l2, { to: L2_TOKEN_BRIDGE, name: L2TokenBridge.withdraw, values: [token, to, value] }, say);
    }
    return "It is begun: it stands below, and can be finalised when its batch is settled on L1.";
  };
  const says = "From L2 to L1: begun here, proved with its batch, finalised on L1.";
  return form({ key: "withdraw", title: "Withdraw", says, fields: [sum, token, recipient(owner)], button: "Withdraw", act });
}

function forceForms({ l1, info }, owner) {
  const { rollup } = info;
  const force = async ({ to, value, gas, data }, say) => {
    await beOn(l1);
    const values = [to, value, gas, data];
    return queued(await send(l1, { to: rollup, name: Rollup.forceTransaction, values, value: await priceOf(rollup, gas) }, say), rollup);
  };
  const withdraw = ({ amount: text, to }, say) =>
    force({ to: WITHDRAWAL_QUEUE, value: amount(text), gas: GAS_OF_WITHDRAWAL, data: callData(WithdrawalQueue.initiateWithdrawal, to) }, say);
  const free = (text) => (text === "0" ? 0n : amount(text));
  return [
    form({
      key: "force-withdrawal",
      title: "Force a withdrawal",
      says: "The ether leaves the account on L2, whoever makes its blocks; then it is finalised as any other.",
      fields: [sum, recipient(owner)],
      button: "Force the withdrawal",
      act: withdraw,
    }),
    form({
      key: "force",
      title: "Force a transaction",
      says: "A call of this account on L2, in L1's order. Its gas is bought on L1; the ether comes from the account on L2.",
      fields: [
        { name: "to", label: "Recipient on L2", read: address },
        { name: "value", label: "Ether to send along", value: "0", read: free },
        { name: "gas", label: "Gas limit", value: "100000", read: (text) => BigInt(whole(text)) },
        { name: "data", label: "Data", value: "0x", read: bytes },
      ],
      button: "Force the transaction",
      act: force,
    }),
  ];
}

/** Withdrawals of the account in a range of blocks, newest first. */
async function withdrawals(account, first, last) {
  const topics = [hashOf(EVENTS.withdrawal), null, null, `0x${account.slice(2).padStart(64, "0")}`];
  const range = { fromBlock: quantity(first), toBlock: quantity(last), address: WITHDRAWAL_QUEUE, topics };
  const logs = await rpc("eth_getLogs", range);
  return logs.reverse().map((log) => ({
    index: number(log.topics[1]),
    block: number(log.blockNumber),
    amount: decode("uint256,bytes", log.data)[0],
  }));
}

/** The arguments of `finalizeWithdrawal`; null while the batch is not settled. */
async function proofOf(index) {
  try {
    return await rpc("rollmill_getWithdrawalProof", quantity(index));
  } catch (error) {
    if (error.code === NOT_SETTLED) return null;
    throw error;
  }
}

async function finalise({ l1, info }, index, say) {
  const found = await proofOf(index);
  if (found === null) throw new Error("its batch is not settled yet");
  const { batch, sender, recipient, amount, data, proof } = found;
  const values = [batch, [found.index, sender, recipient, amount, data], proof];
  await send(l1, { to: info.rollup, name: Rollup.finalizeWithdrawal, values }, say);
  return "Paid on L1.";
}

/** How far a withdrawal is: paid is what L1 says, and only a wallet on L1 can ask it. */
async function progress(net, { index }, isOnL1) {
  if ((await proofOf(index)) === null) return badge("waits for its batch", "busy");
  const isPaid = isOnL1 && (await read(net.info.rollup, Rollup.withdrawalFinalized, index));
  return isPaid ? badge("paid on L1", "good") : press(`Finalise withdrawal ${index}`, (say) => finalise(net, index, say));
}

async function listed(net, wallet, before) {
  const head = number(await rpc("eth_blockNumber"));
  const last = before === undefined ? head : Math.min(head, Number(before) - 1);
  const first = Math.max(0, last - BLOCKS + 1);
  const found = await withdrawals(wallet.account, first, last);
  const isOnL1 = wallet.chainId === net.l1.id;
  const states = await Promise.all(found.map((withdrawal) => progress(net, withdrawal, isOnL1)));
  const row = ({ index, block, amount }, i) => [
    index,
    index,
    blockLink(block),
    amount === 0n ? "a message, or tokens" : ether(amount),
    states[i],
  ];
  return [
    table("Withdrawals to this account", ["Number", "Block", "Amount", "State"], found.map(row), "None in these blocks."),
    first > 0 && h("p", {}, `Looked at down to block ${grouped(first)}. `, link(`bridge/${first}`, "Look at older blocks")),
  ];
}

/** All of it; withdrawals in the blocks below `before`, or in the newest ones. */
export async function bridge(before) {
  const info = await rpc("rollmill_sequencerInfo");
  const l1 = { id: number(info.l1ChainId), name: "L1" };
  const l2 = { id: number(info.l2ChainId), name: "L2", isL2: true };
  const wallet = connected();
  const says = h("p", {}, "Ether and ERC-20 tokens between L1 and L2, with transactions that your wallet signs.");
  const page = (...more) => ({ title: "Bridge", topics: ["wallet", "hash", "board"], body: [says, walletPart(l1), ...more] });
  if (wallet === null) return page();
  const net = { l1, l2, info };
  const onL2 = await rpc("eth_getBalance", wallet.account, "latest");
  const onL1 = wallet.chainId === l1.id ? ether(await balance(wallet.account)) : null;
  return page(
    h("h2", {}, "Balances"),
    facts([
      ["On L1", onL1],
      ["On L2", ether(onL2)],
      ["Rollup on L1", hash(info.rollup, true)],
      ["Token bridge on L1", hash(info.tokenBridge, true)],
    ]),
    h("div", { class: "forms", "data-key": wallet.account }, depositForm(net, wallet.account), withdrawForm(net, wallet.account)),
    await listed(net, wallet, before),
    h("h2", {}, "Past the operator"),
    h("p", {}, "What is queued on L1 no operator can leave out for ever; when it tries to, anybody makes the batches: docs/leaving.md."),
    h("div", { class: "forms", "data-key": `force ${wallet.account}` }, forceForms(net, wallet.account)),
  );
}
