//! The board as anybody may look at it.

use rollmill_protocol::{
    Entry, Roller, Round, ScrWei, UnixSeconds,
    board::{
        Board, Offer, ReleasedBecause, RollerAccount, Seat, SeatState as BoardSeat, Stage, Task,
    },
    law::{
        Controls, Leaf,
        control::window_target,
        draw::HitOutcome,
        eligibility::{PassedOver, capacity_proven},
        reputation::OfferOutcome as LawOutcome,
    },
};
use rollmill_roller_api as api;
use rollmill_roller_api::{
    DialValues, DialsView, DrawView, EntryView, LeafView, LotteryView, MeasureView, OfferOutcome,
    OfferView, PointOutcome, PointView, RollerView, SeatId, SeatState, SeatView, SettleView,
    SnapshotView, SubmissionStats, TaskState, TaskView, WeightView,
};
use rollmill_store::{Store, StoreError, SubmissionRecord};

use crate::{presence::Presences, state::State};

/// Epochs, from the last one backwards, in which a roller's weight is looked for.
const EPOCHS_MAX: u64 = 504;

/// A task with its submissions from the store and the progress that rollers report.
pub(crate) async fn task(
    state: &State,
    store: &Store,
    presences: &Presences,
    task: &Task,
) -> Result<TaskView, StoreError> {
    let submissions = store.submissions_of(task.id.0).await?;
    let mut seats = Vec::with_capacity(task.seats.len());
    for ((round, roller), seat) in &task.seats {
        let submitted = submissions
            .iter()
            .find(|submission| (submission.round, submission.roller) == (*round, *roller));
        let id = SeatId {
            task: task.id,
            round: *round,
        };
        let progress = presences.progress(*roller, id).filter(|_| seat.is_open());
        let proof_bytes = match submitted {
            Some(record) => store.objects().length(record.proof_digest).await,
            None => None,
        };
        seats.push(seat_view(
            (*round, *roller),
            seat,
            submitted,
            progress,
            proof_bytes,
        ));
    }
    let (lottery, settle) = (lottery_view(task), settle_view(state, task));
    Ok(TaskView {
        task: task.id,
        batch: task.batch,
        state: task_state(task),
        round: task.round().unwrap_or_default(),
        prover_gas_estimate: task.prover_gas_estimate,
        deadline_unix_s: task.rounds.last().map(|round| round.deadline),
        draws: draw_views(state, task),
        seats,
        fallback_started: task.fallback_started,
        entries: task.final_entries().iter().map(entry_view).collect(),
        lottery,
        settle,
    })
}

fn task_state(task: &Task) -> TaskState {
    match &task.stage {
        Stage::AwaitingBeacon => TaskState::AwaitingDraw,
        Stage::Queued => TaskState::Queued,
        Stage::Open { .. } => TaskState::Proving,
        Stage::Closed { .. } => TaskState::Closed,
        Stage::AwaitingLottery { .. } => TaskState::AwaitingLottery,
        Stage::Settling { .. } => TaskState::Settling,
        Stage::Settled { .. } => TaskState::Settled,
    }
}

fn seat_view(
    (round, roller): (Round, Roller),
    seat: &Seat,
    submitted: Option<&SubmissionRecord>,
    progress: Option<api::Progress>,
    proof_bytes: Option<u64>,
) -> SeatView {
    // What a roller reports of itself is shown, not relied upon.
    let stats: Option<SubmissionStats> =
        submitted.and_then(|record| serde_json::from_value(record.stats.clone()).ok());
    SeatView {
        roller,
        round,
        tickets: seat.tickets,
        state: seat_state(&seat.state),
        why: seat_why(&seat.state),
        assigned_unix_s: seat.assigned_at,
        deadline_unix_s: seat.deadline,
        stage: progress.map(|progress| progress.stage),
        fraction: progress.map(|progress| progress.fraction),
        eta_s: progress.and_then(|progress| progress.eta_s),
        proof_digest: seat.proof_digest(),
        prove_seconds: stats.as_ref().map(|stats| stats.prove_seconds),
        verify_ms: submitted.map(|record| record.verify_us as f64 / 1000.0),
        proof_bytes,
        peak_rss_bytes: stats.as_ref().map(|stats| stats.peak_rss_bytes),
        instructions: stats.as_ref().map(|stats| stats.instructions),
    }
}

fn seat_state(state: &BoardSeat) -> SeatState {
    match state {
        BoardSeat::Open => SeatState::Open,
        BoardSeat::OnTime => SeatState::OnTime,
        BoardSeat::Posted => SeatState::Posted,
        BoardSeat::Late => SeatState::Late,
        BoardSeat::Invalid { .. } => SeatState::Invalid,
        BoardSeat::Missed { .. } => SeatState::Missed,
        BoardSeat::Released { .. } => SeatState::Released,
    }
}

fn seat_why(state: &BoardSeat) -> Option<String> {
    use rollmill_protocol::board::MissedBecause;
    let why = match state {
        BoardSeat::Open | BoardSeat::OnTime => return None,
        BoardSeat::Posted => "Its digest stands on L1 in time; the proof itself is to come.",
        BoardSeat::Late => "The proof was valid but received after the deadline.",
        BoardSeat::Invalid { reason } => {
            return Some(format!("The verifier rejected the proof: {reason}."));
        }
        BoardSeat::Missed {
            why: MissedBecause::HeartbeatLost,
        } => "The roller fell silent while it held the seat.",
        BoardSeat::Missed {
            why: MissedBecause::DeadlinePassed,
        } => "The deadline passed without a proof.",
        BoardSeat::Missed {
            why: MissedBecause::NeverShown,
        } => "Its digest was posted on L1 in time, but the proof itself was never shown.",
        BoardSeat::Released {
            why: ReleasedBecause::SettledByOthers,
        } => "The batch was settled while the roller was working; no penalty.",
        BoardSeat::Released {
            why: ReleasedBecause::Accused,
        } => "The roller is accused of an invalid proof elsewhere; no penalty here.",
        BoardSeat::Released {
            why: ReleasedBecause::VerdictOverturned,
        } => "L1 found the proof valid that the verifier had rejected; no penalty.",
        BoardSeat::Released {
            why: ReleasedBecause::ShownOnL1,
        } => "L1 found the posted proof valid that was not shown here; no penalty.",
    };
    Some(why.to_owned())
}

fn draw_views(state: &State, task: &Task) -> Vec<DrawView> {
    let snapshot = state.board.snapshot(task.epoch);
    let rounds = task.rounds.iter().enumerate();
    rounds
        .map(|(round, drawn)| DrawView {
            round: Round::try_from(round).expect("rounds are few"),
            beacon: task.draw_beacon.unwrap_or_default(),
            seed: drawn.draw.seed,
            epoch: task.epoch,
            weights_root: snapshot.map(|snapshot| snapshot.root()).unwrap_or_default(),
            total: snapshot
                .map(|snapshot| snapshot.total())
                .unwrap_or_default()
                .to_string(),
            points: drawn
                .draw
                .hits
                .iter()
                .map(|hit| PointView {
                    point: hit.point.to_string(),
                    roller: hit.roller,
                    outcome: match hit.outcome {
                        HitOutcome::Ticket => PointOutcome::Ticket,
                        HitOutcome::PassedOver(_) => PointOutcome::PassedOver,
                        HitOutcome::AboveCap => PointOutcome::AboveCap,
                    },
                    why: match hit.outcome {
                        HitOutcome::PassedOver(why) => Some(passed_over(why).to_owned()),
                        HitOutcome::Ticket | HitOutcome::AboveCap => None,
                    },
                })
                .collect(),
        })
        .collect()
}

fn passed_over(why: PassedOver) -> &'static str {
    match why {
        PassedOver::NotReady => "The roller is not ready on L1.",
        PassedOver::StakeTooLow => "The roller's stake is below the minimum.",
        PassedOver::Silent => "The roller is silent.",
        PassedOver::Accused => "The roller is accused of an invalid proof.",
        PassedOver::AtCapacity => "All of the roller's counted capacity is in use.",
        PassedOver::Draining => "The roller drains, or did so lately.",
    }
}

/// A page of a snapshot that is kept.
pub(crate) fn snapshot(
    state: &State,
    epoch: u64,
    from: usize,
    limit: usize,
) -> Option<SnapshotView> {
    let snapshot = state.board.snapshot(epoch)?;
    let leaf = |leaf: &Leaf| LeafView {
        roller: leaf.roller,
        stake_wei: leaf.stake,
        q: leaf.q,
        capacity: leaf.capacity,
    };
    let leaves = snapshot.leaves();
    Some(SnapshotView {
        epoch,
        weights_root: snapshot.root(),
        total: snapshot.total().to_string(),
        k: state.board.controls_of(epoch)?.k,
        leaves_total: leaves.len() as u64,
        leaves: leaves.iter().skip(from).take(limit).map(leaf).collect(),
    })
}

/// A roller in the snapshots that are kept, oldest first.
pub(crate) fn weights(state: &State, roller: Roller) -> Vec<WeightView> {
    let epochs = state.board.epoch().saturating_sub(EPOCHS_MAX)..=state.board.epoch();
    let weight = |epoch| {
        let snapshot = state.board.snapshot(epoch)?;
        let leaves = snapshot.leaves();
        let place = leaves.binary_search_by_key(&roller, |leaf| leaf.roller);
        place.ok().map(|place| WeightView {
            epoch,
            stake_wei: leaves[place].stake,
            q: leaves[place].q,
            total_wei: ScrWei(snapshot.total()),
        })
    };
    epochs.filter_map(weight).collect()
}

/// The dials, and what would become of them if the epoch ended at `now`.
pub(crate) fn dials(board: &Board, now: UnixSeconds) -> DialsView {
    let (measure, next) = board.dials_ahead(now);
    let params = &board.params().control;
    let capacity = measure.capacity();
    DialsView {
        epoch: board.epoch(),
        ends_unix_s: board.epoch_due_at(),
        in_force: dial_values(board.controls()),
        on_the_way: board.dials_due().map(|(_, due)| dial_values(due)),
        next: dial_values(next),
        measure: MeasureView {
            elapsed_s: measure.elapsed_s,
            on_time_rate: measure.on_time_rate(params),
            completion: measure.completion(params),
            load: measure.load(params),
            points_per_ticket: measure.points_per_ticket(params),
            capacity,
            window_target: window_target(params, next.k, capacity),
            open_peak: measure.open_peak,
            queued: measure.queued,
            queued_before: measure.queued_before,
            tasks: measure.tasks,
            tasks_missed: measure.tasks_missed,
        },
    }
}

fn dial_values(controls: Controls) -> DialValues {
    DialValues {
        tau_ns_per_gas: controls.tau_ns_per_gas,
        k: controls.k,
        window: controls.window,
        unit_price_wei: controls.unit_price,
    }
}

fn entry_view(entry: &Entry) -> EntryView {
    EntryView {
        roller: entry.roller,
        tickets: entry.tickets,
        proof_digest: entry.proof_digest,
    }
}

fn lottery_view(task: &Task) -> Option<LotteryView> {
    let lottery = task.lottery()?;
    let (beacon, winner) = match &task.stage {
        Stage::Settling { beacon, winner, .. } => (Some(*beacon), Some(winner.roller)),
        Stage::Settled { beacon, roller, .. } => (*beacon, *roller),
        _ => (None, None),
    };
    Some(LotteryView {
        entries_hash: lottery.entries_hash,
        beacon_block: lottery.block,
        beacon,
        winner,
    })
}

fn settle_view(state: &State, task: &Task) -> Option<SettleView> {
    let Stage::Settled { roller, reward, .. } = &task.stage else {
        return None;
    };
    let facts = state.facts.settlement(task.batch);
    Some(SettleView {
        l1_tx: facts.map(|facts| facts.transaction),
        roller: *roller,
        reward_wei: *reward,
        state_root: facts.map(|facts| facts.state_root).unwrap_or_default(),
    })
}

/// A roller's record.
pub(crate) fn roller(
    state: &State,
    presences: &Presences,
    (roller, account): (Roller, &RollerAccount),
) -> RollerView {
    use rollmill_protocol::board::Presence;
    let record = &account.record;
    RollerView {
        roller,
        signer: account.signer,
        stake_wei: account.stake,
        q: account.q,
        capacity: account.capacity,
        capacity_counted: capacity_proven(state.board.params(), account.capacity, account.peak()),
        ready: account.ready && account.presence != Presence::Draining,
        alive: account.presence != Presence::Lost,
        heartbeat_unix_s: presences
            .last(roller)
            .map(|last| last.heartbeat_unix_ms / 1000),
        seats_open: u32::try_from(state.board.open_seats(roller).len()).unwrap_or(u32::MAX),
        offers: record.offers,
        on_time: record.on_time,
        late: record.late,
        missed: record.missed,
        invalid: record.invalid,
        declined: record.declined,
        won: record.won,
        earned_wei: record.earned,
        accused: account.accused.is_some(),
        fined_wei: record.fined,
        history: account
            .history
            .iter()
            .map(|offer| offer_view(state, offer))
            .collect(),
    }
}

fn offer_view(state: &State, offer: &Offer) -> OfferView {
    let (outcome, why) = match offer.outcome {
        LawOutcome::OnTime => (OfferOutcome::OnTime, "Delivered within the deadline."),
        LawOutcome::Late => (OfferOutcome::Late, "Delivered after the deadline."),
        LawOutcome::Missed => (OfferOutcome::Missed, "Not delivered."),
        LawOutcome::Invalid => (OfferOutcome::Invalid, "The verifier rejected the proof."),
        LawOutcome::Declined => (OfferOutcome::Declined, "Drawn without free capacity."),
    };
    let seat = state
        .board
        .seat(&offer.seat)
        .ok()
        .and_then(|seat| seat_why(&seat.state));
    OfferView {
        task: offer.seat.task,
        round: offer.seat.round,
        outcome,
        why: seat.unwrap_or_else(|| why.to_owned()),
        weight: offer.weight,
        at_unix_s: offer.at,
    }
}
