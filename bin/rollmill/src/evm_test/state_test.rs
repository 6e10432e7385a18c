//! GeneralStateTests: one transaction in an environment, per fork and per choice of data, gas and value.

use super::{
    Case, Recorder,
    fixture::{Env, Post, StateTest, TransactionParts, state_of},
    network,
    recorder::{Record, recorded_case},
};
use alloy::{
    consensus::{
        EMPTY_ROOT_HASH, Header, SignableTransaction, TxEip1559, TxEip2930, TxEip4844, TxEip7702,
        TxLegacy,
        crypto::secp256k1::sign_message,
        transaction::{Recovered, SignerRecoverable},
    },
    eips::eip2718::{Decodable2718, Encodable2718},
    primitives::{Address, B256, Bytes, TxKind, U256},
};
use rollmill_stf::{
    Fork, RecoveredTransaction, Rules, Transaction,
    case::{Effect, Event, execute_transaction, replay_transaction},
    source::{MemorySource, RecordingSource},
    transaction::EthereumTransaction,
    witness::Witness,
};
use serde::de::DeserializeOwned;
use std::str::FromStr;

/// Runs all cases of a fixture.
pub(super) fn run(name: &str, test: &StateTest, recorder: &Recorder, cases: &mut Vec<Case>) {
    for (network, posts) in &test.post {
        for (index, post) in posts.iter().enumerate() {
            let name = format!("{name} [{network} {index}]");
            cases.push(match network::rules(network, &test.config) {
                Err(reason) => Case::skipped(name, reason),
                Ok(rules) => Case::new(name.clone(), || {
                    run_post(&rules, test, post, &|case| recorder.record(&name, case))
                }),
            });
        }
    }
}

fn run_post(
    rules: &Rules,
    test: &StateTest,
    post: &Post,
    record: Record<'_>,
) -> Result<(), String> {
    let (state, root) = state_of(&test.pre).map_err(|error| format!("pre-state: {error}"))?;
    let header = header(rules, &test.env);
    let expected = post.expect_exception.as_ref();
    let transaction = match transaction(&test.transaction, post) {
        Ok(transaction) => transaction,
        Err(_) if expected.is_some() => return Ok(()),
        Err(why) => return Err(format!("transaction: {why}")),
    };
    let recording = RecordingSource::new(&state);
    let effect = execute_transaction(rules, &header, &recording, root, transaction.clone());
    let witness = witness(&header, recording, root);
    let replayed = replay_transaction(rules, &header, witness.clone(), transaction.clone())
        .map_err(|error| format!("witness: {error}"))?;
    let case = |verdict| {
        let event = Event::Transaction {
            header: alloy_rlp::encode(&header).into(),
            transaction: transaction.encoded_2718().into(),
        };
        (recorded_case(rules, witness.clone(), event), verdict)
    };
    match (effect, replayed, expected) {
        (Ok(effect), replayed, None) => {
            if replayed.as_ref() != Ok(&effect) {
                return Err(format!(
                    "the stateless run finds {replayed:?}, with state {effect:?}"
                ));
            }
            let wanted = Effect {
                root: post.hash,
                logs: post.logs,
            };
            if effect == wanted {
                record(&|| case(effect.verdict()))
            } else {
                Err(format!("found {effect:?}, expected {wanted:?}"))
            }
        }
        (Ok(_), _, Some(expected)) => Err(format!("accepted in spite of {expected}")),
        (Err(why), _, None) => Err(format!("refused: {why}")),
        (Err(_), Ok(_), Some(_)) => Err("accepted statelessly, refused with state".into()),
        (Err(_), Err(_), Some(_)) => record(&|| case(B256::ZERO)),
    }
}

/// The block of the fixture's environment.
fn header(rules: &Rules, env: &Env) -> Header {
    let timestamp = env.current_timestamp.saturating_to();
    let random = env
        .current_random
        .or(env.current_difficulty)
        .unwrap_or_default();
    let has_blobs = rules.fork(timestamp) >= Fork::Cancun;
    Header {
        beneficiary: env.current_coinbase,
        number: env.current_number.saturating_to(),
        gas_limit: env.current_gas_limit.saturating_to(),
        timestamp,
        mix_hash: random.into(),
        base_fee_per_gas: Some(env.current_base_fee.map_or(0, |fee| fee.saturating_to())),
        // Encoded, a field is known by its place: those before the one that counts must be there.
        withdrawals_root: has_blobs.then_some(EMPTY_ROOT_HASH),
        blob_gas_used: has_blobs.then_some(0),
        excess_blob_gas: has_blobs.then(|| {
            env.current_excess_blob_gas
                .map_or(0, |gas| gas.saturating_to())
        }),
        ..Header::default()
    }
}

/// The encoded witness of a recorded run.
fn witness(header: &Header, recording: RecordingSource<&MemorySource>, root: B256) -> Bytes {
    let parent = Header {
        number: header.number.saturating_sub(1),
        state_root: root,
        ..Header::default()
    };
    let witness = Witness {
        parent_header: alloy_rlp::encode(&parent).into(),
        ..Witness::default()
    };
    witness
        .with_recorded(recording.into_recorded())
        .encode()
        .into()
}

/// The transaction of a post-state: its bytes when they are given, else built from the parts and signed.
fn transaction(parts: &TransactionParts, post: &Post) -> Result<RecoveredTransaction, String> {
    let transaction = match &post.txbytes {
        Some(text) => {
            let bytes: Bytes = parse(text)?;
            EthereumTransaction::decode_2718_exact(&bytes).map_err(|error| error.to_string())?
        }
        None => build(parts, post)?,
    };
    let sender = transaction
        .recover_signer()
        .map_err(|error| error.to_string())?;
    Ok(Recovered::new_unchecked(
        Transaction::from(transaction),
        sender,
    ))
}

fn parse<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("cannot read {text:?}"))
}

fn number<T: TryFrom<U256>>(text: &str) -> Result<T, String> {
    let value: U256 = parse(text)?;
    value
        .try_into()
        .map_err(|_| format!("{text} is out of range"))
}

fn optional<T: DeserializeOwned + Default>(value: Option<&serde_json::Value>) -> Result<T, String> {
    value.map_or(Ok(T::default()), |value| {
        T::deserialize(value.clone()).map_err(|error| error.to_string())
    })
}

/// Fields that all types share.
struct Common {
    nonce: u64,
    gas_limit: u64,
    to: TxKind,
    value: U256,
    input: Bytes,
}

fn common(parts: &TransactionParts, post: &Post) -> Result<Common, String> {
    let choose = |list: &[String], index: usize| {
        list.get(index)
            .cloned()
            .ok_or("index out of range".to_owned())
    };
    Ok(Common {
        nonce: number(&parts.nonce)?,
        gas_limit: number(&choose(&parts.gas_limit, post.indexes.gas)?)?,
        to: if parts.to.is_empty() {
            TxKind::Create
        } else {
            TxKind::Call(parse(&parts.to)?)
        },
        value: parse(&choose(&parts.value, post.indexes.value)?)?,
        input: parse(&choose(&parts.data, post.indexes.data)?)?,
    })
}

fn build(parts: &TransactionParts, post: &Post) -> Result<EthereumTransaction, String> {
    const CHAIN_ID: u64 = 1;
    let Common {
        nonce,
        gas_limit,
        to,
        value,
        input,
    } = common(parts, post)?;
    let key = parts.secret_key.ok_or("neither bytes nor a key")?;
    let price = |text: &Option<String>| text.as_deref().map_or(Ok(0), number::<u128>);
    let access_list_given = parts
        .access_lists
        .as_ref()
        .and_then(|lists| lists.get(post.indexes.data)?.as_ref());
    let access_list = optional(access_list_given)?;
    let recipient = || {
        to.to()
            .copied()
            .ok_or("this type creates no contracts".to_owned())
    };
    let (max_fee_per_gas, max_priority_fee_per_gas) = (
        price(&parts.max_fee_per_gas)?,
        price(&parts.max_priority_fee_per_gas)?,
    );
    Ok(if parts.authorization_list.is_some() {
        let authorization_list = optional(parts.authorization_list.as_ref())?;
        let to: Address = recipient()?;
        sign(
            key,
            TxEip7702 {
                chain_id: CHAIN_ID,
                nonce,
                gas_limit,
                max_fee_per_gas,
                max_priority_fee_per_gas,
                to,
                value,
                access_list,
                authorization_list,
                input,
            },
        )?
    } else if let Some(blob_versioned_hashes) = parts.blob_versioned_hashes.clone() {
        let max_fee_per_blob_gas = price(&parts.max_fee_per_blob_gas)?;
        let to: Address = recipient()?;
        sign(
            key,
            TxEip4844 {
                chain_id: CHAIN_ID,
                nonce,
                gas_limit,
                max_fee_per_gas,
                max_priority_fee_per_gas,
                to,
                value,
                access_list,
                blob_versioned_hashes,
                max_fee_per_blob_gas,
                input,
            },
        )?
    } else if parts.max_fee_per_gas.is_some() {
        sign(
            key,
            TxEip1559 {
                chain_id: CHAIN_ID,
                nonce,
                gas_limit,
                max_fee_per_gas,
                max_priority_fee_per_gas,
                to,
                value,
                access_list,
                input,
            },
        )?
    } else if access_list_given.is_some() {
        sign(
            key,
            TxEip2930 {
                chain_id: CHAIN_ID,
                nonce,
                gas_price: price(&parts.gas_price)?,
                gas_limit,
                to,
                value,
                access_list,
                input,
            },
        )?
    } else {
        sign(
            key,
            TxLegacy {
                chain_id: None,
                nonce,
                gas_price: price(&parts.gas_price)?,
                gas_limit,
                to,
                value,
                input,
            },
        )?
    })
}

fn sign<T>(key: B256, transaction: T) -> Result<EthereumTransaction, String>
where
    T: SignableTransaction<alloy::primitives::Signature>,
    EthereumTransaction: From<alloy::consensus::Signed<T>>,
{
    let signature =
        sign_message(key, transaction.signature_hash()).map_err(|error| error.to_string())?;
    Ok(transaction.into_signed(signature).into())
}
