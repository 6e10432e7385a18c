//! What a block does besides its transactions: system calls and requests.
//!
//! - Before the transactions: the parent beacon root (EIP-4788, L1 only) and the parent's hash (EIP-2935) are stored by
//!   calls whose failure changes nothing.
//! - After them, on L1 from Prague on: deposits are read from logs (EIP-6110), withdrawal and consolidation requests are
//!   taken from their contracts by calls that must succeed (EIP-7002, EIP-7251). Together they are the block's requests
//!   (EIP-7685).

use crate::{
    block::BlockError,
    evm::{BlockEvm, BlockHandler},
    overlay::Overlay,
    rules::{EthereumRules, Rules},
    source::{BlockHashSource, StateSource},
    state::StateError,
    transaction::Receipt,
};
use alloc::{string::ToString, vec::Vec};
use alloy_eips::{
    eip6110::DEPOSIT_REQUEST_TYPE,
    eip7002::{SYSTEM_ADDRESS, WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS, WITHDRAWAL_REQUEST_TYPE},
    eip7251::{CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS, CONSOLIDATION_REQUEST_TYPE},
};
use alloy_primitives::{Address, B256, Bytes, Log, TxKind, b256};
use revm::{
    context::{
        ContextSetters, ContextTr, JournalTr, TxEnv,
        result::{EVMError, ExecutionResult},
    },
    handler::Handler,
    precompile,
};

/// Gas of a system call (EIP-4788, EIP-2935, EIP-7002, EIP-7251).
const SYSTEM_CALL_GAS: u64 = 30_000_000;

/// Topic of the deposit contract's event `DepositEvent(bytes,bytes,bytes,bytes,bytes)`.
const DEPOSIT_EVENT: B256 =
    b256!("649bbc62d0e31342afea4e5cd82d4049e7e1ee912fc0889aa790803be39038c5");

/// Fields of a deposit as they stand in the event's data: (offset of the length word, length in bytes): public key,
/// withdrawal credentials, amount, signature, index (EIP-6110).
const DEPOSIT_FIELDS: [(usize, usize); 5] = [(160, 48), (256, 32), (320, 8), (384, 96), (512, 8)];
/// Length of the event's data.
const DEPOSIT_DATA_BYTES: usize = 576;

/// Calls `contract` as the system and keeps what it changes. `None` when it has no code or fails.
pub(crate) fn system_call<S: StateSource, B: BlockHashSource>(
    evm: &mut BlockEvm<Overlay<S, B>>,
    rules: &Rules,
    contract: Address,
    data: Bytes,
) -> Result<Option<Bytes>, BlockError> {
    if !evm.ctx.db_mut().has_code(contract)? {
        return Ok(None);
    }
    evm.ctx.set_tx(TxEnv {
        caller: SYSTEM_ADDRESS,
        kind: TxKind::Call(contract),
        data,
        gas_limit: SYSTEM_CALL_GAS,
        ..TxEnv::default()
    });
    let mut handler = BlockHandler::<_, EVMError<StateError>>::new(rules);
    let result = handler.run_system_call(evm).map_err(BlockError::from_evm)?;
    let state = evm.ctx.journal_mut().finalize();
    let ExecutionResult::Success { output, .. } = result else {
        return Ok(None);
    };
    evm.ctx.db_mut().commit(state);
    Ok(Some(output.into_data()))
}

/// The block's requests, each with its type byte in front, those without content left out.
pub(crate) fn requests<S: StateSource, B: BlockHashSource>(
    evm: &mut BlockEvm<Overlay<S, B>>,
    rules: &Rules,
    ethereum: &EthereumRules,
    receipts: &[Receipt],
) -> Result<Vec<Bytes>, BlockError> {
    let deposits = deposits(
        ethereum.deposit_contract,
        receipts.iter().flat_map(|receipt| &receipt.logs),
    )?;
    let mut requests = Vec::from([(DEPOSIT_REQUEST_TYPE, Bytes::from(deposits))]);
    for (request_type, contract) in [
        (
            WITHDRAWAL_REQUEST_TYPE,
            WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS,
        ),
        (
            CONSOLIDATION_REQUEST_TYPE,
            CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS,
        ),
    ] {
        let output = system_call(evm, rules, contract, Bytes::new())?;
        requests.push((
            request_type,
            output.ok_or(BlockError::SystemCall(contract))?,
        ));
    }
    let with_type =
        |(request_type, data): (u8, Bytes)| [&[request_type], data.as_ref()].concat().into();
    Ok(requests
        .into_iter()
        .filter(|(_, data)| !data.is_empty())
        .map(with_type)
        .collect())
}

/// Concatenated deposits of the logs that `contract` emitted.
fn deposits<'a>(
    contract: Address,
    logs: impl Iterator<Item = &'a Log>,
) -> Result<Vec<u8>, BlockError> {
    let mut deposits = Vec::new();
    for log in
        logs.filter(|log| log.address == contract && log.topics().first() == Some(&DEPOSIT_EVENT))
    {
        append_deposit(&log.data.data, &mut deposits).ok_or(BlockError::Deposit)?;
    }
    Ok(deposits)
}

/// Appends the deposit in an event's data; `None` unless the data has exactly the one layout that ABI encoding gives it.
fn append_deposit(data: &[u8], out: &mut Vec<u8>) -> Option<()> {
    if data.len() != DEPOSIT_DATA_BYTES {
        return None;
    }
    let word_is = |at: usize, value: usize| {
        let (high, low) = data[at..at + 32].split_at(24);
        high.iter().all(|byte| *byte == 0) && low == (value as u64).to_be_bytes()
    };
    for (index, (offset, length)) in DEPOSIT_FIELDS.into_iter().enumerate() {
        if !word_is(index * 32, offset) || !word_is(offset, length) {
            return None;
        }
        out.extend_from_slice(&data[offset + 32..offset + 32 + length]);
    }
    Some(())
}

/// `sha256(sha256(request 0) ++ sha256(request 1) ++ ...)` (EIP-7685).
pub(crate) fn requests_hash(requests: &[Bytes]) -> B256 {
    let crypto = precompile::crypto();
    let hashes: Vec<u8> = requests
        .iter()
        .flat_map(|request| crypto.sha256(request))
        .collect();
    crypto.sha256(&hashes).into()
}

impl BlockError {
    /// An error of the EVM that no transaction is to blame for.
    pub(crate) fn from_evm(error: EVMError<StateError>) -> Self {
        match error {
            EVMError::Database(error) => Self::State(error),
            other => Self::Evm(other.to_string()),
        }
    }
}
