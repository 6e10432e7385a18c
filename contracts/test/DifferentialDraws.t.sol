// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Draws} from "../src/Draws.sol";
import {Contracts} from "../src/interfaces/IContracts.sol";
import {IDraws, PassOver, Point, PostedDraw} from "../src/interfaces/IDraws.sol";
import {Offence} from "../src/interfaces/IEvidence.sol";
import {Roller} from "../src/interfaces/IRollerRegistry.sol";
import {Batch, Snapshot} from "../src/interfaces/IRollup.sol";
import {ReceiptLib, PassOverReceipt, SubmissionReceipt} from "../src/libraries/ReceiptLib.sol";
import {SnapshotLib} from "../src/libraries/SnapshotLib.sol";
import {DrawCases} from "./DrawCases.sol";
import {ReceiptHashes} from "./ReceiptHashes.sol";

/// What Draws says of posted rounds, on 10,000 random cases each, against the running hashes that Rust wrote
/// (`crates/protocol/tests/board/vectors/differential/draws.rs`). This test is all contracts around it.
contract DifferentialDrawsTest is DrawCases, ReceiptHashes {
    uint256 private constant OPERATOR_KEY = 0x0be7a704;
    uint8 private constant AT_CAPACITY = 4;
    /// @dev Batches from this one on are those of named seats.
    uint64 private constant SEATS_FROM = 20_000;
    uint64 public constant committedBatch = 30_000;

    address public immutable operator = vm.addr(OPERATOR_KEY);

    Draws private draws;
    Snapshot private snapshot;
    bytes32 private beacon;
    uint32 private k;
    uint32 private capacity;
    uint64 private committedAt;
    uint64 private settledAt;

    function setUp() public {
        Contracts memory around;
        (around.registry, around.evidence, around.rollup) = (address(this), address(this), address(this));
        draws = new Draws(around);
    }

    function file() internal pure override returns (string memory) {
        return "../crates/protocol/vectors/differential.json";
    }

    // --- what Draws asks

    function beacons(uint64) external view returns (bytes32) {
        return beacon;
    }

    function drawBlock(uint64) external pure returns (uint64) {
        return 1;
    }

    function taskId(uint64 batch) public pure returns (bytes32) {
        return bytes32(uint256(batch));
    }

    function snapshots(uint64) external view returns (Snapshot memory) {
        return snapshot;
    }

    function batches(uint64 batch) external view returns (Batch memory b) {
        b.k = k;
        if (batch >= SEATS_FROM) (b.committedAt, b.settledAt) = (committedAt, settledAt);
    }

    function rollers(address) external view returns (Roller memory r) {
        r.capacity = capacity;
    }

    function charge(uint64, address, Offence) external pure {}

    // --- the rules

    function test_point() public {
        run("point", this.point);
    }

    function test_atCapacity() public {
        run("atCapacity", this.atCapacity);
    }

    /// Whom a point of posted rounds hits, and what became of it; nothing where there are no such rounds, no such point, or no leaf to
    /// show it by.
    function point(Case calldata c) external returns (bytes memory) {
        k = 1 + uint32(uint64(word(c, 1)) % 3);
        beacon = bytes32(word(c, 6));
        bytes memory leaves = leavesOf(c);
        snapshot = this.wholeOf(leaves);
        PostedDraw memory posted = PostedDraw(roundsOf(c, k), shown(c, leaves));
        uint64 batch = uint64(c.number) + 1;
        vm.prank(operator);
        try draws.post(batch, beacon, posted.rounds) {}
        catch {
            return abi.encode(0, 0, 0, 0);
        }
        uint32 round = uint32(uint64(word(c, 8)) % 3);
        try draws.pointOf(batch, posted, round, uint32(uint64(word(c, 9)) % 12)) returns (Point memory p) {
            return abi.encode(p.roller, p.drawnAt, p.outcome, p.isAboveCap);
        } catch {
            return abi.encode(0, 0, 0, 0);
        }
    }

    /// Who was passed over as at capacity, and what charges the operator with it: too few seats, a seat of a batch that was over or to
    /// come, or one that had been delivered.
    function atCapacity(Case calldata c) external returns (bytes memory) {
        (k, capacity, beacon) = (1, uint32(uint64(word(c, 1)) % 5), bytes32(uint256(1)));
        bytes memory leaf = leavesOf(c, 1);
        snapshot = this.wholeOf(leaf);
        PassOver memory p;
        uint64 batch = uint64(c.number) + 1;
        uint64 passedAt = uint64(1e9) + uint32(word(c, 2));
        address roller = sorted(c, 10, 0);
        p.receipt = PassOverReceipt(taskId(batch), 0, roller, 0, AT_CAPACITY, passedAt);
        p.posted = PostedDraw(abi.encodePacked(passedAt, hex"02040701", roller, named(c)), this.pathsTo(leaf, 0));
        vm.prank(operator);
        draws.post(batch, beacon, p.posted.rounds);
        (committedAt, settledAt) = (near(c, 3, passedAt + 15 minutes), near(c, 5, passedAt - 15 minutes));
        bool isOver = charged(abi.encodeCall(draws.seatOver, (batch, p, 0)));
        return abi.encode(
            draws.roundsHash(batch),
            charged(abi.encodeCall(draws.tooFewSeats, (batch, p))),
            isOver,
            charged(delivered(c, batch, p))
        );
    }

    // --- cases

    /// The paths of all leaves, or of the first alone.
    function shown(Case memory c, bytes memory leaves) private view returns (bytes[] memory paths) {
        paths = new bytes[](uint64(word(c, 4)) % 8 == 0 ? 1 : leaves.length / SnapshotLib.LEAF_BYTES);
        for (uint256 i = 0; i < paths.length; i++) {
            paths[i] = this.pathTo(leaves, i);
        }
    }

    /// Up to four seats, in any order.
    function named(Case memory c) private pure returns (bytes memory packed) {
        uint256 count = uint64(word(c, 7)) % 5;
        packed = abi.encodePacked(uint16(count));
        for (uint256 n = 0; n < count; n++) {
            uint256 random = word(c, 100 + n);
            packed = abi.encodePacked(packed, SEATS_FROM + uint64(random) % 3, uint32(uint64(random >> 64) % 3));
        }
    }

    /// A time at a limit, or none.
    function near(Case memory c, uint256 j, uint64 limit) private pure returns (uint64) {
        return uint64(word(c, j)) % 4 == 0 ? 0 : limit + uint64(word(c, j + 1)) % 5 - 2;
    }

    /// The call with a receipt for the first of the named seats, or for one that nobody named.
    function delivered(Case memory c, uint64 batch, PassOver memory p) private view returns (bytes memory) {
        uint256 first = word(c, 100);
        SubmissionReceipt memory s;
        s.task = taskId(SEATS_FROM + uint64(first) % 3);
        (s.round, s.roller) = (uint32(uint64(first >> 64) % 3), p.receipt.roller);
        s.receivedAt = p.receipt.passedAt - 2 minutes + uint64(word(c, 8)) % 5 - 2;
        (uint8 v, bytes32 r, bytes32 s_) =
            vm.sign(OPERATOR_KEY, ReceiptLib.digest(address(this), this.hashSubmission(s)));
        return abi.encodeCall(draws.seatDelivered, (batch, p, 0, s, abi.encodePacked(r, s_, v)));
    }

    /// Whether Draws charges the operator. If not, it is for that reason alone: the seat that is not named, or no offence.
    function charged(bytes memory call_) private returns (bool) {
        (bool done, bytes memory answer) = address(draws).call(call_);
        if (!done) {
            bytes4 why = bytes4(answer);
            // Panic: there is no such position.
            vm.assertTrue(why == IDraws.NoOffence.selector || why == bytes4(0x4e487b71));
        }
        return done;
    }
}
