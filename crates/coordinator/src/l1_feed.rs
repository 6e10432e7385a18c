//! From L1's logs to the board's events.

use alloy_primitives::{B256, U256};
use rollmill_l1::{
    L1Block, L1Event,
    contracts::{
        Control::{ControlEvents as Control, Dials},
        Court::CourtEvents as Court,
        Evidence::EvidenceEvents as Evidence,
        Parameters::{ParameterAnnounced, ParametersEvents},
        RollerRegistry::RollerRegistryEvents as Registry,
        Rollup::RollupEvents as Rollup,
        Settlement::{BatchesSettled, SettlementEvents as Settlement},
    },
};
use rollmill_protocol::{
    ScrWei, TaskId,
    board::{Event, Parameter},
    law::Controls,
};

use crate::log::{Note, Record};

/// The record of an L1 block.
pub(crate) fn record(block: &L1Block) -> Record {
    let mut events = Vec::new();
    let mut notes = Vec::new();
    for logged in &block.events {
        if let L1Event::Settlement(Settlement::BatchesSettled(settled)) = &logged.event {
            events.extend(together(settled));
            notes.push(note_of_last(settled, logged.transaction));
        }
        events.extend(match &logged.event {
            L1Event::Rollup(event) => rollup(block, event),
            L1Event::Registry(event) => registry(event),
            L1Event::Court(event) => court(event),
            L1Event::Evidence(event) => Some(evidence(block, event)),
            L1Event::Control(event) => control(event),
            L1Event::Parameters(ParametersEvents::ParameterAnnounced(event)) => {
                announced(block, event)
            }
            L1Event::RewardPool(_) | L1Event::Draws(_) | L1Event::Settlement(_) => None,
        });
        if let L1Event::Rollup(event) = &logged.event {
            notes.extend(note(event, logged.transaction));
        }
    }
    Record::L1Block {
        number: block.number,
        hash: block.hash,
        events,
        notes,
        decisions: Vec::new(),
    }
}

/// Whether a record changes who may be drawn.
pub(crate) fn concerns_rollers(record: &Record) -> bool {
    let Record::L1Block { events, .. } = record else {
        return false;
    };
    events.iter().any(|event| {
        matches!(
            event,
            Event::RollerRegistered { .. }
                | Event::StakeChanged { .. }
                | Event::ReadyChanged { .. }
        )
    })
}

fn rollup(block: &L1Block, event: &Rollup) -> Option<Event> {
    Some(match event {
        Rollup::BatchCommitted(e) => Event::BatchCommitted {
            batch: e.batch,
            task: TaskId(e.task),
            l1_block: block.number,
            prover_gas_estimate: e.c.proverGasEstimate,
            unit_price: scr(e.unitPriceWei),
            epoch: e.epoch,
            program_version: e.c.programVersion,
        },
        Rollup::SnapshotPosted(e) => Event::SnapshotConfirmed {
            epoch: e.epoch,
            root: e.root,
        },
        Rollup::BeaconStored(e) => Event::BeaconStored {
            l1_block: e.l1Block,
            prevrandao: e.prevrandao,
        },
        Rollup::EntriesPosted(e) => Event::EntriesConfirmed {
            batch: e.batch,
            entries_hash: e.entriesHash,
            lottery_block: e.lotteryBlock,
        },
        Rollup::BatchSettled(e) => Event::BatchSettled {
            batch: e.batch,
            roller: Some(e.roller),
            reward: scr(e.rewardWei),
            prover_gas: e.proverGas,
        },
        Rollup::BatchSettledUnpaid(e) => Event::BatchSettled {
            batch: e.batch,
            roller: None,
            reward: ScrWei::ZERO,
            prover_gas: e.proverGas,
        },
        // Over, and nobody is paid: for the task the same as a settlement by somebody else.
        Rollup::BatchDropped(e) => Event::BatchSettled {
            batch: e.batch,
            roller: None,
            reward: ScrWei::ZERO,
            prover_gas: 0,
        },
        _ => return None,
    })
}

/// Batches that settled together. Nobody is paid by that: whose the rewards are is resolved afterwards (see `late`).
fn together(settled: &BatchesSettled) -> impl Iterator<Item = Event> + use<> {
    (settled.first..=settled.last).map(|batch| Event::BatchSettled {
        batch,
        roller: None,
        reward: ScrWei::ZERO,
        prover_gas: 0,
    })
}

/// L1 tells the state root after the last of them only.
fn note_of_last(settled: &BatchesSettled, transaction: B256) -> Note {
    Note::Settled {
        batch: settled.last,
        state_root: settled.stateRoot,
        transaction,
    }
}

/// What the coordinator serves of a batch beside what the law needs.
fn note(event: &Rollup, transaction: B256) -> Option<Note> {
    let settled = |batch, state_root| Note::Settled {
        batch,
        state_root,
        transaction,
    };
    match event {
        Rollup::BatchCommitted(e) => Some(Note::Committed {
            task: TaskId(e.task),
            batch: e.batch,
            program_version: e.c.programVersion,
            witness_hash: e.c.witnessHash,
            transaction,
        }),
        Rollup::BatchSettled(e) => Some(settled(e.batch, e.stateRoot)),
        Rollup::BatchSettledUnpaid(e) => Some(settled(e.batch, e.stateRoot)),
        _ => None,
    }
}

fn court(event: &Court) -> Option<Event> {
    match event {
        Court::SubmissionJudged(e) => Some(Event::SubmissionJudged {
            batch: e.batch,
            round: e.round,
            roller: e.roller,
            proof_digest: e.proofDigest.into(),
            valid: e.valid,
            fine: scr(e.fineWei),
        }),
        Court::VersionQuarantined(e) => Some(Event::VersionQuarantined {
            program_version: e.version,
        }),
        _ => None,
    }
}

fn control(event: &Control) -> Option<Event> {
    match event {
        Control::DialsPosted(e) => Some(Event::DialsPosted {
            epoch: e.epoch,
            controls: controls(&e.dials),
        }),
        _ => None,
    }
}

fn controls(dials: &Dials) -> Controls {
    Controls {
        tau_ns_per_gas: dials.tauNsPerGas,
        k: dials.k,
        window: dials.window,
        unit_price: ScrWei(dials.unitPriceWei),
    }
}

/// Positions in L1's table (`Key` in IParameters.sol) of the numbers that the law takes from it.
mod key {
    pub(super) const ACCUSE_S: u8 = 3;
    pub(super) const HEARTBEAT_S: u8 = 5;
    pub(super) const FINE_MIN_WEI: u8 = 6;
    pub(super) const UNIT_PRICE_MIN_WEI: u8 = 10;
    pub(super) const UNIT_PRICE_MAX_WEI: u8 = 11;
}

fn announced(block: &L1Block, event: &ParameterAnnounced) -> Option<Event> {
    let seconds = || u64::try_from(event.value).unwrap_or(u64::MAX);
    let parameter = match event.key {
        key::ACCUSE_S => Parameter::AccuseS(seconds()),
        key::HEARTBEAT_S => Parameter::HeartbeatS(seconds()),
        key::FINE_MIN_WEI => Parameter::FineMin(scr(event.value)),
        key::UNIT_PRICE_MIN_WEI => Parameter::UnitPriceMin(scr(event.value)),
        key::UNIT_PRICE_MAX_WEI => Parameter::UnitPriceMax(scr(event.value)),
        _ => return None,
    };
    Some(Event::ParameterAnnounced {
        parameter,
        announced_at: block.timestamp,
        active_from: event.activeFromS,
    })
}

fn evidence(block: &L1Block, event: &Evidence) -> Event {
    match event {
        Evidence::SubmissionPosted(e) => Event::SubmissionPosted {
            batch: e.batch,
            round: e.round,
            roller: e.roller,
            proof_digest: e.proofDigest.into(),
            posted_at: block.timestamp,
        },
        Evidence::OperatorCharged(e) => Event::OperatorCharged {
            batch: e.batch,
            roller: e.roller,
        },
    }
}

fn registry(event: &Registry) -> Option<Event> {
    match event {
        Registry::RollerRegistered(e) => Some(Event::RollerRegistered {
            roller: e.roller,
            signer: e.signer,
            capacity: e.capacity,
        }),
        Registry::SignerChanged(e) => Some(Event::SignerChanged {
            roller: e.roller,
            signer: e.signer,
        }),
        Registry::CapacityChanged(e) => Some(Event::CapacityChanged {
            roller: e.roller,
            capacity: e.capacity,
        }),
        Registry::StakeChanged(e) => Some(Event::StakeChanged {
            roller: e.roller,
            stake: scr(e.stakeWei),
        }),
        Registry::ReadyChanged(e) => Some(Event::ReadyChanged {
            roller: e.roller,
            ready: e.ready,
        }),
        _ => None,
    }
}

/// SCR's cap is far below 2^128; what exceeds it cannot be an amount of SCR.
fn scr(value: U256) -> ScrWei {
    ScrWei(u128::try_from(value).unwrap_or(u128::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::Address;
    use rollmill_l1::contracts::{Court as contract, Rollup::BatchDropped};

    #[test]
    fn the_board_hears_of_a_quarantine_and_not_of_defences() {
        let quarantined = Court::VersionQuarantined(contract::VersionQuarantined {
            version: 3,
            epoch: 7,
            rollers: U256::from(4),
            stakeWei: U256::from(1_000),
        });
        let heard = Event::VersionQuarantined { program_version: 3 };
        assert_eq!(court(&quarantined), Some(heard));
        let defended = Court::DefenceRecorded(contract::DefenceRecorded {
            task: B256::ZERO,
            roller: Address::ZERO,
            round: 0,
            proofDigest: B256::ZERO,
        });
        assert_eq!(court(&defended), None);
    }

    #[test]
    fn a_dropped_batch_is_over_and_pays_nobody() {
        let block = L1Block {
            number: 9,
            hash: B256::ZERO,
            timestamp: 1,
            prevrandao: B256::ZERO,
            events: Vec::new(),
        };
        let heard = Event::BatchSettled {
            batch: 4,
            roller: None,
            reward: ScrWei::ZERO,
            prover_gas: 0,
        };
        let dropped = Rollup::BatchDropped(BatchDropped { batch: 4 });
        assert_eq!(rollup(&block, &dropped), Some(heard));
        assert_eq!(note(&dropped, B256::ZERO), None);
    }
}
