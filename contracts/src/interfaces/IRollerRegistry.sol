// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice Constructor arguments of RollerRegistry.
struct RegistryParams {
    /// Below this stake nobody is eligible, SCR-wei; 1 SCR at least. Half of it is the most that one verdict takes.
    uint256 stakeMinWei;
    /// Seconds between `requestUnbond` and `withdraw`; longer than Parameters.DISPUTES_MAX_S.
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
    /// When stake, readiness or capacity last changed, unix seconds.
    uint64 changedAt;
    /// Stake that counts, SCR-wei.
    uint128 stakeWei;
    /// Stake on its way out, SCR-wei; fines reach it.
    uint128 unbondingWei;
}

/// @notice Who may be drawn, with which stake and which keys. Nobody but the Court, by a verdict, takes stake away.
interface IRollerRegistry {
    error NotCourt(address caller);
    error UnbondingTooShort(uint64 unbondS, uint64 disputesS);
    error Frozen(uint256 frozenWei);
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
    /// @param accuserWei Costs paid to `accuser`; the rest that is not burned went to the pool.
    event Fined(
        address indexed roller, uint256 amountWei, uint256 burnedWei, address indexed accuser, uint256 accuserWei
    );
    /// @notice Stake that open accusations claim, in sum.
    event FrozenChanged(address indexed roller, uint256 frozenWei);

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

    /// @notice Pays the caller's unbonded stake to its payout address, except what open accusations claim.
    function withdraw() external;

    /// @notice Takes `min(amountWei, stake + unbonding stake)`: half is burned; of the other half `accuser` gets its costs,
    /// the pool the rest. Takes the roller out of the draw until it calls `setReady` again; only the Court.
    /// @param accuserCostWei Costs of the accuser; at most a quarter of the fine is paid.
    /// @return finedWei What was taken.
    function fine(address roller, uint256 amountWei, address accuser, uint256 accuserCostWei)
        external
        returns (uint256 finedWei);

    /// @notice Keeps `amountWei` of the roller's stake, bonded or not, from being withdrawn; only the Court.
    function freeze(address roller, uint256 amountWei) external;

    /// @notice Takes back a `freeze` of the same amount; only the Court.
    function unfreeze(address roller, uint256 amountWei) external;

    function rollers(address roller) external view returns (Roller memory);

    function isRegistered(address roller) external view returns (bool);

    /// @notice Whether a roller is ready and has the minimum stake.
    function eligible(address roller) external view returns (bool);

    function payoutOf(address roller) external view returns (address);

    /// @notice The roller that a signer belongs or belonged to; zero if none.
    function rollerOf(address signer) external view returns (address);

    /// @notice Whether `signer` is, or still was after `sinceS`, the signer of `roller`.
    function answersFor(address signer, address roller, uint64 sinceS) external view returns (bool);

    /// @notice SCR-wei that open accusations claim.
    function frozenWei(address roller) external view returns (uint256);

    /// @notice Sum of all stake that counts, SCR-wei.
    function totalStakeWei() external view returns (uint256);

    function stakeMinWei() external view returns (uint256);

    function unbondS() external view returns (uint64);
}
