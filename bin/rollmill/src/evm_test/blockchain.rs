//! BlockchainTests: a chain of blocks on a genesis state.

use super::{
    Case, Recorder,
    fixture::{BlockEntry, BlockchainTest, state_of},
    network,
    recorder::{Record, recorded_case},
};
use alloy::{
    consensus::Header,
    primitives::{B256, Bytes},
};
use rollmill_stf::{
    Block, Rules,
    case::{self, Event},
    source::{BlockHashSource, MemorySource, SourceError, StateSource},
    stateless::{record_block, replay_block},
};
use std::collections::HashMap;

/// Runs a fixture.
pub(super) fn run(name: String, test: &BlockchainTest, recorder: &Recorder) -> Case {
    match network::rules(&test.network, &test.config) {
        Err(reason) => Case::skipped(name, reason),
        Ok(_)
            if test
                .seal_engine
                .as_deref()
                .is_some_and(|engine| engine != "NoProof") =>
        {
            Case::skipped(name, "seal engine is not NoProof")
        }
        Ok(rules) => Case::new(name.clone(), || run_chain(&name, &rules, test, recorder)),
    }
}

fn run_chain(
    name: &str,
    rules: &Rules,
    test: &BlockchainTest,
    recorder: &Recorder,
) -> Result<(), String> {
    let genesis: Block =
        alloy_rlp::decode_exact(&test.genesis_rlp).map_err(|error| format!("genesis: {error}"))?;
    let (state, root) = state_of(&test.pre).map_err(|error| format!("genesis state: {error}"))?;
    if root != genesis.header.state_root {
        return Err(format!(
            "genesis state root is {root}, the header says {}",
            genesis.header.state_root
        ));
    }
    let mut chain = Chain::new(state, genesis.header);
    for (index, entry) in test.blocks.iter().enumerate() {
        let record = |case: &dyn Fn() -> (case::Case, B256)| {
            recorder.record(&format!("{name}, block {index}"), case)
        };
        let outcome = chain.import(rules, entry, &record);
        match (entry.expected_exception(), outcome) {
            (None, Ok(())) | (Some(_), Err(Refused::Block(_))) => {}
            (None, Err(Refused::Block(why))) => {
                return Err(format!("block {index} refused: {why}"));
            }
            (Some(expected), Ok(())) => {
                return Err(format!("block {index} accepted in spite of {expected}"));
            }
            (_, Err(Refused::Disagreement(why))) => return Err(format!("block {index}: {why}")),
        }
    }
    chain.check_end(test)
}

/// Why a block did not become part of the chain.
enum Refused {
    /// It is invalid.
    Block(String),
    /// The stateless run says something else than the stateful one.
    Disagreement(String),
}

/// All accepted blocks and their states.
struct Chain {
    state: MemorySource,
    headers: HashMap<B256, Header>,
    height: u64,
}

impl Chain {
    fn new(state: MemorySource, genesis: Header) -> Self {
        let height = genesis.number;
        Self {
            state,
            headers: HashMap::from([(genesis.hash_slow(), genesis)]),
            height,
        }
    }

    fn import(
        &mut self,
        rules: &Rules,
        entry: &BlockEntry,
        record: Record<'_>,
    ) -> Result<(), Refused> {
        let invalid = |why: String| Refused::Block(why);
        let rlp: Bytes = entry
            .rlp
            .parse()
            .map_err(|_| invalid("no hexadecimal".into()))?;
        let block: Block =
            alloy_rlp::decode_exact(&rlp).map_err(|error| invalid(error.to_string()))?;
        let hash = block.header.hash_slow();
        let parent = self
            .headers
            .get(&block.header.parent_hash)
            .ok_or_else(|| invalid("unknown parent".into()))?;
        let branch = Branch {
            chain: self,
            tip: parent,
        };
        let (verdict, witness) = record_block(rules, parent, block.clone(), &branch, |number| {
            branch.header(number)
        });
        let witness = Bytes::from(witness.encode());
        let replayed = replay_block(rules, witness.clone(), block);
        let record = |verdict: B256| {
            let event = Event::Block(rlp.clone());
            record(&|| {
                (
                    recorded_case(rules, witness.clone(), event.clone()),
                    verdict,
                )
            })
            .map_err(Refused::Disagreement)
        };
        let executed = match (verdict, replayed) {
            (Ok(executed), Ok(replayed)) if executed.header == replayed.header => executed,
            (Ok(_), Ok(_)) => {
                return Err(Refused::Disagreement(
                    "the stateless run finds another header".into(),
                ));
            }
            (Ok(_), Err(why)) => {
                return Err(Refused::Disagreement(format!("refused statelessly: {why}")));
            }
            (Err(why), Ok(_)) => {
                return Err(Refused::Disagreement(format!(
                    "accepted statelessly, refused with state: {why}"
                )));
            }
            (Err(why), Err(_)) => {
                record(B256::ZERO)?;
                return Err(invalid(why.to_string()));
            }
        };
        record(executed.hash)?;
        let expected = entry.block_header.as_ref().and_then(|header| header.hash);
        if expected.is_some_and(|expected| expected != hash) {
            return Err(Refused::Disagreement(format!(
                "block hash is {hash}, not the fixture's"
            )));
        }
        self.state.insert_update(&executed.update);
        self.height = self.height.max(executed.header.number);
        self.headers.insert(hash, executed.header);
        Ok(())
    }

    fn check_end(&self, test: &BlockchainTest) -> Result<(), String> {
        let last = test.lastblockhash;
        let Some(tip) = self.headers.get(&last) else {
            return Err(format!("last block {last} was not accepted"));
        };
        if tip.number != self.height {
            return Err(format!(
                "last block has number {}, but {} was reached",
                tip.number, self.height
            ));
        }
        let expected = match (&test.post_state, test.post_state_hash) {
            (Some(post), _) => {
                state_of(post)
                    .map_err(|error| format!("post state: {error}"))?
                    .1
            }
            (None, Some(root)) => root,
            (None, None) => return Ok(()),
        };
        if tip.state_root != expected {
            return Err(format!(
                "post state root is {}, expected {expected}",
                tip.state_root
            ));
        }
        Ok(())
    }
}

/// The chain as a block on `tip` sees it.
struct Branch<'a> {
    chain: &'a Chain,
    tip: &'a Header,
}

impl Branch<'_> {
    fn header(&self, number: u64) -> Option<Header> {
        let mut header = self.tip;
        while header.number > number {
            header = self.chain.headers.get(&header.parent_hash)?;
        }
        (header.number == number).then(|| header.clone())
    }
}

impl StateSource for Branch<'_> {
    fn node(&self, hash: B256) -> Result<Bytes, SourceError> {
        self.chain.state.node(hash)
    }

    fn code(&self, code_hash: B256) -> Result<Bytes, SourceError> {
        self.chain.state.code(code_hash)
    }
}

impl BlockHashSource for Branch<'_> {
    fn block_hash(&self, number: u64) -> Result<B256, SourceError> {
        let header = self
            .header(number)
            .ok_or(SourceError::MissingBlockHash(number))?;
        Ok(header.hash_slow())
    }
}
