//! Sends transactions of one account to L1, each at most once per purpose, whatever happens in between.
//!
//! A *purpose* (`commit/5`) names why a transaction exists. Life of a purpose:
//!
//! | step | durable before it | after a crash here |
//! |---|---|---|
//! | estimate, choose nonce and fee, sign | nothing | begins again |
//! | record purpose, nonce, hash, raw bytes | signed bytes | the same bytes are sent again |
//! | send | record | the receipt is found by hash, or the same bytes are sent again |
//! | raise the fee (same nonce), when it is stuck | the new bytes; the hashes of the old ones stay | each hash is looked up |
//! | mined | receipt | the state is written down again |
//!
//! A purpose that reverted on L1, or whose nonce something else used, may be sent again: as its next *generation*,
//! recorded as `commit/5#2`. A mined one is never sent again, unless L1 was reorganised and no longer has it.
//!
//! After a reorganisation of L1:
//! - Who asks for a lost purpose again has the same bytes sent again; or, if the call is another one now, that call in its
//!   nonce, so that at most one of both is mined. The same holds for every purpose that is not mined yet.
//! - A lost purpose that nobody asks for does not come back, because it was meant for another history. Its nonce would hold
//!   up everything behind it: when something waits there for too long, an empty transaction uses the nonce up.

mod attempt;
mod metrics;
mod nonces;
mod waiting;

use std::{error::Error, sync::Arc, time::Duration};

use alloy::{
    consensus::{SignableTransaction, Transaction as _, TxEip1559, TxEip4844},
    eips::{Encodable2718, eip7594::BlobTransactionSidecarEip7594},
    network::TransactionBuilder,
    primitives::{Address, B256, Bytes, TxKind, U256},
    providers::{DynProvider, Provider},
    rpc::types::{TransactionReceipt, TransactionRequest},
    signers::{SignerSync, local::PrivateKeySigner},
    sol_types::SolCall,
    transports::{RpcError, TransportError},
};
use rollmill_store::{L1Attempt, L1Send, L1SendState, Store, StoreError};
use tokio::sync::Mutex;

use self::{
    attempt::{L1Transaction, call_of},
    metrics::SenderMetrics,
};
use crate::{ether, revert};

/// EIP-7825: no transaction on L1 has more gas.
const GAS_CAP: u64 = 16_777_216;

/// How a sender behaves.
#[derive(Clone, Copy, Debug)]
pub struct SenderConfig {
    /// Pause between looks for a receipt.
    pub poll: Duration,
    /// A transaction is mined when its block has this many confirmations; 1 is the head, 0 counts as 1.
    pub confirmations: u64,
    /// The fee is raised when a transaction was not mined for this long.
    pub bump_after: Duration,
    /// Gas limit over the estimate, per cent. The state may change between estimate and block.
    pub gas_margin_percent: u64,
}

impl Default for SenderConfig {
    fn default() -> Self {
        Self {
            poll: Duration::from_millis(100),
            confirmations: 1,
            bump_after: Duration::from_secs(30),
            gas_margin_percent: 25,
        }
    }
}

/// What a transaction does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Recipient, or the creation of a contract.
    pub to: TxKind,
    /// Wei sent along.
    pub value: U256,
    /// Call data, or creation code with its constructor arguments.
    pub input: Bytes,
    /// The blob that it carries, with its proofs.
    pub blob: Option<Arc<BlobTransactionSidecarEip7594>>,
}

impl Call {
    /// A contract call without value.
    pub fn new(to: Address, call: &impl SolCall) -> Self {
        Self::raw(to, call.abi_encode().into())
    }

    /// A call with encoded input and without value.
    pub fn raw(to: Address, input: Bytes) -> Self {
        Self {
            to: TxKind::Call(to),
            value: U256::ZERO,
            input,
            blob: None,
        }
    }

    /// The creation of a contract.
    pub fn create(code: Bytes) -> Self {
        Self {
            to: TxKind::Create,
            value: U256::ZERO,
            input: code,
            blob: None,
        }
    }

    /// The same with value.
    pub fn with_value(self, value: U256) -> Self {
        Self { value, ..self }
    }

    /// The same with a blob. A creation can have none.
    pub fn with_blob(self, sidecar: BlobTransactionSidecarEip7594) -> Self {
        Self {
            blob: Some(Arc::new(sidecar)),
            ..self
        }
    }
}

/// A transaction that is on L1 and succeeded.
#[derive(Clone, Debug)]
pub struct Mined {
    /// Its hash.
    pub hash: B256,
    /// Its block's number.
    pub block: u64,
    /// Gas that it used.
    pub gas_used: u64,
    /// Everything else.
    pub receipt: TransactionReceipt,
}

/// A transaction could not be brought to L1.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// It would revert, or did: the caller must look at the reason. Nothing is pending.
    #[error("{purpose} reverts on L1: {reason}")]
    Reverted {
        /// The purpose.
        purpose: String,
        /// The contract's reason in words.
        reason: String,
    },
    /// It needs more gas than a transaction may have: the caller must make it smaller.
    #[error("{purpose} needs {gas} gas, a transaction may have {GAS_CAP}")]
    TooMuchGas {
        /// The purpose.
        purpose: String,
        /// The estimate.
        gas: u64,
    },
    /// L1 does not answer, or refused: try again, the purpose makes that safe.
    #[error("{purpose}: L1 refused or did not answer")]
    Rpc {
        /// The purpose.
        purpose: String,
        /// Why.
        source: TransportError,
    },
    /// The account cannot pay for it. Nothing is recorded: try again when somebody has sent it ether.
    #[error(
        "{purpose}: the account {account} has {} on L1 and needs up to {} for this transaction",
        ether(*balance_wei),
        ether(*cost_wei)
    )]
    Poor {
        /// The purpose.
        purpose: String,
        /// The sender's account.
        account: Address,
        /// What it has, wei.
        balance_wei: U256,
        /// Value, and gas limits times fee caps, wei.
        cost_wei: U256,
    },
    /// The store failed: stop.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key cannot sign, or recorded bytes are not a transaction of ours: stop.
    #[error("{purpose}: {why}")]
    Broken {
        /// The purpose.
        purpose: String,
        /// What is wrong.
        why: String,
    },
}

impl SendError {
    /// Whether the same call may succeed later.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Rpc { .. } | Self::Poor { .. })
    }
}

/// One L1 account. Clones share it; two senders of one account must not exist.
#[derive(Clone, Debug)]
pub struct Sender(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    provider: DynProvider,
    signer: PrivateKeySigner,
    store: Store,
    chain_id: u64,
    config: SenderConfig,
    metrics: SenderMetrics,
    /// Held from the choice of a nonce until the transaction is recorded and sent.
    order: Mutex<()>,
}

impl Sender {
    /// A sender for `signer`'s account on the L1 behind `provider`.
    pub fn new(
        provider: DynProvider,
        chain_id: u64,
        signer: PrivateKeySigner,
        store: Store,
        config: SenderConfig,
    ) -> Self {
        Self(Arc::new(Inner {
            provider,
            signer,
            store,
            chain_id,
            config,
            metrics: SenderMetrics::default(),
            order: Mutex::new(()),
        }))
    }

    /// The account.
    pub fn address(&self) -> Address {
        self.0.signer.address()
    }

    /// The L1 that it sends to.
    pub fn provider(&self) -> &DynProvider {
        &self.0.provider
    }

    /// L1's chain id.
    pub fn chain_id(&self) -> u64 {
        self.0.chain_id
    }

    /// Brings `call` to L1 under `purpose` and waits until it is mined. A purpose that is on L1 already counts, whatever `call`
    /// is; until then the newest call does. The future may be dropped and the call repeated at any time.
    pub async fn send(&self, purpose: &str, call: &Call) -> Result<Mined, SendError> {
        let send = self.submit(purpose, call).await?;
        self.wait_for(send, call).await
    }

    /// The first half of [`Sender::send`]: when it returns, the transaction is recorded and (as far as L1 answers) sent.
    /// Later transactions of the account come after it.
    pub async fn submit(&self, purpose: &str, call: &Call) -> Result<L1Send, SendError> {
        let _order = self.0.order.lock().await;
        let mut name = purpose.to_owned();
        let mut generation = 1u32;
        while let Some(known) = self.0.store.send(&name).await? {
            match known.state {
                L1SendState::Reverted => {}
                L1SendState::Recorded
                    if call_of(&known)? != *call && self.found(&known).await?.is_none() =>
                {
                    return self.replace(known, call).await;
                }
                L1SendState::Recorded | L1SendState::Mined => return Ok(known),
            }
            generation += 1;
            name = format!("{purpose}#{generation}");
        }
        let nonce = self.next_nonce(&name).await?;
        self.record(&name, call, nonce).await
    }

    /// Waits for what an interrupted run has left on its way: what L1 says is final only behind it.
    pub async fn finish(&self) -> Result<(), SendError> {
        for send in self.0.store.open_sends(self.address()).await? {
            self.afford(&send).await?;
            self.wait(send).await?;
        }
        Ok(())
    }

    /// Fails with [`SendError::Poor`] if the account cannot pay what a transaction may cost. A recorded one that nobody can pay
    /// for would be waited for until somebody can.
    pub async fn afford(&self, send: &L1Send) -> Result<(), SendError> {
        let transaction = attempt::newest(send)?;
        let gas_wei =
            U256::from(transaction.gas_limit()) * U256::from(transaction.max_fee_per_gas());
        let blob_gas = transaction.blob_gas_used().unwrap_or_default();
        let blob_fee = transaction.max_fee_per_blob_gas().unwrap_or_default();
        let cost_wei = gas_wei
            .saturating_add(U256::from(blob_gas) * U256::from(blob_fee))
            .saturating_add(transaction.value());
        let balance = self.0.provider.get_balance(self.address()).await;
        let balance_wei = balance.map_err(|error| rpc(&send.purpose, error))?;
        if cost_wei > balance_wei {
            return Err(SendError::Poor {
                purpose: send.purpose.clone(),
                account: self.address(),
                balance_wei,
                cost_wei,
            });
        }
        Ok(())
    }

    /// What the transaction would return, run on the pending state without sending it.
    pub async fn simulate(&self, purpose: &str, call: &Call) -> Result<Bytes, SendError> {
        let request = self.request(call);
        self.0
            .provider
            .call(request)
            .await
            .map_err(|error| refused(purpose, error))
    }

    /// Gas that the call would use now; a call that would revert does not get that far.
    pub async fn estimate(&self, purpose: &str, call: &Call) -> Result<u64, SendError> {
        let estimate = self.0.provider.estimate_gas(self.request(call)).await;
        estimate.map_err(|error| refused(purpose, error))
    }

    /// A transaction of the account on another chain, signed: its raw bytes. It is neither recorded nor sent.
    pub fn sign(&self, purpose: &str, transaction: TxEip1559) -> Result<Bytes, SendError> {
        Ok(self.seal(purpose, transaction.into())?.raw)
    }

    fn request(&self, call: &Call) -> TransactionRequest {
        let hashes = call.blob.as_ref().map(|blob| blob.versioned_hashes());
        TransactionRequest {
            blob_versioned_hashes: hashes.map(Iterator::collect),
            ..TransactionRequest::default()
        }
        .with_from(self.address())
        .with_kind(call.to)
        .with_value(call.value)
        .with_input(call.input.clone())
    }

    async fn build(
        &self,
        purpose: &str,
        call: &Call,
        nonce: u64,
    ) -> Result<L1Transaction, SendError> {
        let gas = self.estimate(purpose, call).await?;
        if gas > GAS_CAP {
            return Err(SendError::TooMuchGas {
                purpose: purpose.to_owned(),
                gas,
            });
        }
        let margin = gas.saturating_mul(self.0.config.gas_margin_percent) / 100;
        let fees = self.fees(purpose, call.blob.is_some()).await?;
        let plain = TxEip1559 {
            chain_id: self.0.chain_id,
            nonce,
            gas_limit: gas.saturating_add(margin).min(GAS_CAP),
            max_fee_per_gas: fees.max,
            max_priority_fee_per_gas: fees.tip,
            to: call.to,
            value: call.value,
            access_list: Default::default(),
            input: call.input.clone(),
        };
        let (Some(sidecar), TxKind::Call(to)) = (&call.blob, call.to) else {
            return Ok(plain.into());
        };
        let with_blob = TxEip4844 {
            chain_id: plain.chain_id,
            nonce,
            gas_limit: plain.gas_limit,
            max_fee_per_gas: fees.max,
            max_priority_fee_per_gas: fees.tip,
            to,
            value: plain.value,
            access_list: Default::default(),
            blob_versioned_hashes: sidecar.versioned_hashes().collect(),
            max_fee_per_blob_gas: fees.blob,
            input: plain.input,
        };
        Ok(with_blob.with_sidecar(sidecar.as_ref().clone()).into())
    }

    fn seal(&self, purpose: &str, transaction: L1Transaction) -> Result<L1Attempt, SendError> {
        let signature = self
            .0
            .signer
            .sign_hash_sync(&transaction.signature_hash())
            .map_err(|error| broken(purpose, error.to_string()))?;
        let envelope = transaction.into_envelope(signature);
        Ok(L1Attempt {
            hash: *envelope.tx_hash(),
            raw: envelope.encoded_2718().into(),
        })
    }

    /// Sends recorded bytes. A refusal is not an error here: the bytes may be known already, and whoever waits for the
    /// receipt sends them again.
    async fn broadcast(&self, send: &L1Send) {
        let Some(attempt) = send.attempts.last() else {
            return;
        };
        match self.0.provider.send_raw_transaction(&attempt.raw).await {
            Ok(_) => {}
            Err(RpcError::ErrorResp(error)) if is_known(&error.message) => {}
            Err(error) => {
                tracing::warn!(
                    purpose = send.purpose,
                    error = &error as &dyn Error,
                    "L1 did not take the transaction yet"
                )
            }
        }
    }
}

/// Refusals that mean that L1 has the transaction, or its nonce, already.
fn is_known(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    [
        "already known",
        "already imported",
        "nonce too low",
        "replacement transaction underpriced",
    ]
    .iter()
    .any(|text| message.contains(text))
}

fn refused(purpose: &str, error: TransportError) -> SendError {
    match revert::reason(&error) {
        Some(reason) => SendError::Reverted {
            purpose: purpose.to_owned(),
            reason,
        },
        None => rpc(purpose, error),
    }
}

fn rpc(purpose: &str, source: TransportError) -> SendError {
    SendError::Rpc {
        purpose: purpose.to_owned(),
        source,
    }
}

fn broken(purpose: &str, why: String) -> SendError {
    SendError::Broken {
        purpose: purpose.to_owned(),
        why,
    }
}
