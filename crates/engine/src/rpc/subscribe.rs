//! `eth_subscribe`: news by WebSocket.
//!
//! Model: a subscription is a task that follows the newest block, or the pool, and writes what it finds into its
//! connection. It waits for a slow reader, and keeps nothing for it but its own place: blocks are read again from the
//! chain. Of the pool's announcements a slow reader misses the oldest.

use std::sync::atomic::{AtomicU64, Ordering};

use alloy_primitives::B256;
use alloy_rpc_types_eth::{
    Filter,
    pubsub::{Params, SubscriptionKind},
};
use jsonrpsee::{
    PendingSubscriptionSink, SubscriptionSink,
    core::{SubscriptionResult, async_trait, traits::IdProvider},
    types::{ErrorObjectOwned, SubscriptionId},
};
use serde_json::value::{RawValue, to_raw_value};
use tokio::{sync::broadcast::error::RecvError, task::spawn_blocking};

use super::{
    api::EthSubscribeApiServer,
    error::RpcError,
    filters::logs_between,
    node::Node,
    types::{self, RpcTransaction},
};
use crate::{
    chain::{Reader, corrupt},
    pool::TransactionPool,
};

/// Most blocks whose news are in memory for one subscription.
const BLOCKS_AT_ONCE: u64 = 16;

/// Names subscriptions with quantities, as other nodes do: libraries take nothing else.
#[derive(Debug, Default)]
pub(super) struct Ids(AtomicU64);

impl IdProvider for Ids {
    fn next_id(&self) -> SubscriptionId<'static> {
        // Unsubscribing works on the connection that subscribed only, so an id need not be a secret.
        let id = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        SubscriptionId::Str(format!("{id:#x}").into())
    }
}

/// What a subscription is about.
enum Topic {
    Heads,
    Logs(Box<Filter>),
    Pending { full: bool },
}

impl Topic {
    fn of(kind: SubscriptionKind, params: Option<Params>) -> Result<Self, RpcError> {
        match (kind, params.unwrap_or_default()) {
            (SubscriptionKind::NewHeads, Params::None) => Ok(Self::Heads),
            (SubscriptionKind::Logs, Params::None) => Ok(Self::Logs(Box::default())),
            (SubscriptionKind::Logs, Params::Logs(filter)) => Ok(Self::Logs(filter)),
            (SubscriptionKind::NewPendingTransactions, Params::None) => {
                Ok(Self::Pending { full: false })
            }
            (SubscriptionKind::NewPendingTransactions, Params::Bool(full)) => {
                Ok(Self::Pending { full })
            }
            (SubscriptionKind::Syncing | SubscriptionKind::TransactionReceipts, _) => Err(
                RpcError::InvalidParams("no such subscription on this node".into()),
            ),
            _ => Err(RpcError::InvalidParams(
                "the subscription takes other parameters".into(),
            )),
        }
    }
}

#[async_trait]
impl<P: TransactionPool> EthSubscribeApiServer for Node<P> {
    async fn subscribe(
        &self,
        pending: PendingSubscriptionSink,
        kind: SubscriptionKind,
        params: Option<Params>,
    ) -> SubscriptionResult {
        let topic = match Topic::of(kind, params) {
            Ok(topic) => topic,
            Err(error) => {
                pending.reject(ErrorObjectOwned::from(error)).await;
                return Ok(());
            }
        };
        // From here on nothing is missed: the place is taken before the client knows that it is subscribed.
        let node = self.clone();
        match topic {
            Topic::Pending { full } => {
                let heard = self.pool.announcements().subscribe();
                let sink = pending.accept().await?;
                tokio::spawn(async move { node.feed_pending(sink, heard, full).await });
            }
            Topic::Heads | Topic::Logs(_) => {
                let reader = self.chain.reader();
                let sink = pending.accept().await?;
                tokio::spawn(async move { node.feed_blocks(sink, topic, reader).await });
            }
        }
        Ok(())
    }
}

impl<P: TransactionPool> Node<P> {
    /// Reports blocks to a reader until the client has gone.
    async fn feed_blocks(self, sink: SubscriptionSink, topic: Topic, mut reader: Reader) {
        let mut heads = self.chain.subscribe();
        let topic = std::sync::Arc::new(topic);
        loop {
            reader.follow(&self.chain);
            let head = heads.borrow_and_update().number;
            reader.next = reader.next.min(head + 1);
            while reader.next <= head {
                let next = reader.next;
                let last = head.min(next + BLOCKS_AT_ONCE - 1);
                let (node, asked) = (self.clone(), topic.clone());
                let news = spawn_blocking(move || node.news(&asked, next, last)).await;
                let news = match news {
                    Ok(Ok(news)) => news,
                    Ok(Err(error)) => {
                        // Logged where it becomes an answer; the client sees its subscription end.
                        let _ = ErrorObjectOwned::from(error);
                        return;
                    }
                    Err(panic) => std::panic::resume_unwind(panic.into_panic()),
                };
                for item in news {
                    if sink.send(item).await.is_err() {
                        return;
                    }
                }
                reader.next = last + 1;
            }
            tokio::select! {
                () = sink.closed() => return,
                changed = heads.changed() => if changed.is_err() { return },
            }
        }
    }

    /// What there is to say about these blocks.
    fn news(&self, topic: &Topic, first: u64, last: u64) -> Result<Vec<Box<RawValue>>, RpcError> {
        match topic {
            Topic::Heads => (first..=last)
                .map(|number| {
                    let header = self.chain.header(number)?;
                    let header = header.ok_or_else(|| corrupt(format!("header {number}")))?;
                    json(&types::head(header))
                })
                .collect(),
            Topic::Logs(filter) => logs_between(&self.chain, Filter::clone(filter), first, last)?
                .iter()
                .map(json)
                .collect(),
            Topic::Pending { .. } => Ok(Vec::new()),
        }
    }

    /// Reports accepted transactions until the client has gone.
    async fn feed_pending(
        self,
        sink: SubscriptionSink,
        mut heard: tokio::sync::broadcast::Receiver<B256>,
        full: bool,
    ) {
        loop {
            let hash = tokio::select! {
                () = sink.closed() => return,
                heard = heard.recv() => match heard {
                    Ok(hash) => hash,
                    Err(RecvError::Lagged(_)) => continue,
                    Err(RecvError::Closed) => return,
                },
            };
            let item = if full {
                // One that was mined in the meantime is no longer pending.
                let Some(transaction) = self.pool.pending(&hash) else {
                    continue;
                };
                json(&RpcTransaction::new(transaction, types::unmined(hash)))
            } else {
                json(&hash)
            };
            let Ok(item) = item else { return };
            if sink.send(item).await.is_err() {
                return;
            }
        }
    }
}

fn json(value: &impl serde::Serialize) -> Result<Box<RawValue>, RpcError> {
    to_raw_value(value).map_err(|error| RpcError::State(error.to_string()))
}
