// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Contracts} from "./interfaces/IContracts.sol";
import {EmissionParams, IEmission} from "./interfaces/IEmission.sol";
import {IParameters, Key} from "./interfaces/IParameters.sol";
import {IRollerRegistry, Roller} from "./interfaces/IRollerRegistry.sol";
import {IRollup} from "./interfaces/IRollup.sol";
import {AmountsLib} from "./libraries/AmountsLib.sol";
import {ScrToken} from "./ScrToken.sol";

/// @notice See IEmission.
/// @dev INVARIANT: each pot leaves once, by shares that do not exceed it or as a whole into the fire.
contract Emission is IEmission {
    using SafeERC20 for IERC20;

    ScrToken public immutable token;
    IParameters public immutable parameters;
    IRollerRegistry public immutable registry;
    IRollup public immutable rollup;
    uint64 public immutable startS;
    uint64 public immutable epochS;
    uint64 public immutable halvingEpochs;
    uint128 public immutable firstPotWei;

    mapping(uint64 epoch => mapping(address roller => uint256)) public gasOf;
    mapping(uint64 epoch => uint256) public totalGas;
    mapping(uint64 epoch => bool) public burned;

    constructor(Contracts memory c, EmissionParams memory p) {
        require(p.epochS > 0, BadParameter("epochS"));
        require(p.halvingEpochs > 0, BadParameter("halvingEpochs"));
        token = ScrToken(c.token);
        parameters = IParameters(c.parameters);
        registry = IRollerRegistry(c.registry);
        rollup = IRollup(c.rollup);
        startS = uint64(block.timestamp);
        epochS = p.epochS;
        halvingEpochs = p.halvingEpochs;
        firstPotWei = p.potWei;
        uint256 sumWei = 2 * uint256(p.halvingEpochs) * p.potWei;
        require(ScrToken(c.token).balanceOf(address(this)) >= sumWei, BadParameter("potWei"));
    }

    /// @inheritdoc IEmission
    function record(address roller, uint64 proverGas) external {
        require(msg.sender == address(rollup), NotRollup(msg.sender));
        if (_isOperators(roller)) return;
        uint64 epoch = currentEpoch();
        uint64 counted = uint64(Math.min(proverGas, parameters.value(Key.EmissionGasMax)));
        gasOf[epoch][roller] += counted;
        totalGas[epoch] += counted;
        emit WorkRecorded(epoch, roller, counted);
    }

    /// @inheritdoc IEmission
    function claim(uint64 epoch, address roller) external returns (uint256 amountWei) {
        require(epoch < currentEpoch(), EpochNotOver(epoch));
        uint256 worked = gasOf[epoch][roller];
        require(worked > 0, NothingToClaim(epoch, roller));
        amountWei = AmountsLib.share(potWei(epoch), worked, totalGas[epoch]);
        gasOf[epoch][roller] = 0;
        address payout = registry.payoutOf(roller);
        emit EmissionClaimed(epoch, roller, payout, amountWei);
        IERC20(token).safeTransfer(payout, amountWei);
    }

    /// @inheritdoc IEmission
    function burnIdle(uint64 epoch) external {
        require(epoch < currentEpoch(), EpochNotOver(epoch));
        uint256 amountWei = potWei(epoch);
        require(totalGas[epoch] == 0 && !burned[epoch] && amountWei > 0, NothingToBurn(epoch));
        burned[epoch] = true;
        emit PotBurned(epoch, amountWei);
        token.burn(amountWei);
    }

    /// @inheritdoc IEmission
    function currentEpoch() public view returns (uint64) {
        return (uint64(block.timestamp) - startS) / epochS;
    }

    /// @inheritdoc IEmission
    function potWei(uint64 epoch) public view returns (uint256) {
        return AmountsLib.pot(firstPotWei, halvingEpochs, epoch);
    }

    /// @dev Whether one of the roller's keys is the operator's. Names of the operator that nobody can link stay possible.
    function _isOperators(address roller) private view returns (bool) {
        address operator = rollup.operator();
        Roller memory r = registry.rollers(roller);
        return roller == operator || r.signer == operator || r.payout == operator;
    }
}
