// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice L2 predeploy with the prices that users pay beyond gas: for data on L1 and for proving.
/// @dev The state transition reads the prices in the state before a block, so a change is in force from the next block. The bounds
/// are the promise: nobody can change this code, and what it holds is proven. L1 messages pay neither price.
interface IFeeSchedule {
    error NotOperator(address caller);
    error TooHigh(uint256 price, uint256 max);
    error RisesTooFast(uint256 price, uint256 max);
    error RisesTooSoon(uint256 allowedFromS);

    /// @notice In force from the next block.
    event PricesSet(uint128 dataWei, uint128 provingWei);

    /// @notice Sets both prices; only the operator. A price may fall to anything at once. It may rise to twice what it was (or to the
    /// first step, if that is more), and either may rise once an hour only.
    /// @param dataWei Wei per data gas: L1 gas of the encoded transaction as calldata, 10 per zero byte, 40 per other byte.
    /// @param provingWei Wei per prover gas.
    function set(uint128 dataWei, uint128 provingWei) external;

    /// @notice Wei per data gas in blocks after this one.
    function dataPriceWei() external view returns (uint128);

    /// @notice Wei per prover gas in blocks after this one.
    function provingPriceWei() external view returns (uint128);

    /// @notice The account that sets them.
    function operator() external view returns (address);
}
