//! The report of `devnet --once --json`: what happened, in numbers, for machines. `docs/developer/report.md` is its shape.

use std::{collections::BTreeMap, path::Path};

use alloy_primitives::{Address, B256, U256};
use eyre::WrapErr;
use serde::{Serialize, Serializer};

/// Everything one scripted run did. Amounts are decimal strings in wei (JSON numbers lose digits),
/// hashes and addresses are 0x-prefixed.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Version of this program.
    pub version: String,
    /// Kind of proofs: `stark` or `mock`.
    pub proofs: String,
    /// `embedded`, or the URL of the L1 that was used.
    pub l1: String,
    /// Chain ids.
    pub chain_ids: ChainIds,
    /// L2 blocks built, block 0 not counted, whether a batch has them yet or not.
    pub blocks: u64,
    /// Transactions in them, L1 messages among them.
    pub transactions: u64,
    /// One row for each batch.
    pub batches: Vec<Batch>,
    /// One row for each seat that was drawn.
    pub seats: Vec<Seat>,
    /// One row for each draw.
    pub draws: Vec<Draw>,
    /// One row for each lottery.
    pub lotteries: Vec<Lottery>,
    /// One row for each settlement.
    pub settlements: Vec<Settlement>,
    /// SCR credited and claimed, one row for each roller that was paid.
    pub rewards: Vec<Reward>,
    /// SCR taken for invalid proofs.
    pub fines: Vec<Fine>,
    /// The withdrawal from L2 to L1.
    pub withdrawal: Option<Withdrawal>,
    /// Reputation ratios (of 10^9) at the end, by roller.
    pub reputation: BTreeMap<Address, u64>,
    /// Seconds by stage, both rounds together, and `total`.
    pub wall_seconds: BTreeMap<&'static str, f64>,
}

/// Chain ids of both layers.
#[derive(Debug, Default, Serialize)]
pub struct ChainIds {
    /// The settlement layer's.
    pub l1: u64,
    /// The rollup's.
    pub l2: u64,
}

/// A batch: consecutive blocks, one proof.
#[derive(Debug, Serialize)]
pub struct Batch {
    /// Number, from 1.
    pub number: u64,
    /// Transactions in its blocks.
    pub txs: u64,
    /// EVM gas used by its blocks.
    pub evm_gas: u64,
    /// Prover gas, as proven.
    pub prover_gas: u64,
    /// Size of the prover's input.
    pub witness_bytes: u64,
    /// Instructions that the zkVM executed; null with mock proofs, which execute nothing, and before a proof was valid.
    pub instructions: Option<u64>,
    /// The program whose proof settles it: Keccak-256 of its executable's and its VM's commitments.
    pub program_commitment: B256,
}

/// A roller drawn for a task.
#[derive(Debug, Serialize)]
pub struct Seat {
    /// The task.
    pub task: B256,
    /// Draw round, from 0.
    pub round: u32,
    /// The roller.
    pub roller: Address,
    /// Points of the draw that fell on it.
    pub tickets: u32,
    /// What became of it.
    pub verdict: String,
    /// Why, in a sentence; null for an open seat and for a proof that was valid and on time.
    pub why: Option<String>,
    /// Seconds that proving took, as the roller reports.
    pub prove_seconds: Option<f64>,
    /// Milliseconds that the coordinator needed to verify.
    pub verify_ms: Option<f64>,
    /// Size of the proof.
    pub proof_bytes: Option<u64>,
    /// Peak resident memory of the roller, as it reports; null when it does not.
    pub peak_rss_bytes: Option<u64>,
}

/// The draw of a task's seats.
#[derive(Debug, Serialize)]
pub struct Draw {
    /// The task.
    pub task: B256,
    /// Draw round, from 0.
    pub round: u32,
    /// Seed.
    pub seed: B256,
    /// Root of the snapshot that was drawn from.
    pub weights_root: B256,
    /// The points.
    pub points: Vec<U256>,
}

/// The lottery among a task's entries.
#[derive(Debug, Serialize)]
pub struct Lottery {
    /// The task.
    pub task: B256,
    /// prevrandao of the lottery block.
    pub beacon: B256,
    /// Who won.
    pub winner: Address,
}

/// A settlement on L1.
#[derive(Debug, Serialize)]
pub struct Settlement {
    /// The batch.
    pub batch: u64,
    /// Transaction on L1.
    pub tx: B256,
    /// Gas that it used.
    pub l1_gas: u64,
    /// State root that L1 holds afterwards.
    pub state_root_l1: B256,
    /// State root of the batch's last block at the sequencer.
    pub state_root_l2: B256,
}

/// A credit to a roller.
#[derive(Debug, Serialize)]
pub struct Reward {
    /// The roller.
    pub roller: Address,
    /// Credited by the settlements.
    #[serde(serialize_with = "decimal")]
    pub scr_wei: U256,
    /// Paid out to it by a claim.
    #[serde(serialize_with = "decimal")]
    pub claimed_wei: U256,
}

/// A fine.
#[derive(Debug, Serialize)]
pub struct Fine {
    /// The task whose proof was invalid.
    pub task: B256,
    /// The roller.
    pub roller: Address,
    /// Taken from its stake.
    #[serde(serialize_with = "decimal")]
    pub scr_wei: U256,
    /// Transaction on L1 that judged it.
    pub l1_tx: B256,
}

/// A withdrawal's way.
#[derive(Debug, Serialize)]
pub struct Withdrawal {
    /// Transaction that began it.
    pub l2_tx: B256,
    /// Transaction that paid it.
    pub l1_tx: B256,
    /// Whether the recipient holds the money on L1.
    pub finalized: bool,
}

impl Report {
    /// Writes the report as indented JSON.
    pub fn write(&self, path: &Path) -> eyre::Result<()> {
        let mut json = serde_json::to_string_pretty(self)?;
        json.push('\n');
        std::fs::write(path, json)
            .wrap_err_with(|| format!("cannot write the report to {}", path.display()))
    }
}

fn decimal<S: Serializer>(amount: &U256, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(amount)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    const DOCUMENT: &str = include_str!("../../../../docs/developer/report.md");

    /// A report with one row in each table.
    fn full() -> Report {
        let (hash, address) = (B256::repeat_byte(1), Address::repeat_byte(2));
        let amount = U256::MAX;
        Report {
            batches: vec![Batch {
                number: 1,
                txs: 12,
                evm_gas: 1,
                prover_gas: 1,
                witness_bytes: 1,
                instructions: Some(1),
                program_commitment: hash,
            }],
            seats: vec![Seat {
                task: hash,
                round: 0,
                roller: address,
                tickets: 1,
                verdict: "valid".into(),
                why: None,
                prove_seconds: Some(1.0),
                verify_ms: Some(1.0),
                proof_bytes: Some(1),
                peak_rss_bytes: Some(1),
            }],
            draws: vec![Draw {
                task: hash,
                round: 0,
                seed: hash,
                weights_root: hash,
                points: vec![amount],
            }],
            lotteries: vec![Lottery {
                task: hash,
                beacon: hash,
                winner: address,
            }],
            settlements: vec![Settlement {
                batch: 1,
                tx: hash,
                l1_gas: 1,
                state_root_l1: hash,
                state_root_l2: hash,
            }],
            rewards: vec![Reward {
                roller: address,
                scr_wei: amount,
                claimed_wei: amount,
            }],
            fines: vec![Fine {
                task: hash,
                roller: address,
                scr_wei: amount,
                l1_tx: hash,
            }],
            withdrawal: Some(Withdrawal {
                l2_tx: hash,
                l1_tx: hash,
                finalized: true,
            }),
            reputation: BTreeMap::from([(address, 1)]),
            wall_seconds: BTreeMap::from([("total", 1.0)]),
            ..Report::default()
        }
    }

    /// Where values are: `seats[].task`; the names of maps whose keys are not known beforehand stand for their values.
    fn places(value: &Value, at: &str, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) if !["reputation", "wall_seconds"].contains(&at) => {
                for (name, value) in fields {
                    let dot = if at.is_empty() { "" } else { "." };
                    places(value, &format!("{at}{dot}{name}"), found);
                }
            }
            Value::Array(rows) => rows
                .iter()
                .for_each(|row| places(row, &format!("{at}[]"), found)),
            _ => {
                found.insert(at.to_owned());
            }
        }
    }

    #[test]
    fn the_document_names_every_place_of_a_report_and_no_other() {
        let mut found = BTreeSet::new();
        places(&serde_json::to_value(full()).unwrap(), "", &mut found);
        let rows = DOCUMENT.lines().filter_map(|line| line.strip_prefix("| `"));
        let told: BTreeSet<String> = rows
            .filter_map(|row| Some(row.split_once('`')?.0.to_owned()))
            .collect();
        assert_eq!(told, found);
    }

    #[test]
    fn amounts_of_scr_are_decimal_texts() {
        let report = serde_json::to_value(full()).unwrap();
        let all = U256::MAX.to_string();
        for place in [
            "/rewards/0/scr_wei",
            "/rewards/0/claimed_wei",
            "/fines/0/scr_wei",
        ] {
            assert_eq!(report.pointer(place).unwrap(), &all, "{place}");
        }
    }
}
