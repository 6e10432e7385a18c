// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Control} from "../src/Control.sol";
import {Contracts} from "../src/interfaces/IContracts.sol";
import {Dials} from "../src/interfaces/IControl.sol";
import {Key} from "../src/interfaces/IParameters.sol";
import {Offence} from "../src/interfaces/IEvidence.sol";
import {Entry, Snapshot} from "../src/interfaces/IRollup.sol";
import {AmountsLib} from "../src/libraries/AmountsLib.sol";
import {DrawLib} from "../src/libraries/DrawLib.sol";
import {LotteryLib} from "../src/libraries/LotteryLib.sol";
import {NamedSeat, RoundsLib} from "../src/libraries/RoundsLib.sol";
import {MessageLib} from "../src/libraries/MessageLib.sol";
import {PublicValues, PublicValuesLib} from "../src/libraries/PublicValues.sol";
import {Place, SnapshotLib} from "../src/libraries/SnapshotLib.sol";
import {WithdrawalTree} from "../src/libraries/WithdrawalTree.sol";
import {Cases} from "./Cases.sol";
import {Paths} from "./Paths.sol";

/// Every rule that L1 repeats, on 10,000 random cases each, against the running hashes that Rust wrote
/// (`crates/protocol/tests/board/vectors/differential.rs` says how cases and hashes are made).
contract DifferentialTest is Cases {
    using PublicValuesLib for PublicValues;

    // What Control asks of the contracts around it.
    address public immutable operator = address(this);
    uint64 public constant currentEpoch = 0;
    Contracts private around;
    bytes32[32] private branch;

    function setUp() public {
        (around.parameters, around.rollup) = (address(this), address(this));
    }

    function value(Key key) external pure returns (uint256) {
        return key == Key.UnitPriceMinWei ? 1 : 1e18;
    }

    function file() internal pure override returns (string memory) {
        return "../crates/protocol/vectors/differential.json";
    }

    function test_task() public {
        run("task", this.task);
    }

    function test_publicValues() public {
        run("publicValues", this.publicValues);
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

    function test_dials() public {
        run("dials", this.dials);
    }

    function test_bond() public {
        run("bond", this.bond);
    }

    function test_emission() public {
        run("emission", this.emission);
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

    function pathsTo(bytes calldata leaves, uint256 who) external pure returns (bytes[] memory paths) {
        paths = new bytes[](1);
        paths[0] = Paths.pathOf(leaves, who);
    }

    function wholeOf(bytes calldata leaves) external pure returns (Snapshot memory) {
        return Paths.snapshotOf(leaves);
    }

    function located(bytes[] calldata paths, Snapshot calldata s, address roller)
        external
        pure
        returns (DrawLib.Interval memory)
    {
        return DrawLib.locate(paths, s, roller);
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

    /// Asks the real contract: can it be deployed with these dials, and do they follow on the others?
    function dials(Case calldata c) external returns (bytes memory) {
        (Dials memory from, Dials memory to) = step(c);
        bool possible = false;
        try new Control(around, to, "law") {
            possible = true;
        } catch {}
        bool follows = false;
        Control control = new Control(around, from, "law");
        try control.post(1, to, 0) {
            follows = true;
        } catch {}
        return abi.encode(possible, follows);
    }

    function bond(Case calldata c) external pure returns (bytes memory) {
        (uint256 held, uint256 one, uint256 full) = (bits(c, 0, 90), bits(c, 1, 88), bits(c, 2, 88));
        uint256 lost = AmountsLib.loss(Offence(uint64(word(c, 3)) % 6), one, full);
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

    // --- cases

    /// A value near a limit, or anywhere.
    function near(Case memory c, uint256 limit) private pure returns (uint256) {
        uint256 random = uint64(word(c, 2));
        if (uint64(word(c, 1)) % 2 != 0) return random >> 8;
        uint256 above = limit + random % 5;
        return above < 2 ? 0 : above - 2;
    }

    /// Dials of any size, and the same with one of them at the edge of a step or of its range.
    function step(Case memory c) private pure returns (Dials memory from, Dials memory to) {
        uint256 size = uint64(word(c, 7));
        from.unitPriceWei = uint128(1 + (bits(c, 1, 59) >> (size % 60)));
        from.tauNsPerGas = uint64((uint64(word(c, 2)) % 1_000_000_001) >> (size % 31));
        from.window = uint32(1 + ((uint32(word(c, 3)) % 65_536) >> (size % 17)));
        from.k = 1 + uint32(word(c, 4)) % 16;
        to = Dials(from.unitPriceWei, from.tauNsPerGas, from.window, from.k);
        uint256 which = uint64(word(c, 0)) % 4;
        if (which == 0) to.unitPriceWei = uint128(edge(c, from.unitPriceWei));
        if (which == 1) to.tauNsPerGas = uint64(edge(c, from.tauNsPerGas));
        if (which == 2) to.window = uint32(edge(c, from.window));
        if (which == 3) to.k = uint32(less(from.k + uint32(word(c, 5)) % 6, 3));
    }

    /// A value at the end of a step, or just beyond it, or within.
    function edge(Case memory c, uint256 from) private pure returns (uint256) {
        uint256 most = from / 8 == 0 ? 1 : from / 8;
        uint256 pick = uint64(word(c, 5)) % 6;
        if (pick == 0) return from + most;
        if (pick == 1) return from + most + 1;
        if (pick == 2) return less(from, most);
        if (pick == 3) return less(from, most + 1);
        if (pick == 4) return from;
        return less(from, most) + uint64(word(c, 6)) % (2 * most + 2);
    }

    function less(uint256 from, uint256 by) private pure returns (uint256) {
        return from < by ? 0 : from - by;
    }

    /// One to three rounds for draws of `k` points; some are out of order, too short or too long, or cut.
    function roundsOf(Case memory c, uint256 k) private pure returns (bytes memory packed) {
        uint256 count = 1 + uint64(word(c, 7)) % 3;
        for (uint256 n = 0; n < count; n++) {
            uint256 j = 100 + 40 * n;
            uint64 drawnAt = uint64(uint64(word(c, j)) % 8 + 6 * n);
            bytes memory outcomes = outcomesOf(c, k, j);
            packed = abi.encodePacked(packed, drawnAt, uint8(outcomes.length), outcomes, namedOf(c, j));
        }
        if (uint64(word(c, 3)) % 8 == 0) {
            assembly ("memory-safe") {
                mstore(packed, sub(mload(packed), 1))
            }
        }
    }

    function outcomesOf(Case memory c, uint256 k, uint256 j) private pure returns (bytes memory outcomes) {
        uint256 random = word(c, j + 1);
        uint256 tickets = 0;
        for (uint256 i = 0; i < 8 * k && tickets < k; i++) {
            uint8 code = uint8(random >> (8 * i));
            code = code == 255 ? 8 : code % 8;
            if (code == 7) tickets++;
            outcomes = abi.encodePacked(outcomes, code);
        }
        uint256 change = uint64(word(c, j + 2)) % 16;
        if (change == 0) outcomes = abi.encodePacked(outcomes, uint8(0));
        if (change == 1) {
            assembly ("memory-safe") {
                mstore(outcomes, sub(mload(outcomes), 1))
            }
        }
    }

    /// Up to two rollers with up to three seats each.
    function namedOf(Case memory c, uint256 j) private pure returns (bytes memory named) {
        uint256 rollers = uint64(word(c, j + 3)) % 3;
        named = abi.encodePacked(uint8(rollers));
        for (uint256 f = 0; f < rollers; f++) {
            uint256 seats = uint64(word(c, j + 6 + f)) % 4;
            named = abi.encodePacked(named, account(c, j + 4 + f), uint16(seats));
            for (uint256 s = 0; s < seats; s++) {
                uint256 random = word(c, j + 10 + 4 * f + s);
                named = abi.encodePacked(named, uint64(random) % 4, uint32(uint64(random >> 64) % 3));
            }
        }
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
