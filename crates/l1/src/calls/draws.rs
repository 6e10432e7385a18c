//! Calls of Draws: charges against the operator for having passed a roller over, by its signature.
//!
//! A pair of a receipt and bytes is the receipt with the operator's signature.

use alloy::primitives::{Address, Bytes};

use crate::{
    Call,
    contracts::Draws::{
        HeartbeatReceipt, PassOver, PassOverReceipt, PostedDraw, notDrainingCall, notSilentCall,
        notTrueCall,
    },
};

/// `notSilent`: passed over as silent, although it was heard.
pub fn not_silent(
    draws: Address,
    batch: u64,
    p: (PassOverReceipt, Bytes),
    (h, heartbeat_signature): (HeartbeatReceipt, Bytes),
) -> Call {
    let call = notSilentCall {
        batch,
        p: signed(p),
        h,
        heartbeatSignature: heartbeat_signature,
    };
    Call::new(draws, &call)
}

/// `notDraining`: passed over as draining, although it was heard ready shortly before and shortly after.
pub fn not_draining(
    draws: Address,
    batch: u64,
    p: (PassOverReceipt, Bytes),
    (before, before_signature): (HeartbeatReceipt, Bytes),
    (afterwards, afterwards_signature): (HeartbeatReceipt, Bytes),
) -> Call {
    let call = notDrainingCall {
        batch,
        p: signed(p),
        before,
        beforeSignature: before_signature,
        afterwards,
        afterwardsSignature: afterwards_signature,
    };
    Call::new(draws, &call)
}

/// `notTrue`: passed over for a reason of which L1 knows better.
pub fn not_true(draws: Address, batch: u64, p: (PassOverReceipt, Bytes)) -> Call {
    let call = notTrueCall {
        batch,
        p: signed(p),
    };
    Call::new(draws, &call)
}

/// What is signed needs nothing of what was posted.
fn signed((receipt, signature): (PassOverReceipt, Bytes)) -> PassOver {
    PassOver {
        receipt,
        signature,
        posted: PostedDraw {
            rounds: Bytes::new(),
            leaves: Bytes::new(),
        },
    }
}
