//! Calls that bring a roller what it has earned; anybody may send them, and the roller's payout address gets it.

use alloy::primitives::Address;

use crate::{
    Call,
    contracts::{
        Emission,
        RewardPool::{claimCall, creditArrearsCall},
    },
};

/// `RewardPool.claim`: all credits of a roller.
pub fn claim_credits(reward_pool: Address, roller: Address) -> Call {
    Call::new(reward_pool, &claimCall { roller })
}

/// `RewardPool.creditArrears`: what the pool could not pay before, as far as it can now.
pub fn credit_arrears(reward_pool: Address, roller: Address) -> Call {
    Call::new(reward_pool, &creditArrearsCall { roller })
}

/// `Emission.claim`: the share of an epoch that is over.
pub fn claim_emission(emission: Address, epoch: u64, roller: Address) -> Call {
    Call::new(emission, &Emission::claimCall { epoch, roller })
}
