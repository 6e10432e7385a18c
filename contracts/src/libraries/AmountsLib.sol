// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Offence} from "../interfaces/IEvidence.sol";

/// @notice Every amount of SCR that the law names and every threshold over amounts, as pure functions; all in SCR-wei.
library AmountsLib {
    /// @dev A fine is four times what a seat earns on average.
    uint256 internal constant FINE_MULTIPLE = 4;
    /// @dev A fine is at most one part in this many of the least stake that is drawn.
    uint256 internal constant FINE_STAKE_DIVISOR = 2;
    /// @dev What the operator could keep from rollers is covered, and paid for, twice.
    uint256 internal constant REWARD_MULTIPLE = 2;
    /// @dev The operator's bond pays for prover gas above 11/10 of the estimate.
    uint256 internal constant TOLERANCE_NUMERATOR = 11;
    uint256 internal constant TOLERANCE_DENOMINATOR = 10;
    /// @dev Quarantine: more than one part in this many of all stake.
    uint256 internal constant QUARANTINE_DIVISOR = 10;
    /// @dev Epochs after the running one in which a quarantine still holds.
    uint64 internal constant QUARANTINE_EPOCHS = 1;
    /// @dev A lot of ether is put up at so many SCR for each: several times all SCR that there will ever be for one ether.
    uint256 internal constant AUCTION_START = 2 ** 30;
    /// @dev And at half of that after each half hour: 10,000 SCR for an ether are asked after eight hours, one SCR after fifteen.
    uint256 internal constant AUCTION_HALVING_S = 30 minutes;

    /// @notice What a batch pays: B = price * k * g.
    function reward(uint256 unitPriceWei, uint256 k, uint256 proverGas) internal pure returns (uint256) {
        return unitPriceWei * k * proverGas;
    }

    /// @notice The part of the proven gas that the pool pays for.
    function covered(uint256 proverGas, uint256 proverGasEstimate) internal pure returns (uint256) {
        return Math.min(proverGas, proverGasEstimate * TOLERANCE_NUMERATOR / TOLERANCE_DENOMINATOR);
    }

    /// @notice Fine before it is cut to the stake: max(minimum, 4 B / k), and half of the least stake at most.
    function fine(uint256 minWei, uint256 unitPriceWei, uint256 proverGasEstimate, uint256 stakeMinWei)
        internal
        pure
        returns (uint256)
    {
        uint256 dueWei = Math.max(minWei, FINE_MULTIPLE * unitPriceWei * proverGasEstimate);
        return Math.min(dueWei, stakeMinWei / FINE_STAKE_DIVISOR);
    }

    /// @notice Accusations that may be open at once, so that the operator's bond covers all their rebuttals.
    function accusationsMax(uint256 bondWei, uint256 rebuttalWei) internal pure returns (uint256) {
        return bondWei / rebuttalWei;
    }

    /// @notice Whether the failures of so many rollers with so much of all stake are the program's and not theirs.
    function quarantineDue(uint256 rollers, uint256 rollersMin, uint256 stakeWei, uint256 totalStakeWei)
        internal
        pure
        returns (bool)
    {
        return rollers >= rollersMin && stakeWei * QUARANTINE_DIVISOR > totalStakeWei;
    }

    /// @notice The epoch in which a version is trusted again that is quarantined in `epoch`.
    function trustedFrom(uint64 epoch) internal pure returns (uint64) {
        return epoch + QUARANTINE_EPOCHS + 1;
    }

    /// @notice Bond below which nothing is committed: 2 * rewards open to challenge + tasks * fine.
    function requiredBond(uint256 exposedWei, uint256 tasks, uint256 fineWei) internal pure returns (uint256) {
        return REWARD_MULTIPLE * exposedWei + tasks * fineWei;
    }

    /// @notice What a proven wrong costs the operator: 2 B, and where it is no matter of one reward the fine at least.
    function loss(Offence offence, uint256 rewardWei, uint256 fineWei) internal pure returns (uint256) {
        uint256 twiceWei = REWARD_MULTIPLE * rewardWei;
        return offence < Offence.DroppedSubmission ? Math.max(twiceWei, fineWei) : twiceWei;
    }

    /// @notice The burned half of a loss, rounded down; the rest is the damaged roller's.
    function burnedOf(uint256 lostWei) internal pure returns (uint256) {
        return lostWei / 2;
    }

    /// @notice Pot of an emission epoch, halved after each `halvingEpochs`.
    function pot(uint256 firstPotWei, uint256 halvingEpochs, uint256 epoch) internal pure returns (uint256) {
        uint256 halvings = epoch / halvingEpochs;
        return halvings < 128 ? firstPotWei >> halvings : 0;
    }

    /// @notice SCR-wei for a lot of ether so long after it was put up: halved every half hour, on a straight line in between, rounded
    /// down. It never rises.
    function auctionPrice(uint256 lotWei, uint256 elapsedS) internal pure returns (uint256) {
        uint256 halvedWei = (lotWei * AUCTION_START) >> (elapsedS / AUCTION_HALVING_S);
        uint256 sinceS = elapsedS % AUCTION_HALVING_S;
        return halvedWei - Math.ceilDiv(halvedWei * sinceS, 2 * AUCTION_HALVING_S);
    }

    /// @notice Share of a pot, rounded down.
    function share(uint256 potWei, uint256 gas, uint256 totalGas) internal pure returns (uint256) {
        return Math.mulDiv(potWei, gas, totalGas);
    }
}
