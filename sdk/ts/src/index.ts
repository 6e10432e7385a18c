/**
 * viem actions for a rollmill rollup.
 *
 * ```ts
 * const l2 = createPublicClient({ transport: http(l2Url) }).extend(publicActionsL2());
 * const wallet = createWalletClient({ account, transport: http(l1Url) }).extend(walletActionsL1());
 * const { rollup } = await l2.getSequencerInfo();
 * const hash = await wallet.deposit({ rollup, amount: parseEther("1") });
 * ```
 */
export * from "./abi.js";
export * from "./errors.js";
export * from "./events.js";
export * from "./l1.js";
export * from "./l2.js";
export type * from "./types.js";
