// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Commit, IRollup} from "../src/interfaces/IRollup.sol";
import {IWithdrawalQueue} from "../src/interfaces/IWithdrawalQueue.sol";
import {WithdrawalQueue} from "../src/l2/WithdrawalQueue.sol";
import {WithdrawalTree} from "../src/libraries/WithdrawalTree.sol";
import {PublicValues} from "../src/libraries/PublicValues.sol";
import {Base} from "./Base.sol";

/// Takes ether and tries to be paid twice.
contract Reentrant {
    bytes private call_;
    bool public again;

    function prepare(bytes calldata c) external {
        call_ = c;
    }

    receive() external payable {
        (again,) = msg.sender.call(call_);
    }
}

contract Refusing {}

contract WithdrawalsTest is Base {
    WithdrawalQueue private queue;
    bytes32[] private leaves;
    address private user = address(0x05e2);

    function setUp() public override {
        super.setUp();
        vm.deal(address(rollup), 1000 ether);
        queue = WithdrawalQueue(address(0x524D02));
        vm.etch(address(queue), type(WithdrawalQueue).runtimeCode);
        // As L2 genesis writes them.
        vm.store(address(queue), bytes32(uint256(0)), emptyRoot());
        vm.store(address(queue), bytes32(uint256(1)), bytes32(uint256(31337)));
        vm.store(address(queue), bytes32(uint256(2)), bytes32(uint256(uint160(address(rollup)))));
        vm.store(address(queue), bytes32(uint256(3)), bytes32(uint256(L2_CHAIN_ID)));
    }

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
            vm.expectEmit(address(queue));
            emit IWithdrawalQueue.WithdrawalInitiated(i, user, address(uint160(100 + i)), i + 1);
            vm.prank(user);
            vm.assertEq(queue.initiateWithdrawal{value: i + 1}(address(uint160(100 + i))), i);
            leaves.push(leafOf(i, user, address(uint160(100 + i)), i + 1));
            vm.assertEq(queue.root(), referenceRoot());
            vm.assertEq(vm.load(address(queue), 0), queue.root());
            vm.assertEq(queue.count(), i + 1);
            vm.assertEq(uint256(vm.load(address(queue), bytes32(uint256(4)))), i + 1);
        }
        vm.assertEq(vm.load(address(queue), bytes32(uint256(5))), leaves[8]);
        vm.assertEq(address(queue).balance, 45);
    }

    function test_queueRefusesNothingForNobodyAndOverflow() public {
        vm.expectPartialRevert(IWithdrawalQueue.ZeroAmount.selector);
        queue.initiateWithdrawal(user);
        vm.expectPartialRevert(IWithdrawalQueue.ZeroRecipient.selector);
        queue.initiateWithdrawal{value: 1}(address(0));
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
        rollup.finalizeWithdrawal(batch, 3, user, address(103), 4 ether, proof);
        vm.assertEq(address(103).balance, 4 ether);
        vm.assertTrue(rollup.withdrawalFinalized(3));
        vm.expectRevert(abi.encodeWithSelector(IRollup.AlreadyFinalized.selector, 3));
        rollup.finalizeWithdrawal(batch, 3, user, address(103), 4 ether, proof);
        // Also not against a later root.
        initiate(2);
        batch = settleWith(queue.root());
        proof = proofFor(3);
        vm.expectPartialRevert(IRollup.AlreadyFinalized.selector);
        rollup.finalizeWithdrawal(batch, 3, user, address(103), 4 ether, proof);
        proof = proofFor(0);
        rollup.finalizeWithdrawal(batch, 0, user, address(100), 1 ether, proof);
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
            rollup.finalizeWithdrawal(unsettled[i], 0, user, address(100), 1 ether, proof);
        }
    }

    function test_refusesAnyOtherContent() public {
        initiate(3);
        uint64 batch = settleWith(queue.root());
        bytes32[32] memory proof = proofFor(1);
        refused(batch, 0, user, address(101), 2 ether, proof);
        refused(batch, uint64(1) + (1 << 32), user, address(101), 2 ether, proof);
        refused(batch, 1, stranger, address(101), 2 ether, proof);
        refused(batch, 1, user, stranger, 2 ether, proof);
        refused(batch, 1, user, address(101), 2 ether + 1, proof);
        proof[7] ^= bytes32(uint256(1));
        refused(batch, 1, user, address(101), 2 ether, proof);
        proof[7] ^= bytes32(uint256(1));
        vm.chainId(1);
        refused(batch, 1, user, address(101), 2 ether, proof);
        vm.chainId(31337);
        rollup.finalizeWithdrawal(batch, 1, user, address(101), 2 ether, proof);
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
        for (uint64 i = 0; i < 3; i++) {
            refused(batch, i, user, address(uint160(100 + i)), (uint256(i) + 1) * 1 ether, proofFor(i));
        }
    }

    function test_reentranceFindsTheWithdrawalSpent() public {
        Reentrant thief = new Reentrant();
        vm.deal(user, 1 ether);
        vm.prank(user);
        queue.initiateWithdrawal{value: 1 ether}(address(thief));
        leaves.push(leafOf(0, user, address(thief), 1 ether));
        uint64 batch = settleWith(queue.root());
        bytes32[32] memory proof = proofFor(0);
        thief.prepare(abi.encodeCall(IRollup.finalizeWithdrawal, (batch, 0, user, address(thief), 1 ether, proof)));
        rollup.finalizeWithdrawal(batch, 0, user, address(thief), 1 ether, proof);
        vm.assertEq(address(thief).balance, 1 ether);
        vm.assertFalse(thief.again());
    }

    function test_aRefusedPaymentLeavesTheWithdrawalOpen() public {
        address recipient = address(new Refusing());
        vm.deal(user, 1 ether);
        vm.prank(user);
        queue.initiateWithdrawal{value: 1 ether}(recipient);
        leaves.push(leafOf(0, user, recipient, 1 ether));
        uint64 batch = settleWith(queue.root());
        bytes32[32] memory proof = proofFor(0);
        vm.expectPartialRevert(IRollup.TransferFailed.selector);
        rollup.finalizeWithdrawal(batch, 0, user, recipient, 1 ether, proof);
        vm.assertFalse(rollup.withdrawalFinalized(0));
    }

    function testFuzz_everyLeafOfATreeIsProven(uint8 size, uint8 which) public {
        uint256 count = 1 + size % 20;
        uint64 index = uint64(which % count);
        initiate(count);
        uint64 batch = settleWith(queue.root());
        bytes32[32] memory proof = proofFor(index);
        rollup.finalizeWithdrawal(
            batch, index, user, address(uint160(100 + index)), (uint256(index) + 1) * 1 ether, proof
        );
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
            leaves.push(leafOf(index, user, recipient, amountWei));
        }
    }

    function settleWith(bytes32 root) private returns (uint64 batch) {
        Commit memory c = nextCommit();
        c.withdrawalRoot = root;
        commit(c);
        batch = c.batch;
        vm.warp(rollup.unpaidFrom(batch));
        PublicValues memory pv = publicValues(batch, stranger);
        rollup.settleUnpaid(pv, proofOf(pv));
    }

    function refused(uint64 batch, uint64 index, address from, address to, uint256 amountWei, bytes32[32] memory proof)
        private
    {
        vm.expectPartialRevert(IRollup.InvalidWithdrawalProof.selector);
        rollup.finalizeWithdrawal(batch, index, from, to, amountWei, proof);
    }

    function leafOf(uint256 index, address sender, address recipient, uint256 amountWei)
        private
        view
        returns (bytes32)
    {
        return keccak256(
            abi.encode(
                bytes32("rollmill.withdrawal.v1"),
                uint256(31337),
                address(rollup),
                uint256(L2_CHAIN_ID),
                index,
                sender,
                recipient,
                amountWei
            )
        );
    }

    function emptyRoot() private pure returns (bytes32 root) {
        for (uint256 level = 0; level < 32; level++) {
            root = keccak256(abi.encode(root, root));
        }
    }

    /// Level by level over all leaves, with no memory of earlier trees.
    function referenceRoot() private view returns (bytes32) {
        return branchOf(type(uint256).max)[32];
    }

    function proofFor(uint256 index) private view returns (bytes32[32] memory proof) {
        bytes32[33] memory branch = branchOf(index);
        for (uint256 level = 0; level < 32; level++) {
            proof[level] = branch[level];
        }
    }

    /// The siblings of a leaf, and the root behind them.
    function branchOf(uint256 index) private view returns (bytes32[33] memory branch) {
        bytes32[] memory level = leaves;
        bytes32 zero = 0;
        for (uint256 depth = 0; depth < 32; depth++) {
            uint256 sibling = index ^ 1;
            branch[depth] = sibling < level.length ? level[sibling] : zero;
            bytes32[] memory above = new bytes32[]((level.length + 1) / 2);
            for (uint256 i = 0; i < above.length; i++) {
                bytes32 right = 2 * i + 1 < level.length ? level[2 * i + 1] : zero;
                above[i] = keccak256(abi.encode(level[2 * i], right));
            }
            zero = keccak256(abi.encode(zero, zero));
            level = above;
            index >>= 1;
        }
        branch[32] = level.length == 0 ? zero : level[0];
    }
}
