// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Rollup} from "../src/Rollup.sol";
import {Key} from "../src/interfaces/IParameters.sol";
import {IProgramTable} from "../src/interfaces/IProgramTable.sol";
import {Batch, Commit, IRollup, Program, RollupParams} from "../src/interfaces/IRollup.sol";
import {SnapshotLib} from "../src/libraries/SnapshotLib.sol";
import {Base} from "./Base.sol";

contract CommitTest is Base {
    function test_pinsEverythingOfTheBatch() public {
        vm.deal(address(this), 1 ether);
        rollup.sendMessage{value: 1 ether}(address(1), 21_000, "");
        Commit memory c = nextCommit();
        vm.expectEmit(address(rollup));
        emit IRollup.BatchCommitted(
            1,
            keccak256(abi.encode(bytes32("rollmill.task.v1"), uint256(31337), address(rollup), uint256(1))),
            c,
            keccak256(abi.encodePacked("data of batch ", uint64(1))),
            "rollmill.messages.v1",
            rollup.messageHashAt(1),
            1e12,
            0
        );
        commit(c);
        Batch memory b = rollup.batches(1);
        vm.assertEq(b.stateRoot, c.stateRoot);
        vm.assertEq(b.blockHash, c.blockHash);
        vm.assertEq(b.withdrawalRoot, c.withdrawalRoot);
        vm.assertEq(b.dataCommitment, keccak256(abi.encodePacked("data of batch ", uint64(1))));
        vm.assertEq(b.messagesEnd, 1);
        vm.assertEq(b.commitBlock, block.number);
        vm.assertEq(rollup.drawBlock(1), block.number + 4);
        vm.assertEq(rollup.committedBatch(), 1);
        vm.assertEq(rollup.settledBatch(), 0);
        vm.assertEq(rollup.stateRoot(), keccak256("state 0"));
    }

    function test_refusesStrangers() public {
        Commit memory c = nextCommit();
        vm.expectRevert(abi.encodeWithSelector(IRollup.NotOperator.selector, stranger));
        vm.prank(stranger);
        rollup.commit(c, "data");
        vm.expectRevert(abi.encodeWithSelector(IRollup.NotOperator.selector, governor));
        vm.prank(governor);
        rollup.commit(c, "data");
    }

    function test_refusesNumbersOutOfOrder() public {
        Commit memory c = nextCommit();
        c.batch = 2;
        refused(c, IRollup.BatchOutOfOrder.selector);
        c.batch = 0;
        refused(c, IRollup.BatchOutOfOrder.selector);
        commitNext();
        c.batch = 1;
        refused(c, IRollup.BatchOutOfOrder.selector);
    }

    function test_refusesZeroHashes() public {
        Commit memory c = nextCommit();
        c.stateRoot = 0;
        refused(c, IProgramTable.ZeroHash.selector);
        c = nextCommit();
        c.blockHash = 0;
        refused(c, IProgramTable.ZeroHash.selector);
        c = nextCommit();
        c.withdrawalRoot = 0;
        refused(c, IProgramTable.ZeroHash.selector);
        c = nextCommit();
        c.witnessHash = 0;
        refused(c, IProgramTable.ZeroHash.selector);
    }

    function test_refusesEmptyDataAndNoWork() public {
        Commit memory c = nextCommit();
        vm.expectRevert(abi.encodeWithSelector(IRollup.EmptyData.selector));
        vm.prank(operator);
        rollup.commit(c, "");
        c.proverGasEstimate = 0;
        refused(c, IProgramTable.BadParameter.selector);
        vm.prank(governor);
        parameters.announce(Key.ProverGasMax, GAS);
        vm.warp(block.timestamp + 7 days);
        c.proverGasEstimate = GAS + 1;
        refused(c, IProgramTable.BadParameter.selector);
        c.proverGasEstimate = GAS;
        commit(c);
    }

    function test_blocksAndTimeOnlyGoForward() public {
        commitNext();
        Commit memory c = nextCommit();
        c.lastBlock = 10;
        refused(c, IRollup.BlockNotAfter.selector);
        c = nextCommit();
        c.lastTimestamp = uint64(block.timestamp) - 1;
        refused(c, IRollup.BadTimestamp.selector);
        c.lastTimestamp = uint64(block.timestamp) + 16;
        refused(c, IRollup.BadTimestamp.selector);
        c.lastTimestamp = uint64(block.timestamp) + 15;
        commit(c);
    }

    function test_messagesAreConsumedInOrderAndNotInvented() public {
        rollup.sendMessage{value: 0.1 ether}(address(1), 21_000, "");
        commitNext();
        Commit memory c = nextCommit();
        c.messagesEnd = 0;
        refused(c, IRollup.BadMessagesEnd.selector);
        c.messagesEnd = 2;
        refused(c, IRollup.BadMessagesEnd.selector);
    }

    function test_oldMessagesCannotBeSkipped() public {
        rollup.sendMessage{value: 0.1 ether}(address(1), 21_000, "");
        vm.warp(block.timestamp + 1 days);
        Commit memory c = nextCommit();
        c.messagesEnd = 0;
        commit(c);
        vm.warp(block.timestamp + 1);
        c = nextCommit();
        c.messagesEnd = 0;
        refused(c, IRollup.MessageOverdue.selector);
        c.messagesEnd = 1;
        commit(c);
    }

    function test_programsArePinnedAndAnnouncedAhead() public {
        Commit memory c = nextCommit();
        c.programVersion = 2;
        refused(c, IProgramTable.UnknownProgram.selector);
        c.programVersion = 0;
        refused(c, IProgramTable.UnknownProgram.selector);
        Program memory second = Program(keccak256("exe 2"), VM_COMMIT, address(mock), 2, 2, 0);
        vm.prank(governor);
        vm.assertEq(rollup.announceProgram(second), 2);
        c.programVersion = 2;
        refused(c, IProgramTable.InactiveProgram.selector);
        vm.warp(block.timestamp + 7 days);
        commit(c);
        vm.assertEq(rollup.batches(1).programVersion, 2);
        vm.assertEq(rollup.expectedPublicValues(1, rollers[0], GAS).forkId, 2);
    }

    function test_programTableRefusesStrangersAndZeroes() public {
        Program memory p = Program(EXE, VM_COMMIT, address(mock), 1, 1, 0);
        vm.expectRevert(abi.encodeWithSelector(IProgramTable.NotGovernor.selector, operator));
        vm.prank(operator);
        rollup.announceProgram(p);
        p.exeCommit = 0;
        refusedProgram(p, IProgramTable.ZeroHash.selector);
        p = Program(EXE, 0, address(mock), 1, 1, 0);
        refusedProgram(p, IProgramTable.ZeroHash.selector);
        p = Program(EXE, VM_COMMIT, address(0), 1, 1, 0);
        refusedProgram(p, IProgramTable.BadParameter.selector);
        p = Program(EXE, VM_COMMIT, stranger, 1, 1, 0);
        refusedProgram(p, IProgramTable.BadParameter.selector);
    }

    function test_snapshotIsRecomputedFromItsLeaves() public {
        bytes memory leaves = abi.encodePacked(leaf(1, 100 ether, 1e8), leaf(2, 50 ether, 1e9), leaf(3, 7, 999_999_999));
        (bytes32 root, uint256 total) = this.rootOf(leaves);
        vm.assertEq(total, 10 ether + 50 ether + 6);
        vm.prank(operator);
        rollup.postSnapshot(1, root, total, leaves);
        vm.assertEq(rollup.currentEpoch(), 1);
        vm.assertEq(rollup.snapshots(1).root, root);
        vm.assertEq(rollup.snapshots(1).total, total);
        vm.assertEq(rollup.snapshots(1).stakes, 150 ether + 7);
        commitNext();
        vm.assertEq(rollup.batches(1).epoch, 1);
    }

    function test_snapshotRootIsTheTreeOfThePlan() public view {
        // Three leaves and a padding leaf, hashed by hand.
        bytes memory leaves = abi.encodePacked(leaf(1, 100, 5e8), leaf(2, 10, 1e9), leaf(3, 4, 1e9));
        bytes32 tag = "rollmill.leaf.v1";
        bytes32 a = keccak256(abi.encode(tag, uint256(1), uint256(100), uint256(5e8), uint256(2), uint256(50)));
        bytes32 b = keccak256(abi.encode(tag, uint256(2), uint256(10), uint256(1e9), uint256(2), uint256(10)));
        bytes32 c = keccak256(abi.encode(tag, uint256(3), uint256(4), uint256(1e9), uint256(2), uint256(4)));
        bytes32 left = SnapshotLib.node(a, 50, b, 10);
        bytes32 right = SnapshotLib.node(c, 4, 0, 0);
        (bytes32 root, uint256 total) = this.rootOf(leaves);
        vm.assertEq(root, keccak256(abi.encode(bytes32("rollmill.node.v1"), left, uint256(60), right, uint256(4))));
        vm.assertEq(total, 64);
        (root, total) = this.rootOf(leaf(1, 100, 5e8));
        vm.assertEq(root, a);
        vm.assertEq(total, 50);
    }

    function test_snapshotOfFiveIsPaddedToEight() public view {
        bytes memory leaves;
        bytes32[8] memory level;
        uint256[8] memory sums;
        for (uint160 i = 1; i <= 5; i++) {
            bytes memory packed = leaf(i, 100 * i, 1e9);
            leaves = abi.encodePacked(leaves, packed);
            (, level[i - 1], sums[i - 1]) = this.snapshotLeaf(packed);
        }
        for (uint256 width = 4; width >= 1; width /= 2) {
            for (uint256 i = 0; i < width; i++) {
                level[i] = SnapshotLib.node(level[2 * i], sums[2 * i], level[2 * i + 1], sums[2 * i + 1]);
                sums[i] = sums[2 * i] + sums[2 * i + 1];
            }
        }
        (bytes32 root, uint256 total) = this.rootOf(leaves);
        vm.assertEq(root, level[0]);
        vm.assertEq(total, sums[0]);
    }

    function test_snapshotRefusals() public {
        bytes memory leaves = leaf(1, 100 ether, 1e9);
        (bytes32 root, uint256 total) = this.rootOf(leaves);
        vm.expectRevert(abi.encodeWithSelector(IRollup.NotOperator.selector, stranger));
        vm.prank(stranger);
        rollup.postSnapshot(1, root, total, leaves);
        refusedSnapshot(2, root, total, leaves, IRollup.EpochOutOfOrder.selector);
        refusedSnapshot(0, root, total, leaves, IRollup.EpochOutOfOrder.selector);
        refusedSnapshot(1, keccak256("else"), total, leaves, IRollup.WrongSnapshot.selector);
        refusedSnapshot(1, root, total + 1, leaves, IRollup.WrongSnapshot.selector);
        refusedSnapshot(1, root, total, "", SnapshotLib.BadLeavesLength.selector);
        refusedSnapshot(1, root, total, abi.encodePacked(leaves, hex"00"), SnapshotLib.BadLeavesLength.selector);
        refusedSnapshot(1, root, total, abi.encodePacked(leaves, leaves), SnapshotLib.BadLeaf.selector);
        refusedSnapshot(1, root, total, leaf(1, 100 ether, 1e9 + 1), SnapshotLib.BadLeaf.selector);
        (root, total) = this.rootOf(leaf(1, 0, 1e9));
        refusedSnapshot(1, root, total, leaf(1, 0, 1e9), IRollup.WrongSnapshot.selector);
    }

    function test_constructorRefusesBadParameters() public {
        RollupParams memory p = deployable();
        p.operator = address(0);
        refusedParams(p, IProgramTable.BadParameter.selector);
        p = deployable();
        p.l2ChainId = 31337;
        refusedParams(p, IProgramTable.BadParameter.selector);
        p = deployable();
        p.drawLag = 0;
        refusedParams(p, IProgramTable.BadParameter.selector);
        p = deployable();
        p.lotteryLag = 0;
        refusedParams(p, IProgramTable.BadParameter.selector);
        p = deployable();
        p.genesisStateRoot = 0;
        refusedParams(p, IProgramTable.BadParameter.selector);
        p = deployable();
        p.programs = new Program[](0);
        refusedParams(p, IProgramTable.BadParameter.selector);
        p = deployable();
        p.programs[0].exeCommit = 0;
        refusedParams(p, IProgramTable.ZeroHash.selector);
        p = deployable();
        p.programs[0].vmCommit = 0;
        refusedParams(p, IProgramTable.ZeroHash.selector);
        p = deployable();
        p.programDelayS = 7 days - 1;
        refusedParams(p, IProgramTable.BadParameter.selector);
        // Computed for another address.
        p = deployable();
        refusedParams(p, IProgramTable.BadParameter.selector);
    }

    /// A devnet may be in a hurry; elsewhere a beacon's proposer must not know it when it includes the facts.
    function test_shortLagsAreForDevnetsOnly() public {
        vm.chainId(1);
        for (uint64 lag = 0; lag < 4; lag++) {
            RollupParams memory p = deployable();
            p.drawLag = lag;
            refusedFor(p, "lag");
            p = deployable();
            p.lotteryLag = lag;
            refusedFor(p, "lag");
        }
        // All but the address, which is computed for another.
        refusedFor(deployable(), "rollup");
        uint24[2] memory devnets = [uint24(31337), 1337001];
        for (uint256 i = 0; i < 2; i++) {
            vm.chainId(devnets[i]);
            RollupParams memory p = deployable();
            (p.drawLag, p.lotteryLag) = (1, 1);
            refusedFor(p, "rollup");
            p.drawLag = 0;
            refusedFor(p, "lag");
        }
    }

    function test_constructorRefusesZeroGenesis() public {
        RollupParams memory p = params();
        p.genesisStateRoot = 0;
        vm.expectPartialRevert(IProgramTable.ZeroHash.selector);
        this.deployWith(p);
        p = params();
        p.genesisBlockHash = 0;
        vm.expectPartialRevert(IProgramTable.ZeroHash.selector);
        this.deployWith(p);
        p = params();
        p.genesisWithdrawalRoot = 0;
        vm.expectPartialRevert(IProgramTable.ZeroHash.selector);
        this.deployWith(p);
    }

    // --- helpers

    function deployWith(RollupParams memory p) external {
        deploy(p);
    }

    function deployable() private view returns (RollupParams memory p) {
        p = params();
        p.programs = new Program[](1);
        p.programs[0] = Program(EXE, VM_COMMIT, address(mock), 1, 1, 0);
    }

    function refusedParams(RollupParams memory p, bytes4 selector) private {
        vm.expectPartialRevert(selector);
        new Rollup(deployed, p);
    }

    function refusedFor(RollupParams memory p, string memory name) private {
        vm.expectRevert(abi.encodeWithSelector(IProgramTable.BadParameter.selector, name));
        new Rollup(deployed, p);
    }

    function refused(Commit memory c, bytes4 selector) private {
        vm.expectPartialRevert(selector);
        vm.prank(operator);
        rollup.commit(c, "data");
    }

    function refusedProgram(Program memory p, bytes4 selector) private {
        vm.expectPartialRevert(selector);
        vm.prank(governor);
        rollup.announceProgram(p);
    }

    function refusedSnapshot(uint64 epoch, bytes32 root, uint256 total, bytes memory leaves, bytes4 selector) private {
        vm.expectPartialRevert(selector);
        vm.prank(operator);
        rollup.postSnapshot(epoch, root, total, leaves);
    }

    function leaf(uint160 roller, uint256 stake, uint64 q) private pure returns (bytes memory) {
        return abi.encodePacked(address(roller), uint128(stake), q, uint32(2));
    }

    function snapshotLeaf(bytes calldata packed) external pure returns (address, bytes32, uint256) {
        return SnapshotLib.leaf(packed);
    }
}
