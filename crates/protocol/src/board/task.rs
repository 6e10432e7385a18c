//! Tasks and seats: the records on the board.

use super::error::{Receipt, Refusal, SeatKey};
use crate::{
    entries::Entry,
    ids::{BatchNumber, ProofDigest, Roller, Round, ScrWei, TaskId, UnixSeconds},
    law::{
        draw::Draw,
        late,
        rounds::{self, Full},
    },
    prover_gas::ProverGas,
};
use alloc::{collections::BTreeMap, vec::Vec};
use alloy_primitives::{B256, Bytes};
use serde::{Deserialize, Serialize};

/// A task: the proof of one batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Task {
    /// Identity.
    pub id: TaskId,
    /// Batch that it proves.
    pub batch: BatchNumber,
    /// Estimated prover gas: deadlines, seats and fines follow it.
    pub prover_gas_estimate: ProverGas,
    /// SCR-wei per prover gas, pinned at commit.
    pub unit_price: ScrWei,
    /// Epoch of the snapshot that it is drawn from.
    pub epoch: u64,
    /// L1 block whose prevrandao draws it.
    pub draw_block: u64,
    /// That prevrandao, once stored.
    pub draw_beacon: Option<B256>,
    /// Row of the program table whose program proves it.
    pub program_version: u32,
    /// Points to be drawn per round: the dial of the pinned epoch.
    pub k: u32,
    /// T in seconds: by the dial of the pinned epoch.
    pub time_limit_s: u64,
    /// When it was opened.
    pub opened_at: Option<UnixSeconds>,
    /// When the fallback prover starts at the latest; known once it was opened.
    pub fallback_at: Option<UnixSeconds>,
    /// The fallback prover was called.
    pub fallback_started: bool,
    /// No more rounds are drawn.
    pub is_left_to_fallback: bool,
    /// Where it is.
    pub stage: Stage,
    /// Rounds drawn so far; round `r` is `rounds[r]`.
    pub rounds: Vec<RoundDraw>,
    /// Seats of all rounds, by round and roller.
    #[serde(with = "super::pairs")]
    pub seats: BTreeMap<(Round, Roller), Seat>,
}

/// Where a task is. It only moves downwards in this list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Stage {
    /// Committed; the beacon of its draw is not stored yet.
    AwaitingBeacon,
    /// The beacon is there; the window is full.
    Queued,
    /// Rollers are proving.
    Open {
        /// When the present round ends at the latest; `None` when no more rounds come and the fallback proves.
        round_ends_at: Option<UnixSeconds>,
    },
    /// Closed; the entries are to be posted.
    Closed {
        /// Entries as they are known now.
        entries: Vec<Entry>,
        /// What they were before a posted digest was read. L1 may have any of these lists by now.
        earlier: Vec<Vec<Entry>>,
    },
    /// The entries are on L1; the lottery's beacon is not stored yet.
    AwaitingLottery {
        /// Final entries.
        entries: Vec<Entry>,
        /// Lottery on L1.
        lottery: Lottery,
    },
    /// The winner is known; its proof is to settle the batch.
    Settling {
        /// Final entries.
        entries: Vec<Entry>,
        /// Lottery on L1.
        lottery: Lottery,
        /// Prevrandao of the lottery's block.
        beacon: B256,
        /// The winning entry.
        winner: Entry,
    },
    /// Settled on L1.
    Settled {
        /// What had been decided until then, for whoever looks.
        entries: Vec<Entry>,
        /// Lottery on L1, if there was one.
        lottery: Option<Lottery>,
        /// Its beacon, if it was stored.
        beacon: Option<B256>,
        /// Who was paid.
        roller: Option<Roller>,
        /// How much.
        reward: ScrWei,
        /// Until when L1 judges its submissions, inclusive.
        judged_until: UnixSeconds,
    },
}

/// A lottery as L1 fixed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Lottery {
    /// Hash of the entries.
    pub entries_hash: B256,
    /// Block whose prevrandao decides.
    pub block: u64,
}

/// One round of a task's draw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoundDraw {
    /// When it was drawn.
    pub drawn_at: UnixSeconds,
    /// Deadline of its seats.
    pub deadline: UnixSeconds,
    /// All points, with what became of them.
    pub draw: Draw,
    /// Who was passed over as at capacity, with the seats that it held.
    pub full: Vec<Full>,
}

/// A seat: a roller drawn for a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Seat {
    /// Tickets: points of the draw that landed on the roller.
    pub tickets: u32,
    /// When it was drawn.
    pub assigned_at: UnixSeconds,
    /// Until when a proof is on time, inclusive.
    pub deadline: UnixSeconds,
    /// Until when a late proof is taken, inclusive.
    pub expires_at: UnixSeconds,
    /// When the roller fetched it first.
    pub picked_at: Option<UnixSeconds>,
    /// What was submitted.
    pub receipt: Option<Receipt>,
    /// What the roller put on L1 in time, because nobody took its submission.
    pub posted: Option<Posted>,
    /// What L1 took for it, once L1 has judged the submission; nothing when its time for that went by.
    pub fine: Option<ScrWei>,
    /// Where it is.
    pub state: SeatState,
}

/// The digest of a finished proof that stands on L1 since before the deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Posted {
    /// Digest of the proof.
    pub proof_digest: ProofDigest,
    /// L1's time of it.
    pub posted_at: UnixSeconds,
    /// L1's verifier found the proof valid, whoever brought its bytes there.
    pub is_shown: bool,
    /// The seat counted as missed, for good, before the post was read.
    pub is_counted: bool,
}

/// Where a seat is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum SeatState {
    /// Nothing reported yet.
    Open,
    /// A valid proof within the deadline: takes part in the lottery.
    OnTime,
    /// The digest of a proof stands on L1 since before the deadline: takes part in the lottery. The bytes are to come, until the
    /// batch is settled.
    Posted,
    /// A valid proof after the deadline: takes part if a lottery is still to come.
    Late,
    /// A proof that the verifier rejected.
    Invalid {
        /// Why.
        reason: alloc::string::String,
    },
    /// No proof so far; may still become [`Self::Late`] until the seat expires or the task closes.
    Missed {
        /// Why.
        why: MissedBecause,
    },
    /// Ended without the roller's doing and without penalty.
    Released {
        /// Why.
        why: ReleasedBecause,
    },
}

/// Why a seat counts as missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MissedBecause {
    /// The roller fell silent.
    HeartbeatLost,
    /// The deadline passed.
    DeadlinePassed,
    /// A digest was posted in time, and its bytes were never shown.
    NeverShown,
}

/// Why a seat was released.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ReleasedBecause {
    /// The batch was settled while the roller was working.
    SettledByOthers,
    /// The roller is accused of an invalid proof elsewhere.
    Accused,
    /// L1 found the proof valid that the verifier had rejected.
    VerdictOverturned,
    /// L1 found the posted proof valid whose bytes did not come here.
    ShownOnL1,
}

impl Seat {
    /// Does the seat bind capacity?
    pub fn is_open(&self) -> bool {
        self.state == SeatState::Open
    }

    /// Was its proof rejected, and L1 has not judged it?
    pub fn is_judgement_open(&self) -> bool {
        matches!(self.state, SeatState::Invalid { .. }) && self.fine.is_none()
    }

    /// Digest of the proof that was submitted, or else posted.
    pub fn proof_digest(&self) -> Option<ProofDigest> {
        let received = self.receipt.map(|receipt| receipt.proof_digest);
        received.or(self.posted.map(|posted| posted.proof_digest))
    }

    /// Had its proof arrived by the deadline?
    fn is_received_in_time(&self) -> bool {
        self.receipt
            .is_some_and(|receipt| receipt.received_at <= self.deadline)
    }

    /// Why the seat takes nothing new, if it has reported.
    pub(super) fn reported(&self) -> Option<Refusal> {
        let received = self.receipt.map(Refusal::AlreadySubmitted);
        received.or_else(|| {
            let posted = self.posted.as_ref();
            posted.map(|posted| Refusal::AlreadyPosted(posted.proof_digest))
        })
    }
}

impl Task {
    /// The name of a seat.
    pub fn seat_key(&self, round: Round, roller: Roller) -> SeatKey {
        SeatKey {
            task: self.id,
            round,
            roller,
        }
    }

    /// Number of the present round; `None` before the first draw.
    pub fn round(&self) -> Option<Round> {
        self.rounds
            .len()
            .checked_sub(1)
            .map(|round| Round::try_from(round).expect("rounds are few"))
    }

    /// Is it being proved?
    pub fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Open { .. })
    }

    /// Does it occupy the window? A task that only the fallback works on does not.
    pub fn is_in_window(&self) -> bool {
        self.is_open() && !self.is_left_to_fallback
    }

    /// When time alone changes something: a round ends, the fallback is due, or accusations lapse.
    pub fn wakeup(&self) -> Option<UnixSeconds> {
        let round_ends_at = match self.stage {
            Stage::Open { round_ends_at } => round_ends_at,
            Stage::Settled { judged_until, .. } if self.is_judgement_open() => {
                return Some(judged_until.saturating_add(1));
            }
            _ => return None,
        };
        let round_over = round_ends_at.map(|ends_at| ends_at.saturating_add(1));
        let fallback = self.fallback_at.filter(|_| !self.is_left_to_fallback);
        [round_over, fallback].into_iter().flatten().min()
    }

    /// Was somebody seated in the first round, and did no proof of theirs come before the task closed? A late one counts: T was too short
    /// for it, and more provers would not have been sooner.
    pub fn is_missed(&self) -> bool {
        let mut first = self.seats.iter().filter(|((round, _), _)| *round == 0);
        let is_seated = first.clone().next().is_some();
        is_seated
            && !first.any(|(_, seat)| {
                matches!(
                    seat.state,
                    SeatState::OnTime | SeatState::Posted | SeatState::Late
                )
            })
    }

    /// Is there a rejected submission that L1 has not judged?
    pub fn is_judgement_open(&self) -> bool {
        self.seats.values().any(Seat::is_judgement_open)
    }

    /// Is it settled?
    pub fn is_settled(&self) -> bool {
        matches!(self.stage, Stage::Settled { .. })
    }

    /// The entries if it were closed now: per roller its best seat with a valid proof or a posted digest, sorted by roller.
    ///
    /// When on-time and late proofs meet in one lottery, on-time tickets count `late_divisor` times. Here whatever was received by
    /// its deadline is on time, also from a roller that had fallen silent: of that, receipts tell L1.
    pub fn entries(&self, late_divisor: u32) -> Vec<Entry> {
        let mut best: BTreeMap<Roller, (bool, &Seat)> = BTreeMap::new();
        for ((_, roller), seat) in &self.seats {
            let on_time = match seat.state {
                SeatState::OnTime | SeatState::Posted => true,
                SeatState::Late => seat.is_received_in_time(),
                _ => continue,
            };
            let better = best.get(roller).is_none_or(|(best_on_time, best)| {
                (on_time, seat.tickets) > (*best_on_time, best.tickets)
            });
            if better {
                best.insert(*roller, (on_time, seat));
            }
        }
        let has = |on_time| best.values().any(|(found, _)| *found == on_time);
        let factors = late::ticket_factors(late_divisor, has(true), has(false));
        let entry = |(roller, (on_time, seat)): (Roller, (bool, &Seat))| {
            let factor = if on_time {
                factors.on_time
            } else {
                factors.late
            };
            let proof_digest = seat.proof_digest();
            Entry {
                roller,
                tickets: seat.tickets.saturating_mul(factor),
                proof_digest: proof_digest.expect("a seat that reported has a digest"),
            }
        };
        best.into_iter().map(entry).collect()
    }

    /// All rounds of its draw as they are posted on L1 with the entries.
    pub fn posted_rounds(&self) -> Bytes {
        let mut out = Vec::new();
        for round in &self.rounds {
            rounds::encode_into(&mut out, round.drawn_at, &round.draw, &round.full);
        }
        out.into()
    }

    /// The entries that are final: none while it is open.
    pub fn final_entries(&self) -> &[Entry] {
        match &self.stage {
            Stage::AwaitingBeacon | Stage::Queued | Stage::Open { .. } => &[],
            Stage::Closed { entries, .. }
            | Stage::AwaitingLottery { entries, .. }
            | Stage::Settling { entries, .. }
            | Stage::Settled { entries, .. } => entries,
        }
    }

    /// The lottery, once it is fixed on L1.
    pub fn lottery(&self) -> Option<Lottery> {
        match &self.stage {
            Stage::AwaitingLottery { lottery, .. } | Stage::Settling { lottery, .. } => {
                Some(*lottery)
            }
            Stage::Settled { lottery, .. } => *lottery,
            _ => None,
        }
    }

    /// The winner is known, and its bytes are not here.
    pub fn is_winner_absent(&self) -> bool {
        matches!(&self.stage, Stage::Settling { winner, .. } if self.seat_of_entry(winner).is_none())
    }

    /// Until when somebody without an entry can still post a digest in time; `None` when nobody can.
    pub fn posts_until(&self) -> Option<UnixSeconds> {
        let silent = self.seats.values().filter(|seat| {
            seat.reported().is_none()
                && matches!(
                    seat.state,
                    SeatState::Missed { .. } | SeatState::Released { .. }
                )
        });
        silent.map(|seat| seat.deadline).max()
    }

    /// The seat whose proof is the entry's: the latest round with that digest. `None` while its bytes are not here.
    pub fn seat_of_entry(&self, entry: &Entry) -> Option<SeatKey> {
        let holds = |seat: &Seat| {
            matches!(seat.state, SeatState::OnTime | SeatState::Late)
                && seat
                    .receipt
                    .is_some_and(|receipt| receipt.proof_digest == entry.proof_digest)
        };
        let found = self
            .seats
            .iter()
            .rev()
            .find(|((_, roller), seat)| *roller == entry.roller && holds(seat));
        found.map(|((round, roller), _)| self.seat_key(*round, *roller))
    }
}
