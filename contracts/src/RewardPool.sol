// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Contracts} from "./interfaces/IContracts.sol";
import {IRewardPool} from "./interfaces/IRewardPool.sol";
import {IRollerRegistry} from "./interfaces/IRollerRegistry.sol";
import {ScrToken} from "./ScrToken.sol";

/// @notice See IRewardPool.
/// @dev INVARIANT: totalCredits is the sum of credits, totalHeld of what is held; together they never exceed the balance.
contract RewardPool is IRewardPool {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    struct Holding {
        uint128 heldWei;
        uint128 owedWei;
        uint64 untilS;
    }

    ScrToken public immutable token;
    address public immutable rollup;
    address public immutable court;
    IRollerRegistry public immutable registry;

    mapping(address roller => uint256) public credits;
    mapping(address roller => uint256) public arrears;
    mapping(uint64 batch => Holding) private _holdings;
    uint256 public totalCredits;
    uint256 public totalHeld;

    modifier onlyRollup() {
        require(msg.sender == rollup, NotRollup(msg.sender));
        _;
    }

    constructor(Contracts memory c) {
        require(c.token != address(0) && c.rollup != address(0) && c.registry != address(0), ZeroAddress());
        token = ScrToken(c.token);
        rollup = c.rollup;
        court = c.court;
        registry = IRollerRegistry(c.registry);
    }

    /// @inheritdoc IRewardPool
    function credit(address roller, uint256 amountWei) external onlyRollup {
        uint256 fundedWei = Math.min(amountWei, available());
        _credit(roller, fundedWei, amountWei - fundedWei);
    }

    /// @inheritdoc IRewardPool
    function hold(uint64 batch, uint256 amountWei, uint64 untilS) external onlyRollup {
        uint256 heldWei = Math.min(amountWei, available());
        uint256 owedWei = amountWei - heldWei;
        _holdings[batch] = Holding(heldWei.toUint128(), owedWei.toUint128(), untilS);
        totalHeld += heldWei;
        emit Held(batch, heldWei, owedWei, untilS);
    }

    /// @inheritdoc IRewardPool
    function release(uint64 batch, address roller) external onlyRollup returns (uint256 amountWei) {
        Holding memory h = _holdings[batch];
        require(h.untilS != 0, NothingHeld(batch));
        require(block.timestamp <= h.untilS, ClaimOver(h.untilS));
        delete _holdings[batch];
        totalHeld -= h.heldWei;
        _credit(roller, h.heldWei, h.owedWei);
        return uint256(h.heldWei) + h.owedWei;
    }

    /// @inheritdoc IRewardPool
    function burnHeld(uint64 batch) external {
        Holding memory h = _holdings[batch];
        require(h.untilS != 0, NothingHeld(batch));
        require(block.timestamp > h.untilS, StillClaimable(h.untilS));
        delete _holdings[batch];
        totalHeld -= h.heldWei;
        emit HeldBurned(batch, h.heldWei);
        token.burn(h.heldWei);
    }

    /// @inheritdoc IRewardPool
    function creditFunded(address roller, uint256 amountWei) external {
        require(registry.isRegistered(roller), ZeroAddress());
        _credit(roller, amountWei, 0);
        IERC20(token).safeTransferFrom(msg.sender, address(this), amountWei);
    }

    /// @inheritdoc IRewardPool
    function setOff(address roller, uint256 amountWei) external returns (uint256 takenWei) {
        require(msg.sender == court, NotCourt(msg.sender));
        takenWei = Math.min(amountWei, credits[roller]);
        credits[roller] -= takenWei;
        totalCredits -= takenWei;
        // Rounded up: an odd wei is burned.
        uint256 burnedWei = takenWei - takenWei / 2;
        emit SetOff(roller, takenWei, burnedWei);
        token.burn(burnedWei);
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
        IERC20(token).safeTransfer(payout, amountWei);
        emit Claimed(roller, payout, amountWei);
    }

    /// @inheritdoc IRewardPool
    function heldUntilS(uint64 batch) external view returns (uint64) {
        return _holdings[batch].untilS;
    }

    /// @inheritdoc IRewardPool
    function available() public view returns (uint256) {
        return token.balanceOf(address(this)) - totalCredits - totalHeld;
    }

    function _credit(address roller, uint256 fundedWei, uint256 missingWei) private {
        credits[roller] += fundedWei;
        totalCredits += fundedWei;
        arrears[roller] += missingWei;
        emit Credited(roller, fundedWei, missingWei);
    }
}
