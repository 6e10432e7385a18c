/** What the page calls of the contracts, and what their errors mean. A test holds it against the artifacts. */
import { selector } from "./abi.js";

/** Functions by contract, as `abi.js` reads them. */
export const ARTIFACTS = {
  Rollup: {
    registry: "registry() address",
    rewardPool: "rewardPool() address",
    emission: "emission() address",
    messageGasPriceWei: "messageGasPriceWei() uint128",
    sendMessage: "sendMessage(address,uint64,bytes) uint64",
    forceTransaction: "forceTransaction(address,uint256,uint64,bytes) uint64",
    finalizeWithdrawal: "finalizeWithdrawal(uint64,(uint64,address,address,uint256,bytes),bytes32[32])",
    withdrawalFinalized: "withdrawalFinalized(uint64) bool",
  },
  RollerRegistry: {
    rollers: "rollers(address) (address,address,uint32,bool,uint64,uint64,uint128,uint128)",
    rollerOf: "rollerOf(address) address",
    stakeMinWei: "stakeMinWei() uint256",
    unbondS: "unbondS() uint64",
    token: "token() address",
    register: "register(address,address,uint32,string)",
    deposit: "deposit(uint256)",
    setReady: "setReady(bool)",
    setSigner: "setSigner(address)",
    setCapacity: "setCapacity(uint32)",
    requestUnbond: "requestUnbond(uint256)",
    withdraw: "withdraw()",
  },
  RewardPool: {
    credits: "credits(address) uint256",
    arrears: "arrears(address) uint256",
    available: "available() uint256",
    creditArrears: "creditArrears(address)",
    claim: "claim(address) uint256",
  },
  Emission: {
    currentEpoch: "currentEpoch() uint64",
    gasOf: "gasOf(uint64,address) uint256",
    claim: "claim(uint64,address) uint256",
  },
  ScrToken: {
    name: "name() string",
    symbol: "symbol() string",
    decimals: "decimals() uint8",
    totalSupply: "totalSupply() uint256",
    balanceOf: "balanceOf(address) uint256",
    allowance: "allowance(address,address) uint256",
    approve: "approve(address,uint256) bool",
  },
  TokenBridge: {
    deposit: "deposit(address,address,uint256) uint64",
    depositFeeWei: "depositFeeWei() uint256",
  },
  WithdrawalQueue: {
    initiateWithdrawal: "initiateWithdrawal(address) uint256",
  },
  BridgedToken: {
    l1Token: "l1Token() address",
  },
  L2TokenBridge: {
    withdraw: "withdraw(address,address,uint256) uint256",
    tokenOf: "tokenOf(address) address",
  },
};

export const { Rollup, RollerRegistry, RewardPool, Emission, ScrToken: Token, BridgedToken, TokenBridge, WithdrawalQueue, L2TokenBridge } =
  ARTIFACTS;

export const EVENTS = {
  transfer: "Transfer(address,address,uint256)",
  message: "MessageSent(uint64,address,address,uint256,uint256,uint64,bytes,bytes32)",
  withdrawal: "WithdrawalInitiated(uint256,address,address,uint256,bytes)",
};

/** Where the predeploys are, on every rollmill chain. */
export const WITHDRAWAL_QUEUE = "0x0000000000000000000000000000000000524d02";
export const L2_TOKEN_BRIDGE = "0x0000000000000000000000000000000000524d03";

export const NOBODY = `0x${"00".repeat(20)}`;

/** Refusals in words. */
export const ERRORS = {
  "AlreadyFinalized(uint64)": "this withdrawal was paid already",
  "NotSettled(uint64)": "its batch is not settled yet",
  "FeeNotCovered(uint256,uint256)": "the ether does not cover the gas on L2",
  "TransferFailed()": "the recipient does not take it",
  "NotRegistered(address)": "this account is not registered",
  "AlreadyRegistered(address)": "this account is registered already",
  "SignerTaken(address)": "the signer belongs to a roller, and serves it for ever",
  "StakeTooSmall(uint256,uint256)": "that is more than the stake",
  "NothingUnbonding()": "no stake is on its way out",
  "StillUnbonding(uint64)": "the stake's time is not over",
  "Frozen(uint256)": "open accusations claim the stake",
  "NothingToClaim(address)": "there is nothing to claim",
  "ZeroAmount()": "the amount is nothing",
  "WrongFee(uint256,uint256)": "the fee for the gas on L2 has changed: try again",
  "UnknownToken(address)": "nobody has brought this token to L2",
  "ERC20InsufficientBalance(address,uint256,uint256)": "the account has not so much of the token",
  "ERC20InsufficientAllowance(address,uint256,uint256)": "the contract may not take so much of the token",
};

const BY_SELECTOR = new Map(Object.entries(ERRORS).map(([signature, words]) => [selector(signature), words]));

/** Why a contract refused, if its answer is one of its errors. */
export function refusal(data) {
  return typeof data === "string" ? BY_SELECTOR.get(data.slice(0, 10)) : undefined;
}
