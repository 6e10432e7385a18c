// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice Constructor arguments of Emission.
struct EmissionParams {
    /// Length of an emission epoch, seconds.
    uint64 epochS;
    /// The pot is halved after this many epochs, again and again.
    uint64 halvingEpochs;
    /// Pot of the first epoch, SCR-wei.
    uint128 potWei;
}

/// @notice SCR earned by proving: a fixed pot per epoch, split over the prover gas of the batches that settled in it.
/// @dev The pot does not depend on how much is settled, and one batch counts up to a cap, so stuffing batches moves shares
/// but creates nothing. Nothing is minted: this contract holds from the start all that it will ever pay, which the sum
/// of all pots (twice the pots before the first halving) cannot exceed. The operator's own rollers earn nothing here.
interface IEmission {
    error NotRollup(address caller);
    error BadParameter(string name);
    error EpochNotOver(uint64 epoch);
    error NothingToClaim(uint64 epoch, address roller);
    error NothingToBurn(uint64 epoch);

    event WorkRecorded(uint64 indexed epoch, address indexed roller, uint64 proverGas);
    event EmissionClaimed(uint64 indexed epoch, address indexed roller, address indexed payout, uint256 amountWei);
    /// @notice The pot of an epoch in which nobody worked was burned.
    event PotBurned(uint64 indexed epoch, uint256 amountWei);

    /// @notice Counts proven work of `roller`; only Rollup.
    function record(address roller, uint64 proverGas) external;

    /// @notice Pays a roller's share of an epoch that is over to its payout address; anybody may call. Rounded down.
    function claim(uint64 epoch, address roller) external returns (uint256 amountWei);

    /// @notice Burns the pot of an epoch that is over and in which nobody worked; anybody.
    function burnIdle(uint64 epoch) external;

    /// @notice Present epoch; the first is 0.
    function currentEpoch() external view returns (uint64);

    /// @notice Pot of an epoch, SCR-wei.
    function potWei(uint64 epoch) external view returns (uint256);

    /// @notice Prover gas that counts in an epoch: of a roller, and of all.
    function gasOf(uint64 epoch, address roller) external view returns (uint256);
    function totalGas(uint64 epoch) external view returns (uint256);
}
