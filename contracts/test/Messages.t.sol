// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IRollup} from "../src/interfaces/IRollup.sol";
import {MessageLib} from "../src/libraries/MessageLib.sol";
import {Base} from "./Base.sol";

contract MessagesTest is Base {
    address private user = address(0x05e2);
    uint256 private constant FEE = 21_000 * 1 gwei;

    receive() external payable {}

    function setUp() public override {
        super.setUp();
        vm.deal(user, 100 ether);
        vm.deal(address(this), 100 ether);
    }

    function test_depositOfAnAccount() public {
        bytes32 hash = keccak256(
            abi.encode(
                bytes32("rollmill.message.v2"),
                uint256(0),
                user,
                address(7),
                1 ether,
                1 ether,
                uint256(21_000),
                keccak256("")
            )
        );
        bytes32 rolling = keccak256(abi.encode(bytes32("rollmill.messages.v1"), hash));
        vm.expectEmit(address(rollup));
        emit IRollup.MessageSent(0, user, address(7), 1 ether, 1 ether, 21_000, "", rolling);
        vm.prank(user, user);
        rollup.sendMessage{value: 1 ether + FEE}(address(7), 21_000, "");
        vm.assertEq(rollup.messageCount(), 1);
        vm.assertEq(rollup.messageHashAt(1), rolling);
        vm.assertEq(rollup.feesWei(), FEE);
        vm.assertEq(address(rollup).balance, 1 ether + FEE);
    }

    function test_contractsAreAliased() public {
        address sender = address(uint160(address(this)) + uint160(0x1111000000000000000000000000000000001111));
        bytes32 hash = MessageLib.hash(0, sender, address(7), 1 ether, 1 ether, 30_000, keccak256("call"));
        vm.expectEmit(address(rollup));
        emit IRollup.MessageSent(
            0, sender, address(7), 1 ether, 1 ether, 30_000, "call", MessageLib.roll(MessageLib.GENESIS, hash)
        );
        vm.prank(address(this), user);
        rollup.sendMessage{value: 1 ether + 30_000 gwei}(address(7), 30_000, "call");
        vm.assertEq(
            MessageLib.aliased(address(type(uint160).max)), address(uint160(0x1111000000000000000000000000000000001110))
        );
    }

    function test_forcedTransactionSpendsWhatIsOnL2() public {
        bytes32 hash = MessageLib.hash(0, user, address(7), 0, 5 ether, 30_000, keccak256("call"));
        vm.expectEmit(address(rollup));
        emit IRollup.MessageSent(
            0, user, address(7), 0, 5 ether, 30_000, "call", MessageLib.roll(MessageLib.GENESIS, hash)
        );
        vm.startPrank(user, user);
        rollup.forceTransaction{value: 30_000 gwei}(address(7), 5 ether, 30_000, "call");
        // The whole of msg.value is the price of the gas: nothing is minted, nothing can be withdrawn twice.
        vm.assertEq(rollup.feesWei(), 30_000 gwei);
        vm.assertEq(address(rollup).balance, 30_000 gwei);

        bytes32 next = MessageLib.hash(1, user, address(7), 1 ether, 0, 21_000, keccak256(""));
        rollup.forceTransaction{value: 1 ether + FEE}(address(7), 0, 21_000, "");
        vm.assertEq(rollup.messageHashAt(2), MessageLib.roll(MessageLib.roll(MessageLib.GENESIS, hash), next));
        vm.expectPartialRevert(IRollup.FeeNotCovered.selector);
        rollup.forceTransaction{value: FEE - 1}(address(7), 0, 21_000, "");
        vm.expectPartialRevert(IRollup.BadMessage.selector);
        rollup.forceTransaction{value: 1 ether}(address(0), 0, 21_000, "");
        vm.expectPartialRevert(IRollup.BadMessage.selector);
        rollup.forceTransaction{value: 1 ether}(address(7), 0, 2_000_001, "");
    }

    function test_refusals() public {
        vm.startPrank(user, user);
        vm.expectPartialRevert(IRollup.FeeNotCovered.selector);
        rollup.sendMessage{value: FEE - 1}(address(7), 21_000, "");
        vm.expectPartialRevert(IRollup.BadMessage.selector);
        rollup.sendMessage{value: 1 ether}(address(0), 21_000, "");
        vm.expectPartialRevert(IRollup.BadMessage.selector);
        rollup.sendMessage{value: 1 ether}(address(7), 20_999, "");
        vm.expectPartialRevert(IRollup.BadMessage.selector);
        rollup.sendMessage{value: 1 ether}(address(7), 21_039, "1");
        vm.expectPartialRevert(IRollup.BadMessage.selector);
        rollup.sendMessage{value: 1 ether}(address(7), 2_000_001, "");
        vm.expectPartialRevert(IRollup.BadMessage.selector);
        rollup.sendMessage{value: 1 ether}(address(7), 2_000_000, new bytes(32 * 1024 + 1));
        rollup.sendMessage{value: 1 ether}(address(7), 21_040, "1");
        rollup.sendMessage{value: FEE}(address(7), 21_000, "");
        vm.expectPartialRevert(IRollup.BadMessagesEnd.selector);
        rollup.messageHashAt(3);
    }

    function test_onlyTheOperatorTakesTheFeesAndNoMore() public {
        rollup.sendMessage{value: 1 ether + FEE}(address(7), 21_000, "");
        vm.expectPartialRevert(IRollup.NotOperator.selector);
        rollup.withdrawFees();
        vm.prank(operator);
        rollup.withdrawFees();
        vm.assertEq(operator.balance, FEE);
        vm.assertEq(address(rollup).balance, 1 ether);
        vm.prank(operator);
        rollup.withdrawFees();
        vm.assertEq(operator.balance, FEE);
    }

    function test_feesStayWhereTheOperatorTakesNoEther() public {
        rollup.sendMessage{value: FEE}(address(7), 21_000, "");
        // It reverts, whatever it is called with.
        vm.etch(operator, hex"5f5ffd");
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IRollup.TransferFailed.selector));
        rollup.withdrawFees();
        vm.assertEq(rollup.feesWei(), FEE);
    }

    function testFuzz_rollingHashFollowsTheFormat(
        address[4] memory to,
        uint64[4] memory value,
        uint32[4] memory gasLimit,
        bytes memory data
    ) public {
        vm.assume(data.length < 1000);
        bytes32 rolling = "rollmill.messages.v1";
        for (uint64 i = 0; i < 4; i++) {
            address recipient = to[i] == address(0) ? address(1) : to[i];
            uint64 gas_ = 61_000 + gasLimit[i] % 1_900_000;
            uint256 amount = value[i] % 10 ether;
            bytes32 hash = keccak256(
                abi.encode(
                    bytes32("rollmill.message.v2"),
                    uint256(i),
                    user,
                    recipient,
                    amount,
                    amount,
                    uint256(gas_),
                    keccak256(data)
                )
            );
            rolling = keccak256(abi.encode(rolling, hash));
            vm.prank(user, user);
            rollup.sendMessage{value: amount + uint256(gas_) * 1 gwei}(recipient, gas_, data);
            vm.assertEq(rollup.messageHashAt(i + 1), rolling);
        }
    }
}
