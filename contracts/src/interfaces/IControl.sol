// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice What the controller sets once per epoch.
struct Dials {
    /// SCR-wei per prover gas.
    uint128 unitPriceWei;
    /// Nanoseconds of deadline per prover gas.
    uint64 tauNsPerGas;
    /// Tasks open at once.
    uint32 window;
    /// Points drawn per task.
    uint32 k;
}

/// @notice The dials of the law: quick numbers that follow the community's computing power.
/// @dev The operator posts what the controller of the law computes from the event log. L1 does not compute it, but bounds
/// each step, so that a lying operator moves slowly and in public: the posting names the log that it follows from, and
/// anybody computes it again. They are posted for the next epoch and come into force with its snapshot; a batch takes unit
/// price and k as they are when it is committed.
interface IControl {
    error NotOperator(address caller);
    error WrongEpoch(uint64 epoch, uint64 expected);
    error StepTooLarge(string name, uint256 from, uint256 to);
    error OutOfRange(string name, uint256 value);

    /// @param logHash Head of the hash-chained event log from which the dials follow.
    event DialsPosted(uint64 indexed epoch, Dials dials, bytes32 logHash);

    /// @notice Posts the dials of the next epoch, once and before its snapshot; only the operator. A step is at most an eighth
    /// (12.5 %, rounded down, but 1 at least) of the former value, of k at most 1.
    function post(uint64 epoch, Dials calldata dials, bytes32 logHash) external;

    /// @notice The dials in force.
    function current() external view returns (Dials memory);

    /// @notice The dials posted last, and the epoch from which they are in force.
    function posted() external view returns (Dials memory dials, uint64 epoch);
}
