// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IRewardPool, RewardPoolParams} from "./interfaces/IRewardPool.sol";
import {IRollerRegistry} from "./interfaces/IRollerRegistry.sol";

/// @notice See IRewardPool.
/// @dev INVARIANT: totalCredits is the sum of credits and never exceeds the SCR balance.
contract RewardPool is IRewardPool {
    using SafeERC20 for IERC20;

    IERC20 public immutable token;
    address public immutable rollup;
    IRollerRegistry public immutable registry;

    mapping(address roller => uint256) public credits;
    mapping(address roller => uint256) public arrears;
    uint256 public totalCredits;

    constructor(RewardPoolParams memory p) {
        require(p.token != address(0) && p.rollup != address(0) && p.registry != address(0), ZeroAddress());
        token = IERC20(p.token);
        rollup = p.rollup;
        registry = IRollerRegistry(p.registry);
    }

    /// @inheritdoc IRewardPool
    function credit(address roller, uint256 amountWei) external {
        require(msg.sender == rollup, NotRollup(msg.sender));
        uint256 fundedWei = Math.min(amountWei, available());
        uint256 missingWei = amountWei - fundedWei;
        credits[roller] += fundedWei;
        totalCredits += fundedWei;
        arrears[roller] += missingWei;
        emit Credited(roller, fundedWei, missingWei);
    }

    /// @inheritdoc IRewardPool
    function creditArrears(address roller) external {
        uint256 amountWei = Math.min(arrears[roller], available());
        require(amountWei > 0, NoArrears(roller));
        arrears[roller] -= amountWei;
        credits[roller] += amountWei;
        totalCredits += amountWei;
        emit ArrearsCredited(roller, amountWei);
    }

    /// @inheritdoc IRewardPool
    function claim(address roller) external returns (uint256 amountWei) {
        amountWei = credits[roller];
        require(amountWei > 0, NothingToClaim(roller));
        address payout = registry.payoutOf(roller);
        credits[roller] = 0;
        totalCredits -= amountWei;
        token.safeTransfer(payout, amountWei);
        emit Claimed(roller, payout, amountWei);
    }

    /// @inheritdoc IRewardPool
    function available() public view returns (uint256) {
        return token.balanceOf(address(this)) - totalCredits;
    }
}
