// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IParameters, Key} from "./interfaces/IParameters.sol";

/// @notice See IParameters.
contract Parameters is IParameters {
    struct Slot {
        uint96 current;
        uint96 next;
        uint64 activeFromS;
    }

    /// @notice Seconds between an announcement and its force.
    uint64 public constant DELAY_S = 7 days;
    /// @notice No dispute about a batch can last longer than this after its commit: the sum of the greatest windows.
    /// Stake and the operator's bond stay for longer.
    uint64 public constant DISPUTES_MAX_S = 6.5 days;
    uint256 private constant COUNT = uint256(type(Key).max) + 1;

    address public immutable governor;

    mapping(Key key => Slot) private _slots;

    constructor(address governor_, uint96[] memory initial) {
        require(initial.length == COUNT, WrongCount(initial.length));
        governor = governor_;
        for (uint256 i = 0; i < COUNT; i++) {
            Key key = Key(i);
            _check(key, initial[i]);
            _slots[key] = Slot(initial[i], initial[i], 0);
            emit ParameterAnnounced(key, initial[i], 0);
        }
    }

    /// @inheritdoc IParameters
    function announce(Key key, uint96 value_) external {
        require(msg.sender == governor, NotGovernor(msg.sender));
        _check(key, value_);
        uint64 activeFromS = uint64(block.timestamp) + DELAY_S;
        _slots[key] = Slot(uint96(value(key)), value_, activeFromS);
        emit ParameterAnnounced(key, value_, activeFromS);
    }

    /// @inheritdoc IParameters
    function value(Key key) public view returns (uint256) {
        Slot memory slot = _slots[key];
        return block.timestamp >= slot.activeFromS ? slot.next : slot.current;
    }

    /// @inheritdoc IParameters
    function announced(Key key) external view returns (uint256 value_, uint64 activeFromS) {
        Slot memory slot = _slots[key];
        return (slot.next, slot.activeFromS);
    }

    /// @inheritdoc IParameters
    function bounds(Key key) public pure returns (uint256 min, uint256 max) {
        // The greatest values of these five are DISPUTES_MAX_S together.
        if (key == Key.SettleS) return (1, 1 days);
        if (key == Key.FallbackS) return (1, 1 days);
        if (key == Key.ClaimS) return (10 minutes, 2 days);
        if (key == Key.AccuseS) return (10 minutes, 1.5 days);
        if (key == Key.DefendS) return (6 hours, 1 days);
        if (key == Key.HeartbeatS) return (1, 10 minutes);
        if (key == Key.FineMinWei) return (1, 1000 ether);
        if (key == Key.RebuttalBondWei) return (1 ether, 100_000 ether);
        if (key == Key.RebuttalCostWei) return (0, 100_000 ether);
        if (key == Key.AccuserCostWei) return (0, 1000 ether);
        if (key == Key.UnitPriceMinWei) return (1, 1e18);
        if (key == Key.UnitPriceMaxWei) return (1, 1e18);
        if (key == Key.ProverGasMax) return (1, type(uint64).max);
        if (key == Key.BeaconCapWei) return (1 ether, type(uint96).max);
        if (key == Key.EmissionGasMax) return (1, type(uint64).max);
        if (key == Key.QuarantineRollersMin) return (2, 1000);
        // Of these an exit waits for one of the first two, and for the last: less than DELAY_S in any case.
        if (key == Key.ForceDelayS) return (1, 3 days);
        if (key == Key.LivenessS) return (1, 3 days);
        // Key.DropS
        return (1, 1 days);
    }

    function _check(Key key, uint256 value_) private pure {
        (uint256 min, uint256 max) = bounds(key);
        require(value_ >= min && value_ <= max, OutOfBounds(key, value_, min, max));
    }
}
