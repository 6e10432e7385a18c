// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice Two L2 predeploys that the state transition credits with what users pay: 0x…524d01 with gas and data fees, which are the
/// operator's; 0x…524d06 with proving fees, which are the rollers' (see IFeeAuction).
/// @dev Neither has an owner: genesis names the recipient on L1 for ever.
interface IFeeVault {
    /// @notice Too little for what it costs to bring it to L1, which somebody else may pay.
    error TooLittle(uint256 balanceWei, uint256 minWei);

    /// @notice Everything that was here is on its way to L1, as the withdrawal with this index.
    event FeesWithdrawn(address indexed recipient, uint256 indexed index, uint256 amountWei);

    /// @notice Sends all ether to the recipient on L1; anybody, as soon as there is enough.
    /// @return index The withdrawal's, for Rollup.finalizeWithdrawal.
    function withdraw() external returns (uint256 index);

    /// @notice The account on L1 that gets it.
    function recipient() external view returns (address);

    /// @notice Least that is sent, wei: nobody shall cut what is here into pieces that are not worth their finalisation.
    function WITHDRAWAL_MIN_WEI() external view returns (uint256);
}
