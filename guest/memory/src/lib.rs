//! `memcpy`, `memcmp` and `bcmp`, to which the compiler turns every move of more than eight words and every comparison of hashes and
//! addresses.
//!
//! In the zkVM an instruction costs the same whatever it does, and nothing is cached. So: words where both sides are on words, in blocks
//! that cost little besides the loads and stores, and few decisions before the first. The compiler's own comparison goes byte by byte,
//! seven instructions each, and OpenVM's `memcpy` is made for processors.
//!
//! - `memcmp` and `bcmp` take the place of the compiler's, which are weak symbols: linking this crate is all that it takes.
//! - `memcpy` of the crate `openvm` is not weak: the linker is told to take [`rollmill_memcpy`] for it (`xtask/src/guest.rs`).
//!
//! INVARIANT: nothing here may become a call of what it defines. `no_builtins` keeps the compiler from recognising it, and words are moved
//! one by one: a move of an array would be a call.
#![no_std]
#![no_builtins]

const WORD: usize = size_of::<u32>();

/// Copies `count` bytes. Returns `to`.
///
/// # Safety
/// `from` points to `count` bytes to read, `to` to as many to write, and they do not overlap.
#[cfg_attr(target_os = "zkvm", unsafe(no_mangle))]
pub unsafe extern "C" fn rollmill_memcpy(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
    // SAFETY: what is copied adds up to `count`, and words are copied from words to words.
    unsafe {
        let mut cursor = Cursor { to, from };
        let mut left = count;
        if (to.addr() | from.addr()).is_multiple_of(WORD) {
            while left >= 8 * WORD {
                cursor.copy_4_words();
                cursor.copy_4_words();
                left -= 8 * WORD;
            }
            if left & (4 * WORD) != 0 {
                cursor.copy_4_words();
            }
            if left & (2 * WORD) != 0 {
                cursor.copy_word();
                cursor.copy_word();
            }
            if left & WORD != 0 {
                cursor.copy_word();
            }
        } else {
            while left >= 4 {
                cursor.copy_4_bytes();
                left -= 4;
            }
        }
        if left & 2 != 0 {
            cursor.copy_byte();
            cursor.copy_byte();
        }
        if left & 1 != 0 {
            cursor.copy_byte();
        }
    }
    to
}

/// Where the next byte is copied from and to. Copies what its functions are named by, and goes on behind it.
struct Cursor {
    to: *mut u8,
    from: *const u8,
}

impl Cursor {
    #[inline(always)]
    unsafe fn copy_4_words(&mut self) {
        // SAFETY: the caller knows that there are so many words on both sides.
        unsafe {
            let (to, from) = (self.to.cast::<u32>(), self.from.cast::<u32>());
            let words = (
                from.read(),
                from.add(1).read(),
                from.add(2).read(),
                from.add(3).read(),
            );
            to.write(words.0);
            to.add(1).write(words.1);
            to.add(2).write(words.2);
            to.add(3).write(words.3);
            self.skip(4 * WORD);
        }
    }

    #[inline(always)]
    unsafe fn copy_word(&mut self) {
        // SAFETY: the caller knows that there is a word on both sides.
        unsafe {
            self.to.cast::<u32>().write(self.from.cast::<u32>().read());
            self.skip(WORD);
        }
    }

    #[inline(always)]
    unsafe fn copy_4_bytes(&mut self) {
        // SAFETY: the caller knows that there are so many bytes on both sides.
        unsafe {
            let bytes = (
                self.from.read(),
                self.from.add(1).read(),
                self.from.add(2).read(),
                self.from.add(3).read(),
            );
            self.to.write(bytes.0);
            self.to.add(1).write(bytes.1);
            self.to.add(2).write(bytes.2);
            self.to.add(3).write(bytes.3);
            self.skip(4);
        }
    }

    #[inline(always)]
    unsafe fn copy_byte(&mut self) {
        // SAFETY: the caller knows that there is a byte on both sides.
        unsafe {
            self.to.write(self.from.read());
            self.skip(1);
        }
    }

    #[inline(always)]
    unsafe fn skip(&mut self, bytes: usize) {
        // SAFETY: so much was copied.
        unsafe {
            self.to = self.to.add(bytes);
            self.from = self.from.add(bytes);
        }
    }
}

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

    fn compare(left: &[u8], right: &[u8]) {
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
            compare(&left, &left);
            for at in 0..left.len() {
                for change in [1, 0x80, 0xff] {
                    let mut right = left.clone();
                    right[at] ^= change;
                    compare(&left, &right);
                    // The first difference counts.
                    if let Some(last) = right.last_mut().filter(|_| at + 1 < left.len()) {
                        *last ^= 0xff;
                    }
                    compare(&left, &right);
                }
            }
        }
    }

    /// Every length of some blocks, between all places in a word; what is beside stays.
    #[test]
    fn copies_exactly_what_it_should() {
        const BESIDE: u8 = 0xa5;
        for length in 0..=140 {
            let bytes: Vec<u8> = (0..length).map(|index| index as u8 ^ 0x5a).collect();
            for offsets in 0..WORD * WORD {
                let (from, to) = (offsets / WORD, offsets % WORD);
                let source = Placed::new(&bytes, from);
                let mut target = vec![u32::from_le_bytes([BESIDE; WORD]); length / WORD + 4];
                let start = target.as_mut_ptr().cast::<u8>().wrapping_add(WORD + to);
                // SAFETY: the source holds so many bytes, and the target more behind its first word.
                let returned = unsafe { rollmill_memcpy(start, source.start(), length) };
                assert_eq!(returned, start);
                let target: Vec<u8> = target.into_iter().flat_map(u32::to_le_bytes).collect();
                let (before, rest) = target.split_at(WORD + to);
                let (copied, behind) = rest.split_at(length);
                assert_eq!(copied, bytes);
                assert!(before.iter().chain(behind).all(|byte| *byte == BESIDE));
            }
        }
    }
}
