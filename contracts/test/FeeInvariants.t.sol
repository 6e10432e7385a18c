// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {FeeVault} from "../src/l2/FeeVault.sol";
import {FeeBase} from "./FeeBase.sol";
import {Vm} from "./Vm.sol";

/// Users pay fees, strangers send them on, and somebody buys what is for sale, in any order. Each handler brings itself to where
/// it can do what it is for, and notes what does not hold instead of reverting.
contract FeeHandler is FeeBase {
    uint256 private constant AMOUNT_MAX = 0.03 ether;

    /// How often each handler did what it is for.
    mapping(bytes4 selector => uint256) public succeeded;
    /// The first thing that did not hold.
    string public broken;

    address private buyer = address(0xb1);
    address private recipient = address(0xb2);
    uint256 private poolWei;
    /// Ether by what becomes of it: the operator's, and the rollers'.
    uint256[2] private creditedWei;
    uint256[2] private pendingWei;
    uint256 private presentsWei;
    uint256 private soldWei;
    uint256 private paidWei;
    uint64[] private open;

    modifier done() {
        _;
        succeeded[msg.sig]++;
    }

    constructor() {
        setUp();
        scr.transfer(buyer, 90_000_000 ether);
        vm.prank(buyer);
        scr.approve(address(auction), type(uint256).max);
        poolWei = scr.balanceOf(address(pool));
    }

    function handlers() external pure returns (bytes4[6] memory) {
        return [
            this.payFees.selector,
            this.sendOn.selector,
            this.sendTooLittle.selector,
            this.finalizeNext.selector,
            this.givePresent.selector,
            this.buyLot.selector
        ];
    }

    // --- what is done

    /// A transaction on L2 pays both.
    function payFees(uint256 seed) external done {
        credit_(0, seed % AMOUNT_MAX);
        credit_(1, (seed >> 128) % AMOUNT_MAX);
    }

    function sendOn(uint256 seed) external done {
        sendOn_(seed % 2);
    }

    function sendTooLittle(uint256 seed) external done {
        uint256 which = seed % 2;
        FeeVault place = vaultOf(which);
        if (address(place).balance >= place.WITHDRAWAL_MIN_WEI()) sendOn_(which);
        (bool isDone,) = address(place).call(abi.encodeCall(place.withdraw, ()));
        must(!isDone, "too little was sent");
    }

    function finalizeNext(uint256 seed) external done {
        if (open.length == 0) sendOn_(seed % 2);
        finalizeAt(seed % open.length);
    }

    function givePresent(uint256 seed) external done {
        uint256 amountWei = seed % AMOUNT_MAX;
        vm.deal(stranger, amountWei);
        vm.prank(stranger);
        (bool isDone,) = address(auction).call{value: amountWei}("");
        must(isDone, "a present was refused");
        presentsWei += amountWei;
    }

    function buyLot(uint256 seed) external done {
        while (auction.lotWei() == 0) {
            sendOn_(1);
            finalizeAt(open.length - 1);
        }
        vm.warp(block.timestamp + seed % 24 hours);
        while (auction.priceWei() > scr.balanceOf(buyer)) vm.warp(block.timestamp + 1 hours);
        uint256 lotWei = auction.lotWei();
        uint256 priceWei = auction.priceWei();
        uint256 before = recipient.balance;
        vm.prank(buyer);
        must(auction.buy(lotWei, priceWei, recipient) == priceWei, "another price");
        must(recipient.balance - before == lotWei, "another lot");
        soldWei += lotWei;
        paidWei += priceWei;
    }

    // --- what must hold

    function check() external view {
        vm.assertTrue(bytes(broken).length == 0, broken);
        vm.assertEq(address(feeVault).balance + pendingWei[0] + operator.balance, creditedWei[0], "gas and data");
        uint256 here = address(auction).balance;
        uint256 proofs = address(provingVault).balance + pendingWei[1] + here + soldWei;
        vm.assertEq(proofs, creditedWei[1] + presentsWei, "proofs");
        vm.assertEq(recipient.balance, soldWei, "sold");
        // What is for sale is there, and what could be for sale is.
        vm.assertTrue(auction.lotWei() <= here && (auction.lotWei() != 0 || here < auction.LOT_MIN_WEI()), "lot");
        vm.assertEq(scr.balanceOf(address(pool)), poolWei + paidWei, "pool");
        vm.assertEq(scr.balanceOf(buyer) + paidWei, 90_000_000 ether, "buyer");
        vm.assertEq(scr.balanceOf(address(auction)), 0, "kept");
    }

    // --- steps

    function vaultOf(uint256 which) private view returns (FeeVault) {
        return which == 0 ? feeVault : provingVault;
    }

    function credit_(uint256 which, uint256 amountWei) private {
        credit(vaultOf(which), amountWei);
        creditedWei[which] += amountWei;
    }

    function sendOn_(uint256 which) private {
        FeeVault place = vaultOf(which);
        if (address(place).balance < place.WITHDRAWAL_MIN_WEI()) credit_(which, place.WITHDRAWAL_MIN_WEI());
        pendingWei[which] += address(place).balance;
        open.push(withdraw(place));
    }

    function finalizeAt(uint256 position) private {
        uint64 index = open[position];
        open[position] = open[open.length - 1];
        open.pop();
        finalize(index);
        pendingWei[sent[index].recipient == operator ? 0 : 1] -= sent[index].amountWei;
    }

    function must(bool holds, string memory what) private {
        if (!holds && bytes(broken).length == 0) broken = what;
    }
}

contract FeeInvariantsTest {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    Vm private constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);

    FeeHandler private handler;

    function setUp() public {
        handler = new FeeHandler();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        bytes4[6] memory list = handler.handlers();
        bytes4[] memory selectors = new bytes4[](list.length);
        for (uint256 i = 0; i < list.length; i++) {
            selectors[i] = list[i];
        }
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(handler), selectors);
    }

    function invariant_everyWeiHasOneRecipient() public view {
        handler.check();
    }

    /// No run is empty: each handler did what it is for, at least once.
    function afterInvariant() public view {
        bytes4[6] memory list = handler.handlers();
        for (uint256 i = 0; i < list.length; i++) {
            vm.assertTrue(handler.succeeded(list[i]) > 0, vm.toString(uint256(uint32(list[i]))));
        }
    }
}
