// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {SnapshotPieces} from "./SnapshotPieces.sol";
import {Contracts} from "./interfaces/IContracts.sol";
import {Dials, IControl} from "./interfaces/IControl.sol";
import {IParameters, Key} from "./interfaces/IParameters.sol";

/// @notice See IControl.
contract Control is SnapshotPieces {
    uint256 private constant STEP_DIVISOR = 8;
    uint32 private constant K_MAX = 16;
    uint32 private constant WINDOW_MAX = 65_536;
    /// @dev One second per prover gas.
    uint64 private constant TAU_MAX = 1e9;

    IParameters public immutable parameters;
    /// @inheritdoc IControl
    bytes32 public immutable lawHash;

    Dials private _former;
    Dials private _posted;
    uint64 private _postedEpoch;

    constructor(Contracts memory c, Dials memory initial, bytes32 lawHash_) SnapshotPieces(c.rollup) {
        require(lawHash_ != 0, NoLaw());
        parameters = IParameters(c.parameters);
        lawHash = lawHash_;
        _checkRanges(initial);
        _posted = initial;
        emit DialsPosted(0, initial, 0);
    }

    /// @inheritdoc IControl
    function post(uint64 epoch, Dials calldata dials, bytes32 logHash) external {
        require(msg.sender == rollup.operator(), NotOperator(msg.sender));
        uint64 next = rollup.currentEpoch() + 1;
        require(epoch == next && epoch > _postedEpoch, WrongEpoch(epoch, next));
        Dials memory from = _posted;
        _checkStep("unitPriceWei", from.unitPriceWei, dials.unitPriceWei);
        _checkStep("tauNsPerGas", from.tauNsPerGas, dials.tauNsPerGas);
        _checkStep("window", from.window, dials.window);
        require(dials.k + 1 >= from.k && dials.k <= from.k + 1, StepTooLarge("k", from.k, dials.k));
        _checkRanges(dials);
        _former = from;
        _posted = dials;
        _postedEpoch = epoch;
        emit DialsPosted(epoch, dials, logHash);
    }

    /// @inheritdoc IControl
    function current() external view returns (Dials memory) {
        return rollup.currentEpoch() < _postedEpoch ? _former : _posted;
    }

    /// @inheritdoc IControl
    function posted() external view returns (Dials memory dials, uint64 epoch) {
        return (_posted, _postedEpoch);
    }

    function _checkRanges(Dials memory d) private view {
        require(
            d.unitPriceWei >= parameters.value(Key.UnitPriceMinWei)
                && d.unitPriceWei <= parameters.value(Key.UnitPriceMaxWei),
            OutOfRange("unitPriceWei", d.unitPriceWei)
        );
        require(d.tauNsPerGas <= TAU_MAX, OutOfRange("tauNsPerGas", d.tauNsPerGas));
        require(d.window > 0 && d.window <= WINDOW_MAX, OutOfRange("window", d.window));
        require(d.k > 0 && d.k <= K_MAX, OutOfRange("k", d.k));
    }

    function _checkStep(string memory name, uint256 from, uint256 to) private pure {
        uint256 step = from / STEP_DIVISOR;
        if (step == 0) step = 1;
        require(to <= from + step && to + step >= from, StepTooLarge(name, from, to));
    }
}
