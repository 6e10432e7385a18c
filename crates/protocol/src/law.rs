//! The mechanism, one small pure function per rule.
//!
//! Ratios are integers in parts of [`ONE`] = 10^9; every division says which way it rounds; time and randomness are
//! arguments. Each module names the exploit that its rule closes. [`crate::board`] strings the rules together.

pub mod bond;
pub mod control;
pub mod deadline;
pub mod draw;
pub mod eligibility;
pub mod emission;
pub mod fine;
pub mod late;
pub mod lottery;
pub mod params;
pub mod quarantine;
pub mod reputation;
pub mod reward;
pub mod rounds;
pub mod snapshot;

pub use control::Controls;
pub use params::Params;
pub use snapshot::{Leaf, Snapshot};

/// The ratio 1.
pub const ONE: u64 = 1_000_000_000;

/// A ratio in parts of [`ONE`].
pub type Ratio = u64;

/// `floor(amount * ratio / ONE)`; `None` when the result exceeds 128 bits.
pub(crate) fn mul_ratio_floor(amount: u128, ratio: Ratio) -> Option<u128> {
    let product = alloy_primitives::U256::from(amount) * alloy_primitives::U256::from(ratio);
    u128::try_from(product / alloy_primitives::U256::from(ONE)).ok()
}
