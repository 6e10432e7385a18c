// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Dials} from "../src/interfaces/IControl.sol";
import {Key} from "../src/interfaces/IParameters.sol";
import {Commit, Entry, Withdrawal} from "../src/interfaces/IRollup.sol";
import {AggregateLib, AggregateValues, Contribution} from "../src/libraries/AggregateLib.sol";
import {LotteryLib} from "../src/libraries/LotteryLib.sol";
import {MessageLib} from "../src/libraries/MessageLib.sol";
import {ProofLib} from "../src/libraries/ProofLib.sol";
import {PublicValues, PublicValuesLib} from "../src/libraries/PublicValues.sol";
import {Place, SnapshotLib} from "../src/libraries/SnapshotLib.sol";
import {WithdrawalTree} from "../src/libraries/WithdrawalTree.sol";
import {Base} from "./Base.sol";

/// The golden vectors of crates/protocol: Rust writes them, Solidity must come to the same bytes.
contract VectorsTest is Base {
    using AggregateLib for AggregateValues;
    using PublicValuesLib for PublicValues;

    bytes32[32] private branch;
    uint128 private unitPriceWei;
    uint128 private fineMinWei;
    uint32 private k;

    function numbers() internal view override returns (uint96[] memory v) {
        v = super.numbers();
        if (k != 0) v[uint256(Key.FineMinWei)] = uint96(fineMinWei);
    }

    function dials() internal view override returns (Dials memory d) {
        d = super.dials();
        if (k != 0) (d.unitPriceWei, d.k) = (unitPriceWei, k);
    }

    function test_publicValues() public view {
        string memory json = read("public_values");
        PublicValues memory pv;
        pv.formatVersion = 1;
        pv.programVersion = 2;
        pv.forkId = 3;
        pv.l1ChainId = 4;
        pv.rollup = account(0x05);
        pv.l2ChainId = 6;
        pv.roller = account(0x07);
        pv.task = word(0x08);
        pv.firstBatch = 9;
        pv.lastBatch = 10;
        pv.previousStateRoot = word(0x0b);
        pv.stateRoot = word(0x0c);
        pv.previousBlockHash = word(0x0d);
        pv.blockHash = word(0x0e);
        pv.dataCommitment = word(0x0f);
        pv.blobVersionedHash = word(0x10);
        pv.z = word(0x11);
        pv.y = word(0x12);
        pv.previousMessageHash = word(0x13);
        pv.messageHash = word(0x14);
        pv.withdrawalRoot = word(0x15);
        pv.lastBlock = 22;
        pv.lastTimestamp = 23;
        pv.proverGas = 24;
        pv.scheduleId = 25;
        vm.assertEq(abi.encode(pv), vm.parseJsonBytes(json, ".encoded"));
        vm.assertEq(pv.hash(), vm.parseJsonBytes32(json, ".hash"));
        vm.assertEq(pv.hash(), keccak256(abi.encode(pv)));
    }

    function test_aggregate() public view {
        string memory json = read("aggregate");
        AggregateValues memory v;
        v.range = abi.decode(vm.parseJsonBytes(json, ".range"), (PublicValues));
        v.exeCommit = vm.parseJsonBytes32(json, ".values.exe");
        v.vmCommit = vm.parseJsonBytes32(json, ".values.vm");
        v.previousLineage = vm.parseJsonBytes32(json, ".values.previousLineage");
        v.lineage = vm.parseJsonBytes32(json, ".values.lineage");
        v.contributions = vm.parseJsonBytes32(json, ".values.contributions");
        vm.assertEq(v.hash(), vm.parseJsonBytes32(json, ".hash"));
        bytes32 lineage = v.previousLineage;
        bytes32[] memory transitions = vm.parseJsonBytes32Array(json, ".transitions");
        Contribution[] memory contributions = new Contribution[](transitions.length);
        for (uint256 i = 0; i < transitions.length; i++) {
            lineage = AggregateLib.roll(lineage, transitions[i]);
            contributions[i] = Contribution(
                vm.parseJsonAddressArray(json, ".rollers")[i],
                uint64(vm.parseJsonUintArray(json, ".proverGas")[i]),
                vm.parseJsonBytes32Array(json, ".proofs")[i]
            );
        }
        vm.assertEq(lineage, v.lineage);
        vm.assertEq(this.contributionsHash(contributions), v.contributions);
    }

    /// A transition is what a batch's proof states, whoever proved it with however much work.
    function test_lineage() public {
        PublicValues memory pv = abi.decode(vm.parseJsonBytes(read("public_values"), ".encoded"), (PublicValues));
        (pv.roller, pv.proverGas) = (address(0), 0);
        vm.assertEq(pv.hash(), vm.parseJsonBytes32(read("public_values"), ".transitionHash"));
        commitNext();
        pv = publicValues(1, address(0));
        pv.proverGas = 0;
        vm.assertEq(rollup.batches(1).lineage, AggregateLib.roll(0, pv.hash()));
        commitNext();
        pv = publicValues(2, address(0));
        pv.proverGas = 0;
        vm.assertEq(rollup.batches(2).lineage, AggregateLib.roll(rollup.batches(1).lineage, pv.hash()));
    }

    function test_proofDigests() public view {
        string memory json = read("proof");
        bytes[] memory proofs = vm.parseJsonBytesArray(json, ".proofs");
        bytes32[] memory commitments = vm.parseJsonBytes32Array(json, ".commitments");
        bytes32[] memory digests = vm.parseJsonBytes32Array(json, ".digests");
        for (uint256 i = 0; i < proofs.length; i++) {
            vm.assertEq(this.digest(proofs[i]), digests[i]);
            vm.assertEq(ProofLib.digest(commitments[i], bodyHashOf(proofs[i])), digests[i]);
        }
        vm.assertEq(proofs.length, 4);
    }

    function test_task() public view {
        string memory json = read("task");
        bytes32 task = LotteryLib.taskId(
            vm.parseJsonUint(json, ".l1ChainId"),
            vm.parseJsonAddress(json, ".rollup"),
            uint64(vm.parseJsonUint(json, ".batch"))
        );
        vm.assertEq(task, vm.parseJsonBytes32(json, ".task"));
    }

    function test_entriesAndLottery() public view {
        string memory json = read("entries");
        address[] memory who = vm.parseJsonAddressArray(json, ".rollers");
        uint256[] memory tickets = vm.parseJsonUintArray(json, ".tickets");
        bytes32[] memory digests = vm.parseJsonBytes32Array(json, ".proofDigests");
        Entry[] memory entries = new Entry[](who.length);
        for (uint256 i = 0; i < who.length; i++) {
            entries[i] = Entry(who[i], uint32(tickets[i]), digests[i]);
        }
        bytes32 task = vm.parseJsonBytes32(json, ".task");
        bytes32[] memory drawn = vm.parseJsonBytes32Array(json, ".beacons");
        address[] memory winners = vm.parseJsonAddressArray(json, ".winners");
        vm.assertTrue(drawn.length > 3);
        for (uint256 i = 0; i < drawn.length; i++) {
            (bytes32 entriesHash, uint256 position) = this.winner(task, drawn[i], entries);
            vm.assertEq(entriesHash, vm.parseJsonBytes32(json, ".entriesHash"));
            vm.assertEq(entries[position].roller, winners[i]);
        }
        vm.assertEq(keccak256(abi.encode(new Entry[](0))), vm.parseJsonBytes32(json, ".emptyEntriesHash"));
    }

    function test_messages() public view {
        string memory json = read("messages");
        bytes32 rolling = vm.parseJsonBytes32(json, ".emptyHash");
        vm.assertEq(rolling, MessageLib.GENESIS);
        address[] memory senders = vm.parseJsonAddressArray(json, ".senders");
        address[] memory tos = vm.parseJsonAddressArray(json, ".tos");
        uint256[] memory mints = vm.parseJsonUintArray(json, ".mints");
        uint256[] memory values = vm.parseJsonUintArray(json, ".values");
        uint256[] memory gasLimits = vm.parseJsonUintArray(json, ".gasLimits");
        bytes[] memory datas = vm.parseJsonBytesArray(json, ".datas");
        bytes32[] memory hashes = vm.parseJsonBytes32Array(json, ".hashes");
        bytes32[] memory rollings = vm.parseJsonBytes32Array(json, ".rollingHashes");
        vm.assertTrue(senders.length > 1);
        for (uint64 i = 0; i < senders.length; i++) {
            bytes32 hash =
                MessageLib.hash(i, senders[i], tos[i], mints[i], values[i], uint64(gasLimits[i]), keccak256(datas[i]));
            vm.assertEq(hash, hashes[i]);
            rolling = MessageLib.roll(rolling, hash);
            vm.assertEq(rolling, rollings[i]);
        }
        address l1Contract = vm.parseJsonAddress(json, ".contract");
        vm.assertEq(MessageLib.aliased(l1Contract), vm.parseJsonAddress(json, ".aliased"));
    }

    function test_withdrawals() public {
        string memory json = read("withdrawals");
        address[] memory senders = vm.parseJsonAddressArray(json, ".senders");
        address[] memory recipients = vm.parseJsonAddressArray(json, ".recipients");
        uint256[] memory amounts = vm.parseJsonUintArray(json, ".amountsWei");
        bytes[] memory datas = vm.parseJsonBytesArray(json, ".datas");
        bytes32[] memory leaves = vm.parseJsonBytes32Array(json, ".leaves");
        bytes32[] memory roots = vm.parseJsonBytes32Array(json, ".rootsAfter");
        vm.assertTrue(leaves.length > 3);
        for (uint256 i = 0; i < leaves.length; i++) {
            vm.assertEq(leafOf(json, Withdrawal(uint64(i), senders[i], recipients[i], amounts[i], datas[i])), leaves[i]);
            vm.assertEq(WithdrawalTree.append(branch, i, leaves[i]), roots[i]);
        }
        bytes32 root = vm.parseJsonBytes32(json, ".root");
        for (uint256 i = 0; i < leaves.length; i++) {
            bytes32[] memory path = vm.parseJsonBytes32Array(json, string.concat(".proof", vm.toString(i)));
            bytes32[32] memory proof;
            for (uint256 level = 0; level < 32; level++) {
                proof[level] = path[level];
            }
            vm.assertTrue(this.proven(root, leaves[i], i, proof));
            vm.assertFalse(this.proven(root, leaves[i], i ^ 1, proof));
        }
        bytes32 empty = WithdrawalTree.node(lastZero(), lastZero());
        vm.assertEq(empty, vm.parseJsonBytes32(json, ".emptyRoot"));
    }

    function test_snapshot() public view {
        string memory json = read("snapshot");
        (bytes32 root, uint256 total) = this.rootOf(vm.parseJsonBytes(json, ".packed"));
        vm.assertEq(root, vm.parseJsonBytes32(json, ".root"));
        vm.assertEq(total, vm.parseJsonUint(json, ".total"));
        uint256 last = vm.parseJsonUint(json, ".pathIndex");
        Place memory place = this.placeOf(vm.parseJsonBytes(json, ".path"), root);
        vm.assertEq(place.roller, vm.parseJsonAddressArray(json, ".rollers")[last]);
        vm.assertEq(place.stake, vm.parseJsonUintArray(json, ".stakes")[last]);
        vm.assertEq(place.start + place.weight, total);
    }

    /// Rewards and fines as settle and judge really compute them, for a commit with these numbers.
    function test_amounts() public {
        string memory json = read("amounts");
        uint256[] memory prices = vm.parseJsonUintArray(json, ".unitPricesWei");
        uint256[] memory ks = vm.parseJsonUintArray(json, ".ks");
        uint256[] memory work = vm.parseJsonUintArray(json, ".proverGas");
        uint256[] memory stakes = vm.parseJsonUintArray(json, ".stakesWei");
        uint256[] memory rewards = vm.parseJsonUintArray(json, ".rewardsWei");
        uint256[] memory fines = vm.parseJsonUintArray(json, ".finesWei");
        for (uint256 i = 0; i < prices.length; i++) {
            unitPriceWei = uint128(prices[i]);
            fineMinWei = uint128(vm.parseJsonUint(json, ".fineMinWei"));
            k = uint32(ks[i]);
            setUp();
            uint64 gas_ = uint64(work[i]);
            Commit memory c = nextCommit();
            c.proverGasEstimate = gas_ == 0 ? 1 : gas_;
            commit(c);
            uint256 fine = court.fineWei(1);
            vm.assertEq(fine < stakes[i] ? fine : stakes[i], fines[i]);
            vm.assertEq(rewardOf(gas_), rewards[i]);
        }
    }

    // --- helpers

    function rewardOf(uint64 gas_) private returns (uint256) {
        PublicValues memory pv = rollup.expectedPublicValues(1, rollers[0], gas_);
        Entry[] memory entries = new Entry[](1);
        entries[0] = Entry(rollers[0], 1, digestOf(proofOf(pv)));
        postEntries(1, entries);
        storeBeacon(rollup.batches(1).lotteryBlock);
        rollup.settle(pv, proofOf(pv), entries);
        return pool.credits(rollers[0]) + pool.arrears(rollers[0]);
    }

    function leafOf(string memory json, Withdrawal memory w) private pure returns (bytes32) {
        return WithdrawalTree.leaf(
            vm.parseJsonUint(json, ".l1ChainId"),
            vm.parseJsonAddress(json, ".rollup"),
            vm.parseJsonUint(json, ".l2ChainId"),
            w.index,
            w.sender,
            w.recipient,
            w.amountWei,
            keccak256(w.data)
        );
    }

    function lastZero() private pure returns (bytes32 zero) {
        bytes memory zeros = WithdrawalTree.ZERO_HASHES;
        assembly ("memory-safe") {
            zero := mload(add(zeros, 1024))
        }
    }

    function winner(bytes32 task, bytes32 beacon, Entry[] calldata entries) external pure returns (bytes32, uint256) {
        bytes32 entriesHash = LotteryLib.hash(entries);
        return (entriesHash, LotteryLib.winner(task, entriesHash, beacon, entries));
    }

    function contributionsHash(Contribution[] calldata contributions) external pure returns (bytes32) {
        return AggregateLib.hash(contributions);
    }

    function digest(bytes calldata proof) external pure returns (bytes32) {
        return ProofLib.digest(proof);
    }

    function proven(bytes32 root, bytes32 leaf, uint256 index, bytes32[32] calldata proof)
        external
        pure
        returns (bool)
    {
        return WithdrawalTree.verify(root, leaf, index, proof);
    }

    function placeOf(bytes calldata path, bytes32 root) external pure returns (Place memory) {
        return SnapshotLib.place(path, root);
    }

    function read(string memory name) private view returns (string memory) {
        return vm.readFile(string.concat("../crates/protocol/vectors/", name, ".json"));
    }

    function account(uint8 byte_) private pure returns (address) {
        return address(bytes20(word(byte_)));
    }

    function word(uint8 byte_) private pure returns (bytes32 result) {
        for (uint256 i = 0; i < 32; i++) {
            result = (result << 8) | bytes32(uint256(byte_));
        }
    }
}
