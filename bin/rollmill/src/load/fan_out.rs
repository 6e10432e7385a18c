//! Many calls in one transaction, on any chain: as the creation code of a contract that makes them and leaves nothing behind.

use alloy_primitives::{Address, Bytes, U256};

/// A call that is made.
#[derive(Clone, Debug)]
pub struct Call {
    /// Who is called.
    pub to: Address,
    /// Wei that go along; the creating transaction brings the sum.
    pub value: U256,
    /// Call data; at most 64 KiB.
    pub input: Bytes,
}

const STOP: u8 = 0x00;
const ISZERO: u8 = 0x15;
const MSTORE: u8 = 0x52;
const JUMPI: u8 = 0x57;
const GAS: u8 = 0x5a;
const JUMPDEST: u8 = 0x5b;
const PUSH0: u8 = 0x5f;
const PUSH2: u8 = 0x61;
const PUSH20: u8 = 0x73;
const PUSH32: u8 = 0x7f;
const CALL: u8 = 0xf1;
const REVERT: u8 = 0xfd;

/// Creation code that makes the calls in their order. If one fails, all revert. The code must stay below 48 KiB (EIP-3860),
/// which some 200 calls of an ERC-20 do.
pub fn init_code(calls: &[Call]) -> Bytes {
    let mut code = Vec::new();
    let mut exits = Vec::new();
    for Call { to, value, input } in calls {
        for (index, part) in input.chunks(32).enumerate() {
            let mut word = [0; 32];
            word[..part.len()].copy_from_slice(part);
            code.push(PUSH32);
            code.extend_from_slice(&word);
            push_length(&mut code, 32 * index);
            code.push(MSTORE);
        }
        // No return data: size and offset. Then the input: size and offset.
        code.extend_from_slice(&[PUSH0, PUSH0]);
        push_length(&mut code, input.len());
        code.push(PUSH0);
        code.push(PUSH32);
        code.extend_from_slice(&value.to_be_bytes::<32>());
        code.push(PUSH20);
        code.extend_from_slice(to.as_slice());
        code.extend_from_slice(&[GAS, CALL, ISZERO]);
        exits.push(code.len() + 1);
        push_length(&mut code, 0);
        code.push(JUMPI);
    }
    code.push(STOP);
    let exit = length(code.len()).to_be_bytes();
    code.extend_from_slice(&[JUMPDEST, PUSH0, PUSH0, REVERT]);
    for place in exits {
        code[place..place + 2].copy_from_slice(&exit);
    }
    code.into()
}

fn push_length(code: &mut Vec<u8>, value: usize) {
    code.push(PUSH2);
    code.extend_from_slice(&length(value).to_be_bytes());
}

fn length(value: usize) -> u16 {
    u16::try_from(value).expect("INVARIANT: creation code is below 48 KiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_hundred_token_calls_are_below_the_limit_of_creation_code() {
        let call = Call {
            to: Address::repeat_byte(1),
            value: U256::MAX,
            input: vec![7; 68].into(),
        };
        assert!(init_code(&vec![call; 200]).len() < 49_152);
    }

    #[test]
    fn a_failed_call_jumps_to_the_revert() {
        let call = Call {
            to: Address::repeat_byte(1),
            value: U256::ONE,
            input: Bytes::new(),
        };
        let code = init_code(&[call]);
        let exit = code.len() - 4;
        assert_eq!(code[exit..], [JUMPDEST, PUSH0, PUSH0, REVERT]);
        assert_eq!(code[exit - 1], STOP);
        assert_eq!(code[exit - 2], JUMPI);
        assert_eq!(usize::from(code[exit - 3]), exit);
    }
}
