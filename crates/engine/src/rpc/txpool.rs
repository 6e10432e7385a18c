//! `txpool_*`: what waits for a block, in go-ethereum's shapes.

use std::collections::BTreeMap;

use alloy_consensus::{Transaction as _, transaction::Recovered};
use alloy_primitives::{Address, U64};
use jsonrpsee::core::RpcResult;
use rollmill_stf::Transaction;
use serde::Serialize;

use super::{
    api::TxPoolApiServer,
    node::Node,
    types::{self, RpcTransaction},
};
use crate::pool::TransactionPool;

/// Sender -> nonce in decimal -> what is shown.
pub(super) type BySender<T> = BTreeMap<Address, BTreeMap<String, T>>;

#[derive(Clone, Debug, Serialize)]
pub(super) struct Status {
    pending: U64,
    queued: U64,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Parts<T> {
    pending: T,
    queued: T,
}

pub(super) type Content = Parts<BySender<RpcTransaction>>;
pub(super) type ContentFrom = Parts<BTreeMap<String, RpcTransaction>>;
pub(super) type Inspection = Parts<BySender<String>>;

fn by_sender<T>(
    transactions: Vec<Recovered<Transaction>>,
    show: impl Fn(Recovered<Transaction>) -> T,
) -> BySender<T> {
    let mut out = BySender::new();
    for transaction in transactions {
        let (sender, nonce) = (transaction.signer(), transaction.nonce());
        let shown = show(transaction);
        out.entry(sender)
            .or_default()
            .insert(nonce.to_string(), shown);
    }
    out
}

fn whole(transaction: Recovered<Transaction>) -> RpcTransaction {
    let info = types::unmined(transaction.hash());
    RpcTransaction::new(transaction, info)
}

/// `to: value wei + gas gas × price wei`, which people read and scripts split.
fn line(transaction: Recovered<Transaction>) -> String {
    let to = transaction
        .to()
        .map_or_else(|| "contract creation".into(), |to| to.to_string());
    let (value, gas) = (transaction.value(), transaction.gas_limit());
    format!(
        "{to}: {value} wei + {gas} gas × {} wei",
        transaction.max_fee_per_gas()
    )
}

impl<P: TransactionPool> TxPoolApiServer for Node<P> {
    fn status(&self) -> RpcResult<Status> {
        let content = self.pool.content();
        Ok(Status {
            pending: U64::from(content.pending.len()),
            queued: U64::from(content.queued.len()),
        })
    }

    fn content(&self) -> RpcResult<Content> {
        let content = self.pool.content();
        Ok(Parts {
            pending: by_sender(content.pending, whole),
            queued: by_sender(content.queued, whole),
        })
    }

    fn content_from(&self, sender: Address) -> RpcResult<ContentFrom> {
        let content = self.pool.content();
        let of = |transactions| {
            by_sender(transactions, whole)
                .remove(&sender)
                .unwrap_or_default()
        };
        Ok(Parts {
            pending: of(content.pending),
            queued: of(content.queued),
        })
    }

    fn inspect(&self) -> RpcResult<Inspection> {
        let content = self.pool.content();
        Ok(Parts {
            pending: by_sender(content.pending, line),
            queued: by_sender(content.queued, line),
        })
    }
}
