// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice The contracts of one deployment. They name each other, so their addresses are computed from the deployer's
/// nonces before the first of them is created, and given to each constructor.
struct Contracts {
    /// SCR token.
    address token;
    /// Parameters: slow numbers, behind a timelock.
    address parameters;
    /// Control: quick numbers, posted once per epoch within bounds.
    address control;
    /// RewardPool.
    address rewardPool;
    /// RollerRegistry.
    address registry;
    /// OperatorBond.
    address bond;
    /// Emission.
    address emission;
    /// Court: verdicts over rollers.
    address court;
    /// Evidence: verdicts over the operator.
    address evidence;
    /// Draws: what the operator says of its draws, and verdicts over it.
    address draws;
    /// Enforcement: the chain without its operator.
    address enforcement;
    /// Settlement: many batches by one proof.
    address settlement;
    /// Rollup.
    address rollup;
}
