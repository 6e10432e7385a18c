// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IMessenger} from "../src/interfaces/IMessenger.sol";
import {Commit, IRollup, Withdrawal} from "../src/interfaces/IRollup.sol";
import {IWithdrawalQueue} from "../src/interfaces/IWithdrawalQueue.sol";
import {WithdrawalTree} from "../src/libraries/WithdrawalTree.sol";
import {WithdrawalBase} from "./WithdrawalBase.sol";

/// Takes ether and tries to be paid twice.
contract Reentrant {
    address private rollup;
    bytes private call_;
    bool public again;

    function prepare(address rollup_, bytes calldata c) external {
        (rollup, call_) = (rollup_, c);
    }

    receive() external payable {
        (again,) = rollup.call(call_);
    }
}

contract Refusing {}

contract WithdrawalsTest is WithdrawalBase {
    address private user = address(0x05e2);

    // --- L2

    function test_genesisStorageIsWhatTheGettersShow() public view {
        vm.assertEq(queue.root(), emptyRoot());
        vm.assertEq(queue.root(), 0x27ae5ba08d7291c96c8cbddcc148bf48a6d68c7974b94356f53754ef6171d757);
        vm.assertEq(queue.l1ChainId(), 31337);
        vm.assertEq(queue.rollup(), address(rollup));
        vm.assertEq(queue.l2ChainId(), L2_CHAIN_ID);
        vm.assertEq(queue.count(), 0);
    }

    function test_zeroHashesAreThoseOfEmptySubtrees() public pure {
        bytes memory zeros = WithdrawalTree.ZERO_HASHES;
        vm.assertEq(zeros.length, 32 * 32);
        bytes32 expected = 0;
        for (uint256 level = 0; level < 32; level++) {
            bytes32 zero;
            assembly ("memory-safe") {
                zero := mload(add(add(zeros, 32), mul(level, 32)))
            }
            vm.assertEq(zero, expected);
            expected = keccak256(abi.encode(expected, expected));
        }
    }

    function test_rootIsInSlotZeroAndGrowsWithEachWithdrawal() public {
        for (uint256 i = 0; i < 9; i++) {
            vm.deal(user, i + 1);
            // Every third with data, and of those the first without ether.
            bytes memory data = i % 3 == 0 ? abi.encode("data", i) : bytes("");
            vm.expectEmit(address(queue));
            emit IWithdrawalQueue.WithdrawalInitiated(i, user, address(uint160(100 + i)), i, data);
            vm.prank(user);
            uint256 index = data.length == 0
                ? queue.initiateWithdrawal{value: i}(address(uint160(100 + i)))
                : queue.sendMessage{value: i}(address(uint160(100 + i)), data);
            vm.assertEq(index, i);
            note(Withdrawal(uint64(i), user, address(uint160(100 + i)), i, data));
            vm.assertEq(queue.root(), referenceRoot());
            vm.assertEq(vm.load(address(queue), 0), queue.root());
            vm.assertEq(queue.count(), i + 1);
            vm.assertEq(uint256(vm.load(address(queue), bytes32(uint256(4)))), i + 1);
        }
        vm.assertEq(vm.load(address(queue), bytes32(uint256(5))), leaves[8]);
        vm.assertEq(address(queue).balance, 36);
    }

    function test_queueRefusesNothingForNobodyAndOverflow() public {
        vm.expectPartialRevert(IWithdrawalQueue.ZeroAmount.selector);
        queue.initiateWithdrawal(user);
        vm.expectPartialRevert(IWithdrawalQueue.ZeroAmount.selector);
        queue.sendMessage(user, "");
        vm.expectPartialRevert(IWithdrawalQueue.ZeroRecipient.selector);
        queue.initiateWithdrawal{value: 1}(address(0));
        vm.expectPartialRevert(IWithdrawalQueue.ZeroRecipient.selector);
        queue.sendMessage(address(0), "data");
        queue.sendMessage(user, new bytes(32 * 1024));
        vm.expectRevert(abi.encodeWithSelector(IWithdrawalQueue.DataTooLong.selector, 32 * 1024 + 1));
        queue.sendMessage(user, new bytes(32 * 1024 + 1));
        vm.store(address(queue), bytes32(uint256(4)), bytes32(uint256(1) << 32));
        vm.expectPartialRevert(IWithdrawalQueue.QueueFull.selector);
        queue.initiateWithdrawal{value: 1}(user);
        vm.store(address(queue), bytes32(uint256(4)), bytes32((uint256(1) << 32) - 1));
        queue.initiateWithdrawal{value: 1}(user);
    }

    // --- L1

    function test_aWithdrawalIsPaidOnce() public {
        initiate(5);
        uint64 batch = settleWith(queue.root());
        bytes32[32] memory proof = proofFor(3);
        vm.expectEmit(address(rollup));
        emit IRollup.WithdrawalFinalized(3, address(103), 4 ether, batch);
        vm.prank(stranger);
        rollup.finalizeWithdrawal(batch, sent[3], proof);
        vm.assertEq(address(103).balance, 4 ether);
        vm.assertTrue(rollup.withdrawalFinalized(3));
        vm.expectRevert(abi.encodeWithSelector(IRollup.AlreadyFinalized.selector, 3));
        rollup.finalizeWithdrawal(batch, sent[3], proof);
        // Also not against a later root.
        initiate(2);
        batch = settleWith(queue.root());
        proof = proofFor(3);
        vm.expectPartialRevert(IRollup.AlreadyFinalized.selector);
        rollup.finalizeWithdrawal(batch, sent[3], proof);
        rollup.finalizeWithdrawal(batch, sent[0], proofFor(0));
    }

    function test_onlySettledBatchesPay() public {
        initiate(1);
        Commit memory c = nextCommit();
        c.withdrawalRoot = queue.root();
        commit(c);
        bytes32[32] memory proof = proofFor(0);
        uint64[4] memory unsettled = [uint64(0), 1, 2, type(uint64).max];
        for (uint256 i = 0; i < 4; i++) {
            vm.expectPartialRevert(IRollup.NotSettled.selector);
            rollup.finalizeWithdrawal(unsettled[i], sent[0], proof);
        }
    }

    function test_refusesAnyOtherContent() public {
        initiate(3);
        uint64 batch = settleWith(queue.root());
        bytes32[32] memory proof = proofFor(1);
        refused(batch, Withdrawal(0, user, address(101), 2 ether, ""), proof);
        refused(batch, Withdrawal(uint64(1) + (1 << 32), user, address(101), 2 ether, ""), proof);
        refused(batch, Withdrawal(1, stranger, address(101), 2 ether, ""), proof);
        refused(batch, Withdrawal(1, user, stranger, 2 ether, ""), proof);
        refused(batch, Withdrawal(1, user, address(101), 2 ether + 1, ""), proof);
        refused(batch, Withdrawal(1, user, address(101), 2 ether, hex"00"), proof);
        proof[7] ^= bytes32(uint256(1));
        refused(batch, sent[1], proof);
        proof[7] ^= bytes32(uint256(1));
        vm.chainId(1);
        refused(batch, sent[1], proof);
        vm.chainId(31337);
        rollup.finalizeWithdrawal(batch, sent[1], proof);
    }

    function test_withdrawalsOfAnotherRollupOrL2AreWorthless() public {
        vm.store(address(queue), bytes32(uint256(3)), bytes32(uint256(L2_CHAIN_ID + 1)));
        initiate(1);
        vm.store(address(queue), bytes32(uint256(3)), bytes32(uint256(L2_CHAIN_ID)));
        vm.store(address(queue), bytes32(uint256(2)), bytes32(uint256(uint160(stranger))));
        initiate(1);
        vm.store(address(queue), bytes32(uint256(2)), bytes32(uint256(uint160(address(rollup)))));
        vm.store(address(queue), bytes32(uint256(1)), bytes32(uint256(1)));
        initiate(1);
        uint64 batch = settleWith(queue.root());
        for (uint256 i = 0; i < 3; i++) {
            refused(batch, sent[i], proofFor(i));
        }
    }

    function test_reentranceFindsTheWithdrawalSpent() public {
        Reentrant thief = new Reentrant();
        send(user, address(thief), 1 ether, "");
        uint64 batch = settleWith(queue.root());
        bytes32[32] memory proof = proofFor(0);
        thief.prepare(address(rollup), abi.encodeCall(IRollup.finalizeWithdrawal, (batch, sent[0], proof)));
        rollup.finalizeWithdrawal(batch, sent[0], proof);
        vm.assertEq(address(thief).balance, 1 ether);
        vm.assertFalse(thief.again());
    }

    function test_aRefusedPaymentLeavesTheWithdrawalOpen() public {
        address recipient = address(new Refusing());
        send(user, recipient, 1 ether, "");
        uint64 batch = settleWith(queue.root());
        bytes32[32] memory proof = proofFor(0);
        vm.expectRevert(abi.encodeWithSelector(IMessenger.DeliveryFailed.selector, recipient, ""));
        rollup.finalizeWithdrawal(batch, sent[0], proof);
        vm.assertFalse(rollup.withdrawalFinalized(0));
        vm.assertEq(address(rollup).balance, 1000 ether);
    }

    function testFuzz_everyLeafOfATreeIsProven(uint8 size, uint8 which) public {
        uint256 count = 1 + size % 20;
        uint64 index = uint64(which % count);
        initiate(count);
        uint64 batch = settleWith(queue.root());
        rollup.finalizeWithdrawal(batch, sent[index], proofFor(index));
        vm.assertEq(address(uint160(100 + index)).balance, (uint256(index) + 1) * 1 ether);
    }

    // --- helpers

    function initiate(uint256 count) private {
        for (uint256 i = 0; i < count; i++) {
            uint256 index = leaves.length;
            uint256 amountWei = (uint256(index) + 1) * 1 ether;
            address recipient = address(uint160(100 + index));
            vm.deal(user, amountWei);
            vm.prank(user);
            queue.initiateWithdrawal{value: amountWei}(recipient);
            note(Withdrawal(uint64(index), user, recipient, amountWei, ""));
        }
    }

    function refused(uint64 batch, Withdrawal memory w, bytes32[32] memory proof) private {
        vm.expectPartialRevert(IMessenger.InvalidWithdrawalProof.selector);
        rollup.finalizeWithdrawal(batch, w, proof);
    }
}
