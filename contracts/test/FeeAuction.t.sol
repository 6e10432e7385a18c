// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {FeeAuction} from "../src/FeeAuction.sol";
import {IFeeAuction} from "../src/interfaces/IFeeAuction.sol";
import {AmountsLib} from "../src/libraries/AmountsLib.sol";
import {FeeBase} from "./FeeBase.sol";

/// Sends back half of the ether that it gets, and tries to buy what that puts up.
contract Returning {
    FeeAuction private immutable auction;
    bytes public refusal;

    constructor(FeeAuction auction_) {
        auction = auction_;
    }

    receive() external payable {
        (bool isBack,) = address(auction).call{value: msg.value / 2}("");
        bytes memory call_ = abi.encodeCall(auction.buy, (0, type(uint256).max, address(this)));
        (bool isBought, bytes memory reason) = address(auction).call(call_);
        require(isBack && !isBought);
        refusal = reason;
    }
}

contract NoEther {}

contract FeeAuctionTest is FeeBase {
    uint256 private constant START = 2 ** 30;

    address private buyer = address(0xb1);
    address private recipient = address(0xb2);

    function setUp() public override {
        super.setUp();
        scr.transfer(buyer, 50_000_000 ether);
        vm.prank(buyer);
        scr.approve(address(auction), type(uint256).max);
    }

    function test_theWholeWay() public {
        credit(provingVault, 1 ether);
        finalize(withdraw(provingVault));
        vm.warp(block.timestamp + 15 hours);
        vm.assertEq(auction.priceWei(), 1 ether);
        uint256 before = pool.available();
        vm.expectEmit(address(auction));
        emit IFeeAuction.LotSold(buyer, recipient, 1 ether, 1 ether);
        vm.assertEq(buy(1 ether, 1 ether), 1 ether);
        vm.assertEq(pool.available() - before, 1 ether);
        vm.assertEq(scr.balanceOf(buyer), 49_999_999 ether);
        vm.assertEq(recipient.balance, 1 ether);
        vm.assertEq(address(auction).balance, 0);
        vm.assertEq(scr.balanceOf(address(auction)), 0);
    }

    function test_whatIsSoldPaysArrears() public {
        vm.startPrank(address(rollup));
        pool.credit(rollers[0], pool.available() + 5 ether);
        vm.stopPrank();
        vm.assertEq(pool.arrears(rollers[0]), 5 ether);
        give(5 ether);
        vm.warp(block.timestamp + 15 hours);
        buy(0, 5 ether);
        pool.creditArrears(rollers[0]);
        vm.assertEq(pool.arrears(rollers[0]), 0);
        pool.claim(rollers[0]);
        vm.assertEq(scr.balanceOf(payoutOf(rollers[0])), 1_000_005 ether);
    }

    function test_aLotBeginsAboveAllScrAndHalvesEveryHalfHour() public {
        give(1 ether);
        uint256 opened = block.timestamp;
        vm.assertEq(auction.priceWei(), START * 1 ether);
        // The whole supply, what is still to be emitted included, buys no eighth of it.
        vm.assertTrue(auction.priceWei() > 8 * scr.totalSupply());
        for (uint256 halvings = 1; halvings <= 90; halvings++) {
            vm.warp(opened + halvings * 30 minutes);
            vm.assertEq(auction.priceWei(), (START * 1 ether) >> halvings);
        }
        // Three quarters in the middle.
        vm.warp(opened + 15 minutes);
        vm.assertEq(auction.priceWei(), 3 * START * 1 ether / 4);
        vm.warp(opened + 100 days);
        vm.assertEq(auction.priceWei(), 0);
        vm.warp(opened + 400 * 365 days);
        vm.assertEq(buy(1 ether, 0), 0);
        vm.assertEq(recipient.balance, 1 ether);
    }

    function testFuzz_thePriceNeverRisesAndFallsByLessThanAPercentInABlock(uint128 lotWei, uint32 elapsedS)
        public
        pure
    {
        uint256 price = AmountsLib.auctionPrice(lotWei, elapsedS);
        uint256 next = AmountsLib.auctionPrice(lotWei, uint256(elapsedS) + 12);
        vm.assertTrue(next <= price);
        // 12 seconds of an hour, of all of the price at first and of twice what is left at last; and rounding.
        vm.assertTrue(next + price / 149 + 2 >= price);
        vm.assertTrue(AmountsLib.auctionPrice(lotWei, uint256(elapsedS) + 1) <= price);
    }

    function test_whatComesDuringASaleIsTheNextLot() public {
        give(1 ether);
        vm.warp(block.timestamp + 20 hours);
        uint256 low = auction.priceWei();
        give(100 ether);
        // Neither more for the fallen price, nor a new price for what was there.
        vm.assertEq(auction.lotWei(), 1 ether);
        vm.assertEq(auction.priceWei(), low);
        vm.expectEmit(address(auction));
        emit IFeeAuction.LotSold(buyer, recipient, 1 ether, low);
        vm.expectEmit(address(auction));
        emit IFeeAuction.LotOpened(100 ether);
        buy(1 ether, low);
        vm.assertEq(recipient.balance, 1 ether);
        vm.assertEq(auction.lotWei(), 100 ether);
        vm.assertEq(auction.openedAtS(), block.timestamp);
        vm.assertEq(auction.priceWei(), START * 100 ether);
    }

    function test_littleEtherWaitsForMore() public {
        uint256 minWei = auction.LOT_MIN_WEI();
        give(minWei - 1);
        vm.assertEq(auction.lotWei(), 0);
        vm.assertEq(auction.priceWei(), 0);
        vm.expectRevert(abi.encodeWithSelector(IFeeAuction.NothingForSale.selector));
        buy(0, type(uint256).max);
        give(1);
        vm.assertEq(auction.lotWei(), minWei);
        give(minWei - 1);
        vm.warp(block.timestamp + 20 hours);
        buy(minWei, type(uint256).max);
        // The rest is too little again.
        vm.assertEq(auction.lotWei(), 0);
        vm.assertEq(address(auction).balance, minWei - 1);
        give(1);
        vm.assertEq(auction.lotWei(), minWei);
    }

    function test_refusesWhatTheBuyerDidNotMean() public {
        give(1 ether);
        vm.warp(block.timestamp + 15 hours);
        vm.expectRevert(abi.encodeWithSelector(IFeeAuction.LotTooSmall.selector, 1 ether, 1 ether + 1));
        buy(1 ether + 1, 1 ether);
        vm.expectRevert(abi.encodeWithSelector(IFeeAuction.TooDear.selector, 1 ether, 1 ether - 1));
        buy(1 ether, 1 ether - 1);
        vm.expectRevert(abi.encodeWithSelector(IFeeAuction.ZeroRecipient.selector));
        vm.prank(buyer);
        auction.buy(1 ether, 1 ether, address(0));
        // Without an allowance, and without money.
        vm.expectRevert();
        auction.buy(1 ether, 1 ether, recipient);
        vm.prank(stranger);
        scr.approve(address(auction), 1 ether);
        vm.expectRevert();
        vm.prank(stranger);
        auction.buy(1 ether, 1 ether, recipient);
        vm.assertEq(auction.lotWei(), 1 ether);
        buy(1 ether, 1 ether);
        vm.expectRevert(abi.encodeWithSelector(IFeeAuction.NothingForSale.selector));
        buy(1 ether, 1 ether);
    }

    function test_aRecipientThatTakesNothingLeavesEverythingAsItWas() public {
        give(1 ether);
        give(2 ether);
        vm.warp(block.timestamp + 15 hours);
        address refusing = address(new NoEther());
        vm.expectRevert(abi.encodeWithSelector(IFeeAuction.TransferFailed.selector));
        vm.prank(buyer);
        auction.buy(1 ether, 1 ether, refusing);
        vm.assertEq(scr.balanceOf(buyer), 50_000_000 ether);
        vm.assertEq(auction.lotWei(), 1 ether);
        vm.assertEq(auction.priceWei(), 1 ether);
    }

    /// What comes back while it is paid out is a lot of its own, at its own price, which the buyer cannot pay out of nothing.
    function test_reentranceFindsTheLotSold() public {
        Returning returning = new Returning(auction);
        give(1 ether);
        vm.warp(block.timestamp + 15 hours);
        vm.prank(buyer);
        auction.buy(1 ether, 1 ether, address(returning));
        vm.assertTrue(returning.refusal().length != 0);
        vm.assertEq(address(returning).balance, 0.5 ether);
        vm.assertEq(auction.lotWei(), 0.5 ether);
        vm.assertEq(auction.priceWei(), START * 0.5 ether);
        vm.assertEq(address(auction).balance, 0.5 ether);
        vm.assertEq(scr.balanceOf(buyer), 49_999_999 ether);
    }

    // --- helpers

    function give(uint256 amountWei) private {
        vm.deal(stranger, amountWei);
        vm.prank(stranger);
        (bool done,) = address(auction).call{value: amountWei}("");
        vm.assertTrue(done);
    }

    function buy(uint256 lotMinWei, uint256 priceMaxWei) private returns (uint256) {
        vm.prank(buyer);
        return auction.buy(lotMinWei, priceMaxWei, recipient);
    }
}
