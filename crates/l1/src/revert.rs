//! Why a call failed, in words: custom errors by name and value, from the ABI files of all our contracts.

use std::{collections::BTreeMap, sync::LazyLock};

use alloy::{
    dyn_abi::{DynSolValue, JsonAbiExt},
    json_abi::Error as AbiError,
    primitives::{Bytes, Selector, hex},
    sol_types::{PanicKind, Revert, SolError},
    transports::{RpcError, TransportError},
};

use crate::artifacts::abis;

/// Solidity's `Panic(uint256)`.
const PANIC_SELECTOR: [u8; 4] = [0x4e, 0x48, 0x7b, 0x71];

static ERRORS: LazyLock<BTreeMap<Selector, AbiError>> = LazyLock::new(|| {
    let errors = abis().iter().flat_map(|abi| abi.errors.values().flatten());
    errors
        .map(|error| (error.selector(), error.clone()))
        .collect()
});

/// Revert data in words, such as `BatchOutOfOrder(batch 5, expected 4)`.
pub fn describe(data: &[u8]) -> String {
    if data.is_empty() {
        return "reverted without a reason".to_owned();
    }
    if let Ok(revert) = Revert::abi_decode(data) {
        return revert.reason;
    }
    let Some((selector, arguments)) = data.split_first_chunk::<4>() else {
        return hex::encode_prefixed(data);
    };
    if *selector == PANIC_SELECTOR {
        let kind = arguments
            .last()
            .copied()
            .and_then(|code| PanicKind::from_number(code.into()));
        return kind.map_or_else(
            || "panicked".to_owned(),
            |kind| format!("panicked: {}", kind.as_str()),
        );
    }
    named(Selector::from(*selector), arguments).unwrap_or_else(|| hex::encode_prefixed(data))
}

fn named(selector: Selector, arguments: &[u8]) -> Option<String> {
    let error = ERRORS.get(&selector)?;
    let values = error.abi_decode_input(arguments).ok()?;
    let fields: Vec<String> = error
        .inputs
        .iter()
        .zip(&values)
        .map(|(input, value)| {
            format!("{} {}", input.name, display(value))
                .trim_start()
                .to_owned()
        })
        .collect();
    Some(format!("{}({})", error.name, fields.join(", ")))
}

fn display(value: &DynSolValue) -> String {
    match value {
        DynSolValue::Uint(number, _) => number.to_string(),
        DynSolValue::Int(number, _) => number.to_string(),
        DynSolValue::Address(address) => address.to_string(),
        DynSolValue::FixedBytes(word, size) => hex::encode_prefixed(&word[..*size]),
        DynSolValue::Bytes(bytes) => hex::encode_prefixed(bytes),
        DynSolValue::Bool(flag) => flag.to_string(),
        DynSolValue::String(text) => text.clone(),
        other => format!("{other:?}"),
    }
}

/// The reason of a reverted `eth_call` or `eth_estimateGas`; `None` when the error is no revert.
pub fn reason(error: &TransportError) -> Option<String> {
    let RpcError::ErrorResp(payload) = error else {
        return None;
    };
    if let Some(data) = payload.as_revert_data() {
        return Some(describe(&data));
    }
    // Some nodes state the data without the word "revert" in the message; code 3 is what means a revert.
    let data = payload.try_data_as::<Bytes>().and_then(Result::ok);
    match (payload.code, data) {
        (3, Some(data)) => Some(describe(&data)),
        (3, None) => Some(payload.message.to_string()),
        _ if payload.message.contains("revert") => Some(payload.message.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use alloy::{
        primitives::{Address, hex},
        sol_types::{Panic, PanicKind, Revert, SolError},
    };

    use super::describe;
    use crate::contracts::{RollerRegistry, Rollup};

    #[test]
    fn errors_of_our_contracts_have_names_and_values() {
        let error = Rollup::BatchOutOfOrder {
            batch: 5,
            expected: 4,
        };
        assert_eq!(
            describe(&error.abi_encode()),
            "BatchOutOfOrder(batch 5, expected 4)"
        );
        let error = RollerRegistry::NotRegistered {
            roller: Address::ZERO,
        };
        assert_eq!(
            describe(&error.abi_encode()),
            format!("NotRegistered(roller {})", Address::ZERO)
        );
    }

    #[test]
    fn solidity_reasons_panics_and_unknown_data_are_shown() {
        assert_eq!(describe(&Revert::from("no funds").abi_encode()), "no funds");
        assert!(
            describe(&Panic::from(PanicKind::UnderOverflow).abi_encode()).starts_with("panicked: ")
        );
        assert_eq!(describe(&hex!("deadbeef00")), "0xdeadbeef00");
        assert_eq!(describe(&[]), "reverted without a reason");
    }
}
