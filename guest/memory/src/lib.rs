//! `memcmp` and `bcmp`, to which the compiler turns every comparison of hashes and addresses.
//!
//! The compiler's own go byte by byte, seven instructions each. Here it is words where both sides are on words, four at a time. The
//! compiler's are weak symbols, so linking this crate is all that it takes.
//!
//! INVARIANT: nothing here may become a call of what it defines: `no_builtins` keeps the compiler from recognising it.
#![no_std]
#![no_builtins]

const WORD: usize = size_of::<u32>();

/// Compares `count` bytes as C does: negative, zero or positive like the difference of the first bytes that differ.
///
/// # Safety
/// Both sides point to `count` bytes to read.
#[cfg_attr(target_os = "zkvm", unsafe(no_mangle))]
pub unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, count: usize) -> i32 {
    // SAFETY: the caller's promise, handed on.
    unsafe {
        let same = if (left.addr() | right.addr()).is_multiple_of(WORD) {
            same_words(left.cast(), right.cast(), count / WORD) * WORD
        } else {
            0
        };
        difference(left.add(same), right.add(same), count - same)
    }
}

/// Whether `count` bytes differ: zero if they do not.
///
/// # Safety
/// Both sides point to `count` bytes to read.
#[cfg_attr(target_os = "zkvm", unsafe(no_mangle))]
pub unsafe extern "C" fn bcmp(left: *const u8, right: *const u8, count: usize) -> i32 {
    // SAFETY: the caller's promise, handed on.
    unsafe { memcmp(left, right, count) }
}

/// A number of words from the start that are the same on both sides: all, or some before the first that differ.
///
/// # Safety
/// Both sides point to `count` words to read.
#[inline(always)]
unsafe fn same_words(left: *const u32, right: *const u32, count: usize) -> usize {
    let mut same = 0;
    // SAFETY: `same` and what is added to it stay within `count`.
    unsafe {
        let differs = |index: usize| left.add(index).read() != right.add(index).read();
        while count - same >= 4 {
            if differs(same) || differs(same + 1) || differs(same + 2) || differs(same + 3) {
                return same;
            }
            same += 4;
        }
        while same < count && !differs(same) {
            same += 1;
        }
    }
    same
}

/// Difference of the first of `count` bytes that differ.
///
/// # Safety
/// Both sides point to `count` bytes to read.
#[inline(always)]
unsafe fn difference(left: *const u8, right: *const u8, count: usize) -> i32 {
    let mut index = 0;
    while index < count {
        // SAFETY: `index` is within `count`.
        let (left, right) = unsafe { (left.add(index).read(), right.add(index).read()) };
        if left != right {
            return i32::from(left) - i32::from(right);
        }
        index += 1;
    }
    0
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::{cmp::Ordering, vec, vec::Vec};

    /// Bytes at an offset from a word.
    struct Placed {
        words: Vec<u32>,
        offset: usize,
    }

    impl Placed {
        fn new(bytes: &[u8], offset: usize) -> Self {
            let mut words = vec![0; (offset + bytes.len()).div_ceil(WORD)];
            for (index, byte) in (offset..).zip(bytes) {
                words[index / WORD] |= u32::from_le_bytes([*byte, 0, 0, 0]) << (8 * (index % WORD));
            }
            Self { words, offset }
        }

        fn start(&self) -> *const u8 {
            self.words.as_ptr().cast::<u8>().wrapping_add(self.offset)
        }
    }

    fn check(left: &[u8], right: &[u8]) {
        let expected = left.cmp(right);
        for offsets in 0..WORD * WORD {
            let left = Placed::new(left, offsets / WORD);
            let right_placed = Placed::new(right, offsets % WORD);
            // SAFETY: both sides hold as many bytes.
            let (compared, same) = unsafe {
                let (left, right_start) = (left.start(), right_placed.start());
                (
                    memcmp(left, right_start, right.len()),
                    bcmp(left, right_start, right.len()),
                )
            };
            assert_eq!(compared.cmp(&0), expected);
            assert_eq!(same == 0, expected == Ordering::Equal);
        }
    }

    /// Every length of some blocks, the same or different in one byte or two, from every place in a word.
    #[test]
    fn compares_as_slices_do() {
        for length in 0..=40u8 {
            let left: Vec<u8> = (0..length).map(|index| index.wrapping_mul(37)).collect();
            check(&left, &left);
            for at in 0..left.len() {
                for change in [1, 0x80, 0xff] {
                    let mut right = left.clone();
                    right[at] ^= change;
                    check(&left, &right);
                    // The first difference counts.
                    if let Some(last) = right.last_mut().filter(|_| at + 1 < left.len()) {
                        *last ^= 0xff;
                    }
                    check(&left, &right);
                }
            }
        }
    }
}
