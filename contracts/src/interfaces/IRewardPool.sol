// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice Constructor arguments of RewardPool.
struct RewardPoolParams {
    /// SCR token.
    address token;
    /// Rollup contract, the only one that credits. Its address is computed before it is deployed.
    address rollup;
    /// Registry that knows the payout addresses.
    address registry;
}

/// @notice Holds the SCR for rewards. Rollup credits winners, winners pull.
/// @dev Credits never exceed what the pool holds: what it lacks when a batch settles becomes arrears, so that an empty
/// pool delays pay but never blocks a settlement. Funding is a plain transfer of SCR to this contract.
interface IRewardPool {
    error NotRollup(address caller);
    error ZeroAddress();
    error NothingToClaim(address roller);
    error NoArrears(address roller);

    /// @notice `creditedWei` of a reward are claimable now, `arrearsWei` when the pool is funded again.
    event Credited(address indexed roller, uint256 creditedWei, uint256 arrearsWei);
    /// @notice Arrears of a roller became claimable.
    event ArrearsCredited(address indexed roller, uint256 amountWei);
    /// @notice A roller's credit was paid to its payout address.
    event Claimed(address indexed roller, address indexed payout, uint256 amountWei);

    /// @notice Credits a reward; only Rollup. Never reverts for lack of funds.
    function credit(address roller, uint256 amountWei) external;

    /// @notice Turns arrears of `roller` into credit as far as the pool is funded; anybody.
    function creditArrears(address roller) external;

    /// @notice Pays the credit of `roller` to its payout address; anybody may call, nobody can redirect it.
    function claim(address roller) external returns (uint256 amountWei);

    /// @notice Claimable SCR-wei of a roller.
    function credits(address roller) external view returns (uint256);

    /// @notice SCR-wei owed to a roller and not funded yet.
    function arrears(address roller) external view returns (uint256);

    /// @notice Sum of all credits.
    function totalCredits() external view returns (uint256);

    /// @notice SCR-wei held and not credited to anybody.
    function available() external view returns (uint256);

    function rollup() external view returns (address);
}
