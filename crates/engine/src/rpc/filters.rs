//! `eth_*` for news by polling: a filter is a question and the first block it has not answered yet, or a listener at the
//! pool. Filters are forgotten when the node restarts, and the one unused for longest makes room for a new one.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use alloy_primitives::{B256, U64};
use alloy_rpc_types_eth::{Filter, FilterBlockOption, Log};
use jsonrpsee::core::RpcResult;
use serde::Serialize;
use tokio::sync::broadcast::{Receiver, error::TryRecvError};

use super::{api::EthFilterApiServer, error::RpcError, node::Node};
use crate::{
    chain::{Chain, Reader, corrupt},
    pool::{Announcements, TransactionPool},
};

/// Most filters kept.
const FILTERS_MAX: usize = 1_024;
/// Most blocks one poll of a block filter reports; the next poll goes on.
const BLOCKS_PER_POLL_MAX: u64 = 1_024;

/// What happened since the last poll.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Changes {
    /// Of blocks or of transactions.
    Hashes(Vec<B256>),
    Logs(Vec<Log>),
}

enum Question {
    Blocks,
    Logs(Box<Filter>),
    /// Hears of transactions since the last poll; after more of them than are kept for it, of the newest.
    Pending(Receiver<B256>),
}

/// A question with the blocks to ask about.
enum Poll {
    Blocks(u64, u64),
    Logs(Box<Filter>, u64, u64),
    Pending(Vec<B256>),
}

struct Installed {
    question: Question,
    reader: Reader,
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
        self.install(Question::Blocks, chain)
    }

    pub(super) fn install_logs(&self, chain: &Chain, filter: Filter) -> u64 {
        self.install(Question::Logs(Box::new(filter)), chain)
    }

    pub(super) fn install_pending(&self, chain: &Chain, announcements: &Announcements) -> u64 {
        self.install(Question::Pending(announcements.subscribe()), chain)
    }

    fn install(&self, question: Question, chain: &Chain) -> u64 {
        let reader = chain.reader();
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
                reader,
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
        let filter = match self.table().filters.get(&id).map(|filter| &filter.question) {
            Some(Question::Logs(filter)) => filter.clone(),
            _ => return Err(RpcError::FilterNotFound),
        };
        Ok(chain.logs(&filter)?)
    }

    /// What is new since the last call.
    pub(super) fn changes(&self, chain: &Chain, id: u64) -> Result<Changes, RpcError> {
        match self.poll(chain, id)? {
            Poll::Pending(hashes) => Ok(Changes::Hashes(hashes)),
            Poll::Blocks(first, last) => {
                let hashes = (first..=last).map(|number| {
                    let header = chain.header(number)?;
                    Ok(header
                        .ok_or_else(|| corrupt(format!("header {number}")))?
                        .hash())
                });
                let hashes: Result<_, crate::StorageError> = hashes.collect();
                Ok(Changes::Hashes(hashes?))
            }
            Poll::Logs(filter, first, last) => {
                Ok(Changes::Logs(logs_between(chain, *filter, first, last)?))
            }
        }
    }

    /// Takes the news that the next answer is about, so that no other answer is about them.
    fn poll(&self, chain: &Chain, id: u64) -> Result<Poll, RpcError> {
        let mut table = self.table();
        table.clock += 1;
        let now = table.clock;
        let filter = table.filters.get_mut(&id).ok_or(RpcError::FilterNotFound)?;
        filter.used = now;
        filter.reader.follow(chain);
        let head = chain.head().number;
        let first = filter.reader.next.min(head + 1);
        let last = head.min(first + BLOCKS_PER_POLL_MAX - 1);
        let poll = match &mut filter.question {
            Question::Pending(heard) => return Ok(Poll::Pending(drain(heard))),
            Question::Blocks => Poll::Blocks(first, last),
            Question::Logs(filter) => Poll::Logs(filter.clone(), first, last),
        };
        filter.reader.next = first.max(last + 1);
        Ok(poll)
    }
}

fn drain(heard: &mut Receiver<B256>) -> Vec<B256> {
    let mut hashes = Vec::new();
    loop {
        match heard.try_recv() {
            Ok(hash) => hashes.push(hash),
            Err(TryRecvError::Lagged(_)) => {}
            Err(TryRecvError::Empty | TryRecvError::Closed) => return hashes,
        }
    }
}

/// The logs of these blocks that also lie in the filter's own range.
pub(super) fn logs_between(
    chain: &Chain,
    mut filter: Filter,
    first: u64,
    last: u64,
) -> Result<Vec<Log>, RpcError> {
    let (first, last) = in_range(&filter, first, last);
    if first > last {
        return Ok(Vec::new());
    }
    filter.block_option = FilterBlockOption::Range {
        from_block: Some(first.into()),
        to_block: Some(last.into()),
    };
    Ok(chain.logs(&filter)?)
}

/// The part of these blocks that lies in the filter's own range.
fn in_range(filter: &Filter, first: u64, last: u64) -> (u64, u64) {
    let (from, to) = (filter.get_from_block(), filter.get_to_block());
    (
        from.unwrap_or(first).max(first),
        to.unwrap_or(last).min(last),
    )
}

impl<P: TransactionPool> EthFilterApiServer for Node<P> {
    fn new_filter(&self, filter: Filter) -> RpcResult<U64> {
        Ok(U64::from(self.filters.install_logs(&self.chain, filter)))
    }

    fn new_block_filter(&self) -> RpcResult<U64> {
        Ok(U64::from(self.filters.install_blocks(&self.chain)))
    }

    fn new_pending_transaction_filter(&self) -> RpcResult<U64> {
        let announcements = self.pool.announcements();
        Ok(U64::from(
            self.filters.install_pending(&self.chain, announcements),
        ))
    }

    fn filter_changes(&self, id: U64) -> RpcResult<Changes> {
        Ok(self.filters.changes(&self.chain, id.to())?)
    }

    fn filter_logs(&self, id: U64) -> RpcResult<Vec<Log>> {
        Ok(self.filters.logs(&self.chain, id.to())?)
    }

    fn uninstall_filter(&self, id: U64) -> RpcResult<bool> {
        Ok(self.filters.uninstall(id.to()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::chain::example;

    fn hashes(chain: &Chain, numbers: impl IntoIterator<Item = u64>) -> Vec<B256> {
        let hash = |number| chain.header(number).unwrap().unwrap().hash();
        numbers.into_iter().map(hash).collect()
    }

    #[test]
    fn blocks_in_the_place_of_others_are_news() {
        let dir = tempfile::tempdir().unwrap();
        let chain = example::chain(dir.path());
        let filters = Filters::default();
        example::append(&chain, 6);
        let early = filters.install_blocks(&chain);
        example::append(&chain, 4);
        let late = filters.install_blocks(&chain);
        let changes = |id| match filters.changes(&chain, id) {
            Ok(Changes::Hashes(hashes)) => hashes,
            _ => panic!("no hashes"),
        };
        chain.take_back(8).unwrap();
        example::append(&chain, 4);
        assert_eq!(changes(early), hashes(&chain, 7..=12));
        assert_eq!(changes(late), hashes(&chain, 9..=12));
        assert!(changes(late).is_empty());

        // As high as before, and seen while it was lower.
        chain.rewind(11).unwrap();
        assert!(changes(early).is_empty());
        example::append(&chain, 1);
        for id in [early, late, filters.install_blocks(&chain)] {
            let news = if id > late { None } else { Some(12) };
            assert_eq!(changes(id), hashes(&chain, news));
        }
    }

    #[test]
    fn going_back_leads_no_log_filter_out_of_its_own_range() {
        let filter = Filter::new().from_block(3u64).to_block(9u64);
        assert_eq!(in_range(&filter, 1, 4), (3, 4));
        assert_eq!(in_range(&filter, 5, 12), (5, 9));
        assert_eq!(in_range(&Filter::new(), 5, 12), (5, 12));
    }
}
