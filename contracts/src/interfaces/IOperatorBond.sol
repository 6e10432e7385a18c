// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice SCR with which the operator answers to the rollers.
/// @dev The operator commits no batch while its bond is below `required`: twice the rewards of all batches about which it
/// can still be accused, and the full fine of every task that can be open. A loss goes half to the damaged roller, as a
/// credit of the reward pool, and half is burned, so that nobody gains by damaging himself.
interface IOperatorBond {
    error NotOperator(address caller);
    error NotRollup(address caller);
    error NotEvidence(address caller);
    error NotEnforcement(address caller);
    error ZeroAmount();
    error BondTooSmall(uint256 bondWei, uint256 requiredWei);
    error NothingLeaving();
    error StillLeaving(uint64 leavesAtS);

    event BondDeposited(address indexed from, uint256 amountWei);
    event BondLeaving(uint256 amountWei, uint64 leavesAtS);
    event BondWithdrawn(uint256 amountWei);
    /// @param paidWei Credited to `roller`; to nobody but the pool if `roller` is zero.
    event BondSlashed(address indexed roller, uint256 paidWei, uint256 burnedWei);
    /// @notice The operator paid what a batch earned above its estimate.
    event ExcessPaid(address indexed roller, uint256 amountWei);

    /// @notice Adds to the bond; anybody, with an allowance on the SCR token.
    function deposit(uint256 amountWei) external;

    /// @notice Starts to take out `amountWei`: it no longer covers commits, the clock of all that leaves restarts, and
    /// losses still reach it; only the operator.
    function requestWithdrawal(uint256 amountWei) external;

    /// @notice Pays to the operator what has left; only the operator.
    function withdraw() external;

    /// @notice Books a batch that is being committed; reverts unless the bond covers it; only Rollup.
    /// @param unsettled Committed batches that have not settled, this one included.
    function book(uint64 batch, uint256 rewardWei, uint256 fineWei, uint64 unsettled) external;

    /// @notice Credits `roller` with `amountWei` of the bond, or with what there is; only Rollup.
    function payExcess(address roller, uint256 amountWei) external returns (uint256 paidWei);

    /// @notice Takes up to `amountWei`: half to `roller` (to the pool if it is zero or unknown), half burned; only Evidence.
    function slash(address roller, uint256 amountWei) external returns (uint256 lostWei);

    /// @notice Notes a batch that the operator does not answer for; only Enforcement.
    function skip(uint64 batch) external;

    /// @notice Forgets up to `count` batches about which nobody can be accused any more; anybody.
    function release(uint64 count) external;

    /// @notice SCR-wei that covers commits.
    function bondWei() external view returns (uint256);

    /// @notice SCR-wei on its way out, and from when it can be taken, unix seconds.
    function leavingWei() external view returns (uint256);
    function leavesAtS() external view returns (uint64);

    /// @notice Estimated rewards of the batches about which the operator can still be accused.
    function exposedWei() external view returns (uint256);

    /// @notice What the bond must be to commit a task with this fine while `unsettled` batches are committed and not settled.
    function required(uint256 fineWei, uint64 unsettled) external view returns (uint256);
}
