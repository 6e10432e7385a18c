//! A simulator of the mechanism: invented rollers, invented load, the production law.
//!
//! Everything is a function of a [`world::World`] (a TOML file) and a seed. [`law_market`] drives `rollmill_protocol::board`, the very
//! code that the coordinator runs, with the events of an invented L1 and of invented rollers; [`rivals`] are the policies that it
//! is compared with. What a roller does is a [`strategy::Strategy`]: the honest one, the attacks of [`attacks`], or your own (see
//! `examples/my_attack.rs`).
//!
//! Rules of this crate:
//! - No clock and no system randomness: equal worlds and seeds give equal numbers on equal machines. Only the report says what it took.
//! - Floating point is for what is invented and measured (speeds, times, money of people); the law stays integer.
//! - Money is counted by *expected* reward: an entry is credited with its share of the tickets, not by the luck of the lottery, so
//!   that an advantage of a percent is seen in a day of simulated time. The lottery's winner settles all the same.

pub mod attacks;
pub mod claims;
pub mod defences;
pub mod fleet;
pub mod grinding;
pub mod harness;
pub mod law_market;
pub mod load;
pub mod machine;
pub mod models;
pub mod outcome;
pub mod plot;
pub mod policy;
pub mod report;
pub mod rivals;
pub mod rng;
pub mod stats;
pub mod strategy;
pub mod table;
pub mod world;
