// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IMessenger} from "./IMessenger.sol";
import {IRollup} from "./IRollup.sol";

/// @notice ERC-20 tokens of L1 on L2: holds here what circulates there.
/// @dev Deposits are numbered. L2 executes each number once, so a deposit whose message failed on L2 is sent again by
/// anybody, as often as it takes, and never mints twice. Not for tokens that take a fee on transfers (refused) or change
/// balances by themselves (what the bridge holds may then be less than it owes).
interface ITokenBridge {
    error ZeroAmount();
    error ZeroRecipient();
    /// @notice `msg.value` is not the price of the message's gas.
    error WrongFee(uint256 valueWei, uint256 feeWei);
    /// @notice The token moved another amount than it was told to.
    error WrongAmountReceived(address token, uint256 received, uint256 amount);
    /// @notice There is no deposit with this number and this content.
    error UnknownDeposit(uint64 id);
    /// @notice Only L2TokenBridge may, through the messenger.
    error NotL2Bridge(address caller);

    event DepositInitiated(uint64 indexed id, address indexed token, address indexed from, address to, uint256 amount);
    event DepositRetried(uint64 indexed id);
    event WithdrawalFinalized(address indexed token, address indexed to, uint256 amount);

    /// @notice Takes `amount` of `token` from the caller, who has approved it, and mints as much for `to` on L2. `msg.value` is
    /// `depositFeeWei()` exactly.
    function deposit(address token, address to, uint256 amount) external payable returns (uint64 id);

    /// @notice Sends the message of a deposit once more, with any gas limit; anybody. `msg.value` is `messageFeeWei(gasLimit)`. It does
    /// nothing on L2 if the deposit has been executed there.
    function retryDeposit(uint64 id, address token, address to, uint256 amount, uint64 gasLimit) external payable;

    /// @notice Gives tokens back that were burned on L2; only the message of L2TokenBridge.
    function finalizeWithdrawal(address token, address to, uint256 amount) external;

    /// @notice What of `token` was deposited and has not come back.
    function lockedOf(address token) external view returns (uint256);

    /// @notice Deposits so far; number of the next one.
    function depositCount() external view returns (uint64);

    /// @notice Price of a deposit's gas on L2, wei.
    function depositFeeWei() external view returns (uint256);

    /// @notice Price of `gasLimit` gas on L2, wei.
    function messageFeeWei(uint64 gasLimit) external view returns (uint256);

    function rollup() external view returns (IRollup);
    function messenger() external view returns (IMessenger);
}
