// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Offence} from "../src/interfaces/IEvidence.sol";
import {Entry, Snapshot} from "../src/interfaces/IRollup.sol";
import {AggregateLib, AggregateValues, Contribution} from "../src/libraries/AggregateLib.sol";
import {AmountsLib} from "../src/libraries/AmountsLib.sol";
import {BlobLib} from "../src/libraries/BlobLib.sol";
import {DrawLib} from "../src/libraries/DrawLib.sol";
import {LotteryLib} from "../src/libraries/LotteryLib.sol";
import {NamedSeat, RoundsLib} from "../src/libraries/RoundsLib.sol";
import {MessageLib} from "../src/libraries/MessageLib.sol";
import {ProofLib} from "../src/libraries/ProofLib.sol";
import {PublicValues, PublicValuesLib} from "../src/libraries/PublicValues.sol";
import {Place, SnapshotLib} from "../src/libraries/SnapshotLib.sol";
import {WithdrawalTree} from "../src/libraries/WithdrawalTree.sol";
import {DrawCases} from "./DrawCases.sol";
import {Paths} from "./Paths.sol";
import {branchOver} from "./WithdrawalBase.sol";

/// Every formula that L1 repeats, on 10,000 random cases each, against the running hashes that Rust wrote
/// (`crates/protocol/tests/board/vectors/differential.rs` says how cases and hashes are made).
contract DifferentialTest is DrawCases {
    using PublicValuesLib for PublicValues;

    bytes32[32] private branch;

    function file() internal pure override returns (string memory) {
        return "../crates/protocol/vectors/differential.json";
    }

    function test_task() public {
        run("task", this.task);
    }

    function test_publicValues() public {
        run("publicValues", this.publicValues);
    }

    function test_lineage() public {
        run("lineage", this.lineage);
    }

    function test_proofDigest() public {
        run("proofDigest", this.proofDigest);
    }

    function test_contributions() public {
        run("contributions", this.contributions);
    }

    function test_aggregate() public {
        run("aggregate", this.aggregate);
    }

    function test_blobPoint() public {
        run("blobPoint", this.blobPoint);
    }

    function test_lottery() public {
        run("lottery", this.lottery);
    }

    function test_snapshot() public {
        run("snapshot", this.snapshot);
    }

    function test_path() public {
        run("path", this.pathOf);
    }

    function test_draw() public {
        run("draw", this.draw);
    }

    function test_absent() public {
        run("absent", this.absent);
    }

    function test_rounds() public {
        run("rounds", this.rounds);
    }

    function test_entries() public {
        run("entries", this.entered);
    }

    function test_trusted() public {
        run("trusted", this.trusted);
    }

    function test_fine() public {
        run("fine", this.fine);
    }

    function test_reward() public {
        run("reward", this.reward);
    }

    function test_tolerance() public {
        run("tolerance", this.tolerance);
    }

    function test_accusations() public {
        run("accusations", this.accusations);
    }

    function test_quarantine() public {
        run("quarantine", this.quarantine);
    }

    function test_bond() public {
        run("bond", this.bond);
    }

    function test_message() public {
        run("message", this.message);
    }

    function test_withdrawal() public {
        bytes32[] memory expected = hashesOf("withdrawal");
        bytes32 running = 0;
        for (uint256 i = 0; i < CASES; i++) {
            Case memory c = Case("withdrawal", i);
            bytes32 leaf = WithdrawalTree.leaf(
                uint64(word(c, 0)),
                account(c, 1),
                uint64(word(c, 2)),
                i,
                account(c, 3),
                account(c, 4),
                word(c, 5),
                keccak256(some(c, 6, 7))
            );
            bytes32 grown = WithdrawalTree.append(branch, i, leaf);
            running = keccak256(abi.encode(running, leaf, grown));
            if ((i + 1) % STRIDE == 0) vm.assertEq(running, expected[i / STRIDE]);
        }
    }

    function test_withdrawalPath() public {
        run("withdrawalPath", this.withdrawalPath);
    }

    // --- the rules

    function task(Case calldata c) external pure returns (bytes memory) {
        return abi.encode(LotteryLib.taskId(uint64(word(c, 0)), account(c, 1), uint64(word(c, 2))));
    }

    function publicValues(Case calldata c) external pure returns (bytes memory) {
        return abi.encode(valuesOf(c).hash());
    }

    function valuesOf(Case calldata c) private pure returns (PublicValues memory pv) {
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
    }

    /// Whoever proved and however much work it was, the lineage is the same.
    function lineage(Case calldata c) external pure returns (bytes memory) {
        PublicValues memory pv = valuesOf(c);
        (pv.roller, pv.proverGas) = (address(0), 0);
        return abi.encode(AggregateLib.roll(bytes32(word(c, 30)), pv.hash()));
    }

    function proofDigest(Case calldata c) external view returns (bytes memory) {
        bytes memory proof = abi.encode(word(c, 1), word(c, 2), word(c, 3));
        uint256 length = uint64(word(c, 0)) % 66;
        assembly ("memory-safe") {
            mstore(proof, length)
        }
        return abi.encode(this.digest(proof));
    }

    function digest(bytes calldata proof) external pure returns (bytes32) {
        return ProofLib.digest(proof);
    }

    function contributions(Case calldata c) external view returns (bytes memory) {
        Contribution[] memory all = new Contribution[](uint64(word(c, 0)) % 6);
        for (uint256 n = 0; n < all.length; n++) {
            all[n] = Contribution(account(c, 10 + 3 * n), uint64(word(c, 11 + 3 * n)), bytes32(word(c, 12 + 3 * n)));
        }
        return abi.encode(this.hashOf(all));
    }

    function hashOf(Contribution[] calldata all) external pure returns (bytes32) {
        return AggregateLib.hash(all);
    }

    function aggregate(Case calldata c) external pure returns (bytes memory) {
        AggregateValues memory v;
        v.range = valuesOf(c);
        v.exeCommit = bytes32(word(c, 30));
        v.vmCommit = bytes32(word(c, 31));
        v.previousLineage = bytes32(word(c, 32));
        v.lineage = bytes32(word(c, 33));
        v.contributions = bytes32(word(c, 34));
        return abi.encode(AggregateLib.hash(v));
    }

    function blobPoint(Case calldata c) external pure returns (bytes memory) {
        return abi.encode(BlobLib.point(bytes32(word(c, 0)), bytes32(word(c, 1))));
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
        Snapshot memory s = Paths.snapshotOf(leaves);
        return abi.encode(s.root, s.total, s.stakes);
    }

    function pathOf(Case calldata c) external view returns (bytes memory) {
        uint256 count = 1 + uint64(word(c, 0)) % 6;
        return this.placed(leavesOf(c), uint64(word(c, 1)) % count);
    }

    function placed(bytes calldata leaves, uint256 who) external view returns (bytes memory) {
        bytes memory packed = Paths.pathOf(leaves, who);
        Place memory p = this.placeOf(packed, Paths.snapshotOf(leaves).root);
        return abi.encode(keccak256(packed), p.roller, p.stake, p.weight, p.start);
    }

    function placeOf(bytes calldata packed, bytes32 root_) external pure returns (Place memory) {
        return SnapshotLib.place(packed, root_);
    }

    function draw(Case calldata c) external view returns (bytes memory) {
        uint256 who = uint64(word(c, 1)) % (1 + uint64(word(c, 0)) % 6);
        bytes32 seed = DrawLib.seed(bytes32(word(c, 2)), uint32(word(c, 3)), bytes32(word(c, 4)));
        uint256 points = (1 + uint32(word(c, 5)) % 16) * DrawLib.DRAWS_PER_POINT_MAX;
        return abi.encode(seed, DrawLib.hits(this.intervalOf(c, who), seed, points));
    }

    /// Of roller number `who`, by its path.
    function intervalOf(Case calldata c, uint256 who) external view returns (DrawLib.Interval memory) {
        bytes memory leaves = leavesOf(c);
        return this.located(this.pathsTo(leaves, who), this.wholeOf(leaves), sorted(c, 10 + 4 * who, who));
    }

    function located(bytes[] calldata paths, Snapshot calldata s, address roller)
        external
        pure
        returns (DrawLib.Interval memory)
    {
        return DrawLib.locate(paths, s, roller);
    }

    /// What shows that a roller has no leaf, and whether some of the leaves show it.
    function absent(Case calldata c) external view returns (bytes memory) {
        bytes memory leaves = leavesOf(c);
        address roller = below(c, 1, uint64(word(c, 2)) % 8);
        bytes[] memory neighbours = pathsOf(leaves, besides(c, leaves, roller));
        Snapshot memory s = this.wholeOf(leaves);
        DrawLib.Interval memory none = this.located(neighbours, s, roller);
        vm.assertTrue(none.start == 0 && none.end == 0 && none.total == s.total);
        bool isShown = false;
        try this.located(pathsOf(leaves, uint64(word(c, 4))), s, roller) {
            isShown = true;
        } catch {}
        return abi.encode(keccak256(joined(neighbours)), isShown);
    }

    /// The leaves between which a roller without one would stand.
    function besides(Case memory c, bytes memory leaves, address roller) private pure returns (uint256 which) {
        uint256 count = leaves.length / SnapshotLib.LEAF_BYTES;
        uint256 next = 0;
        while (next < count && sorted(c, 10 + 4 * next, next) < roller) next++;
        if (next > 0) which |= 1 << (next - 1);
        if (next < count) which |= 1 << next;
    }

    function joined(bytes[] memory paths) private pure returns (bytes memory all) {
        for (uint256 i = 0; i < paths.length; i++) {
            all = abi.encodePacked(all, paths[i]);
        }
    }

    /// The paths of the leaves whose bits are set.
    function pathsOf(bytes memory leaves, uint256 which) private view returns (bytes[] memory paths) {
        uint256 count = leaves.length / SnapshotLib.LEAF_BYTES;
        paths = new bytes[](count);
        uint256 shown = 0;
        for (uint256 i = 0; i < count; i++) {
            if ((which >> i) & 1 == 1) paths[shown++] = this.pathTo(leaves, i);
        }
        assembly ("memory-safe") {
            mstore(paths, shown)
        }
    }

    /// Posted rounds, some of which are not whole: are they taken, and what tickets and seats do they give?
    function rounds(Case calldata c) external view returns (bytes memory) {
        uint256 k = 1 + uint64(word(c, 1)) % 3;
        bytes memory packed = roundsOf(c, k);
        uint256 who = uint64(word(c, 2)) % (1 + uint64(word(c, 0)) % 6);
        try this.check(packed, k) {
            return this.said(c, packed, this.intervalOf(c, who));
        } catch {
            return abi.encode(false, 0, false, 0);
        }
    }

    function check(bytes calldata packed, uint256 k) external pure {
        RoundsLib.check(packed, k);
    }

    function said(Case calldata c, bytes calldata packed, DrawLib.Interval calldata of_)
        external
        pure
        returns (bytes memory)
    {
        uint256[] memory tickets = ticketsOf(c, packed, of_);
        uint256 sum = 0;
        for (uint256 n = 0; n < tickets.length; n++) {
            sum = 100 * sum + tickets[n];
        }
        bool fits = RoundsLib.fits(tickets, uint64(word(c, 4)) % 7);
        NamedSeat[] memory seats = RoundsLib.seats(packed, RoundsLib.nth(packed, 0), account(c, 104));
        return abi.encode(true, sum, fits, RoundsLib.distinct(seats));
    }

    function ticketsOf(Case calldata c, bytes calldata packed, DrawLib.Interval memory interval)
        private
        pure
        returns (uint256[] memory tickets)
    {
        tickets = new uint256[](RoundsLib.count(packed));
        for (uint32 n = 0; n < tickets.length; n++) {
            bytes32 seed = DrawLib.seed(bytes32(word(c, 5)), n, bytes32(word(c, 6)));
            tickets[n] = RoundsLib.tickets(packed, RoundsLib.nth(packed, n), interval, seed);
        }
    }

    /// The first entry that cannot be posted, or their number.
    function entered(Case calldata c) external view returns (bytes memory) {
        Entry[] memory list = new Entry[](uint64(word(c, 0)) % 6);
        for (uint256 n = 0; n < list.length; n++) {
            uint256 place = uint64(word(c, 10 + n)) % 16 == 0 ? uint64(word(c, 20 + n)) % 5 : n;
            uint32 tickets = uint32(uint64(word(c, 30 + n)) % 16);
            list[n] = Entry(address(uint160(place + 1)), tickets, bytes32(uint256(1)));
        }
        return this.bad(list);
    }

    function bad(Entry[] calldata list) external pure returns (bytes memory) {
        uint256 first = 0;
        address previous = address(0);
        while (first < list.length && LotteryLib.isNext(list[first], previous)) previous = list[first++].roller;
        return abi.encode(first);
    }

    function trusted(Case calldata c) external pure returns (bytes memory) {
        return abi.encode(AmountsLib.trustedFrom(uint64(word(c, 0)) >> 1));
    }

    function fine(Case calldata c) external pure returns (bytes memory) {
        uint256 stakeMin = bits(c, 3, 120) >> (uint64(word(c, 4)) % 40);
        return abi.encode(AmountsLib.fine(bits(c, 0, 80), bits(c, 1, 60), uint64(word(c, 2)) >> 8, stakeMin));
    }

    function reward(Case calldata c) external pure returns (bytes memory) {
        return abi.encode(AmountsLib.reward(bits(c, 0, 60), 1 + uint32(word(c, 1)) % 16, uint64(word(c, 2))));
    }

    function tolerance(Case calldata c) external pure returns (bytes memory) {
        uint256 declared = 1 + (uint64(word(c, 0)) >> 8);
        return abi.encode(AmountsLib.covered(near(c, declared * 11 / 10), declared));
    }

    function accusations(Case calldata c) external pure returns (bytes memory) {
        uint256 cost = 1 + (bits(c, 1, 90) >> (uint64(word(c, 2)) % 90));
        return abi.encode(AmountsLib.accusationsMax(bits(c, 0, 90), cost));
    }

    function quarantine(Case calldata c) external pure returns (bytes memory) {
        uint256 total = uint64(word(c, 0)) >> 8;
        uint256 invalid = near(c, total / 10);
        uint256 least = 2 + uint32(word(c, 3)) % 3;
        return abi.encode(AmountsLib.quarantineDue(uint32(word(c, 4)) % 6, least, invalid, total));
    }

    function bond(Case calldata c) external pure returns (bytes memory) {
        (uint256 held, uint256 one, uint256 full) = (bits(c, 0, 90), bits(c, 1, 88), bits(c, 2, 88));
        uint256 lost = AmountsLib.loss(Offence(uint64(word(c, 3)) % 6), one, full);
        lost = lost < held ? lost : held;
        uint256 burned = AmountsLib.burnedOf(lost);
        return abi.encode(AmountsLib.requiredBond(one, uint32(word(c, 4)), full), lost - burned, burned);
    }

    function message(Case calldata c) external pure returns (bytes memory) {
        bytes32 hash = MessageLib.hash(
            uint64(word(c, 0)),
            account(c, 1),
            account(c, 2),
            word(c, 9),
            word(c, 3),
            uint64(word(c, 4)),
            keccak256(some(c, 5, 6))
        );
        return abi.encode(MessageLib.roll(bytes32(word(c, 7)), hash), MessageLib.aliased(account(c, 8)));
    }

    /// The first bytes of word `j`, as many as word `k` says.
    function some(Case memory c, uint256 j, uint256 k) private pure returns (bytes memory data) {
        data = abi.encode(word(c, j));
        uint256 length = uint64(word(c, k)) % 33;
        assembly ("memory-safe") {
            mstore(data, length)
        }
    }

    /// The root over some leaves, and whether the path of one of them leads there; of some one part is another.
    function withdrawalPath(Case calldata c) external view returns (bytes memory) {
        bytes32[] memory leaves = new bytes32[](1 + uint64(word(c, 0)) % 4);
        for (uint256 n = 0; n < leaves.length; n++) {
            leaves[n] = bytes32(word(c, 10 + n));
        }
        uint256 index = uint64(word(c, 1)) % leaves.length;
        bytes32[33] memory branch_ = branchOver(leaves, index);
        bytes32[32] memory path_;
        for (uint256 level = 0; level < 32; level++) {
            path_[level] = branch_[level];
        }
        (bytes32 leaf, bytes32 root_) = (leaves[index], branch_[32]);
        uint256 change = uint64(word(c, 2)) % 8;
        uint256 level_ = uint64(word(c, 3));
        bytes32 other = bytes32(word(c, 4));
        if (change == 0) index ^= 1 << (level_ % 40);
        if (change == 1) path_[level_ % 32] = other;
        if (change == 2) leaf = other;
        if (change == 3) root_ = other;
        return abi.encode(branch_[32], this.isIn(root_, leaf, index, path_));
    }

    function isIn(bytes32 root_, bytes32 leaf, uint256 index, bytes32[32] calldata path_) external pure returns (bool) {
        return WithdrawalTree.verify(root_, leaf, index, path_);
    }

    // --- cases

    /// A value near a limit, or anywhere.
    function near(Case memory c, uint256 limit) private pure returns (uint256) {
        uint256 random = uint64(word(c, 2));
        if (uint64(word(c, 1)) % 2 != 0) return random >> 8;
        uint256 above = limit + random % 5;
        return above < 2 ? 0 : above - 2;
    }
}
