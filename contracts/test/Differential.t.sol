// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Entry} from "../src/interfaces/IRollup.sol";
import {AmountsLib} from "../src/libraries/AmountsLib.sol";
import {DrawLib} from "../src/libraries/DrawLib.sol";
import {LotteryLib} from "../src/libraries/LotteryLib.sol";
import {MessageLib} from "../src/libraries/MessageLib.sol";
import {PublicValues, PublicValuesLib} from "../src/libraries/PublicValues.sol";
import {SnapshotLib} from "../src/libraries/SnapshotLib.sol";
import {WithdrawalTree} from "../src/libraries/WithdrawalTree.sol";
import {Vm} from "./Vm.sol";

/// Every rule that L1 repeats, on 10,000 random cases each, against the running hashes that Rust wrote
/// (`crates/protocol/tests/board/vectors/differential.rs` says how cases and hashes are made).
contract DifferentialTest {
    using PublicValuesLib for PublicValues;

    Vm private constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);
    bytes32 private constant TAG = "rollmill.differential.v1";
    uint256 private constant CASES = 10_000;
    uint256 private constant STRIDE = 1_000;

    struct Case {
        bytes32 rule;
        uint256 number;
    }

    bytes32[32] private branch;

    function test_task() public view {
        run("task", this.task);
    }

    function test_publicValues() public view {
        run("publicValues", this.publicValues);
    }

    function test_lottery() public view {
        run("lottery", this.lottery);
    }

    function test_snapshot() public view {
        run("snapshot", this.snapshot);
    }

    function test_draw() public view {
        run("draw", this.draw);
    }

    function test_fine() public view {
        run("fine", this.fine);
    }

    function test_reward() public view {
        run("reward", this.reward);
    }

    function test_bond() public view {
        run("bond", this.bond);
    }

    function test_emission() public view {
        run("emission", this.emission);
    }

    function test_message() public view {
        run("message", this.message);
    }

    function test_withdrawal() public {
        bytes32[] memory expected = read("withdrawal");
        bytes32 running = 0;
        for (uint256 i = 0; i < CASES; i++) {
            Case memory c = Case("withdrawal", i);
            bytes32 leaf = WithdrawalTree.leaf(
                uint64(word(c, 0)), account(c, 1), uint64(word(c, 2)), i, account(c, 3), account(c, 4), word(c, 5)
            );
            bytes32 grown = WithdrawalTree.append(branch, i, leaf);
            running = keccak256(abi.encode(running, leaf, grown));
            if ((i + 1) % STRIDE == 0) vm.assertEq(running, expected[i / STRIDE]);
        }
    }

    // --- the rules

    function task(Case calldata c) external pure returns (bytes memory) {
        return abi.encode(LotteryLib.taskId(uint64(word(c, 0)), account(c, 1), uint64(word(c, 2))));
    }

    function publicValues(Case calldata c) external pure returns (bytes memory) {
        PublicValues memory pv;
        pv.formatVersion = 1;
        pv.programVersion = uint32(word(c, 0));
        pv.forkId = uint32(word(c, 1));
        pv.l1ChainId = uint64(word(c, 2));
        pv.rollup = account(c, 3);
        pv.l2ChainId = uint64(word(c, 4));
        pv.roller = account(c, 5);
        pv.task = bytes32(word(c, 6));
        pv.firstBatch = uint64(word(c, 7));
        pv.lastBatch = uint64(word(c, 8));
        pv.previousStateRoot = bytes32(word(c, 9));
        pv.stateRoot = bytes32(word(c, 10));
        pv.previousBlockHash = bytes32(word(c, 11));
        pv.blockHash = bytes32(word(c, 12));
        pv.dataCommitment = bytes32(word(c, 13));
        pv.blobVersionedHash = bytes32(word(c, 14));
        pv.z = bytes32(word(c, 15));
        pv.y = bytes32(word(c, 16));
        pv.previousMessageHash = bytes32(word(c, 17));
        pv.messageHash = bytes32(word(c, 18));
        pv.withdrawalRoot = bytes32(word(c, 19));
        pv.lastBlock = uint64(word(c, 20));
        pv.lastTimestamp = uint64(word(c, 21));
        pv.proverGas = uint64(word(c, 22));
        pv.scheduleId = uint32(word(c, 23));
        return abi.encode(pv.hash());
    }

    function lottery(Case calldata c) external view returns (bytes memory) {
        Entry[] memory entries = new Entry[](1 + uint64(word(c, 0)) % 6);
        for (uint256 n = 0; n < entries.length; n++) {
            uint32 tickets = uint32(word(c, 11 + 3 * n));
            entries[n] = Entry(sorted(c, 10 + 3 * n, n), tickets == 0 ? 1 : tickets, bytes32(word(c, 12 + 3 * n)));
        }
        return this.winner(bytes32(word(c, 1)), bytes32(word(c, 2)), entries);
    }

    function winner(bytes32 task_, bytes32 beacon, Entry[] calldata entries) external pure returns (bytes memory) {
        bytes32 entriesHash = LotteryLib.hash(entries);
        return abi.encode(entriesHash, entries[LotteryLib.winner(task_, entriesHash, beacon, entries)].roller);
    }

    function snapshot(Case calldata c) external view returns (bytes memory) {
        return this.root(leavesOf(c));
    }

    function root(bytes calldata leaves) external pure returns (bytes memory) {
        (bytes32 hash, uint256 total) = SnapshotLib.root(leaves);
        return abi.encode(hash, total);
    }

    function draw(Case calldata c) external view returns (bytes memory) {
        uint256 who = uint64(word(c, 1)) % (1 + uint64(word(c, 0)) % 6);
        bytes32 seed = DrawLib.seed(bytes32(word(c, 2)), uint32(word(c, 3)), bytes32(word(c, 4)));
        return this.hits(leavesOf(c), sorted(c, 10 + 4 * who, who), seed);
    }

    function hits(bytes calldata leaves, address roller, bytes32 seed) external pure returns (bytes memory) {
        return
            abi.encode(
                seed, DrawLib.hits(DrawLib.locate(leaves, roller), seed, 3 * uint256(DrawLib.DRAWS_PER_POINT_MAX))
            );
    }

    function fine(Case calldata c) external pure returns (bytes memory) {
        uint256 stakeMin = bits(c, 3, 120) >> (uint64(word(c, 4)) % 40);
        return abi.encode(AmountsLib.fine(bits(c, 0, 80), bits(c, 1, 60), uint64(word(c, 2)) >> 8, stakeMin));
    }

    function reward(Case calldata c) external pure returns (bytes memory) {
        return abi.encode(AmountsLib.reward(bits(c, 0, 60), 1 + uint32(word(c, 1)) % 16, uint64(word(c, 2))));
    }

    function bond(Case calldata c) external pure returns (bytes memory) {
        (uint256 held, uint256 one, uint256 full) = (bits(c, 0, 90), bits(c, 1, 88), bits(c, 2, 88));
        uint256 lost = AmountsLib.loss(uint64(word(c, 3)) % 2 == 0, one, full);
        lost = lost < held ? lost : held;
        uint256 burned = AmountsLib.burnedOf(lost);
        return abi.encode(AmountsLib.requiredBond(one, uint32(word(c, 4)), full), lost - burned, burned);
    }

    function emission(Case calldata c) external pure returns (bytes memory) {
        uint256 pot = AmountsLib.pot(bits(c, 0, 96), 1 + uint64(word(c, 1)) % 2_000, uint64(word(c, 2)) % 300_000);
        uint256 own = 1 + (uint64(word(c, 4)) >> 1);
        return abi.encode(pot, AmountsLib.share(pot, own, own + (uint64(word(c, 5)) >> 1)));
    }

    function message(Case calldata c) external pure returns (bytes memory) {
        bytes memory data = abi.encode(word(c, 5));
        uint256 length = uint64(word(c, 6)) % 33;
        assembly ("memory-safe") {
            mstore(data, length)
        }
        bytes32 hash = MessageLib.hash(
            uint64(word(c, 0)),
            account(c, 1),
            account(c, 2),
            word(c, 9),
            word(c, 3),
            uint64(word(c, 4)),
            keccak256(data)
        );
        return abi.encode(MessageLib.roll(bytes32(word(c, 7)), hash), MessageLib.aliased(account(c, 8)));
    }

    // --- cases

    function run(bytes32 rule, function(Case memory) external view returns (bytes memory) result) private view {
        bytes32[] memory expected = read(string(abi.encodePacked(rule)));
        bytes32 running = 0;
        for (uint256 i = 0; i < CASES; i++) {
            running = keccak256(abi.encodePacked(running, result(Case(rule, i))));
            if ((i + 1) % STRIDE == 0) vm.assertEq(running, expected[i / STRIDE]);
        }
    }

    function read(string memory padded) private view returns (bytes32[] memory) {
        string memory json = vm.readFile("../crates/protocol/vectors/differential.json");
        bytes memory name = bytes(padded);
        uint256 length = 0;
        while (length < name.length && name[length] != 0) length++;
        assembly ("memory-safe") {
            mstore(name, length)
        }
        bytes32[] memory hashes = vm.parseJsonBytes32Array(json, string.concat(".", string(name)));
        vm.assertEq(hashes.length, CASES / STRIDE);
        return hashes;
    }

    function word(Case memory c, uint256 j) private pure returns (uint256) {
        return uint256(keccak256(abi.encode(TAG, c.rule, c.number, j)));
    }

    function bits(Case memory c, uint256 j, uint256 count) private pure returns (uint256) {
        return word(c, j) & ((1 << count) - 1);
    }

    function account(Case memory c, uint256 j) private pure returns (address) {
        return address(uint160(word(c, j)));
    }

    /// Number `n` of ascending addresses.
    function sorted(Case memory c, uint256 j, uint256 n) private pure returns (address) {
        return address((uint160(account(c, j)) & ((1 << 152) - 1)) | (uint160(n + 1) << 152));
    }

    function leavesOf(Case memory c) private pure returns (bytes memory leaves) {
        uint256 count = 1 + uint64(word(c, 0)) % 6;
        for (uint256 n = 0; n < count; n++) {
            uint256 j = 10 + 4 * n;
            uint128 stake = uint128(1e9 + (bits(c, j + 1, 100) >> (uint64(word(c, j + 2)) % 64)));
            uint64 q = 1 + uint64(word(c, j + 3)) % 1e9;
            leaves = abi.encodePacked(leaves, sorted(c, j, n), stake, q, uint32(word(c, j + 2)));
        }
    }
}
