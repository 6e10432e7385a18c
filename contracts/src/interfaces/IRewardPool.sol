// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice Holds the SCR for rewards. Rollup credits winners, winners pull.
/// @dev Credits never exceed what the pool holds: what it lacks when a batch settles becomes arrears, so that an empty
/// pool delays pay but never blocks a settlement. Funding is a plain transfer of SCR to this contract.
interface IRewardPool {
    error NotRollup(address caller);
    error NotCourt(address caller);
    error NothingHeld(uint64 batch);
    error StillClaimable(uint64 untilS);
    error ClaimOver(uint64 untilS);
    error ZeroAddress();
    error NothingToClaim(address roller);
    error NoArrears(address roller);

    /// @notice `creditedWei` of a reward are claimable now, `arrearsWei` when the pool is funded again.
    event Credited(address indexed roller, uint256 creditedWei, uint256 arrearsWei);
    /// @notice Arrears of a roller became claimable.
    event ArrearsCredited(address indexed roller, uint256 amountWei);
    /// @notice A roller's credit was paid to its payout address.
    event Claimed(address indexed roller, address indexed payout, uint256 amountWei);

    /// @notice The reward of a batch that settled unpaid waits for its winner until `untilS`; `owedWei` of it is not funded.
    event Held(uint64 indexed batch, uint256 heldWei, uint256 owedWei, uint64 untilS);
    /// @notice The winner did not come in time.
    event HeldBurned(uint64 indexed batch, uint256 burnedWei);
    /// @notice The part of a fine that stake did not cover was taken from the roller's credit.
    event SetOff(address indexed roller, uint256 amountWei, uint256 burnedWei);

    /// @notice Credits a reward; only Rollup. Never reverts for lack of funds.
    function credit(address roller, uint256 amountWei) external;

    /// @notice Sets the reward of a batch aside for its winner; only Rollup. Never reverts for lack of funds.
    function hold(uint64 batch, uint256 amountWei, uint64 untilS) external;

    /// @notice Credits `roller` with what is held for the winner of a batch, until its time is over; only Rollup.
    /// @return amountWei The reward, funded or not.
    function release(uint64 batch, address roller) external returns (uint256 amountWei);

    /// @notice Burns what is held for a winner that did not claim in time; anybody.
    function burnHeld(uint64 batch) external;

    /// @notice Credits `roller` with SCR of the caller, which needs an allowance; anybody.
    function creditFunded(address roller, uint256 amountWei) external;

    /// @notice Takes up to `amountWei` of a roller's credit for a fine: half is burned, half stays in the pool; only the Court.
    function setOff(address roller, uint256 amountWei) external returns (uint256 takenWei);

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

    /// @notice Until when the winner of a batch can claim what is held for it, unix seconds; zero if nothing is held.
    function heldUntilS(uint64 batch) external view returns (uint64);

    /// @notice Sum of all that is held for winners.
    function totalHeld() external view returns (uint256);

    /// @notice SCR-wei in the pool that is neither credited nor held.
    function available() external view returns (uint256);
}
