// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice Constructor arguments of RollerRegistry.
struct RegistryParams {
    /// SCR token.
    address token;
    /// Rollup contract, the only one that fines. Its address is computed before it is deployed.
    address rollup;
    /// Receives the half of a fine that is not burned.
    address rewardPool;
    /// Below this stake nobody is eligible, SCR-wei.
    uint256 stakeMinWei;
    /// Seconds between `requestUnbond` and `withdraw`; longer than all dispute windows together.
    uint64 unbondS;
}

/// @notice A registered roller; its identity is the address that registered it.
struct Roller {
    /// Hot key: signs API requests and submissions.
    address signer;
    /// Cold address: receives rewards and withdrawn stake.
    address payout;
    /// Proofs that it offers to make at once.
    uint32 capacity;
    /// Wants to be drawn.
    bool ready;
    /// When the unbonding stake may be withdrawn, unix seconds.
    uint64 unbondAt;
    /// Stake that counts, SCR-wei.
    uint128 stakeWei;
    /// Stake on its way out, SCR-wei; fines reach it.
    uint128 unbondingWei;
}

/// @notice Who may be drawn, with which stake and which keys. Nobody but Rollup, by a verdict, takes stake away.
interface IRollerRegistry {
    error NotRollup(address caller);
    error ZeroAddress();
    error ZeroAmount();
    error ZeroCapacity();
    error AlreadyRegistered(address roller);
    error NotRegistered(address roller);
    error SignerTaken(address signer);
    error StakeTooSmall(uint256 stakeWei, uint256 askedWei);
    error NothingUnbonding();
    error StillUnbonding(uint64 unbondAt);
    error NotPayout(address caller);

    event RollerRegistered(
        address indexed roller, address indexed signer, address indexed payout, uint32 capacity, string metadata
    );
    /// @notice Stake after a deposit, a request to unbond, a withdrawal or a fine.
    event StakeChanged(address indexed roller, uint256 stakeWei, uint256 unbondingWei, uint64 unbondAt);
    event ReadyChanged(address indexed roller, bool ready);
    event SignerChanged(address indexed roller, address indexed signer);
    event PayoutChanged(address indexed roller, address indexed payout);
    event CapacityChanged(address indexed roller, uint32 capacity);
    event Withdrawn(address indexed roller, address indexed payout, uint256 amountWei);
    event Fined(address indexed roller, uint256 amountWei, uint256 burnedWei);

    /// @notice Registers the caller as a roller. A signer serves one roller for ever, also after it is replaced.
    /// @param metadata Free text for people, such as a URL; only in the event.
    function register(address signer, address payout, uint32 capacity, string calldata metadata) external;

    /// @notice Adds stake of the calling roller; needs an allowance on the SCR token.
    function deposit(uint256 amountWei) external;

    /// @notice Enters or leaves the draw for future tasks.
    function setReady(bool ready) external;

    /// @notice Replaces the hot key. The old key stays answerable for tasks committed before.
    function setSigner(address signer) external;

    /// @notice Declares another capacity.
    function setCapacity(uint32 capacity) external;

    /// @notice Replaces the payout address of `roller`; only the present payout address may.
    function setPayout(address roller, address payout) external;

    /// @notice Starts to unbond `amountWei`: it stops counting at once, and the clock of all unbonding stake restarts.
    function requestUnbond(uint256 amountWei) external;

    /// @notice Pays the caller's unbonded stake to its payout address.
    function withdraw() external;

    /// @notice Takes `min(amountWei, stake + unbonding stake)`, half burned, half to the pool, and takes the roller out
    /// of the draw until it calls `setReady` again; only Rollup.
    /// @return finedWei What was taken.
    function fine(address roller, uint256 amountWei) external returns (uint256 finedWei);

    function rollers(address roller) external view returns (Roller memory);

    function isRegistered(address roller) external view returns (bool);

    /// @notice Whether a roller is ready and has the minimum stake.
    function eligible(address roller) external view returns (bool);

    function payoutOf(address roller) external view returns (address);

    /// @notice The roller that a signer belongs or belonged to; zero if none.
    function rollerOf(address signer) external view returns (address);

    /// @notice Whether `signer` is, or still was after `sinceS`, the signer of `roller`.
    function answersFor(address signer, address roller, uint64 sinceS) external view returns (bool);

    function rollup() external view returns (address);

    function unbondS() external view returns (uint64);
}
