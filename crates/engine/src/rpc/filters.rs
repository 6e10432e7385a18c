//! Polling filters: a question and the first block it has not answered yet. They are forgotten when the node restarts,
//! and the one unused for longest makes room for a new one.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use alloy_primitives::B256;
use alloy_rpc_types_eth::{Filter, FilterBlockOption, Log};
use serde::Serialize;

use super::error::RpcError;
use crate::chain::{Chain, corrupt};

/// Most filters kept.
const FILTERS_MAX: usize = 1_024;
/// Most blocks one poll of a block filter reports; the next poll goes on.
const BLOCKS_PER_POLL_MAX: u64 = 1_024;

/// What happened since the last poll.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Changes {
    Blocks(Vec<B256>),
    Logs(Vec<Log>),
}

#[derive(Clone)]
enum Question {
    Blocks,
    Logs(Box<Filter>),
}

struct Installed {
    question: Question,
    next_block: u64,
    used: u64,
}

#[derive(Default)]
struct Table {
    filters: HashMap<u64, Installed>,
    /// Counts uses; also gives ids.
    clock: u64,
}

#[derive(Default)]
pub(super) struct Filters(Mutex<Table>);

impl Filters {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn install_blocks(&self, chain: &Chain) -> u64 {
        self.install(Question::Blocks, chain.head().number + 1)
    }

    pub(super) fn install_logs(&self, chain: &Chain, filter: Filter) -> u64 {
        let next = chain.head().number + 1;
        let from = filter.get_from_block().map_or(next, |from| from.max(next));
        self.install(Question::Logs(Box::new(filter)), from)
    }

    fn install(&self, question: Question, next_block: u64) -> u64 {
        let mut table = self.table();
        table.clock += 1;
        let id = table.clock;
        if table.filters.len() >= FILTERS_MAX {
            let oldest = table
                .filters
                .iter()
                .min_by_key(|(_, filter)| filter.used)
                .map(|(id, _)| *id);
            oldest.and_then(|id| table.filters.remove(&id));
        }
        table.filters.insert(
            id,
            Installed {
                question,
                next_block,
                used: id,
            },
        );
        id
    }

    pub(super) fn uninstall(&self, id: u64) -> bool {
        self.table().filters.remove(&id).is_some()
    }

    /// The whole answer of a log filter, not only what is new.
    pub(super) fn logs(&self, chain: &Chain, id: u64) -> Result<Vec<Log>, RpcError> {
        let question = self
            .table()
            .filters
            .get(&id)
            .map(|filter| filter.question.clone());
        match question {
            Some(Question::Logs(filter)) => Ok(chain.logs(&filter)?),
            _ => Err(RpcError::FilterNotFound),
        }
    }

    /// What is new since the last call.
    pub(super) fn changes(&self, chain: &Chain, id: u64) -> Result<Changes, RpcError> {
        let head = chain.head().number;
        let (question, first, last) = {
            let mut table = self.table();
            table.clock += 1;
            let now = table.clock;
            let filter = table.filters.get_mut(&id).ok_or(RpcError::FilterNotFound)?;
            let first = filter.next_block;
            let last = head.min(first + BLOCKS_PER_POLL_MAX - 1);
            filter.next_block = first.max(last + 1);
            filter.used = now;
            (filter.question.clone(), first, last)
        };
        let Question::Logs(mut filter) = question else {
            let hashes = (first..=last).map(|number| {
                let header = chain.header(number)?;
                Ok(header
                    .ok_or_else(|| corrupt(format!("header {number}")))?
                    .hash())
            });
            return Ok(Changes::Blocks(
                hashes.collect::<Result<_, crate::StorageError>>()?,
            ));
        };
        let last = filter.get_to_block().map_or(last, |to| to.min(last));
        if first > last {
            return Ok(Changes::Logs(Vec::new()));
        }
        filter.block_option = FilterBlockOption::Range {
            from_block: Some(first.into()),
            to_block: Some(last.into()),
        };
        Ok(Changes::Logs(chain.logs(&filter)?))
    }
}
