// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Contracts} from "./interfaces/IContracts.sol";
import {IRollerRegistry, RegistryParams, Roller} from "./interfaces/IRollerRegistry.sol";
import {Parameters} from "./Parameters.sol";
import {ScrToken} from "./ScrToken.sol";

/// @notice See IRollerRegistry.
/// @dev INVARIANT: the SCR balance is at least the sum of all stake and unbonding stake.
contract RollerRegistry is IRollerRegistry {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    /// @dev A signer belongs to one roller for ever, so that no signature ever changes its author.
    struct Signer {
        address roller;
        /// When it was replaced, unix seconds; zero while it is in use.
        uint64 retiredAt;
    }

    /// @dev The greatest fine is a part of the least stake: with none, nobody could be fined.
    uint256 private constant STAKE_MIN_LEAST_WEI = 1 ether;

    ScrToken public immutable token;
    address public immutable court;
    address public immutable rewardPool;
    uint256 public immutable stakeMinWei;
    uint64 public immutable unbondS;

    mapping(address roller => Roller) private _rollers;
    mapping(address signer => Signer) private _signers;
    mapping(address roller => uint256) public frozenWei;
    uint256 public totalStakeWei;

    modifier onlyRegistered() {
        require(isRegistered(msg.sender), NotRegistered(msg.sender));
        _;
    }

    modifier onlyCourt() {
        require(msg.sender == court, NotCourt(msg.sender));
        _;
    }

    constructor(Contracts memory c, RegistryParams memory p) {
        require(c.token != address(0) && c.court != address(0) && c.rewardPool != address(0), ZeroAddress());
        token = ScrToken(c.token);
        court = c.court;
        rewardPool = c.rewardPool;
        require(p.stakeMinWei >= STAKE_MIN_LEAST_WEI, StakeTooSmall(p.stakeMinWei, STAKE_MIN_LEAST_WEI));
        stakeMinWei = p.stakeMinWei;
        unbondS = p.unbondS;
        // Stake must outlive every dispute about what it stands for.
        uint64 disputesS = Parameters(c.parameters).DISPUTES_MAX_S();
        require(p.unbondS > disputesS, UnbondingTooShort(p.unbondS, disputesS));
    }

    /// @inheritdoc IRollerRegistry
    function register(address signer, address payout, uint32 capacity, string calldata metadata) external {
        require(!isRegistered(msg.sender), AlreadyRegistered(msg.sender));
        require(payout != address(0), ZeroAddress());
        require(capacity > 0, ZeroCapacity());
        _takeSigner(signer);
        Roller storage r = _rollers[msg.sender];
        r.signer = signer;
        r.payout = payout;
        r.capacity = capacity;
        emit RollerRegistered(msg.sender, signer, payout, capacity, metadata);
    }

    /// @inheritdoc IRollerRegistry
    function deposit(uint256 amountWei) external onlyRegistered {
        require(amountWei > 0, ZeroAmount());
        _rollers[msg.sender].stakeWei += amountWei.toUint128();
        totalStakeWei += amountWei;
        IERC20(token).safeTransferFrom(msg.sender, address(this), amountWei);
        _emitStake(msg.sender);
    }

    /// @inheritdoc IRollerRegistry
    function setReady(bool ready) external onlyRegistered {
        _rollers[msg.sender].ready = ready;
        _rollers[msg.sender].changedAt = uint64(block.timestamp);
        emit ReadyChanged(msg.sender, ready);
    }

    /// @inheritdoc IRollerRegistry
    function setSigner(address signer) external onlyRegistered {
        _takeSigner(signer);
        Roller storage r = _rollers[msg.sender];
        _signers[r.signer].retiredAt = uint64(block.timestamp);
        r.signer = signer;
        emit SignerChanged(msg.sender, signer);
    }

    /// @inheritdoc IRollerRegistry
    function setCapacity(uint32 capacity) external onlyRegistered {
        require(capacity > 0, ZeroCapacity());
        _rollers[msg.sender].capacity = capacity;
        _rollers[msg.sender].changedAt = uint64(block.timestamp);
        emit CapacityChanged(msg.sender, capacity);
    }

    /// @inheritdoc IRollerRegistry
    function setPayout(address roller, address payout) external {
        require(payout != address(0), ZeroAddress());
        require(msg.sender == _rollers[roller].payout, NotPayout(msg.sender));
        _rollers[roller].payout = payout;
        emit PayoutChanged(roller, payout);
    }

    /// @inheritdoc IRollerRegistry
    function requestUnbond(uint256 amountWei) external onlyRegistered {
        require(amountWei > 0, ZeroAmount());
        Roller storage r = _rollers[msg.sender];
        require(amountWei <= r.stakeWei, StakeTooSmall(r.stakeWei, amountWei));
        r.stakeWei -= amountWei.toUint128();
        totalStakeWei -= amountWei;
        r.unbondingWei += amountWei.toUint128();
        r.unbondAt = uint64(block.timestamp) + unbondS;
        _emitStake(msg.sender);
    }

    /// @inheritdoc IRollerRegistry
    function withdraw() external onlyRegistered {
        Roller storage r = _rollers[msg.sender];
        uint256 unbondingWei = r.unbondingWei;
        require(unbondingWei > 0, NothingUnbonding());
        require(block.timestamp >= r.unbondAt, StillUnbonding(r.unbondAt));
        // What is frozen is taken from the stake first, so that only the rest of it stays here.
        uint256 keptWei = Math.min(unbondingWei, Math.saturatingSub(frozenWei[msg.sender], r.stakeWei));
        uint256 amountWei = unbondingWei - keptWei;
        require(amountWei > 0, Frozen(keptWei));
        address payout = r.payout;
        r.unbondingWei = keptWei.toUint128();
        if (keptWei == 0) r.unbondAt = 0;
        IERC20(token).safeTransfer(payout, amountWei);
        emit Withdrawn(msg.sender, payout, amountWei);
        _emitStake(msg.sender);
    }

    /// @inheritdoc IRollerRegistry
    function fine(address roller, uint256 amountWei, address accuser, uint256 accuserCostWei)
        external
        onlyCourt
        returns (uint256 finedWei)
    {
        Roller storage r = _rollers[roller];
        uint256 fromStakeWei = Math.min(amountWei, r.stakeWei);
        uint256 fromUnbondingWei = Math.min(amountWei - fromStakeWei, r.unbondingWei);
        finedWei = fromStakeWei + fromUnbondingWei;
        r.stakeWei -= fromStakeWei.toUint128();
        totalStakeWei -= fromStakeWei;
        r.unbondingWei -= fromUnbondingWei.toUint128();
        r.ready = false;
        // Rounded up: an odd wei is burned.
        uint256 burnedWei = finedWei - finedWei / 2;
        uint256 accuserWei = Math.min(accuserCostWei, finedWei / 4);
        emit Fined(roller, finedWei, burnedWei, accuser, accuserWei);
        emit ReadyChanged(roller, false);
        _emitStake(roller);
        token.burn(burnedWei);
        IERC20(token).safeTransfer(rewardPool, finedWei - burnedWei - accuserWei);
        IERC20(token).safeTransfer(accuser, accuserWei);
    }

    /// @inheritdoc IRollerRegistry
    function freeze(address roller, uint256 amountWei) external onlyCourt {
        frozenWei[roller] += amountWei;
        emit FrozenChanged(roller, frozenWei[roller]);
    }

    /// @inheritdoc IRollerRegistry
    function unfreeze(address roller, uint256 amountWei) external onlyCourt {
        frozenWei[roller] -= amountWei;
        emit FrozenChanged(roller, frozenWei[roller]);
    }

    /// @inheritdoc IRollerRegistry
    function rollers(address roller) external view returns (Roller memory) {
        return _rollers[roller];
    }

    /// @inheritdoc IRollerRegistry
    function isRegistered(address roller) public view returns (bool) {
        return _rollers[roller].signer != address(0);
    }

    /// @inheritdoc IRollerRegistry
    function eligible(address roller) external view returns (bool) {
        Roller storage r = _rollers[roller];
        return r.ready && r.stakeWei >= stakeMinWei;
    }

    /// @inheritdoc IRollerRegistry
    function payoutOf(address roller) external view returns (address) {
        return _rollers[roller].payout;
    }

    /// @inheritdoc IRollerRegistry
    function rollerOf(address signer) external view returns (address) {
        return _signers[signer].roller;
    }

    /// @inheritdoc IRollerRegistry
    function answersFor(address signer, address roller, uint64 sinceS) external view returns (bool) {
        Signer storage s = _signers[signer];
        return roller != address(0) && s.roller == roller && (s.retiredAt == 0 || s.retiredAt > sinceS);
    }

    function _takeSigner(address signer) private {
        require(signer != address(0), ZeroAddress());
        require(_signers[signer].roller == address(0), SignerTaken(signer));
        _signers[signer].roller = msg.sender;
    }

    function _emitStake(address roller) private {
        Roller storage r = _rollers[roller];
        r.changedAt = uint64(block.timestamp);
        emit StakeChanged(roller, r.stakeWei, r.unbondingWei, r.unbondAt);
    }
}
