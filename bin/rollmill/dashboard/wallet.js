/**
 * The reader's wallet (EIP-6963, EIP-1193): it holds the keys, asks its owner and sends. The page sees no key, and the node takes no
 * part: what L1 says in these pages the wallet asks its own L1.
 */
import { callData, result } from "./abi.js";
import { about } from "./api.js";
import { refusal } from "./contracts.js";
import { number, quantity } from "./format.js";

/** Pause between looks for a receipt. */
const POLL_MS = 500;
/** Looks until it is given up: ten minutes. */
const LOOKS = 1_200;
/** EIP-1193 and EIP-3085: the owner says no; the wallet does not know the chain. */
const REFUSED = 4001;
const UNKNOWN_CHAIN = 4902;

const announced = new Map();
/** The one that is connected: `{name, provider, account, chainId}`. */
let wallet = null;
let changed = () => {};

/** Calls back whenever a wallet appears, or the connected one has another account or chain. */
export function watch(callback) {
  changed = callback;
  window.addEventListener("eip6963:announceProvider", ({ detail }) => {
    announced.set(detail.info.uuid, detail);
    changed();
  });
  window.dispatchEvent(new Event("eip6963:requestProvider"));
}

/** Wallets of this browser: `{uuid, name}`. */
export function wallets() {
  return [...announced.values()].map(({ info }) => info);
}

export function connected() {
  return wallet;
}

const followed = new WeakSet();

function follow(provider) {
  if (followed.has(provider)) return;
  followed.add(provider);
  const update = (change) => {
    if (wallet?.provider !== provider) return;
    wallet = change === null ? null : { ...wallet, ...change };
    changed();
  };
  provider.on?.("accountsChanged", ([account]) => update(account ? { account: account.toLowerCase() } : null));
  provider.on?.("chainChanged", (chainId) => update({ chainId: number(chainId) }));
}

/** Asks its owner for an account. */
export async function connect(uuid) {
  const { info, provider } = announced.get(uuid);
  const [[account], chainId] = [await ask(provider, "eth_requestAccounts"), await ask(provider, "eth_chainId")];
  if (!account) throw new Error("the wallet shows no account");
  wallet = { name: info.name, provider, account: account.toLowerCase(), chainId: number(chainId) };
  follow(provider);
  changed();
}

/** Forgets it; what it was allowed, its owner takes back in the wallet. */
export function disconnect() {
  wallet = null;
  changed();
}

/** What a contract answered in an error, however deep wallets hide it. */
function answer(error) {
  for (let at = error?.data, depth = 0; at && depth < 4; at = at.data ?? at.originalError, depth++) {
    if (typeof at === "string") return at;
  }
  return undefined;
}

async function ask(provider, method, ...params) {
  try {
    return await provider.request({ method, params });
  } catch (error) {
    const why = error?.code === REFUSED ? "the wallet's owner refused" : (refusal(answer(error)) ?? error?.message ?? String(error));
    throw Object.assign(new Error(why), { code: error?.code });
  }
}

/** Brings the wallet to a chain: to L1, which it must know, or to this L2, which it is told of. */
export async function switchTo({ id, isL2 }) {
  const chainId = quantity(id);
  const rpc = new URL(about.l2Url);
  [rpc.protocol, rpc.hostname] = [location.protocol, location.hostname];
  try {
    await ask(wallet.provider, "wallet_switchEthereumChain", { chainId });
  } catch (error) {
    if (error.code !== UNKNOWN_CHAIN || !isL2) throw error;
    await ask(wallet.provider, "wallet_addEthereumChain", {
      chainId,
      chainName: `rollmill ${id}`,
      nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
      rpcUrls: [rpc.href],
    });
    await ask(wallet.provider, "wallet_switchEthereumChain", { chainId });
  }
  wallet = { ...wallet, chainId: id };
}

/** The same where it is not there yet. */
export async function beOn(chain) {
  if (wallet.chainId !== chain.id) await switchTo(chain);
}

/** What a function of a contract on the wallet's chain answers. */
export async function read(to, name, ...values) {
  return result(name, await ask(wallet.provider, "eth_call", { to, data: callData(name, ...values) }, "latest"));
}

/** What an account has on the wallet's chain, wei. */
export async function balance(account) {
  return BigInt(await ask(wallet.provider, "eth_getBalance", account, "latest"));
}

/** Calls a contract in a transaction and returns its receipt. It is tried first, so that a refusal costs nothing; `say` hears how far it is. */
export async function send(chain, { to, name, values = [], data, value = 0n }, say) {
  const { provider, account } = wallet;
  await beOn(chain);
  const transaction = { from: account, to, data: data ?? callData(name, ...values), value: quantity(value) };
  await ask(provider, "eth_call", transaction, "latest");
  say("The wallet asks you …");
  const hash = await ask(provider, "eth_sendTransaction", transaction);
  say(`Sent as ${hash}, waiting for its block …`);
  const receipt = await mined(provider, hash);
  changed();
  if (receipt.status !== "0x1") throw new Error(`the transaction ${hash} failed`);
  return receipt;
}

async function mined(provider, hash) {
  for (let look = 0; look < LOOKS; look++) {
    const receipt = await ask(provider, "eth_getTransactionReceipt", hash);
    if (receipt) return receipt;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`the transaction ${hash} is in no block yet`);
}
