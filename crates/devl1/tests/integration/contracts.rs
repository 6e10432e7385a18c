//! The smallest contracts that show what a test needs.

use alloy::primitives::{Bytes, bytes};

/// LOG2 with topics 0x11 and the caller, data = the first word of the input.
pub const LOGGER: Bytes = bytes!("60003560005233601160206000a200");
/// Reverts with its input.
pub const REVERTER: Bytes = bytes!("366000600037366000fd");
/// Returns PREVRANDAO.
pub const RANDAO: Bytes = bytes!("4460005260206000f3");
/// Returns BLOCKHASH of the number in the first word of the input.
pub const BLOCKHASH: Bytes = bytes!("6000354060005260206000f3");
/// Stores the second word of the input in the slot of the first.
pub const STORE: Bytes = bytes!("602035600035550000");

/// Loads slot 7, then calls the address in the first word of the input with one wei.
pub const CALLER: Bytes = bytes!("600754506000600060006000600160003562011170f100");

/// Init code that deploys a runtime of at most 255 bytes.
pub fn deploying(runtime: &Bytes) -> Bytes {
    let length = u8::try_from(runtime.len()).unwrap();
    let mut init = vec![
        0x60, length, 0x80, 0x60, 0x0b, 0x60, 0x00, 0x39, 0x60, 0x00, 0xf3,
    ];
    init.extend_from_slice(runtime);
    init.into()
}

/// ABI of `Error(string)`.
pub fn error_string(text: &str) -> Bytes {
    let mut data = vec![0x08, 0xc3, 0x79, 0xa0];
    let word = |value: usize| alloy::primitives::U256::from(value).to_be_bytes::<32>();
    data.extend(word(32));
    data.extend(word(text.len()));
    let mut padded = text.as_bytes().to_vec();
    padded.resize(text.len().div_ceil(32) * 32, 0);
    data.extend(padded);
    data.into()
}
