//! A case of Ethereum's fixtures as bytes, and its verdict: what the fixture runner of the node hands to the zkVM, so that the same cases
//! run there.
//!
//! Model: a [`Case`] is a witness and what happens on it: a block, or, as state tests have it, one transaction in an environment that no
//! chain leads to. Its [`verdict`](Case::verdict) is a hash of what it leads to, zero when it is refused. [`verdicts`] takes many, because
//! starting the machine takes longer than most cases.

use crate::{
    block::{BlockExecutor, PushError},
    rules::{EthereumRules, Fork, Rules},
    source::{BlockHashSource, SourceError, StateSource},
    state::StateTrie,
    stateless::replay_block,
    transaction::{Block, EthereumTransaction, RecoveredTransaction, Transaction},
    witness::{Witness, WitnessError, WitnessSource},
};
use alloc::{string::ToString, vec::Vec};
use alloy_consensus::{
    Header,
    transaction::{Recovered, SignerRecoverable},
};
use alloy_eips::{eip2718::Decodable2718, eip7840::BlobParams};
use alloy_primitives::{B256, Bytes, keccak256};

/// What a transaction outside of a chain did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effect {
    /// The state root after it.
    pub root: B256,
    /// Hash of the list of its logs.
    pub logs: B256,
}

impl Effect {
    /// The verdict of a case with this effect.
    pub fn verdict(&self) -> B256 {
        keccak256([self.root, self.logs].concat())
    }
}

/// Executes one transaction in a block with this header, on the state of `source` with this root: without the system calls of a block,
/// as state tests demand.
pub fn execute_transaction<S: StateSource>(
    rules: &Rules,
    header: &Header,
    source: S,
    root: B256,
    transaction: RecoveredTransaction,
) -> Result<Effect, PushError> {
    let state = StateTrie::new(source, root);
    let mut executor = BlockExecutor::at_header(rules, header.clone(), state, NumberHashes);
    executor.push(transaction)?;
    let (receipts, update, _) = executor.into_state()?;
    let logs = receipts
        .first()
        .map(|receipt| &receipt.logs[..])
        .unwrap_or_default();
    let mut encoded = Vec::new();
    alloy_rlp::encode_list(logs, &mut encoded);
    Ok(Effect {
        root: update.root,
        logs: keccak256(&encoded),
    })
}

/// As [`execute_transaction`], on an encoded witness, of which every item must be used. The state root is that of the witness's parent.
/// The outer error means a witness that is not exact.
pub fn replay_transaction(
    rules: &Rules,
    header: &Header,
    witness: Bytes,
    transaction: RecoveredTransaction,
) -> Result<Result<Effect, PushError>, WitnessError> {
    let witness = Witness::decode(witness)?;
    let parent: Header =
        alloy_rlp::decode_exact(&witness.parent_header).map_err(|_| WitnessError::Header)?;
    let source = WitnessSource::new(&witness, parent.number)?;
    let effect = execute_transaction(rules, header, &source, parent.state_root, transaction);
    source.finish()?;
    Ok(effect)
}

/// State tests have no chain: the hash of block `n` is that of its number in decimal digits.
struct NumberHashes;

impl BlockHashSource for NumberHashes {
    fn block_hash(&self, number: u64) -> Result<B256, SourceError> {
        Ok(keccak256(number.to_string()))
    }
}

/// See the module's documentation.
#[derive(Clone, Debug)]
pub struct Case {
    /// The chain. Precompiles of its own, and another deposit contract than mainnet's, are not for fixtures.
    pub rules: EthereumRules,
    /// Encoded.
    pub witness: Bytes,
    /// What happens on the witness.
    pub event: Event,
}

/// What happens in a [`Case`].
#[derive(Clone, Debug)]
pub enum Event {
    /// A block, in RLP.
    Block(Bytes),
    /// A transaction, as it is signed and sent, in a block with this header, in RLP.
    Transaction {
        /// The environment.
        header: Bytes,
        /// EIP-2718 bytes.
        transaction: Bytes,
    },
}

/// The bytes are no list of cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed case")]
pub struct MalformedCase;

/// Kinds of [`Event`].
const BLOCK: u8 = 0;
const TRANSACTION: u8 = 1;

/// Forks by their place, oldest first.
const FORKS: [Fork; 5] = [
    Fork::Paris,
    Fork::Shanghai,
    Fork::Cancun,
    Fork::Prague,
    Fork::Osaka,
];

impl Case {
    /// Appends the case to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let rules = &self.rules;
        out.extend(rules.chain_id.to_le_bytes());
        out.push(count(rules.forks.len()));
        for (at, fork) in &rules.forks {
            out.extend(at.to_le_bytes());
            out.push(*fork as u8);
        }
        out.push(count(rules.blob_schedule.len()));
        for (at, params) in &rules.blob_schedule {
            out.extend(at.to_le_bytes());
            for number in [
                params.target_blob_count,
                params.max_blob_count,
                params.max_blobs_per_tx,
                params.blob_base_cost,
            ] {
                out.extend(number.to_le_bytes());
            }
            out.extend(params.update_fraction.to_le_bytes());
            out.extend(params.min_blob_fee.to_le_bytes());
        }
        item(out, &self.witness);
        match &self.event {
            Event::Block(block) => {
                out.push(BLOCK);
                item(out, block);
            }
            Event::Transaction {
                header,
                transaction,
            } => {
                out.push(TRANSACTION);
                item(out, header);
                item(out, transaction);
            }
        }
    }

    fn decode(input: &mut Input) -> Result<Self, MalformedCase> {
        let chain_id = input.u64()?;
        let mut rules = EthereumRules::with_forks(chain_id, Vec::new());
        for _ in 0..input.u8()? {
            let at = input.u64()?;
            let fork = FORKS.get(usize::from(input.u8()?)).ok_or(MalformedCase)?;
            rules.forks.push((at, *fork));
        }
        for _ in 0..input.u8()? {
            let at = input.u64()?;
            let params = BlobParams {
                target_blob_count: input.u64()?,
                max_blob_count: input.u64()?,
                max_blobs_per_tx: input.u64()?,
                blob_base_cost: input.u64()?,
                update_fraction: u128::from_le_bytes(input.array()?),
                min_blob_fee: u128::from_le_bytes(input.array()?),
            };
            rules.blob_schedule.push((at, params));
        }
        let witness = input.item()?;
        let event = match input.u8()? {
            BLOCK => Event::Block(input.item()?),
            TRANSACTION => Event::Transaction {
                header: input.item()?,
                transaction: input.item()?,
            },
            _ => return Err(MalformedCase),
        };
        Ok(Self {
            rules,
            witness,
            event,
        })
    }

    /// Hash of the header that the block has, or what [`Effect::verdict`] makes of the transaction; zero where either is refused.
    pub fn verdict(self) -> B256 {
        let rules = Rules::Ethereum(self.rules);
        let verdict = match self.event {
            Event::Block(block) => replayed_block(&rules, self.witness, &block),
            Event::Transaction {
                header,
                transaction,
            } => replayed_transaction(&rules, self.witness, &header, &transaction),
        };
        verdict.unwrap_or(B256::ZERO)
    }
}

fn replayed_block(rules: &Rules, witness: Bytes, block: &[u8]) -> Option<B256> {
    let block: Block = alloy_rlp::decode_exact(block).ok()?;
    Some(replay_block(rules, witness, block).ok()?.hash)
}

fn replayed_transaction(
    rules: &Rules,
    witness: Bytes,
    header: &[u8],
    transaction: &[u8],
) -> Option<B256> {
    let header: Header = alloy_rlp::decode_exact(header).ok()?;
    let transaction = EthereumTransaction::decode_2718_exact(transaction).ok()?;
    let sender = transaction.recover_signer().ok()?;
    let transaction = Recovered::new_unchecked(Transaction::from(transaction), sender);
    let effect = replay_transaction(rules, &header, witness, transaction).ok()?;
    Some(effect.ok()?.verdict())
}

/// A hash over the verdicts of all cases in `bytes`, in their order.
pub fn verdicts(bytes: Bytes) -> Result<B256, MalformedCase> {
    let mut input = Input { bytes };
    let mut chain = B256::ZERO;
    while !input.bytes.is_empty() {
        chain = chained(chain, Case::decode(&mut input)?.verdict());
    }
    Ok(chain)
}

/// The hash over verdicts of which the last is this one, and that of those before is `chain`.
pub fn chained(chain: B256, verdict: B256) -> B256 {
    keccak256([chain, verdict].concat())
}

fn count(length: usize) -> u8 {
    u8::try_from(length).expect("fixtures have few forks")
}

fn item(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).expect("no case is longer than 4 GiB");
    out.extend(length.to_le_bytes());
    out.extend(bytes);
}

struct Input {
    bytes: Bytes,
}

impl Input {
    fn take(&mut self, length: usize) -> Result<Bytes, MalformedCase> {
        if length > self.bytes.len() {
            return Err(MalformedCase);
        }
        Ok(self.bytes.split_to(length))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], MalformedCase> {
        let bytes = self.take(N)?;
        Ok(bytes[..].try_into().expect("as long as it was asked for"))
    }

    fn u8(&mut self) -> Result<u8, MalformedCase> {
        Ok(self.array::<1>()?[0])
    }

    fn u64(&mut self) -> Result<u64, MalformedCase> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    fn item(&mut self) -> Result<Bytes, MalformedCase> {
        let length = u32::from_le_bytes(self.array()?);
        self.take(length as usize)
    }
}
