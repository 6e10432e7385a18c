// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IFeeSchedule} from "../interfaces/IFeeSchedule.sol";

/// @notice L2 predeploy at 0x…524d05. See IFeeSchedule.
/// @dev Has no constructor: genesis writes the code and the operator. The state transition reads slot 0, so this layout is part of
/// the protocol: 0 proving price (lower half), data price (upper half) | 1 operator, time of the last rise.
contract FeeSchedule is IFeeSchedule {
    uint256 private constant RISE_S = 1 hours;
    /// @dev 1 and 1,000 gwei per data gas.
    uint256 private constant DATA_STEP_WEI = 1e9;
    uint256 private constant DATA_MAX_WEI = 1e12;
    /// @dev A transfer is about 60,000 prover gas: 6 and 6,000 gwei.
    uint256 private constant PROVING_STEP_WEI = 1e5;
    uint256 private constant PROVING_MAX_WEI = 1e8;

    uint128 public provingPriceWei;
    uint128 public dataPriceWei;
    // Genesis writes it into slot 1; nothing changes it afterwards.
    // slither-disable-next-line uninitialized-state
    address public operator;
    uint64 private _roseAt;

    /// @inheritdoc IFeeSchedule
    function set(uint128 dataWei, uint128 provingWei) external {
        require(msg.sender == operator, NotOperator(msg.sender));
        bool rises = _rises(dataPriceWei, dataWei, DATA_STEP_WEI, DATA_MAX_WEI);
        if (_rises(provingPriceWei, provingWei, PROVING_STEP_WEI, PROVING_MAX_WEI)) rises = true;
        if (rises) {
            uint256 allowedFromS = uint256(_roseAt) + RISE_S;
            require(block.timestamp >= allowedFromS, RisesTooSoon(allowedFromS));
            _roseAt = uint64(block.timestamp);
        }
        dataPriceWei = dataWei;
        provingPriceWei = provingWei;
        emit PricesSet(dataWei, provingWei);
    }

    function _rises(uint256 from, uint256 to, uint256 step, uint256 max) private pure returns (bool) {
        if (to <= from) return false;
        require(to <= max, TooHigh(to, max));
        uint256 most = 2 * from > step ? 2 * from : step;
        require(to <= most, RisesTooFast(to, most));
        return true;
    }
}
