// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Commit, Withdrawal} from "../src/interfaces/IRollup.sol";
import {WithdrawalQueue} from "../src/l2/WithdrawalQueue.sol";
import {Predeploys} from "../src/libraries/Predeploys.sol";
import {PublicValues} from "../src/libraries/PublicValues.sol";
import {Base} from "./Base.sol";

/// The siblings of a leaf in the tree over `level`, from below, and the root behind them.
function branchOver(bytes32[] memory level, uint256 index) pure returns (bytes32[33] memory branch) {
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

/// @notice A rollup with the withdrawal queue of its L2 beside it, and a tree of its own over what was sent.
abstract contract WithdrawalBase is Base {
    WithdrawalQueue internal queue;
    Withdrawal[] internal sent;
    bytes32[] internal leaves;

    function setUp() public virtual override {
        super.setUp();
        vm.deal(address(rollup), 1000 ether);
        queue = WithdrawalQueue(Predeploys.WITHDRAWAL_QUEUE);
        vm.etch(address(queue), type(WithdrawalQueue).runtimeCode);
        // As L2 genesis writes them.
        vm.store(address(queue), bytes32(uint256(0)), emptyRoot());
        vm.store(address(queue), bytes32(uint256(1)), bytes32(uint256(31337)));
        vm.store(address(queue), bytes32(uint256(2)), bytes32(uint256(uint160(address(rollup)))));
        vm.store(address(queue), bytes32(uint256(3)), bytes32(uint256(L2_CHAIN_ID)));
    }

    /// Sends from L2.
    function send(address sender, address recipient, uint256 amountWei, bytes memory data)
        internal
        returns (uint64 index)
    {
        vm.deal(sender, amountWei);
        vm.prank(sender);
        index = uint64(queue.sendMessage{value: amountWei}(recipient, data));
        note(Withdrawal(index, sender, recipient, amountWei, data));
    }

    /// Remembers what was sent.
    function note(Withdrawal memory w) internal {
        sent.push(w);
        leaves.push(leafOf(w));
    }

    /// Commits and settles the next batch with this root of withdrawals.
    function settleWith(bytes32 root) internal returns (uint64 batch) {
        Commit memory c = nextCommit();
        c.withdrawalRoot = root;
        commit(c);
        batch = c.batch;
        vm.warp(rollup.unpaidFrom(batch));
        PublicValues memory pv = publicValues(batch, stranger);
        rollup.settleUnpaid(pv, proofOf(pv));
    }

    function leafOf(Withdrawal memory w) internal view returns (bytes32) {
        return keccak256(
            abi.encode(
                bytes32("rollmill.withdrawal.v2"),
                uint256(31337),
                address(rollup),
                uint256(L2_CHAIN_ID),
                w.index,
                w.sender,
                w.recipient,
                w.amountWei,
                keccak256(w.data)
            )
        );
    }

    function emptyRoot() internal pure returns (bytes32 root) {
        for (uint256 level = 0; level < 32; level++) {
            root = keccak256(abi.encode(root, root));
        }
    }

    /// Level by level over all leaves, with no memory of earlier trees.
    function referenceRoot() internal view returns (bytes32) {
        return branchOf(type(uint256).max)[32];
    }

    function proofFor(uint256 index) internal view returns (bytes32[32] memory proof) {
        bytes32[33] memory branch = branchOf(index);
        for (uint256 level = 0; level < 32; level++) {
            proof[level] = branch[level];
        }
    }

    /// The siblings of a leaf, and the root behind them.
    function branchOf(uint256 index) internal view returns (bytes32[33] memory) {
        return branchOver(leaves, index);
    }
}
