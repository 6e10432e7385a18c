// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IFeeAuction} from "./interfaces/IFeeAuction.sol";
import {AmountsLib} from "./libraries/AmountsLib.sol";

/// @notice See IFeeAuction.
/// @dev INVARIANT: a lot never exceeds the balance, and its ether leaves once: to whom its buyer names, for SCR that only the pool gets.
contract FeeAuction is IFeeAuction {
    using SafeCast for uint256;
    using SafeERC20 for IERC20;

    uint256 public constant LOT_MIN_WEI = 0.01 ether;

    IERC20 public immutable token;
    address public immutable rewardPool;

    uint128 public lotWei;
    uint64 public openedAtS;

    constructor(address token_, address rewardPool_) {
        token = IERC20(token_);
        rewardPool = rewardPool_;
    }

    /// @notice From L2's vault, by a withdrawal that anybody finalises; or a present to the rollers.
    receive() external payable {
        _open(address(this).balance);
    }

    /// @inheritdoc IFeeAuction
    function buy(uint256 lotMinWei, uint256 priceMaxWei, address recipient) external returns (uint256 paidWei) {
        require(recipient != address(0), ZeroRecipient());
        uint256 soldWei = lotWei;
        require(soldWei != 0, NothingForSale());
        require(soldWei >= lotMinWei, LotTooSmall(soldWei, lotMinWei));
        paidWei = priceWei();
        require(paidWei <= priceMaxWei, TooDear(paidWei, priceMaxWei));
        emit LotSold(msg.sender, recipient, soldWei, paidWei);
        lotWei = 0;
        _open(address(this).balance - soldWei);
        token.safeTransferFrom(msg.sender, rewardPool, paidWei);
        // The caller has paid for it, and everything is written down.
        // slither-disable-next-line arbitrary-send-eth
        (bool done,) = recipient.call{value: soldWei}("");
        require(done, TransferFailed());
    }

    /// @inheritdoc IFeeAuction
    function priceWei() public view returns (uint256) {
        return AmountsLib.auctionPrice(lotWei, block.timestamp - openedAtS);
    }

    /// @dev Puts up what is left, unless a lot is for sale already.
    function _open(uint256 restWei) private {
        if (lotWei != 0 || restWei < LOT_MIN_WEI) return;
        lotWei = restWei.toUint128();
        openedAtS = uint64(block.timestamp);
        emit LotOpened(restWei);
    }
}
