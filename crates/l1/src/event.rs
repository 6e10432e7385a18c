//! Logs of our contracts as typed events.

use alloy::{
    primitives::{Address, B256},
    rpc::types::Log,
    sol_types::SolEventInterface,
};

use crate::contracts::{
    Control::ControlEvents, Court::CourtEvents, Draws::DrawsEvents, Evidence::EvidenceEvents,
    Parameters::ParametersEvents, RewardPool::RewardPoolEvents,
    RollerRegistry::RollerRegistryEvents, Rollup::RollupEvents, Settlement::SettlementEvents,
};

/// An event of one of our contracts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "a block holds a handful of events, and almost all are Rollup's"
)]
pub enum L1Event {
    /// Of the Rollup contract.
    Rollup(RollupEvents),
    /// Of the contract that settles many batches.
    Settlement(SettlementEvents),
    /// Of the registry of rollers.
    Registry(RollerRegistryEvents),
    /// Of the reward pool.
    RewardPool(RewardPoolEvents),
    /// Of the court over rollers.
    Court(CourtEvents),
    /// Of the evidence against the operator.
    Evidence(EvidenceEvents),
    /// Of the posted draws.
    Draws(DrawsEvents),
    /// Of the dials.
    Control(ControlEvents),
    /// Of the numbers that the governor can change.
    Parameters(ParametersEvents),
}

/// An event and where it stands on L1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedEvent {
    /// What happened.
    pub event: L1Event,
    /// The transaction that emitted it.
    pub transaction: B256,
    /// Position in the block.
    pub log_index: u64,
}

/// Addresses whose logs are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Emitters {
    pub rollup: Address,
    pub settlement: Address,
    pub registry: Address,
    pub reward_pool: Address,
    pub court: Address,
    pub evidence: Address,
    pub draws: Address,
    pub control: Address,
    pub parameter_table: Address,
}

impl Emitters {
    pub fn all(&self) -> [Address; 9] {
        [
            self.rollup,
            self.settlement,
            self.registry,
            self.reward_pool,
            self.court,
            self.evidence,
            self.draws,
            self.control,
            self.parameter_table,
        ]
    }

    /// The typed event; `None` for a log of another contract or of an event that the bindings do not have.
    pub fn decode(&self, log: &Log) -> Option<LoggedEvent> {
        let event = if log.address() == self.rollup {
            RollupEvents::decode_log(&log.inner).map(|log| L1Event::Rollup(log.data))
        } else if log.address() == self.settlement {
            SettlementEvents::decode_log(&log.inner).map(|log| L1Event::Settlement(log.data))
        } else if log.address() == self.registry {
            RollerRegistryEvents::decode_log(&log.inner).map(|log| L1Event::Registry(log.data))
        } else if log.address() == self.reward_pool {
            RewardPoolEvents::decode_log(&log.inner).map(|log| L1Event::RewardPool(log.data))
        } else if log.address() == self.court {
            CourtEvents::decode_log(&log.inner).map(|log| L1Event::Court(log.data))
        } else if log.address() == self.evidence {
            EvidenceEvents::decode_log(&log.inner).map(|log| L1Event::Evidence(log.data))
        } else if log.address() == self.draws {
            DrawsEvents::decode_log(&log.inner).map(|log| L1Event::Draws(log.data))
        } else if log.address() == self.control {
            ControlEvents::decode_log(&log.inner).map(|log| L1Event::Control(log.data))
        } else if log.address() == self.parameter_table {
            ParametersEvents::decode_log(&log.inner).map(|log| L1Event::Parameters(log.data))
        } else {
            return None;
        };
        match event {
            Ok(event) => Some(LoggedEvent {
                event,
                transaction: log.transaction_hash.unwrap_or_default(),
                log_index: log.log_index.unwrap_or_default(),
            }),
            Err(error) => {
                tracing::debug!(address = %log.address(), topics = ?log.topics(), %error, "unknown event");
                None
            }
        }
    }
}
