//! Calls of Draws: charges against the operator for what it posted of its draws, and for what it signed of them.
//!
//! A pair of a receipt and bytes is the receipt with the operator's signature. A pass-over is [`signed`] or [`posted`].

use alloy::primitives::{Address, Bytes, U256};

use super::same;
use crate::{
    Call,
    contracts::{
        Draws::{
            AssignmentReceipt, HeartbeatReceipt, PassOver, PassOverReceipt, PostedDraw,
            SubmissionReceipt, VerdictReceipt, halvedEntryCall, notDrainingCall, notSeatedCall,
            notSilentCall, notTrueCall, otherSeatCall, seatDeliveredCall, seatOverCall,
            tooFewSeatsCall, unpostedCall, wrongCapCall, wrongEntryCall, wrongTicketsCall,
        },
        Rollup::Entry,
    },
};

/// A pass-over that the operator signed: it needs nothing of what was posted.
pub fn signed((receipt, signature): (PassOverReceipt, Bytes)) -> PassOver {
    PassOver {
        receipt,
        signature,
        posted: PostedDraw {
            rounds: Bytes::new(),
            paths: Vec::new(),
        },
    }
}

/// A pass-over that stands in the posted rounds.
pub fn posted(receipt: PassOverReceipt, posted: PostedDraw) -> PassOver {
    PassOver {
        receipt,
        signature: Bytes::new(),
        posted,
    }
}

/// `unposted`: entries without the draw that they come from.
pub fn unposted(draws: Address, batch: u64) -> Call {
    Call::new(draws, &unpostedCall { batch })
}

/// `wrongEntry`: the entry at a position has tickets that its roller has in no round.
pub fn wrong_entry(
    draws: Address,
    batch: u64,
    (entries, position): (&[Entry], usize),
    posted: PostedDraw,
) -> Call {
    let call = wrongEntryCall {
        batch,
        entries: entries.iter().map(same).collect(),
        position: U256::from(position),
        posted,
    };
    Call::new(draws, &call)
}

/// `halvedEntry`: the entry at a position counts twice, and that of an on-time verdict's roller does not.
pub fn halved_entry(
    draws: Address,
    batch: u64,
    (v, signature): (VerdictReceipt, Bytes),
    (entries, position): (&[Entry], usize),
    posted: PostedDraw,
) -> Call {
    let call = halvedEntryCall {
        batch,
        v,
        signature,
        entries: entries.iter().map(same).collect(),
        position: U256::from(position),
        posted,
    };
    Call::new(draws, &call)
}

/// `wrongTickets`: an assignment with more tickets than points hit its roller.
pub fn wrong_tickets(
    draws: Address,
    batch: u64,
    (a, signature): (AssignmentReceipt, Bytes),
    paths: Vec<Bytes>,
) -> Call {
    let call = wrongTicketsCall {
        batch,
        a,
        signature,
        paths,
    };
    Call::new(draws, &call)
}

/// `otherSeat`: an assignment that is not the seat in the posted rounds.
pub fn other_seat(
    draws: Address,
    batch: u64,
    (a, signature): (AssignmentReceipt, Bytes),
    posted: PostedDraw,
) -> Call {
    let call = otherSeatCall {
        batch,
        a,
        signature,
        posted,
    };
    Call::new(draws, &call)
}

/// `wrongCap`: a point (round, number) is posted as above its roller's cap and is not, or the other way round.
pub fn wrong_cap(
    draws: Address,
    batch: u64,
    posted: PostedDraw,
    (round, point): (u32, u32),
) -> Call {
    let call = wrongCapCall {
        batch,
        posted,
        round,
        point,
    };
    Call::new(draws, &call)
}

/// `notSilent`: passed over as silent, although it was heard.
pub fn not_silent(
    draws: Address,
    batch: u64,
    p: PassOver,
    (h, heartbeat_signature): (HeartbeatReceipt, Bytes),
) -> Call {
    let call = notSilentCall {
        batch,
        p,
        h,
        heartbeatSignature: heartbeat_signature,
    };
    Call::new(draws, &call)
}

/// `notDraining`: passed over as draining, although it was heard ready shortly before and shortly after.
pub fn not_draining(
    draws: Address,
    batch: u64,
    p: PassOver,
    (before, before_signature): (HeartbeatReceipt, Bytes),
    (afterwards, afterwards_signature): (HeartbeatReceipt, Bytes),
) -> Call {
    let call = notDrainingCall {
        batch,
        p,
        before,
        beforeSignature: before_signature,
        afterwards,
        afterwardsSignature: afterwards_signature,
    };
    Call::new(draws, &call)
}

/// `notTrue`: passed over for a reason of which L1 knows better.
pub fn not_true(draws: Address, batch: u64, p: PassOver) -> Call {
    Call::new(draws, &notTrueCall { batch, p })
}

/// `tooFewSeats`: passed over as at capacity by fewer seats than any roller may have.
pub fn too_few_seats(draws: Address, batch: u64, p: PassOver) -> Call {
    Call::new(draws, &tooFewSeatsCall { batch, p })
}

/// `notSeated`: the seat at a position of those that bound the roller is none by the draw of its own task.
pub fn not_seated(
    draws: Address,
    batch: u64,
    (p, position): (PassOver, usize),
    of_seat: PostedDraw,
) -> Call {
    let call = notSeatedCall {
        batch,
        p,
        position: U256::from(position),
        ofSeat: of_seat,
    };
    Call::new(draws, &call)
}

/// `seatDelivered`: the seat at a position had ended, because the operator had its submission.
pub fn seat_delivered(
    draws: Address,
    batch: u64,
    (p, position): (PassOver, usize),
    (s, submission_signature): (SubmissionReceipt, Bytes),
) -> Call {
    let call = seatDeliveredCall {
        batch,
        p,
        position: U256::from(position),
        s,
        submissionSignature: submission_signature,
    };
    Call::new(draws, &call)
}

/// `seatOver`: the seat at a position is of a batch that had settled, or was not committed.
pub fn seat_over(draws: Address, batch: u64, (p, position): (PassOver, usize)) -> Call {
    let call = seatOverCall {
        batch,
        p,
        position: U256::from(position),
    };
    Call::new(draws, &call)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use alloy::{primitives::B256, sol_types::SolCall};

    use super::*;

    #[test]
    fn an_entry_is_shown_among_all_with_its_draw() {
        let entry = |roller: u8| Entry {
            roller: Address::repeat_byte(roller),
            tickets: u32::from(roller),
            proofDigest: B256::repeat_byte(roller),
        };
        let draw = PostedDraw {
            rounds: Bytes::from_static(&[1]),
            paths: vec![Bytes::from_static(&[2])],
        };
        let entries = [entry(3), entry(4)];
        let call = wrong_entry(Address::ZERO, 7, (&entries, 1), draw.clone());
        let sent = wrongEntryCall::abi_decode(&call.input).unwrap();
        assert_eq!((sent.batch, sent.position), (7, U256::ONE));
        assert_eq!(sent.entries.len(), 2);
        assert_eq!(same::<Entry, _>(&sent.entries[1]), entries[1]);
        assert_eq!(sent.posted, draw);
    }
}
