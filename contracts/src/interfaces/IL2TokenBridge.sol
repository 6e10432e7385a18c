// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice What TokenBridge on L1 says of a deposit.
struct Deposit {
    uint64 id;
    address l1Token;
    /// Recipient on L2.
    address to;
    uint256 amount;
    /// What the token says about itself; the twin's for ever when this is its first deposit.
    string name;
    string symbol;
    uint8 decimals;
}

/// @notice L2 predeploy at 0x…524d03: mints a twin of each L1 token that TokenBridge holds, and burns it for the way back.
interface IL2TokenBridge {
    error NotL1Bridge(address caller);
    error AlreadyExecuted(uint64 id);
    error UnknownToken(address l1Token);
    error ZeroAmount();
    error ZeroRecipient();

    event TokenCreated(address indexed l1Token, address indexed token, string name, string symbol, uint8 decimals);
    event DepositFinalized(
        uint64 indexed id, address indexed l1Token, address indexed to, address token, uint256 amount
    );
    event WithdrawalInitiated(
        address indexed l1Token, address indexed from, address indexed to, address token, uint256 amount, uint256 index
    );

    /// @notice Mints what was deposited on L1, once for each `id`; only the message of TokenBridge. The token's first deposit
    /// creates its twin.
    function finalizeDeposit(Deposit calldata d) external;

    /// @notice Burns `amount` of the caller's twin of `l1Token` and gives as much to `to` on L1, once the withdrawal is finalised
    /// there.
    /// @return index Of the withdrawal in the queue.
    function withdraw(address l1Token, address to, uint256 amount) external returns (uint256 index);

    /// @notice Address of the twin of `l1Token`, whether it exists yet or not.
    function tokenOf(address l1Token) external view returns (address);

    /// @notice TokenBridge on L1.
    function l1Bridge() external view returns (address);

    function depositExecuted(uint64 id) external view returns (bool);
}
