//! What must be there before the first transaction: ether and tokens of the senders, fees, gas limits.
//!
//! The same key and seed are the same senders, so what an earlier run left them is used again.

use std::time::Duration;

use alloy::{
    consensus::{SignableTransaction, TxEip1559, TxEnvelope},
    eips::eip2718::Encodable2718,
    network::TransactionBuilder,
    providers::{DynProvider, Provider},
    rpc::types::{TransactionReceipt, TransactionRequest},
    signers::{SignerSync, local::PrivateKeySigner},
    sol_types::{SolCall, SolConstructor},
};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use eyre::{WrapErr, bail, ensure};
use rollmill_l1::contracts::ExampleToken;

use super::{
    Kind,
    chain::{Fees, ask_all},
    fan_out::{Call, init_code},
    schedule::Signed,
};

/// Accounts that one transaction of the funder pays.
const PAID_AT_ONCE_MAX: usize = 100;
/// Pause between looks for a receipt of the funder's, and how long it may take.
const POLL: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(60);
/// What a transfer moves: wei, or the token's smallest unit.
const AMOUNT: U256 = U256::ONE;
/// Gas limits are estimates and a quarter of them.
const GAS_MARGIN: u64 = 4;

/// The account that pays for everything.
pub struct Funder<'a> {
    /// The node.
    pub provider: &'a DynProvider,
    /// Its key.
    pub signer: &'a PrivateKeySigner,
    /// The chain.
    pub chain_id: u64,
    /// What its transactions pay.
    pub fees: Fees,
}

/// What the senders send; the recipient of each is the next one.
#[derive(Clone, Debug)]
pub struct Template {
    chain_id: u64,
    fees: Fees,
    gas_limit: u64,
    /// The contract that is called, if it is not ether that is moved.
    token: Option<Address>,
    accounts: Vec<Address>,
}

impl Template {
    /// Of the senders' accounts; the gas limit is what the node estimates for the first of them.
    pub async fn new(
        funder: &Funder<'_>,
        token: Option<Address>,
        accounts: Vec<Address>,
    ) -> eyre::Result<Self> {
        let mut template = Self {
            chain_id: funder.chain_id,
            fees: funder.fees,
            gas_limit: 0,
            token,
            accounts,
        };
        let (to, value, input) = template.content(0);
        let request = TransactionRequest::default()
            .with_from(template.accounts[0])
            .with_to(to)
            .with_value(value)
            .with_input(input);
        let gas = funder.provider.estimate_gas(request).await;
        let gas = gas.wrap_err("the node cannot estimate a sender's transaction")?;
        template.gas_limit = match token {
            None => gas,
            Some(_) => with_margin(gas),
        };
        Ok(template)
    }

    /// The chain that it is for.
    pub const fn chain_id(&self) -> u64 {
        self.chain_id
    }

    /// The token that is moved.
    pub const fn token(&self) -> Option<Address> {
        self.token
    }

    fn content(&self, sender: usize) -> (Address, U256, Bytes) {
        let to = self.accounts[(sender + 1) % self.accounts.len()];
        match self.token {
            None => (to, AMOUNT, Bytes::new()),
            Some(token) => (token, U256::ZERO, token_transfer(to, AMOUNT)),
        }
    }

    /// A transaction of the `sender`-th account.
    pub fn sign(&self, sender: usize, key: &PrivateKeySigner, nonce: u64) -> Signed {
        let (to, value, input) = self.content(sender);
        let transaction = TxEip1559 {
            chain_id: self.chain_id,
            nonce,
            gas_limit: self.gas_limit,
            max_fee_per_gas: self.fees.cap,
            max_priority_fee_per_gas: self.fees.tip,
            to: TxKind::Call(to),
            value,
            input,
            access_list: Default::default(),
        };
        sign(key, transaction)
    }
}

fn token_transfer(to: Address, amount: U256) -> Bytes {
    let call = ExampleToken::transferCall { to, value: amount };
    call.abi_encode().into()
}

const fn with_margin(gas: u64) -> u64 {
    gas + gas / GAS_MARGIN
}

fn sign(key: &PrivateKeySigner, transaction: TxEip1559) -> Signed {
    let signature = key
        .sign_hash_sync(&transaction.signature_hash())
        .expect("INVARIANT: a key in memory signs every hash");
    let raw = TxEnvelope::from(transaction.into_signed(signature)).encoded_2718();
    Signed {
        hash: keccak256(&raw),
        raw: raw.into(),
    }
}

/// Most gas that a transaction of this kind uses, for the senders' purses.
pub const fn gas_allowance(kind: Kind) -> u64 {
    match kind {
        Kind::Transfer => 21_000,
        Kind::Erc20 => 80_000,
    }
}

impl Funder<'_> {
    /// Brings every account to `wei_each`, and with a token gives each `tokens_each` of it.
    pub async fn fund(
        &self,
        accounts: &[Address],
        wei_each: U256,
        token: Option<(Address, U256)>,
    ) -> eyre::Result<()> {
        let balances: Vec<U256> =
            ask_all(self.provider, "eth_getBalance", accounts, "latest").await?;
        let lacks = |balance: U256| wei_each.saturating_sub(balance);
        let total = balances.iter().fold(U256::ZERO, |sum, balance| {
            sum.saturating_add(lacks(*balance))
        });
        if total.is_zero() && token.is_none() {
            return Ok(());
        }
        self.check_funds(total).await?;
        for (accounts, balances) in accounts
            .chunks(PAID_AT_ONCE_MAX)
            .zip(balances.chunks(PAID_AT_ONCE_MAX))
        {
            let payments: Vec<Call> = accounts
                .iter()
                .zip(balances)
                .map(|(account, balance)| ether(*account, lacks(*balance)))
                .filter(|payment| !payment.value.is_zero())
                .collect();
            self.pay(accounts, payments, token).await?;
        }
        Ok(())
    }

    async fn check_funds(&self, total: U256) -> eyre::Result<()> {
        let funder = self.signer.address();
        let has = self.provider.get_balance(funder).await?;
        ensure!(
            has > total,
            "the senders lack {}, and {funder} has {} on chain {}: send it some (on L2, by a deposit), or lower --count, --duration, --rate or --max-fee",
            rollmill_l1::ether(total),
            rollmill_l1::ether(has),
            self.chain_id
        );
        Ok(())
    }

    /// One transaction that makes the payments, and gives each account its tokens.
    async fn pay(
        &self,
        accounts: &[Address],
        mut payments: Vec<Call>,
        token: Option<(Address, U256)>,
    ) -> eyre::Result<()> {
        let mut nonce = self.nonce().await?;
        let wei = payments.iter().map(|payment| payment.value).sum();
        if let Some((token, amount)) = token {
            // The paying contract gets its tokens before it is there: its address follows from the nonce.
            let payer = self.signer.address().create(nonce + 1);
            let sum = amount * U256::from(accounts.len());
            let input = token_transfer(payer, sum);
            self.send(nonce, TxKind::Call(token), U256::ZERO, input)
                .await?;
            nonce += 1;
            payments.extend(accounts.iter().map(|account| Call {
                to: token,
                value: U256::ZERO,
                input: token_transfer(*account, amount),
            }));
        }
        if !payments.is_empty() {
            self.send(nonce, TxKind::Create, wei, init_code(&payments))
                .await
                .wrap_err("cannot fund the senders")?;
        }
        Ok(())
    }

    /// Deploys the example token, all of which the funder gets.
    pub async fn deploy_token(&self) -> eyre::Result<Address> {
        let supply = ExampleToken::constructorCall {
            supplyWei: U256::MAX,
        };
        let code = [&ExampleToken::BYTECODE[..], &supply.abi_encode()].concat();
        let nonce = self.nonce().await?;
        let receipt = self.send(nonce, TxKind::Create, U256::ZERO, code.into());
        receipt.await.wrap_err("cannot deploy the token")?;
        Ok(self.signer.address().create(nonce))
    }

    async fn nonce(&self) -> eyre::Result<u64> {
        let count = self.provider.get_transaction_count(self.signer.address());
        Ok(count.pending().await?)
    }

    async fn send(
        &self,
        nonce: u64,
        to: TxKind,
        value: U256,
        input: Bytes,
    ) -> eyre::Result<TransactionReceipt> {
        let request = TransactionRequest {
            to: Some(to),
            ..TransactionRequest::default()
                .with_from(self.signer.address())
                .with_value(value)
                .with_input(input.clone())
        };
        let gas = self.provider.estimate_gas(request).await?;
        let transaction = TxEip1559 {
            chain_id: self.chain_id,
            nonce,
            gas_limit: with_margin(gas),
            max_fee_per_gas: self.fees.cap,
            max_priority_fee_per_gas: self.fees.tip,
            to,
            value,
            input,
            access_list: Default::default(),
        };
        let Signed { raw, hash } = sign(self.signer, transaction);
        let _: B256 = self
            .provider
            .raw_request("eth_sendRawTransaction".into(), (raw,))
            .await?;
        self.receipt(hash).await
    }

    async fn receipt(&self, hash: B256) -> eyre::Result<TransactionReceipt> {
        let look = async {
            loop {
                if let Some(receipt) = self.provider.get_transaction_receipt(hash).await? {
                    return eyre::Ok(receipt);
                }
                tokio::time::sleep(POLL).await;
            }
        };
        let Ok(receipt) = tokio::time::timeout(PATIENCE, look).await else {
            bail!(
                "transaction {hash} of the funder is in no block after {} s",
                PATIENCE.as_secs()
            );
        };
        let receipt = receipt?;
        ensure!(receipt.status(), "transaction {hash} of the funder failed");
        Ok(receipt)
    }
}

fn ether(to: Address, value: U256) -> Call {
    Call {
        to,
        value,
        input: Bytes::new(),
    }
}
