//! Until a transaction is mined: looks for its receipt, sends it again, raises its fee.

use std::{error::Error, time::Duration};

use alloy::{eips::BlockId, providers::Provider, rpc::types::TransactionReceipt};
use rollmill_store::{L1Attempt, L1Send, L1SendState};
use tokio::time::Instant;

use super::{
    Call, Mined, SendError, Sender,
    attempt::{call_of, decode, is_of},
    rpc,
};
use crate::revert;

/// Looks in a row that find a nonce used and no receipt, before something else is taken to have used it: some nodes show a new
/// nonce a moment before its receipt.
const UNSEEN_MAX: u32 = 5;

impl Sender {
    /// Waits until a recorded transaction is mined; sends it again and raises its fee where that is needed.
    pub async fn wait(&self, send: L1Send) -> Result<Mined, SendError> {
        let call = call_of(&send)?;
        self.wait_for(send, &call).await
    }

    pub(super) async fn wait_for(&self, mut send: L1Send, call: &Call) -> Result<Mined, SendError> {
        let mut pause = self.0.config.poll;
        let mut sent_at = Instant::now();
        let mut resent_at = Instant::now();
        let mut unseen = 0;
        loop {
            match self.look(&mut send, call, &mut unseen).await {
                Ok(Some(mined)) => return Ok(mined),
                Ok(None) => pause = self.0.config.poll,
                Err(error) if error.is_temporary() => {
                    tracing::warn!(error = &error as &dyn Error, "looking for a receipt");
                    pause = (pause * 2).min(Duration::from_secs(5));
                }
                Err(error) => return Err(error),
            }
            if sent_at.elapsed() > self.0.config.bump_after {
                match self.push(&mut send).await {
                    Ok(()) => sent_at = Instant::now(),
                    Err(error) if error.is_temporary() => {
                        tracing::warn!(error = &error as &dyn Error, "raising a fee");
                    }
                    Err(error) => return Err(error),
                }
            } else if resent_at.elapsed() > self.0.config.bump_after / 8 {
                self.broadcast(&send).await;
                resent_at = Instant::now();
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// One look for the receipt, under every hash that the purpose has had. `unseen` counts looks in a row that found the nonce
    /// used and no receipt.
    async fn look(
        &self,
        send: &mut L1Send,
        call: &Call,
        unseen: &mut u32,
    ) -> Result<Option<Mined>, SendError> {
        // The nonce is read before the receipts: if it was used by then, one of the receipts is there, or comes soon.
        let nonce = self.account_nonce(&send.purpose).await?;
        if let Some((attempt, receipt)) = self.found(send).await? {
            let mined = decode(&send.purpose, attempt)?;
            if is_of(&mined, &self.empty()) && *call != self.empty() {
                self.renew(send, call).await?;
                return Ok(None);
            }
            return self.mined(send, receipt).await;
        }
        if send.state == L1SendState::Mined {
            tracing::warn!(
                purpose = send.purpose,
                "L1 was reorganised and lost a transaction, sending it again"
            );
            self.0.store.reopen_send(&send.purpose).await?;
            (send.state, send.mined) = (L1SendState::Recorded, None);
            if call_of(send)? == *call {
                self.broadcast(send).await;
            } else {
                *send = self.replace(send.clone(), call).await?;
            }
        } else if nonce > send.nonce {
            *unseen += 1;
            if *unseen == UNSEEN_MAX {
                *unseen = 0;
                self.renew(send, call).await?;
            }
        } else {
            *unseen = 0;
        }
        Ok(None)
    }

    /// The attempt that L1 has, if it has one.
    pub(super) async fn found<'a>(
        &self,
        send: &'a L1Send,
    ) -> Result<Option<(&'a L1Attempt, TransactionReceipt)>, SendError> {
        for attempt in send.attempts.iter().rev() {
            let receipt = self.0.provider.get_transaction_receipt(attempt.hash).await;
            if let Some(receipt) = receipt.map_err(|error| rpc(&send.purpose, error))? {
                return Ok(Some((attempt, receipt)));
            }
        }
        Ok(None)
    }

    async fn mined(
        &self,
        send: &L1Send,
        receipt: TransactionReceipt,
    ) -> Result<Option<Mined>, SendError> {
        let Some(block) = receipt.block_number else {
            return Ok(None);
        };
        let behind = self.0.config.confirmations.max(1) - 1;
        if behind > 0 {
            let head = self.0.provider.get_block_number().await;
            if head.map_err(|error| rpc(&send.purpose, error))? < block + behind {
                return Ok(None);
            }
        }
        let (hash, gas_used) = (receipt.transaction_hash, receipt.gas_used);
        if send.mined != Some((hash, block)) {
            self.0
                .store
                .close_send(&send.purpose, hash, block, receipt.status())
                .await?;
            self.0.metrics.mined(&send.purpose, &receipt);
        }
        if !receipt.status() {
            let reason = self.reason(send, block).await;
            return Err(SendError::Reverted {
                purpose: send.purpose.clone(),
                reason,
            });
        }
        Ok(Some(Mined {
            hash,
            block,
            gas_used,
            receipt,
        }))
    }

    /// Why a mined transaction failed: it is run again on the state before its block.
    async fn reason(&self, send: &L1Send, block: u64) -> String {
        let Ok(call) = call_of(send) else {
            return "unknown".to_owned();
        };
        let before = BlockId::number(block.saturating_sub(1));
        match self
            .0
            .provider
            .call(self.request(&call))
            .block(before)
            .await
        {
            Err(error) => revert::reason(&error).unwrap_or_else(|| error.to_string()),
            Ok(_) => "out of gas, or another transaction of the block came first".to_owned(),
        }
    }
}
