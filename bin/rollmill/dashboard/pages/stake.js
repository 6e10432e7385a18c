/** Staking and claiming with the reader's wallet, on L1. */
import { rpc } from "../api.js";
import { Emission, NOBODY, RewardPool, RollerRegistry, Rollup, Token } from "../contracts.js";
import { h } from "../dom.js";
import { number, scr, span } from "../format.js";
import { address, amount, form, walletPart, whole } from "../form.js";
import { badge, facts, hash, rollerLink, time } from "../show.js";
import { connected, read, send } from "../wallet.js";

/** Emission epochs that are looked at: rewards of older ones `roller claim` finds. */
const EPOCHS = 14;

/** Where the contracts are: Rollup names them. */
async function contracts(rollup) {
  const [registry, pool, emission] = await Promise.all([
    read(rollup, Rollup.registry),
    read(rollup, Rollup.rewardPool),
    read(rollup, Rollup.emission),
  ]);
  return { registry, pool, emission, token: await read(registry, RollerRegistry.token) };
}

/** Epochs whose emission the roller has earned and not claimed. */
async function unclaimed(emission, roller) {
  const current = Number(await read(emission, Emission.currentEpoch));
  const past = Array.from({ length: Math.min(EPOCHS, current) }, (_, i) => current - 1 - i);
  const worked = await Promise.all(past.map((epoch) => read(emission, Emission.gasOf, epoch, roller)));
  return past.filter((_, i) => worked[i] > 0n);
}

/** What L1 says of the account as a roller. */
async function account(at, owner) {
  const [record, balance, least, unbondS, credits, arrears, available, epochs] = await Promise.all([
    read(at.registry, RollerRegistry.rollers, owner),
    read(at.token, Token.balanceOf, owner),
    read(at.registry, RollerRegistry.stakeMinWei),
    read(at.registry, RollerRegistry.unbondS),
    read(at.pool, RewardPool.credits, owner),
    read(at.pool, RewardPool.arrears, owner),
    read(at.pool, RewardPool.available),
    unclaimed(at.emission, owner),
  ]);
  const [signer, payout, capacity, isReady, unbondAt, , stake, unbonding] = record;
  const isRegistered = signer !== NOBODY;
  const payable = arrears < available ? arrears : available;
  const roller = { isRegistered, signer, payout, capacity, isReady, unbondAt: Number(unbondAt), stake, unbonding };
  return { owner, ...roller, balance, least, unbondS: Number(unbondS), credits, arrears, payable, epochs };
}

/** Registers where needed, deposits, declares readiness: what is done already is left out, so that it may be repeated. */
function stakeForm(l1, at, roller) {
  const act = async (values, say) => {
    const together = roller.stake + values.amount;
    if (values.amount > roller.balance) throw new Error(`the account has ${scr(roller.balance)}`);
    if (together < roller.least) throw new Error(`nobody would draw a roller with less than ${scr(roller.least)}`);
    const steps = [];
    if (!roller.isRegistered) {
      const { signer, payout, capacity } = values;
      if (signer === roller.owner) throw new Error("the signer is a key of its own: the one that is on the roller's machine");
      if ((await read(at.registry, RollerRegistry.rollerOf, signer)) !== NOBODY) throw new Error("the signer belongs to a roller");
      steps.push(["Register", at.registry, RollerRegistry.register, signer, payout, capacity, ""]);
    }
    if ((await read(at.token, Token.allowance, roller.owner, at.registry)) < values.amount) {
      steps.push(["Allow the registry to take it", at.token, Token.approve, at.registry, values.amount]);
    }
    steps.push(["Stake", at.registry, RollerRegistry.deposit, values.amount]);
    if (!roller.isReady) steps.push(["Declare readiness", at.registry, RollerRegistry.setReady, true]);
    for (const [i, [title, to, name, ...rest]] of steps.entries()) {
      const hear = (text) => say(`Step ${i + 1} of ${steps.length}, ${title.toLowerCase()}. ${text}`);
      await send(l1, { to, name, values: rest }, hear);
    }
    return `${scr(values.amount)} are staked. The roller is drawn from the next epoch on, when its daemon runs.`;
  };
  const keys = [
    { name: "signer", label: "Signer: address of the roller's hot key", read: address },
    { name: "payout", label: "Payout: who is paid", value: roller.owner, read: address },
    { name: "capacity", label: "Proofs that it makes at once", value: "1", read: whole },
  ];
  return form({
    key: "stake",
    title: "Stake",
    says: `It stays yours: unbonding takes ${span(roller.unbondS)}. Only L1 fines, for a proof that is not valid.`,
    fields: [{ name: "amount", label: "SCR to add", read: amount }, ...(roller.isRegistered ? [] : keys)],
    button: "Stake",
    act,
  });
}

/** A form that is one call of the registry. */
function call(l1, { title, says, fields, to, name, values = () => [], done }) {
  const act = async (found, say) => {
    await send(l1, { to, name, values: values(found) }, say);
    return done;
  };
  return form({ key: title, title, says, fields, button: title, act });
}

function claimForm(l1, at, roller) {
  const act = async (_, say) => {
    const steps = roller.epochs.map((epoch) => [at.emission, Emission.claim, epoch, roller.owner]);
    if (roller.payable > 0n) steps.push([at.pool, RewardPool.creditArrears, roller.owner]);
    if (roller.credits + roller.payable > 0n) steps.push([at.pool, RewardPool.claim, roller.owner]);
    if (steps.length === 0) throw new Error("there is nothing to claim");
    for (const [to, name, ...values] of steps) await send(l1, { to, name, values }, say);
    return `Paid to ${roller.payout}.`;
  };
  const emission = roller.epochs.length > 0 ? `, and the emission of ${roller.epochs.length} epochs` : "";
  const says = `Claimable now: ${scr(roller.credits + roller.payable)}${emission}. It goes to the payout address.`;
  return form({ key: "claim", title: "Claim", says, button: "Claim", act });
}

function registered(l1, at, roller) {
  const to = at.registry;
  const { isReady } = roller;
  return [
    claimForm(l1, at, roller),
    call(l1, {
      title: isReady ? "Leave the draw" : "Enter the draw",
      says: isReady ? "No new seats from the next epoch on; the stake stays." : "The roller can be drawn from the next epoch on.",
      to,
      name: RollerRegistry.setReady,
      values: () => [!isReady],
      done: "L1 knows it now.",
    }),
    call(l1, {
      title: "Unbond",
      says: `What unbonds counts no more at once, can be withdrawn in ${span(roller.unbondS)}, and can be fined until then. It lets all that unbonds wait anew.`,
      fields: [{ name: "amount", label: "SCR to take out", read: amount }],
      to,
      name: RollerRegistry.requestUnbond,
      values: ({ amount }) => [amount],
      done: `It can be withdrawn in ${span(roller.unbondS)}.`,
    }),
    roller.unbonding > 0n &&
      call(l1, {
        title: "Withdraw",
        says: "Pays what has unbonded to the payout address.",
        to,
        name: RollerRegistry.withdraw,
        done: `Paid to ${roller.payout}.`,
      }),
    call(l1, {
      title: "Change the signer",
      says: "The hot key, at once. The old one answers for tasks that were committed before.",
      fields: [{ name: "signer", label: "Address of the new key", read: address }],
      to,
      name: RollerRegistry.setSigner,
      values: ({ signer }) => [signer],
      done: "Start the roller with the new key.",
    }),
    call(l1, {
      title: "Change the capacity",
      fields: [{ name: "capacity", label: "Proofs that it makes at once", value: String(roller.capacity), read: whole }],
      to,
      name: RollerRegistry.setCapacity,
      values: ({ capacity }) => [capacity],
      done: "It counts from the next epoch on.",
    }),
  ];
}

function shown(roller) {
  return facts([
    ["SCR of the account", scr(roller.balance)],
    ["Roller", roller.isRegistered ? rollerLink(roller.owner) : "not registered"],
    ["Stake that counts", roller.isRegistered ? scr(roller.stake) : null],
    ["Least stake", scr(roller.least)],
    ["Draw", roller.isRegistered ? (roller.isReady ? badge("ready", "good") : badge("not ready")) : null],
    ["On its way out", roller.unbonding > 0n ? [scr(roller.unbonding), ", free ", time(roller.unbondAt)] : null],
    ["Signer", roller.isRegistered ? hash(roller.signer, true) : null],
    ["Paid at", roller.isRegistered ? hash(roller.payout, true) : null],
    ["Claimable", roller.isRegistered ? scr(roller.credits) : null],
    ["Owed until the pool is funded", roller.arrears > 0n ? scr(roller.arrears) : null],
  ]);
}

/** All of it. */
export async function stake() {
  const info = await rpc("rollmill_sequencerInfo");
  const l1 = { id: number(info.l1ChainId), name: "L1" };
  const wallet = connected();
  const isThere = wallet?.chainId === l1.id;
  const says = h(
    "p",
    {},
    "Whoever stakes SCR is drawn to prove batches. Everything here is a transaction on L1 that your wallet signs; ",
    "the account is the roller's owner, and its machine needs a key of its own.",
  );
  const page = (...more) => ({ title: "Stake", topics: ["wallet", "board"], body: [says, walletPart(l1), ...more] });
  if (!isThere) return page();
  const at = await contracts(info.rollup);
  const roller = await account(at, wallet.account);
  const forms = [stakeForm(l1, at, roller), ...(roller.isRegistered ? registered(l1, at, roller) : [])];
  return page(
    h("h2", {}, "On L1"),
    shown(roller),
    h("div", { class: "forms", "data-key": wallet.account }, forms),
  );
}
