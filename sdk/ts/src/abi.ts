/** The parts of the contracts' ABIs that a user of the bridge needs. */
import { parseAbi } from "viem";

/** `Rollup` on L1. */
export const rollupAbi = parseAbi([
  "function sendMessage(address to, uint64 gasLimit, bytes data) payable returns (uint64 index)",
  "function forceTransaction(address to, uint256 value, uint64 gasLimit, bytes data) payable returns (uint64 index)",
  "struct Withdrawal { uint64 index; address sender; address recipient; uint256 amountWei; bytes data; }",
  "function finalizeWithdrawal(uint64 batch, Withdrawal w, bytes32[32] proof)",
  "function withdrawalFinalized(uint64 index) view returns (bool)",
  "function messageGasPriceWei() view returns (uint128)",
  "function messageGasMax() view returns (uint64)",
  "function committedBatch() view returns (uint64)",
  "function settledBatch() view returns (uint64)",
  "event MessageSent(uint64 indexed index, address indexed sender, address indexed to, uint256 mint, uint256 value, uint64 gasLimit, bytes data, bytes32 rollingHash)",
  "event WithdrawalFinalized(uint64 indexed index, address indexed recipient, uint256 amountWei, uint64 batch)",
]);

/** `WithdrawalQueue`, the predeploy on L2. */
export const withdrawalQueueAbi = parseAbi([
  "function initiateWithdrawal(address recipient) payable returns (uint256 index)",
  "function sendMessage(address recipient, bytes data) payable returns (uint256 index)",
  "event WithdrawalInitiated(uint256 indexed index, address indexed sender, address indexed recipient, uint256 amountWei, bytes data)",
]);

/** `TokenBridge` on L1. */
export const tokenBridgeAbi = parseAbi([
  "function deposit(address token, address to, uint256 amount) payable returns (uint64 id)",
  "function retryDeposit(uint64 id, address token, address to, uint256 amount, uint64 gasLimit) payable",
  "function depositFeeWei() view returns (uint256)",
  "function messageFeeWei(uint64 gasLimit) view returns (uint256)",
  "function lockedOf(address token) view returns (uint256)",
  "event DepositInitiated(uint64 indexed id, address indexed token, address indexed from, address to, uint256 amount)",
  "event WithdrawalFinalized(address indexed token, address indexed to, uint256 amount)",
]);

/** `L2TokenBridge`, the predeploy on L2. */
export const l2TokenBridgeAbi = parseAbi([
  "function withdraw(address l1Token, address to, uint256 amount) returns (uint256 index)",
  "function tokenOf(address l1Token) view returns (address)",
  "function depositExecuted(uint64 id) view returns (bool)",
  "event TokenCreated(address indexed l1Token, address indexed token, string name, string symbol, uint8 decimals)",
  "event DepositFinalized(uint64 indexed id, address indexed l1Token, address indexed to, address token, uint256 amount)",
  "event WithdrawalInitiated(address indexed l1Token, address indexed from, address indexed to, address token, uint256 amount, uint256 index)",
]);

/** Where the predeploys are, on every rollmill chain. */
export const withdrawalQueueAddress = "0x0000000000000000000000000000000000524d02" as const;
export const l2TokenBridgeAddress = "0x0000000000000000000000000000000000524d03" as const;
