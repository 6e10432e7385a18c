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
///
/// A snapshot that is too large for one transaction is posted in pieces: all but the last one here, the last one to the Rollup,
/// which takes the whole only if it is what the operator says it is. Until then nothing counts.
interface IControl {
    error NotOperator(address caller);
    error WrongEpoch(uint64 epoch, uint64 expected);
    error StepTooLarge(string name, uint256 from, uint256 to);
    error OutOfRange(string name, uint256 value);
    error WrongPiece(uint256 index, uint256 expected);
    error NoLaw();

    /// @param logHash Head of the hash-chained event log from which the dials follow.
    event DialsPosted(uint64 indexed epoch, Dials dials, bytes32 logHash);
    /// @param leaves As in SnapshotPosted; empty if the pieces so far were dropped.
    event SnapshotPiecePosted(uint64 indexed epoch, uint256 index, bytes leaves);

    /// @notice Posts the dials of the next epoch, once and before its snapshot; only the operator. A step is at most an eighth
    /// (12.5 %, rounded down, but 1 at least) of the former value, of k at most 1.
    function post(uint64 epoch, Dials calldata dials, bytes32 logHash) external;

    /// @notice Posts a piece of the next epoch's snapshot; only the operator. Piece 0 drops what there was and says, by its leaves
    /// (a power of two of them), how large a piece is; with none it only drops.
    function postPiece(uint64 epoch, uint256 index, bytes calldata leaves) external;

    /// @notice Root of an epoch's snapshot and its sums of weights and stakes: its pieces so far, and `leaves`, at most one piece, behind
    /// them.
    function wholeSnapshot(uint64 epoch, bytes calldata leaves)
        external
        view
        returns (bytes32 root, uint256 total, uint256 stakes);

    /// @notice Pieces of an epoch's snapshot so far; zero for all but the epoch of the last one.
    function pieceCount(uint64 epoch) external view returns (uint256);

    /// @notice Names the law from which dials and draws follow: keccak of its numbers as the event log begins with them
    /// (`Params::hash` in crates/protocol). Nothing but what Parameters can change ever changes of it.
    function lawHash() external view returns (bytes32);

    /// @notice The dials in force.
    function current() external view returns (Dials memory);

    /// @notice The dials posted last, and the epoch from which they are in force.
    function posted() external view returns (Dials memory dials, uint64 epoch);
}
