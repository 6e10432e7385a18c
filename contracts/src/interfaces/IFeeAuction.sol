// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice Turns the ether that users of L2 paid for proving into the SCR that rollers are paid with: sells it, and hands what it
/// gets to RewardPool.
/// @dev Nobody owns it and nobody tells it a price. All ether that is here when a lot is put up is one lot, and what comes while it
/// is for sale waits for the next. A lot begins above any price and asks half as much every half hour, until somebody takes it.
/// Ether that arrives late can thus not be had at a price that has fallen for less.
interface IFeeAuction {
    error ZeroRecipient();
    error NothingForSale();
    /// @notice The lot is another one than the buyer saw.
    error LotTooSmall(uint256 isWei, uint256 minWei);
    error TooDear(uint256 isWei, uint256 maxWei);
    error TransferFailed();

    /// @notice A lot of ether is for sale from now on.
    event LotOpened(uint256 lotWei);
    /// @notice The pool has `paidWei` of SCR for it.
    event LotSold(address indexed buyer, address indexed recipient, uint256 lotWei, uint256 paidWei);

    /// @notice Buys the lot for `priceWei()` of the caller's SCR, which needs an allowance; the ether goes to `recipient`. The price
    /// only falls, so that `lotMinWei` and `priceMaxWei` are all that a buyer needs to say.
    /// @return paidWei SCR-wei that the pool got.
    function buy(uint256 lotMinWei, uint256 priceMaxWei, address recipient) external returns (uint256 paidWei);

    /// @notice SCR-wei for the whole lot in this block; zero when nothing is for sale.
    function priceWei() external view returns (uint256);

    /// @notice The lot, wei of ether; zero when nothing is for sale.
    function lotWei() external view returns (uint128);

    /// @notice When it was put up, unix seconds.
    function openedAtS() external view returns (uint64);

    /// @notice Least ether that is put up.
    function LOT_MIN_WEI() external view returns (uint256);
}
