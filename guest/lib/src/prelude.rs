//! Work that makes a trace its roller's own.
//!
//! Every roller drawn for a task proves the same batch. If only the public values carried the identity, two runs would
//! have almost equal traces, and one machine could prove once and re-label cheaply for many names: commitments to the
//! equal columns could be reused, and a stake split over several names would prove at the price of one. So the first
//! thing a program does is derived from `keccak256(roller, task)`:
//!
//! - the allocator's base moves by a derived number of words, so every heap pointer of the run, and with it every
//!   register, memory-bus and program-dependent column that holds one, differs;
//! - a derived number of steps is executed, so every later row sits at another index and another timestamp, and
//!   segments are cut elsewhere.
//!
//! The cost is bounded: at most 64 KiB of address space (untouched, so no memory pages) and 4,096 steps of three
//! instructions, about 12,000 of a batch's millions.

use alloy_primitives::B256;
use rollmill_stf::Identity;

use crate::identity;

/// Upper bound (exclusive) of the shift of the allocator's base, in 4-byte words.
const HEAP_SHIFT_WORDS_MAX: u32 = 1 << 14;
/// Upper bound (exclusive) of the number of extra steps.
const STEPS_MAX: u32 = 1 << 12;

/// What the prelude does for one identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prelude {
    /// Words of the heap that are skipped before the first real allocation.
    pub heap_shift_words: u32,
    /// Steps of the delay loop.
    pub steps: u32,
}

impl Prelude {
    /// Derives the prelude of an identity.
    pub fn derive(identity: &Identity) -> Self {
        Self::from_seed(identity::seed(identity))
    }

    fn from_seed(seed: B256) -> Self {
        let word =
            |at: usize| u32::from_be_bytes([seed[at], seed[at + 1], seed[at + 2], seed[at + 3]]);
        // At least one word and one step, so that no identity is the bare program.
        Self {
            heap_shift_words: 1 + word(0) % (HEAP_SHIFT_WORDS_MAX - 1),
            steps: 1 + word(4) % (STEPS_MAX - 1),
        }
    }

    /// Executes the prelude: leaks the shift from the allocator, then counts the steps.
    pub fn run(&self) {
        let shift = alloc::vec::Vec::<u32>::with_capacity(self.heap_shift_words as usize);
        // The bump allocator never frees; leaking says so for allocators that do.
        core::hint::black_box(core::mem::ManuallyDrop::new(shift).as_ptr());
        for step in 0..self.steps {
            core::hint::black_box(step);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::Address;
    use rollmill_protocol::TaskId;

    fn of(roller: u8, task: u8) -> Prelude {
        Prelude::derive(&Identity {
            roller: Address::repeat_byte(roller),
            task: TaskId(B256::repeat_byte(task)),
        })
    }

    #[test]
    fn stays_in_its_bounds() {
        for seed in [B256::ZERO, B256::repeat_byte(0xff), B256::repeat_byte(0x3f)] {
            let prelude = Prelude::from_seed(seed);
            assert!((1..HEAP_SHIFT_WORDS_MAX).contains(&prelude.heap_shift_words));
            assert!((1..STEPS_MAX).contains(&prelude.steps));
        }
    }

    #[test]
    fn differs_by_roller_and_by_task() {
        assert_eq!(of(1, 1), of(1, 1));
        assert_ne!(of(1, 1), of(2, 1));
        assert_ne!(of(1, 1), of(1, 2));
    }
}
