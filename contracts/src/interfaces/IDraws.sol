// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {
    AssignmentReceipt,
    HeartbeatReceipt,
    PassOverReceipt,
    SubmissionReceipt,
    VerdictReceipt
} from "../libraries/ReceiptLib.sol";
import {NamedSeat} from "../libraries/RoundsLib.sol";
import {Entry} from "./IRollup.sol";

/// @notice A point of a posted draw: whom it hit, and what the operator says of it.
struct Point {
    address roller;
    uint64 drawnAt;
    uint8 outcome;
    /// It is above the cap on the roller's probability.
    bool isAboveCap;
}

/// @notice What a statement about a posted draw rests on.
struct PostedDraw {
    /// As posted with `IDraws.post`.
    bytes rounds;
    /// In the snapshot of the batch's epoch, those of the leaves of whom it is about; of who has none, those between which it would be
    /// (SnapshotLib).
    bytes[] paths;
}

/// @notice That the operator passed somebody over: by its signature under the receipt, or because it posted the same.
struct PassOver {
    PassOverReceipt receipt;
    /// Under the receipt; empty if it stands in the posted rounds.
    bytes signature;
    /// Empty if the receipt is signed.
    PostedDraw posted;
}

/// @notice What the operator says of each draw, and evidence that it is not so.
/// @dev With the entries of a task the operator posts all rounds of its draw: when, and what became of each point, in a byte
/// (RoundsLib). Where points fall follows from beacon and snapshot, so that L1 can tell who had how many tickets, and an entry that
/// does not follow is evidence. Each point that gave no ticket has a reason for which the operator answers as if it had signed it: what
/// L1, a receipt or another posted draw contradicts is evidence. Charges and amounts are those of IEvidence; nothing is to be answered.
interface IDraws {
    error NotOperator(address caller);
    error UnknownBatch(uint64 batch);
    error AlreadyPosted(uint64 batch);
    error WrongBeacon(bytes32 beacon, bytes32 expected);
    error WrongRounds(bytes32 roundsHash, bytes32 posted);
    error WrongEntries(bytes32 entriesHash, bytes32 posted);
    error WrongTask(bytes32 task, bytes32 expected);
    error WrongSeed(bytes32 seed, bytes32 expected);
    error WrongSigner(address signer);
    error OtherSeat();
    error NotSaid();
    error NoOffence();
    error TooEarly(uint64 fromS);

    /// @param rounds Packed as RoundsLib says.
    event DrawsPosted(uint64 indexed batch, bytes rounds);

    /// @notice Posts the rounds of a batch's draw, once and finally; only the operator. Each must be whole: k tickets, or 8 k points.
    /// @param beacon The stored prevrandao that the draw rests on: after a reorganisation of L1 the posting fails instead of lying.
    function post(uint64 batch, bytes32 beacon, bytes calldata rounds) external;

    /// @notice The entries are on L1, but a quarter of an hour later the rounds that they come from are not.
    function unposted(uint64 batch) external;

    /// @notice An entry whose tickets its roller has in no round: those of a seat, or twice as many where there were several rounds.
    function wrongEntry(uint64 batch, Entry[] calldata entries, uint256 position, PostedDraw calldata posted) external;

    /// @notice The entry at `position` counts twice, as on-time ones beside late ones do, but that of the roller of an on-time
    /// verdict does not. It is about both.
    function halvedEntry(
        uint64 batch,
        VerdictReceipt calldata v,
        bytes calldata signature,
        Entry[] calldata entries,
        uint256 position,
        PostedDraw calldata posted
    ) external;

    /// @notice An assignment with more tickets than the draw has hits for the roller.
    /// @param paths As in PostedDraw.
    function wrongTickets(uint64 batch, AssignmentReceipt calldata a, bytes calldata signature, bytes[] calldata paths)
        external;

    /// @notice An assignment with other tickets, or of another time, than the posted rounds give the roller.
    function otherSeat(uint64 batch, AssignmentReceipt calldata a, bytes calldata signature, PostedDraw calldata posted)
        external;

    /// @notice A point is posted as above its roller's cap and is not, or the other way round.
    function wrongCap(uint64 batch, PostedDraw calldata posted, uint32 round, uint32 point) external;

    /// @notice Passed over as silent, although the operator had heard the roller.
    function notSilent(
        uint64 batch,
        PassOver calldata p,
        HeartbeatReceipt calldata h,
        bytes calldata heartbeatSignature
    ) external;

    /// @notice Passed over as draining, although the operator heard that it was ready, shortly before and shortly after.
    function notDraining(
        uint64 batch,
        PassOver calldata p,
        HeartbeatReceipt calldata before,
        bytes calldata beforeSignature,
        HeartbeatReceipt calldata afterwards,
        bytes calldata afterwardsSignature
    ) external;

    /// @notice Passed over as not ready, with too little stake or as accused, although L1 knows better.
    function notTrue(uint64 batch, PassOver calldata p) external;

    /// @notice Passed over as at capacity, but the posted rounds name fewer open seats than any roller may have: two, or what it declared.
    function tooFewSeats(uint64 batch, PassOver calldata p) external;

    /// @notice A seat that is named as open when its roller was passed over is none by the rounds that were posted for its task.
    function notSeated(uint64 batch, PassOver calldata p, uint256 position, PostedDraw calldata ofSeat) external;

    /// @notice A seat that is named as open had ended two minutes before, because the operator had its submission.
    function seatDelivered(
        uint64 batch,
        PassOver calldata p,
        uint256 position,
        SubmissionReceipt calldata s,
        bytes calldata submissionSignature
    ) external;

    /// @notice A seat that is named as open is of a batch that had settled a quarter of an hour before, or was not yet committed.
    function seatOver(uint64 batch, PassOver calldata p, uint256 position) external;

    /// @notice Hash of a batch's posted rounds; zero if there are none.
    function roundsHash(uint64 batch) external view returns (bytes32);

    /// @notice Tickets of a roller in each posted round, and when it was drawn.
    function ticketsOf(uint64 batch, PostedDraw calldata posted, address roller)
        external
        view
        returns (uint256[] memory tickets, uint64[] memory drawnAt);

    /// @notice A point of a posted draw.
    function pointOf(uint64 batch, PostedDraw calldata posted, uint32 round, uint32 point)
        external
        view
        returns (Point memory);
}
