// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Contracts} from "./interfaces/IContracts.sol";
import {ICourt} from "./interfaces/ICourt.sol";
import {IDraws, PassOver, Point, PostedDraw} from "./interfaces/IDraws.sol";
import {IEvidence, Offence} from "./interfaces/IEvidence.sol";
import {IParameters, Key} from "./interfaces/IParameters.sol";
import {IRollerRegistry} from "./interfaces/IRollerRegistry.sol";
import {Batch, Entry, IRollup, Snapshot} from "./interfaces/IRollup.sol";
import {DrawLib} from "./libraries/DrawLib.sol";
import {LotteryLib} from "./libraries/LotteryLib.sol";
import {
    AssignmentReceipt,
    HeartbeatReceipt,
    PassOverReceipt,
    ReceiptLib,
    SubmissionReceipt,
    VerdictReceipt
} from "./libraries/ReceiptLib.sol";
import {NamedSeat, Round, RoundsLib} from "./libraries/RoundsLib.sol";

/// @notice See IDraws.
contract Draws is IDraws {
    /// @dev What changed on L1 within this time before a pass-over may not have been known, seconds.
    uint64 private constant SEEN_S = 15 minutes;
    /// @dev The operator has verified what it received this time before, seconds.
    uint64 private constant VERIFIED_S = 2 minutes;
    /// @dev Seats that whoever has declared as many may hold without having shown anything.
    uint256 private constant SEATS_LEAST = 2;

    uint8 private constant NOT_READY = 0;
    uint8 private constant STAKE_TOO_LOW = 1;
    uint8 private constant SILENT = 2;
    uint8 private constant ACCUSED = 3;
    uint8 private constant AT_CAPACITY = 4;
    uint8 private constant DRAINING = 5;

    IParameters public immutable parameters;
    IRollerRegistry public immutable registry;
    ICourt public immutable court;
    IEvidence public immutable evidence;
    IRollup public immutable rollup;

    mapping(uint64 batch => bytes32) public roundsHash;

    constructor(Contracts memory c) {
        parameters = IParameters(c.parameters);
        registry = IRollerRegistry(c.registry);
        court = ICourt(c.court);
        evidence = IEvidence(c.evidence);
        rollup = IRollup(c.rollup);
    }

    /// @inheritdoc IDraws
    function post(uint64 batch, bytes32 beacon, bytes calldata rounds) external {
        require(msg.sender == rollup.operator(), NotOperator(msg.sender));
        require(roundsHash[batch] == 0, AlreadyPosted(batch));
        bytes32 expected = rollup.beacons(rollup.drawBlock(batch));
        require(beacon != 0 && beacon == expected, WrongBeacon(beacon, expected));
        RoundsLib.check(rounds, rollup.batches(batch).k);
        roundsHash[batch] = keccak256(rounds);
        emit DrawsPosted(batch, rounds);
    }

    // --- entries and seats

    /// @inheritdoc IDraws
    function unposted(uint64 batch) external {
        uint64 entriesAt = rollup.batches(batch).entriesAt;
        require(entriesAt != 0 && roundsHash[batch] == 0, NoOffence());
        require(block.timestamp > entriesAt + SEEN_S, TooEarly(entriesAt + SEEN_S));
        evidence.charge(batch, address(0), Offence.WrongDraw);
    }

    /// @inheritdoc IDraws
    function wrongEntry(uint64 batch, Entry[] calldata entries, uint256 position, PostedDraw calldata posted) external {
        _requireEntries(batch, entries);
        Entry calldata e = entries[position];
        // When the rounds were drawn does not matter for what an entry has.
        // slither-disable-next-line unused-return
        (uint256[] memory tickets,) = ticketsOf(batch, posted, e.roller);
        require(!RoundsLib.fits(tickets, e.tickets), NoOffence());
        // Who is favoured is not damaged.
        evidence.charge(batch, e.tickets < _most(tickets) ? e.roller : address(0), Offence.WrongDraw);
    }

    /// @inheritdoc IDraws
    function halvedEntry(
        uint64 batch,
        VerdictReceipt calldata v,
        bytes calldata signature,
        Entry[] calldata entries,
        uint256 position,
        PostedDraw calldata posted
    ) external {
        _requireTask(batch, v.task);
        _requireEntries(batch, entries);
        _requireOperator(ReceiptLib.hash(v), signature);
        require(v.valid && v.onTime, NoOffence());
        require(entries[position].tickets > _mostOf(batch, posted, entries[position].roller), NoOffence());
        // The verdict says that it was in time; when its round was drawn does not matter.
        // slither-disable-next-line unused-return
        (uint256[] memory tickets,) = ticketsOf(batch, posted, v.roller);
        uint256 entered = 0;
        for (uint256 i = 0; i < entries.length; i++) {
            if (entries[i].roller == v.roller) entered = entries[i].tickets;
        }
        require(entered > 0 && entered < RoundsLib.LATE_DIVISOR * tickets[v.round], NoOffence());
        evidence.charge(batch, v.roller, Offence.WrongDraw);
    }

    /// @inheritdoc IDraws
    function wrongTickets(uint64 batch, AssignmentReceipt calldata a, bytes calldata signature, bytes[] calldata paths)
        external
    {
        _requireAssignment(batch, a, signature);
        Batch memory b = rollup.batches(batch);
        DrawLib.Interval memory interval = DrawLib.locate(paths, rollup.snapshots(b.epoch), a.roller);
        uint256 hits = DrawLib.hits(interval, a.seed, b.k * DrawLib.DRAWS_PER_POINT_MAX);
        require(a.tickets > Math.min(hits, b.k), NoOffence());
        evidence.charge(batch, address(0), Offence.WrongDraw);
    }

    /// @inheritdoc IDraws
    function otherSeat(uint64 batch, AssignmentReceipt calldata a, bytes calldata signature, PostedDraw calldata posted)
        external
    {
        _requireAssignment(batch, a, signature);
        (uint256[] memory tickets, uint64[] memory drawnAt) = ticketsOf(batch, posted, a.roller);
        bool isPosted = a.round < tickets.length;
        require(!isPosted || tickets[a.round] != a.tickets || drawnAt[a.round] != a.assignedAt, NoOffence());
        evidence.charge(batch, a.roller, Offence.WrongDraw);
    }

    /// @inheritdoc IDraws
    function wrongCap(uint64 batch, PostedDraw calldata posted, uint32 round, uint32 point) external {
        Point memory p = pointOf(batch, posted, round, point);
        require(p.isAboveCap != (p.outcome == RoundsLib.ABOVE_CAP), NoOffence());
        evidence.charge(batch, p.isAboveCap ? address(0) : p.roller, Offence.WrongDraw);
    }

    // --- pass-overs

    /// @inheritdoc IDraws
    function notSilent(
        uint64 batch,
        PassOver calldata p,
        HeartbeatReceipt calldata h,
        bytes calldata heartbeatSignature
    ) external {
        _requirePassedOver(batch, p, SILENT);
        _requireHeard(p, h, heartbeatSignature);
        require(h.heardAt <= p.receipt.passedAt, NoOffence());
        // Strict, because times are cut to seconds.
        require(p.receipt.passedAt - h.heardAt < parameters.value(Key.HeartbeatS), NoOffence());
        evidence.charge(batch, p.receipt.roller, Offence.FalsePassOver);
    }

    /// @inheritdoc IDraws
    function notDraining(
        uint64 batch,
        PassOver calldata p,
        HeartbeatReceipt calldata before,
        bytes calldata beforeSignature,
        HeartbeatReceipt calldata afterwards,
        bytes calldata afterwardsSignature
    ) external {
        _requirePassedOver(batch, p, DRAINING);
        _requireHeard(p, before, beforeSignature);
        _requireHeard(p, afterwards, afterwardsSignature);
        require(before.heardAt <= p.receipt.passedAt && p.receipt.passedAt <= afterwards.heardAt, NoOffence());
        // A drain lasts longer, so that none can have been in between.
        require(afterwards.heardAt - before.heardAt < parameters.value(Key.HeartbeatS), NoOffence());
        evidence.charge(batch, p.receipt.roller, Offence.FalsePassOver);
    }

    /// @inheritdoc IDraws
    function notTrue(uint64 batch, PassOver calldata p) external {
        PassOverReceipt calldata r = p.receipt;
        _requirePassedOver(batch, p, r.reason);
        if (r.reason == NOT_READY || r.reason == STAKE_TOO_LOW) {
            // What it is now it was then, if nothing has changed in between.
            require(registry.eligible(r.roller), NoOffence());
            require(registry.rollers(r.roller).changedAt + SEEN_S < r.passedAt, NoOffence());
        } else {
            require(r.reason == ACCUSED, NoOffence());
            // The operator has this time to bring its accusation to L1.
            uint64 fromS = uint64(r.passedAt + parameters.value(Key.AccuseS));
            require(block.timestamp > fromS, TooEarly(fromS));
            uint256 accusedAt = court.accusedAt(r.roller);
            uint256 lastsS = parameters.value(Key.AccuseS) + parameters.value(Key.DefendS);
            require(accusedAt == 0 || accusedAt + lastsS < r.passedAt, NoOffence());
        }
        evidence.charge(batch, r.roller, Offence.FalsePassOver);
    }

    /// @inheritdoc IDraws
    function tooFewSeats(uint64 batch, PassOver calldata p) external {
        uint256 named = RoundsLib.distinct(_named(batch, p));
        address roller = p.receipt.roller;
        require(registry.rollers(roller).changedAt + SEEN_S < p.receipt.passedAt, NoOffence());
        require(named < Math.min(SEATS_LEAST, registry.rollers(roller).capacity), NoOffence());
        evidence.charge(batch, roller, Offence.FalsePassOver);
    }

    /// @inheritdoc IDraws
    function notSeated(uint64 batch, PassOver calldata p, uint256 position, PostedDraw calldata ofSeat) external {
        NamedSeat memory seat = _named(batch, p)[position];
        (uint256[] memory tickets, uint64[] memory drawnAt) = ticketsOf(seat.batch, ofSeat, p.receipt.roller);
        bool isSeat =
            seat.round < tickets.length && tickets[seat.round] > 0 && drawnAt[seat.round] <= p.receipt.passedAt;
        require(!isSeat, NoOffence());
        evidence.charge(batch, p.receipt.roller, Offence.FalsePassOver);
    }

    /// @inheritdoc IDraws
    function seatDelivered(
        uint64 batch,
        PassOver calldata p,
        uint256 position,
        SubmissionReceipt calldata s,
        bytes calldata submissionSignature
    ) external {
        NamedSeat memory seat = _named(batch, p)[position];
        _requireTask(seat.batch, s.task);
        require(s.round == seat.round && s.roller == p.receipt.roller, OtherSeat());
        _requireOperator(ReceiptLib.hash(s), submissionSignature);
        require(s.receivedAt + VERIFIED_S < p.receipt.passedAt, NoOffence());
        evidence.charge(batch, s.roller, Offence.FalsePassOver);
    }

    /// @inheritdoc IDraws
    function seatOver(uint64 batch, PassOver calldata p, uint256 position) external {
        NamedSeat memory seat = _named(batch, p)[position];
        Batch memory b = rollup.batches(seat.batch);
        bool isSettled = b.settledAt != 0 && b.settledAt + SEEN_S < p.receipt.passedAt;
        bool isToCome = b.committedAt == 0 || b.committedAt > p.receipt.passedAt + SEEN_S;
        require(isSettled || isToCome, NoOffence());
        evidence.charge(batch, p.receipt.roller, Offence.FalsePassOver);
    }

    // --- what was posted

    /// @inheritdoc IDraws
    function ticketsOf(uint64 batch, PostedDraw calldata posted, address roller)
        public
        view
        returns (uint256[] memory tickets, uint64[] memory drawnAt)
    {
        DrawLib.Interval memory interval = DrawLib.locate(posted.paths, _requirePosted(batch, posted), roller);
        uint256 count = RoundsLib.count(posted.rounds);
        (tickets, drawnAt) = (new uint256[](count), new uint64[](count));
        for (uint32 n = 0; n < count; n++) {
            Round memory r = RoundsLib.nth(posted.rounds, n);
            tickets[n] = RoundsLib.tickets(posted.rounds, r, interval, _seed(batch, n));
            drawnAt[n] = r.drawnAt;
        }
    }

    /// @inheritdoc IDraws
    function pointOf(uint64 batch, PostedDraw calldata posted, uint32 round, uint32 point)
        public
        view
        returns (Point memory p)
    {
        Snapshot memory s = _requirePosted(batch, posted);
        Round memory r = RoundsLib.nth(posted.rounds, round);
        p.drawnAt = r.drawnAt;
        p.outcome = RoundsLib.outcome(posted.rounds, r, point);
        bytes32 seed = _seed(batch, round);
        p.roller = DrawLib.ownerOf(posted.paths, s, DrawLib.point(seed, point, s.total));
        p.isAboveCap = !DrawLib.isHit(DrawLib.locate(posted.paths, s, p.roller), seed, point);
    }

    function _requirePassedOver(uint64 batch, PassOver calldata p, uint8 reason) private view {
        PassOverReceipt calldata r = p.receipt;
        _requireTask(batch, r.task);
        require(r.reason == reason, NoOffence());
        if (p.signature.length != 0) {
            _requireOperator(ReceiptLib.hash(r), p.signature);
            return;
        }
        Point memory said = pointOf(batch, p.posted, r.round, r.point);
        require(said.roller == r.roller && said.outcome == reason && said.drawnAt == r.passedAt, NotSaid());
    }

    /// @dev The seats that the posted rounds name for who was passed over as at capacity. A signed receipt names none.
    function _named(uint64 batch, PassOver calldata p) private view returns (NamedSeat[] memory) {
        require(p.signature.length == 0, NotSaid());
        _requirePassedOver(batch, p, AT_CAPACITY);
        bytes calldata rounds = p.posted.rounds;
        return RoundsLib.seats(rounds, RoundsLib.nth(rounds, p.receipt.round), p.receipt.roller);
    }

    function _requireHeard(PassOver calldata p, HeartbeatReceipt calldata h, bytes calldata signature) private view {
        require(h.roller == p.receipt.roller, OtherSeat());
        require(h.ready, NoOffence());
        _requireOperator(ReceiptLib.hash(h), signature);
    }

    /// @dev SOUNDNESS: an assignment from before a reorganisation of L1 is void, and costs nobody anything.
    function _requireAssignment(uint64 batch, AssignmentReceipt calldata a, bytes calldata signature) private view {
        _requireTask(batch, a.task);
        bytes32 expected = _seed(batch, a.round);
        require(a.seed == expected, WrongSeed(a.seed, expected));
        _requireOperator(ReceiptLib.hash(a), signature);
    }

    function _seed(uint64 batch, uint32 round) private view returns (bytes32) {
        return DrawLib.seed(rollup.taskId(batch), round, rollup.beacons(rollup.drawBlock(batch)));
    }

    function _most(uint256[] memory tickets) private pure returns (uint256 most) {
        for (uint256 i = 0; i < tickets.length; i++) {
            most = Math.max(most, tickets[i]);
        }
    }

    function _mostOf(uint64 batch, PostedDraw calldata posted, address roller) private view returns (uint256) {
        // Only tickets are counted, whenever they were drawn.
        // slither-disable-next-line unused-return
        (uint256[] memory tickets,) = ticketsOf(batch, posted, roller);
        return _most(tickets);
    }

    function _requireTask(uint64 batch, bytes32 task) private view {
        require(batch != 0 && batch <= rollup.committedBatch(), UnknownBatch(batch));
        bytes32 expected = rollup.taskId(batch);
        require(task == expected, WrongTask(task, expected));
    }

    function _requireOperator(bytes32 structHash, bytes calldata signature) private view {
        address signer = ReceiptLib.signer(address(rollup), structHash, signature);
        require(signer == rollup.operator(), WrongSigner(signer));
    }

    function _requireEntries(uint64 batch, Entry[] calldata entries) private view {
        bytes32 expected = rollup.batches(batch).entriesHash;
        bytes32 entriesHash = LotteryLib.hash(entries);
        require(expected != 0 && entriesHash == expected, WrongEntries(entriesHash, expected));
    }

    function _requirePosted(uint64 batch, PostedDraw calldata posted) private view returns (Snapshot memory) {
        bytes32 expected = roundsHash[batch];
        bytes32 hash = keccak256(posted.rounds);
        require(expected != 0 && hash == expected, WrongRounds(hash, expected));
        return rollup.snapshots(rollup.batches(batch).epoch);
    }
}
