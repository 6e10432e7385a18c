//! `keccak256` with the zkVM's instructions: what `alloy-primitives` calls under its feature `native-keccak`.
//!
//! The machine xors words into words and permutes the state, both in place. So the state lies on the stack, whole words of the input
//! are absorbed where they are, and bytes are touched one by one only where the input does not begin or end on a word. Nothing is taken
//! from the heap: it is never given back, and memory costs the proof more than instructions do.
//!
//! SOUNDNESS: the circuits fix what both instructions do for pointers on words and for lengths in words up to the rate, and only such
//! are passed. Neither takes a hint.

use openvm_keccak256_guest::{KECCAK_OUTPUT_SIZE, KECCAK_RATE, KECCAK_WIDTH_BYTES, MIN_ALIGN};

/// A sponge's state, on a word.
#[repr(C, align(4))]
struct State([u8; KECCAK_WIDTH_BYTES]);

/// As much as one permutation absorbs, on a word.
#[repr(C, align(4))]
struct Block([u8; KECCAK_RATE]);

/// The hook of `alloy-primitives`.
///
/// # Safety
/// `bytes` points to `len` bytes to read, `output` to 32 bytes to write.
#[cfg(target_os = "zkvm")]
#[no_mangle]
#[allow(unsafe_code)]
unsafe extern "C" fn native_keccak256(bytes: *const u8, len: usize, output: *mut u8) {
    // SAFETY: the caller's promise. Slices of length zero need no memory behind them, only a pointer that is not null, which a slice's
    // is not: `alloy-primitives` has it from one.
    let input = unsafe { core::slice::from_raw_parts(bytes, len) };
    let state = sponge(input);
    // SAFETY: the caller's promise; the state is larger than the output.
    unsafe { core::ptr::copy_nonoverlapping(state.0.as_ptr(), output, KECCAK_OUTPUT_SIZE) };
}

/// Absorbs `input`. The hash is at the start of the state.
fn sponge(input: &[u8]) -> State {
    let mut state = State([0; KECCAK_WIDTH_BYTES]);
    let mut blocks = input.chunks_exact(KECCAK_RATE);
    for block in &mut blocks {
        absorb(&mut state, block);
        permute(&mut state);
    }
    let last = blocks.remainder();
    absorb(&mut state, last);
    state.0[last.len()] ^= 0x01;
    state.0[KECCAK_RATE - 1] ^= 0x80;
    permute(&mut state);
    state
}

/// Xors `block`, of at most [`KECCAK_RATE`] bytes, into the state.
fn absorb(state: &mut State, block: &[u8]) {
    let (words, rest) = block.split_at(block.len() - block.len() % MIN_ALIGN);
    if words.as_ptr().addr() % MIN_ALIGN == 0 {
        xor_words(state, words);
    } else {
        let mut on_word = Block([0; KECCAK_RATE]);
        let on_word = &mut on_word.0[..words.len()];
        on_word.copy_from_slice(words);
        xor_words(state, on_word);
    }
    for (own, byte) in state.0[words.len()..].iter_mut().zip(rest) {
        *own ^= byte;
    }
}

/// Xors `words`, whole words that begin on one, into the state.
#[cfg(target_os = "zkvm")]
#[allow(unsafe_code)]
fn xor_words(state: &mut State, words: &[u8]) {
    // SAFETY: both point to as many bytes.
    unsafe {
        openvm_keccak256_guest::native_xorin(state.0.as_mut_ptr(), words.as_ptr(), words.len());
    }
}

#[cfg(target_os = "zkvm")]
#[allow(unsafe_code)]
fn permute(state: &mut State) {
    // SAFETY: the state has the length that the instruction permutes.
    unsafe { openvm_keccak256_guest::native_keccakf(state.0.as_mut_ptr()) };
}

#[cfg(not(target_os = "zkvm"))]
fn xor_words(state: &mut State, words: &[u8]) {
    assert!(
        words.as_ptr().addr().is_multiple_of(MIN_ALIGN) && words.len().is_multiple_of(MIN_ALIGN)
    );
    for (own, byte) in state.0.iter_mut().zip(words) {
        *own ^= byte;
    }
}

#[cfg(not(target_os = "zkvm"))]
fn permute(state: &mut State) {
    let mut lanes: [u64; KECCAK_WIDTH_BYTES / 8] = core::array::from_fn(|lane| {
        u64::from_le_bytes(core::array::from_fn(|byte| state.0[lane * 8 + byte]))
    });
    keccak::Keccak::new().with_f1600(|f1600| f1600(&mut lanes));
    for (own, lane) in state.0.chunks_exact_mut(8).zip(lanes) {
        own.copy_from_slice(&lane.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::keccak256;

    /// Every length up to three blocks, from every place in a word.
    #[test]
    fn hashes_as_the_plain_function_does() {
        let bytes: Vec<u8> = (0..4 * KECCAK_RATE)
            .map(|index| (index * 7 + 3) as u8)
            .collect();
        for start in 0..MIN_ALIGN {
            for length in 0..=3 * KECCAK_RATE {
                let input = &bytes[start..start + length];
                let hash = &sponge(input).0[..KECCAK_OUTPUT_SIZE];
                let expected = keccak256(input);
                assert_eq!(hash, expected.as_slice(), "{length} bytes at {start}");
            }
        }
    }

    /// Padding tells inputs apart that differ only in zeros at their end.
    #[test]
    fn zeros_at_the_end_count() {
        let zeros = [0; 2 * KECCAK_RATE];
        for length in 1..zeros.len() {
            let hash = |length: usize| sponge(&zeros[..length]).0;
            assert_ne!(
                hash(length)[..KECCAK_OUTPUT_SIZE],
                hash(length - 1)[..KECCAK_OUTPUT_SIZE]
            );
        }
    }
}
