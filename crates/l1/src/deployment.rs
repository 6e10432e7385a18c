//! Which contracts make up one rollup on one L1, and the constants that their constructors fixed.

use std::{fs, io, path::Path};

use alloy::primitives::{Address, B256};
use rollmill_protocol::{
    law::{Params, lottery},
    withdrawal::WithdrawalDomain,
};
use serde::{Deserialize, Serialize};

use crate::event::Emitters;

/// One rollup on one L1. Kept as a JSON file beside the data of the node and given to whoever joins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Deployment {
    /// L1's chain id.
    pub chain_id: u64,
    /// L2's chain id.
    pub l2_chain_id: u64,
    /// Before this L1 block none of the contracts existed; readers start here.
    pub block: u64,
    /// Rollup.
    pub rollup: Address,
    /// RollerRegistry.
    pub registry: Address,
    /// RewardPool.
    pub reward_pool: Address,
    /// SCR token.
    pub token: Address,
    /// Parameters: slow numbers behind a timelock.
    pub parameter_table: Address,
    /// Control: dials that are posted once per epoch.
    pub control: Address,
    /// OperatorBond.
    pub bond: Address,
    /// Emission.
    pub emission: Address,
    /// Court: verdicts over rollers.
    pub court: Address,
    /// Evidence: verdicts over the operator.
    pub evidence: Address,
    /// Draws: what the operator says of its draws, and verdicts over it.
    pub draws: Address,
    /// Enforcement: the chain without its operator.
    pub enforcement: Address,
    /// Settlement: many batches by one proof.
    pub settlement: Address,
    /// The verifier of program version 1.
    pub verifier: Address,
    /// Account that commits batches.
    pub operator: Address,
    /// Account that can announce other parameters and program versions; zero: nobody ever can.
    pub governor: Address,
    /// L2's genesis, as Rollup was constructed with it.
    pub genesis: Genesis,
    /// The law's numbers, of which L1 has the hash (`Control.lawHash`); those that contracts know are constructed from here.
    pub law: Params,
    /// What else the constructors fixed, or began with.
    pub parameters: Parameters,
}

/// What L1 knows of L2's block 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Genesis {
    /// State root.
    pub state_root: B256,
    /// Block hash.
    pub block_hash: B256,
    /// Root of the empty withdrawal tree.
    pub withdrawal_root: B256,
    /// Unix seconds.
    pub timestamp: u64,
}

/// Numbers with which the contracts are constructed beside the law's; see `RollupParams`, `RegistryParams` and `Key` in the
/// Solidity interfaces. Defaults suit a network; a devnet shortens some.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Parameters {
    /// Seconds in which only the winner's proof settles.
    pub settle_s: u64,
    /// Seconds from a commit after which any proof settles when no entries were posted.
    pub fallback_s: u64,
    /// Seconds after an unpaid settlement in which the winner can claim.
    pub claim_s: u64,
    /// Age in seconds at which a batch must not leave out a message.
    pub force_s: u64,
    /// How far L2 time may run ahead of L1 time, seconds.
    pub future_s: u64,
    /// Seconds between the announcement of a program version and its use.
    pub program_delay_s: u64,
    /// Seconds between `requestUnbond` and `withdraw`.
    pub unbond_s: u64,
    /// Wei per unit of L2 gas of an L1 message.
    pub message_gas_price_wei: u128,
    /// Largest L2 gas limit of an L1 message.
    pub message_gas_max: u64,
    /// Bonds, bounds and the emission.
    pub incentives: Incentives,
}

/// Numbers of courts, emission and enforced mode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Incentives {
    /// Seconds that a roller has to answer an optimistic accusation.
    pub defend_s: u64,
    /// Bond of an optimistic accuser, SCR-wei.
    pub rebuttal_bond_wei: u128,
    /// Part of it that a wrongly accused roller gets, SCR-wei.
    pub rebuttal_cost_wei: u128,
    /// Costs of an accuser that was right, SCR-wei.
    pub accuser_cost_wei: u128,
    /// Least unit price, SCR-wei per prover gas.
    pub unit_price_wei_min: u128,
    /// Greatest unit price, SCR-wei per prover gas.
    pub unit_price_wei_max: u128,
    /// Largest estimate of a batch, prover gas.
    pub prover_gas_max: u64,
    /// Largest sum of rewards under one lottery beacon, SCR-wei; a single batch may exceed it.
    pub beacon_cap_wei: u128,
    /// Prover gas of one batch that counts for the emission, at most.
    pub emission_gas_max: u64,
    /// Seconds that an L1 message may wait for its settlement before anybody starts enforced mode.
    pub force_delay_s: u64,
    /// Seconds without a settlement, while something waits, before anybody starts enforced mode.
    pub liveness_s: u64,
    /// Seconds in enforced mode after which batches that nobody proved are dropped.
    pub drop_s: u64,
    /// Length of an emission epoch, seconds.
    pub emission_epoch_s: u64,
    /// The emission's pot is halved after this many epochs.
    pub emission_halving_epochs: u64,
    /// Pot of the first emission epoch, SCR-wei.
    pub emission_pot_wei: u128,
}

impl Default for Parameters {
    fn default() -> Self {
        const HOUR_S: u64 = 3_600;
        Self {
            settle_s: HOUR_S,
            // Three times the law's longest T.
            fallback_s: 6 * HOUR_S,
            claim_s: 24 * HOUR_S,
            force_s: HOUR_S,
            future_s: 60,
            program_delay_s: 7 * 24 * HOUR_S,
            unbond_s: 7 * 24 * HOUR_S,
            message_gas_price_wei: 1_000_000_000,
            message_gas_max: 5_000_000,
            incentives: Incentives::default(),
        }
    }
}

impl Incentives {
    /// All SCR that is ever emitted: twice the pots before the first halving.
    pub fn emission_wei(&self) -> u128 {
        2 * u128::from(self.emission_halving_epochs) * self.emission_pot_wei
    }
}

impl Default for Incentives {
    fn default() -> Self {
        const SCR: u128 = 1_000_000_000_000_000_000;
        Self {
            defend_s: 24 * 3_600,
            rebuttal_bond_wei: 1_000 * SCR,
            rebuttal_cost_wei: 500 * SCR,
            accuser_cost_wei: SCR,
            unit_price_wei_min: 1_000_000,
            unit_price_wei_max: SCR / 1_000,
            prover_gas_max: 100_000_000_000,
            beacon_cap_wei: lottery::BEACON_CAP.0,
            emission_gas_max: 1_000_000_000,
            force_delay_s: 48 * 3_600,
            liveness_s: 48 * 3_600,
            drop_s: 12 * 3_600,
            emission_epoch_s: 24 * 3_600,
            emission_halving_epochs: 1_460,
            emission_pot_wei: 10_000 * SCR,
        }
    }
}

/// TokenBridge, which Rollup's constructor creates after its Messenger: L2's genesis can name it before either exists.
pub fn token_bridge(rollup: Address) -> Address {
    rollup.create(2)
}

/// FeeAuction, which it creates after the bridge: L2's genesis names it, too.
pub fn fee_auction(rollup: Address) -> Address {
    rollup.create(3)
}

impl Deployment {
    /// Reads a deployment file; `None` when there is none.
    pub fn read(path: &Path) -> io::Result<Option<Self>> {
        match fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(io::Error::other),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads a deployment file that must be there; an error is a sentence that names it.
    pub fn open(path: &Path) -> io::Result<Self> {
        let in_file =
            |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        Self::read(path).map_err(in_file)?.ok_or_else(|| {
            let sentence = format!("there is no deployment file {}", path.display());
            io::Error::new(io::ErrorKind::NotFound, sentence)
        })
    }

    /// The contracts that transactions create, which the file names.
    pub fn named(&self) -> [(&'static str, Address); 14] {
        [
            ("Rollup", self.rollup),
            ("RollerRegistry", self.registry),
            ("RewardPool", self.reward_pool),
            ("ScrToken", self.token),
            ("Parameters", self.parameter_table),
            ("Control", self.control),
            ("OperatorBond", self.bond),
            ("Emission", self.emission),
            ("Court", self.court),
            ("Evidence", self.evidence),
            ("Draws", self.draws),
            ("Enforcement", self.enforcement),
            ("Settlement", self.settlement),
            ("the verifier", self.verifier),
        ]
    }

    /// Every contract with its name: those, and what Rollup's constructor creates.
    pub fn contracts(&self) -> impl Iterator<Item = (&'static str, Address)> {
        let created = [
            ("Messenger", self.messenger()),
            ("TokenBridge", self.token_bridge()),
            ("FeeAuction", self.fee_auction()),
        ];
        self.named().into_iter().chain(created)
    }

    /// Messenger, the first contract that Rollup's constructor creates: delivers what L2 sends to L1.
    pub fn messenger(&self) -> Address {
        self.rollup.create(1)
    }

    /// TokenBridge: ERC-20 tokens on their way to L2 and back.
    pub fn token_bridge(&self) -> Address {
        token_bridge(self.rollup)
    }

    /// FeeAuction: sells what users paid for proving, and gives the reward pool what it gets.
    pub fn fee_auction(&self) -> Address {
        fee_auction(self.rollup)
    }

    /// What its withdrawals are bound to.
    pub fn withdrawal_domain(&self) -> WithdrawalDomain {
        WithdrawalDomain {
            l1_chain_id: self.chain_id,
            rollup: self.rollup,
            l2_chain_id: self.l2_chain_id,
        }
    }

    /// Writes a deployment file by an atomic rename.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let json = serde_json::to_vec_pretty(self).map_err(io::Error::other)?;
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let temporary = path.with_extension("json.tmp");
        fs::write(&temporary, json)?;
        fs::File::open(&temporary)?.sync_all()?;
        fs::rename(&temporary, path)
    }

    pub(crate) fn emitters(&self) -> Emitters {
        Emitters {
            rollup: self.rollup,
            settlement: self.settlement,
            registry: self.registry,
            reward_pool: self.reward_pool,
            court: self.court,
            evidence: self.evidence,
            draws: self.draws,
            control: self.control,
            parameter_table: self.parameter_table,
        }
    }
}
