// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice The numbers that can be changed, in the order of the constructor's array. Times in seconds, amounts in SCR-wei.
enum Key {
    /// Time that the winner's proof has, from its entries or the previous settlement, before any proof settles.
    SettleS,
    /// Time from a commit after which any proof settles when no entries were posted.
    FallbackS,
    /// Time after an unpaid settlement in which the winner can still claim its reward.
    ClaimS,
    /// Time after a settlement in which rollers and the operator can be accused of what they did for the batch.
    AccuseS,
    /// Time that an accused roller has to answer an optimistic accusation.
    DefendS,
    /// A roller heard within this time is not silent.
    HeartbeatS,
    /// Smallest fine; half of the least stake at most.
    FineMinWei,
    /// Bond of an optimistic accuser; where the fine is greater, that.
    RebuttalBondWei,
    /// Part of that bond that a wrongly accused roller gets for its costs; at most half of it.
    RebuttalCostWei,
    /// What an accuser that was right gets for its costs, out of the fine; at most a quarter of it.
    AccuserCostWei,
    /// Bounds of the unit price, per prover gas.
    UnitPriceMinWei,
    UnitPriceMaxWei,
    /// Largest prover gas that a batch may be estimated at.
    ProverGasMax,
    /// Largest sum of rewards under one lottery beacon; a single batch may exceed it.
    BeaconCapWei,
    /// Prover gas of one batch that counts for the emission, at most.
    EmissionGasMax,
    /// A program version is not quarantined by fewer rollers than this.
    QuarantineRollersMin,
    /// Age of the oldest message that is in no settled batch from which on anybody may start enforced mode.
    ForceDelayS,
    /// Time without a settlement, while a message or a batch waits, after which anybody may start enforced mode.
    LivenessS,
    /// Time in enforced mode after which batches that nobody proved are dropped.
    DropS
}

/// @notice Numbers that the governor may change, each within fixed bounds and 7 days after it said so.
/// @dev Whoever does not like what was announced can leave before it is in force, without the operator: the greatest delays of
/// enforced mode are 4 days together. The bounds are the promise: whatever the governor does, nobody's stake is taken without a verdict, no verdict takes
/// more than half of the least stake, an accused has hours to answer, and every dispute ends before stake can be withdrawn. A number is in force from its time on without
/// anybody's doing.
interface IParameters {
    error NotGovernor(address caller);
    error OutOfBounds(Key key, uint256 value, uint256 min, uint256 max);
    error WrongCount(uint256 count);

    /// @notice `value` will be in force from `activeFromS` on; it replaces a value announced before and not in force yet.
    event ParameterAnnounced(Key indexed key, uint256 value, uint64 activeFromS);

    /// @notice Announces a value; only the governor.
    function announce(Key key, uint96 value_) external;

    /// @notice The value in force.
    function value(Key key) external view returns (uint256);

    /// @notice The value announced last, and since or from when it is in force, unix seconds (zero: since the deployment).
    function announced(Key key) external view returns (uint256 value_, uint64 activeFromS);

    /// @notice Least and greatest value that can be announced.
    function bounds(Key key) external pure returns (uint256 min, uint256 max);

    /// @notice Who may announce; zero closes the table.
    function governor() external view returns (address);
}
