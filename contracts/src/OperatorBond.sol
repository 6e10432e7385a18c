// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Contracts} from "./interfaces/IContracts.sol";
import {IControl} from "./interfaces/IControl.sol";
import {IOperatorBond} from "./interfaces/IOperatorBond.sol";
import {IParameters, Key} from "./interfaces/IParameters.sol";
import {IRewardPool} from "./interfaces/IRewardPool.sol";
import {IRollerRegistry} from "./interfaces/IRollerRegistry.sol";
import {IRollup} from "./interfaces/IRollup.sol";
import {AmountsLib} from "./libraries/AmountsLib.sol";
import {ScrToken} from "./ScrToken.sol";

/// @notice See IOperatorBond.
/// @dev INVARIANT: the SCR balance is at least bondWei + leavingWei.
contract OperatorBond is IOperatorBond {
    using SafeERC20 for IERC20;

    /// @dev Longer than every dispute about a batch (Parameters.DISPUTES_MAX_S), so that nobody leaves before he has answered.
    uint64 public constant DELAY_S = 7 days;
    uint64 private constant RELEASE_PER_COMMIT = 4;

    ScrToken public immutable token;
    IParameters public immutable parameters;
    IControl public immutable control;
    IRewardPool public immutable rewardPool;
    IRollerRegistry public immutable registry;
    IRollup public immutable rollup;
    address public immutable evidence;
    address public immutable enforcement;

    uint256 public bondWei;
    uint256 public leavingWei;
    uint64 public leavesAtS;
    /// @notice Batches up to this one are beyond every accusation.
    uint64 public releasedBatch;
    uint64 private _lastBatch;
    /// @dev Rewards of all batches up to a batch.
    mapping(uint64 batch => uint256) private _rewardsWei;

    modifier onlyOperator() {
        require(msg.sender == rollup.operator(), NotOperator(msg.sender));
        _;
    }

    modifier onlyRollup() {
        require(msg.sender == address(rollup), NotRollup(msg.sender));
        _;
    }

    constructor(Contracts memory c) {
        token = ScrToken(c.token);
        parameters = IParameters(c.parameters);
        control = IControl(c.control);
        rewardPool = IRewardPool(c.rewardPool);
        registry = IRollerRegistry(c.registry);
        rollup = IRollup(c.rollup);
        evidence = c.evidence;
        enforcement = c.enforcement;
    }

    /// @inheritdoc IOperatorBond
    function deposit(uint256 amountWei) external {
        require(amountWei > 0, ZeroAmount());
        bondWei += amountWei;
        emit BondDeposited(msg.sender, amountWei);
        IERC20(token).safeTransferFrom(msg.sender, address(this), amountWei);
    }

    /// @inheritdoc IOperatorBond
    function requestWithdrawal(uint256 amountWei) external onlyOperator {
        require(amountWei > 0, ZeroAmount());
        require(amountWei <= bondWei, BondTooSmall(bondWei, amountWei));
        bondWei -= amountWei;
        leavingWei += amountWei;
        leavesAtS = uint64(block.timestamp) + DELAY_S;
        emit BondLeaving(leavingWei, leavesAtS);
    }

    /// @inheritdoc IOperatorBond
    function withdraw() external onlyOperator {
        uint256 amountWei = leavingWei;
        require(amountWei > 0, NothingLeaving());
        require(block.timestamp >= leavesAtS, StillLeaving(leavesAtS));
        _release(type(uint64).max);
        // What still answers for a batch stays: a batch can wait for its settlement for longer than any delay.
        uint256 boundWei = AmountsLib.requiredBond(exposedWei(), 0, 0);
        require(bondWei >= boundWei, BondTooSmall(bondWei, boundWei));
        leavingWei = 0;
        emit BondWithdrawn(amountWei);
        IERC20(token).safeTransfer(msg.sender, amountWei);
    }

    /// @inheritdoc IOperatorBond
    function book(uint64 batch, uint256 rewardWei, uint256 fineWei, uint64 unsettled) external onlyRollup {
        _release(RELEASE_PER_COMMIT);
        _rewardsWei[batch] = _rewardsWei[_lastBatch] + rewardWei;
        _lastBatch = batch;
        uint256 requiredWei = required(fineWei, unsettled);
        require(bondWei >= requiredWei, BondTooSmall(bondWei, requiredWei));
    }

    /// @inheritdoc IOperatorBond
    function skip(uint64 batch) external {
        require(msg.sender == enforcement, NotEnforcement(msg.sender));
        _rewardsWei[batch] = _rewardsWei[_lastBatch];
        _lastBatch = batch;
    }

    /// @inheritdoc IOperatorBond
    function payExcess(address roller, uint256 amountWei) external onlyRollup returns (uint256 paidWei) {
        paidWei = _take(amountWei);
        emit ExcessPaid(roller, paidWei);
        _credit(roller, paidWei);
    }

    /// @inheritdoc IOperatorBond
    function slash(address roller, uint256 amountWei) external returns (uint256 lostWei) {
        require(msg.sender == evidence, NotEvidence(msg.sender));
        lostWei = _take(amountWei);
        // Rounded down: an odd wei goes to the roller.
        uint256 burnedWei = AmountsLib.burnedOf(lostWei);
        emit BondSlashed(roller, lostWei - burnedWei, burnedWei);
        token.burn(burnedWei);
        _credit(roller, lostWei - burnedWei);
    }

    /// @inheritdoc IOperatorBond
    function release(uint64 count) external {
        _release(count);
    }

    /// @inheritdoc IOperatorBond
    function exposedWei() public view returns (uint256) {
        return _rewardsWei[_lastBatch] - _rewardsWei[releasedBatch];
    }

    /// @inheritdoc IOperatorBond
    function required(uint256 fineWei, uint64 unsettled) public view returns (uint256) {
        return AmountsLib.requiredBond(exposedWei(), Math.max(control.current().window, unsettled), fineWei);
    }

    function _release(uint64 count) private {
        uint256 disputedS = parameters.value(Key.ClaimS) + parameters.value(Key.AccuseS);
        uint64 batch = releasedBatch;
        for (; count > 0 && batch < _lastBatch; count--) {
            uint64 settledAt = rollup.settledAt(batch + 1);
            if (settledAt == 0 || settledAt + disputedS >= block.timestamp) break;
            batch++;
        }
        releasedBatch = batch;
    }

    /// @dev Takes from the bond first, then from what is leaving.
    function _take(uint256 amountWei) private returns (uint256 takenWei) {
        uint256 fromBondWei = Math.min(amountWei, bondWei);
        uint256 fromLeavingWei = Math.min(amountWei - fromBondWei, leavingWei);
        bondWei -= fromBondWei;
        leavingWei -= fromLeavingWei;
        return fromBondWei + fromLeavingWei;
    }

    function _credit(address roller, uint256 amountWei) private {
        if (amountWei == 0) return;
        if (registry.isRegistered(roller)) {
            IERC20(token).forceApprove(address(rewardPool), amountWei);
            rewardPool.creditFunded(roller, amountWei);
        } else {
            IERC20(token).safeTransfer(address(rewardPool), amountWei);
        }
    }
}
