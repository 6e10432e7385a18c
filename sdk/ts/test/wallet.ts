/** A wallet in the page, announced as EIP-6963 asks for. It does what it is asked, unless it is told to refuse; its keys stay outside of the page. */
import type { Page } from "playwright-core";
import { type Address, type Hex, hexToBigInt, numberToHex } from "viem";
import { type Devnet, clients } from "./devnet.js";

type Asked = { method: string; params: any[] };
type Answer = { result: unknown } | { error: { code: number; message: string; data?: unknown } };
type Sent = { to: Address; data?: Hex; value?: Hex };

export type TestWallet = { address: Address; refuse: boolean };

/** Runs in the page. */
const ANNOUNCE = `
  const heard = {};
  const request = async ({ method, params = [] }) => {
    const { result, error, chainId } = await window.testWallet({ method, params });
    if (error) throw Object.assign(new Error(error.message), error);
    if (chainId) for (const hear of heard.chainChanged ?? []) hear(chainId);
    return result;
  };
  const provider = { request, on: (name, hear) => (heard[name] ??= []).push(hear) };
  const info = { uuid: "00000000-0000-4000-8000-000000000000", name: "Test Wallet", icon: "data:,", rdns: "org.example.test" };
  const announce = () => window.dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail: Object.freeze({ info, provider }) }));
  window.addEventListener("eip6963:requestProvider", announce);
  announce();
`;

async function forward(url: string, { method, params }: Asked): Promise<Answer> {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
  const response = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
  return (await response.json()) as Answer;
}

/** The wallet of an account of the test mnemonic. It begins on another chain, knows L1, and of L2 what it is told. */
export async function injectWallet(page: Page, net: Devnet, index: number): Promise<TestWallet> {
  const { account, walletL1, walletL2 } = clients(net, index);
  const chains = new Map<number, string>([[1, net.l1Url], [net.l1.id, net.l1Url]]);
  let chain = 1;
  const state = { address: account.address, refuse: false };

  function switchTo(id: number): object {
    if (!chains.has(id)) return { error: { code: 4902, message: "unknown chain" } };
    chain = id;
    return { result: null, chainId: numberToHex(id) };
  }

  async function send({ to, data, value }: Sent): Promise<Answer> {
    if (state.refuse) return { error: { code: 4001, message: "User rejected the request." } };
    const wallet = chain === net.l1.id ? walletL1 : walletL2;
    const sent = { to, ...(data ? { data } : {}), value: hexToBigInt(value ?? "0x0") };
    return { result: await wallet.sendTransaction(sent as never) };
  }

  async function answer(asked: Asked): Promise<object> {
    const [first] = asked.params;
    switch (asked.method) {
      case "eth_requestAccounts":
        return { result: [account.address] };
      case "eth_chainId":
        return { result: numberToHex(chain) };
      case "wallet_switchEthereumChain":
        return switchTo(Number(first.chainId));
      case "wallet_addEthereumChain":
        chains.set(Number(first.chainId), first.rpcUrls[0]);
        return { result: null };
      case "eth_sendTransaction":
        return send(first);
      default:
        return forward(chains.get(chain) ?? "", asked);
    }
  }

  await page.exposeFunction("testWallet", answer);
  await page.addInitScript(ANNOUNCE);
  return state;
}
