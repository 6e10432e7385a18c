//! Nonces: each is chosen once, recorded with its purpose, and used up on L1 in the end, whatever L1 took back meanwhile.

use std::ops::Range;

use alloy::{consensus::Transaction as _, primitives::Bytes, providers::Provider};
use rollmill_store::{L1Send, L1SendState};

use super::{
    Call, SendError, Sender,
    attempt::{L1Transaction, has_blob, newest, set_fees},
    rpc,
};

/// A replacement must pay at least 10 % more for nodes to take it; an eighth is the common step.
const BUMP_DIVISOR: u128 = 8;
/// One with a blob must pay twice as much, of all three fees: nodes hold few blobs, and carry each through the network.
const BUMP_DIVISOR_BLOB: u128 = 1;

/// Wei per gas, and per gas of blobs.
#[derive(Clone, Copy)]
pub(super) struct Fees {
    pub(super) max: u128,
    pub(super) tip: u128,
    /// Zero for a transaction without blob.
    pub(super) blob: u128,
}

impl Sender {
    /// The nonce that the next new transaction of the account will have.
    pub async fn next_nonce(&self, purpose: &str) -> Result<u64, SendError> {
        let latest = self.account_nonce(purpose).await?;
        // What L1 took back keeps its nonce, also while nobody has asked for it again.
        let recorded = self.0.store.nonces_from(self.address(), latest).await?;
        let taken = (latest..).zip(recorded);
        Ok(latest + taken.take_while(|(nonce, taken)| nonce == taken).count() as u64)
    }

    /// The nonce of `purpose`: the recorded one, or the one that it will get if it is sent next.
    pub async fn nonce_of(&self, purpose: &str) -> Result<u64, SendError> {
        match self.0.store.send(purpose).await? {
            Some(known) => Ok(known.nonce),
            None => self.next_nonce(purpose).await,
        }
    }

    /// The nonce that L1 expects next.
    pub(super) async fn account_nonce(&self, purpose: &str) -> Result<u64, SendError> {
        let count = self.0.provider.get_transaction_count(self.address());
        count.latest().await.map_err(|source| rpc(purpose, source))
    }

    /// Uses up a nonce and does nothing else.
    pub(super) fn empty(&self) -> Call {
        Call::raw(self.address(), Bytes::new())
    }

    /// Signs and records a new purpose, and sends it.
    pub(super) async fn record(
        &self,
        purpose: &str,
        call: &Call,
        nonce: u64,
    ) -> Result<L1Send, SendError> {
        let transaction = self.build(purpose, call, nonce).await?;
        let attempt = self.seal(purpose, transaction)?;
        let send = L1Send {
            purpose: purpose.to_owned(),
            account: self.address(),
            nonce,
            state: L1SendState::Recorded,
            mined: None,
            attempts: vec![attempt.clone()],
        };
        self.afford(&send).await?;
        self.0
            .store
            .record_send(purpose, self.address(), nonce, &attempt)
            .await?;
        self.0.metrics.sent(purpose);
        self.broadcast(&send).await;
        tracing::debug!(purpose, nonce, "sent to L1");
        Ok(send)
    }

    /// Another call for the same purpose, with its nonce and a higher fee: at most one of both is mined.
    pub(super) async fn replace(&self, send: L1Send, call: &Call) -> Result<L1Send, SendError> {
        let transaction = self.build(&send.purpose, call, send.nonce).await?;
        tracing::info!(
            purpose = send.purpose,
            nonce = send.nonce,
            "another call takes the nonce"
        );
        self.outbid(send, transaction).await
    }

    /// Something has not been mined for long: nonces before it are missing, or it pays too little.
    pub(super) async fn push(&self, send: &mut L1Send) -> Result<(), SendError> {
        let latest = self.account_nonce(&send.purpose).await?;
        if latest < send.nonce {
            return self.unblock(latest..send.nonce).await;
        }
        let last = newest(send)?;
        if has_blob(&last) && covers(&last, self.fees(&send.purpose, true).await?) {
            // To double the fees of what pays enough would not take long to cost a fortune.
            self.broadcast(send).await;
            return Ok(());
        }
        tracing::info!(
            purpose = send.purpose,
            nonce = send.nonce,
            "raising the fee of a stuck transaction"
        );
        *send = self.outbid(send.clone(), last).await?;
        Ok(())
    }

    /// Sends what is missing before a waiting transaction; see the rules of the module above.
    async fn unblock(&self, missing: Range<u64>) -> Result<(), SendError> {
        let _order = self.0.order.lock().await;
        for nonce in missing {
            match self.0.store.send_at(self.address(), nonce).await? {
                Some(send) if send.state == L1SendState::Recorded => self.broadcast(&send).await,
                Some(send) => {
                    tracing::warn!(
                        purpose = send.purpose,
                        nonce,
                        "L1 lost a transaction that nobody asks for: its nonce is used up"
                    );
                    self.0.store.reopen_send(&send.purpose).await?;
                    self.replace(send, &self.empty()).await?;
                }
                // The account was used elsewhere, and L1 took that back.
                None => {
                    let name = format!("empty/{nonce}");
                    self.record(&name, &self.empty(), nonce).await?;
                }
            }
        }
        Ok(())
    }

    /// What L1 asks for now, also for a blob.
    pub(super) async fn fees(&self, purpose: &str, has_blob: bool) -> Result<Fees, SendError> {
        let refused = |error| rpc(purpose, error);
        let provider = &self.0.provider;
        let estimate = provider.estimate_eip1559_fees().await.map_err(refused)?;
        let blob = if has_blob {
            let now = provider.get_blob_base_fee().await.map_err(refused)?;
            // As much as it can rise in six blocks, like the base fee of the estimate.
            now.saturating_mul(2).max(1)
        } else {
            0
        };
        Ok(Fees {
            max: estimate.max_fee_per_gas,
            tip: estimate.max_priority_fee_per_gas,
            blob,
        })
    }

    /// Sends `transaction` in the nonce of `send` for a fee that is higher than the last attempt's.
    async fn outbid(
        &self,
        mut send: L1Send,
        mut transaction: L1Transaction,
    ) -> Result<L1Send, SendError> {
        let last = newest(&send)?;
        let now = self.fees(&send.purpose, has_blob(&transaction)).await?;
        set_fees(&mut transaction, raised(&last, now));
        let attempt = self.seal(&send.purpose, transaction)?;
        self.0.store.record_attempt(&send.purpose, &attempt).await?;
        send.state = L1SendState::Recorded;
        send.attempts.push(attempt);
        self.0.metrics.replaced(&send.purpose);
        self.broadcast(&send).await;
        Ok(send)
    }

    /// Something else used the nonce (the account was used elsewhere, or an empty transaction): this generation is closed and
    /// the call is sent as the next one.
    pub(super) async fn renew(&self, send: &mut L1Send, call: &Call) -> Result<(), SendError> {
        tracing::warn!(
            purpose = send.purpose,
            nonce = send.nonce,
            "the nonce was used elsewhere"
        );
        if let Some(attempt) = send.attempts.last() {
            self.0
                .store
                .close_send(&send.purpose, attempt.hash, 0, false)
                .await?;
        }
        let purpose = send.purpose.split('#').next().unwrap_or_default();
        *send = self.submit(purpose, call).await?;
        Ok(())
    }
}

/// Whether a transaction pays all that L1 asks for.
fn covers(transaction: &L1Transaction, now: Fees) -> bool {
    transaction.max_fee_per_gas() >= now.max
        && transaction.max_priority_fee_per_gas().unwrap_or_default() >= now.tip
        && transaction.max_fee_per_blob_gas().unwrap_or_default() >= now.blob
}

/// Fees with which a transaction takes the place of `last`, when L1 asks for `now`.
fn raised(last: &L1Transaction, now: Fees) -> Fees {
    // A pool of blobs may hold the last one, or get the next.
    let divisor = if has_blob(last) || now.blob > 0 {
        BUMP_DIVISOR_BLOB
    } else {
        BUMP_DIVISOR
    };
    let raised = |old: u128, now: u128| now.max(old.saturating_add(old.div_ceil(divisor)));
    Fees {
        max: raised(last.max_fee_per_gas(), now.max),
        tip: raised(last.max_priority_fee_per_gas().unwrap_or_default(), now.tip),
        blob: raised(last.max_fee_per_blob_gas().unwrap_or_default(), now.blob),
    }
}

#[cfg(test)]
mod tests {
    use alloy::{
        consensus::{TxEip1559, TxEip4844},
        eips::eip7594::BlobTransactionSidecarEip7594,
    };

    use super::*;

    const NOW: Fees = Fees {
        max: 100,
        tip: 10,
        blob: 0,
    };

    fn fees(fees: Fees) -> (u128, u128, u128) {
        (fees.max, fees.tip, fees.blob)
    }

    #[test]
    fn a_replacement_pays_an_eighth_more_or_what_l1_asks_for() {
        let last = |max_fee_per_gas, max_priority_fee_per_gas| {
            L1Transaction::from(TxEip1559 {
                max_fee_per_gas,
                max_priority_fee_per_gas,
                ..TxEip1559::default()
            })
        };
        assert_eq!(fees(raised(&last(80, 8), NOW)), (100, 10, 0));
        assert_eq!(fees(raised(&last(800, 1), NOW)), (900, 10, 0));
        assert_eq!(fees(raised(&last(9, 9), NOW)), (100, 11, 0));
    }

    #[test]
    fn a_replacement_of_a_blob_or_by_one_pays_twice_as_much() {
        let mut last = L1Transaction::Eip4844(
            TxEip4844::default().with_sidecar(BlobTransactionSidecarEip7594::default()),
        );
        let old = Fees {
            max: 90,
            tip: 6,
            blob: 7,
        };
        set_fees(&mut last, old);
        let now = Fees { blob: 3, ..NOW };
        assert_eq!(fees(raised(&last, now)), (180, 12, 14));
        for (less, is_enough) in [(0, true), (1, false)] {
            let more = |fee: u128| fee + less;
            assert_eq!(
                covers(
                    &last,
                    Fees {
                        max: more(90),
                        ..old
                    }
                ),
                is_enough
            );
            assert_eq!(
                covers(
                    &last,
                    Fees {
                        tip: more(6),
                        ..old
                    }
                ),
                is_enough
            );
            assert_eq!(
                covers(
                    &last,
                    Fees {
                        blob: more(7),
                        ..old
                    }
                ),
                is_enough
            );
        }
        // Without the blob, as when its batch was taken back.
        assert_eq!(fees(raised(&last, NOW)).0, 180);
        let plain = L1Transaction::from(TxEip1559 {
            max_fee_per_gas: 90,
            max_priority_fee_per_gas: 6,
            ..TxEip1559::default()
        });
        assert_eq!(fees(raised(&plain, now)), (180, 12, 3));
    }
}
