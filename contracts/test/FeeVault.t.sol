// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IFeeVault} from "../src/interfaces/IFeeVault.sol";
import {FeeBase} from "./FeeBase.sol";

contract FeeVaultTest is FeeBase {
    function test_genesisStorageIsWhatTheGettersShow() public view {
        vm.assertEq(feeVault.recipient(), operator);
        vm.assertEq(provingVault.recipient(), address(auction));
        vm.assertEq(address(auction.token()), address(scr));
        vm.assertEq(auction.rewardPool(), address(pool));
    }

    function test_gasAndDataFeesComeToTheOperator() public {
        credit(feeVault, 3 ether);
        credit(provingVault, 2 ether);
        vm.expectEmit(address(feeVault));
        emit IFeeVault.FeesWithdrawn(operator, 0, 3 ether);
        uint64 index = withdraw(feeVault);
        vm.assertEq(queue.root(), referenceRoot());
        vm.assertEq(address(feeVault).balance, 0);
        vm.assertEq(address(provingVault).balance, 2 ether);
        finalize(index);
        vm.assertEq(operator.balance, 3 ether);
        vm.assertEq(address(auction).balance, 0);
    }

    function test_provingFeesComeToTheAuctionAndAreForSaleAtOnce() public {
        credit(provingVault, 2 ether);
        finalize(withdraw(provingVault));
        vm.assertEq(address(auction).balance, 2 ether);
        vm.assertEq(auction.lotWei(), 2 ether);
        vm.assertEq(auction.openedAtS(), block.timestamp);
        vm.assertEq(operator.balance, 0);
    }

    function test_tooLittleStaysUntilThereIsMore() public {
        uint256 minWei = feeVault.WITHDRAWAL_MIN_WEI();
        credit(feeVault, minWei - 1);
        vm.expectRevert(abi.encodeWithSelector(IFeeVault.TooLittle.selector, minWei - 1, minWei));
        feeVault.withdraw();
        // A present will do as well as a fee.
        vm.deal(stranger, 1);
        vm.prank(stranger);
        (bool done,) = address(feeVault).call{value: 1}("");
        vm.assertTrue(done);
        finalize(withdraw(feeVault));
        vm.assertEq(operator.balance, minWei);
        vm.expectRevert(abi.encodeWithSelector(IFeeVault.TooLittle.selector, 0, minWei));
        feeVault.withdraw();
    }

    function testFuzz_everyWeiComesToItsRecipientOnce(uint96 fees, uint96 proofs) public {
        uint256 minWei = feeVault.WITHDRAWAL_MIN_WEI();
        uint256 feesWei = minWei + fees % 400 ether;
        uint256 proofsWei = minWei + proofs % 400 ether;
        credit(feeVault, feesWei);
        credit(provingVault, proofsWei);
        uint64 first = withdraw(feeVault);
        uint64 second = withdraw(provingVault);
        finalize(first);
        finalize(second);
        vm.assertEq(operator.balance, feesWei);
        vm.assertEq(address(auction).balance, proofsWei);
        vm.assertEq(address(rollup).balance, 1000 ether - feesWei - proofsWei);
    }
}
