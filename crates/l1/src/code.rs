//! Is a contract on L1 what a compiler's output says?
//!
//! The code on chain differs from the compiled code in its immutables alone: the constructor writes each over 32 zero bytes that
//! the compiler left behind a PUSH32. Nothing else may differ, and the committed bytecode carries no metadata.

const PUSH1: u8 = 0x60;
const PUSH32: u8 = 0x7f;

/// Whether `deployed` is `compiled` with its immutables filled in.
pub fn is_compiled_from(deployed: &[u8], compiled: &[u8]) -> bool {
    if deployed.len() != compiled.len() {
        return false;
    }
    let mut at = 0;
    while let Some(&opcode) = compiled.get(at) {
        let immediate = match opcode {
            PUSH1..=PUSH32 => usize::from(opcode - PUSH1) + 1,
            _ => 0,
        };
        let end = (at + 1 + immediate).min(compiled.len());
        let blank = opcode == PUSH32 && compiled[at + 1..end] == [0; 32];
        let compared = if blank { at..at + 1 } else { at..end };
        if deployed[compared.clone()] != compiled[compared] {
            return false;
        }
        at = end;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    /// PUSH1 1, PUSH32 (an immutable), PUSH32 (a constant), STOP.
    fn compiled() -> Vec<u8> {
        let constant = [&[PUSH32], &[7; 32][..]].concat();
        [&[PUSH1, 1, PUSH32], &[0; 32][..], &constant, &[0]].concat()
    }

    #[test]
    fn immutables_and_nothing_else_may_differ() {
        let compiled = compiled();
        assert!(is_compiled_from(&compiled, &compiled));
        for at in 0..compiled.len() {
            let mut deployed = compiled.clone();
            deployed[at] ^= 1;
            let in_immutable = (3..35).contains(&at);
            assert_eq!(is_compiled_from(&deployed, &compiled), in_immutable, "{at}");
        }
    }

    #[test]
    fn longer_and_shorter_code_is_other_code() {
        let compiled = compiled();
        let longer = [&compiled[..], &[0]].concat();
        assert!(!is_compiled_from(&longer, &compiled));
        assert!(!is_compiled_from(&compiled[1..], &compiled));
        assert!(!is_compiled_from(&[], &compiled));
        // An immediate that the end cuts off is compared as far as it goes.
        assert!(is_compiled_from(&[PUSH32, 0], &[PUSH32, 0]));
        assert!(!is_compiled_from(&[PUSH32, 1], &[PUSH32, 0]));
    }
}
