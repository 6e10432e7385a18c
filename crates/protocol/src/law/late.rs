//! Proofs that come after their deadline, and how long they are taken.
//!
//! A late proof still helps the chain when its round gave no entry, so it is taken until its seat expires at
//! `assigned + EXPIRY_MULTIPLE * T`; it enters the same lottery as the next round's on-time proofs at `LATE_SHARE = 1 / LATE_DIVISOR`
//! of a ticket. Tickets stay whole numbers: where both kinds meet, on-time tickets count `LATE_DIVISOR` times. With late proofs
//! alone the share changes nothing, because a lottery knows proportions only. Being late never pays more than being on time
//! \[sitting\].

use super::Params;
use crate::ids::UnixSeconds;

/// By how much on-time and late tickets are multiplied in a lottery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TicketFactors {
    /// Of an on-time seat.
    pub on_time: u32,
    /// Of a late seat.
    pub late: u32,
}

/// Factors for a lottery with these kinds of entries.
pub fn ticket_factors(late_divisor: u32, has_on_time: bool, has_late: bool) -> TicketFactors {
    TicketFactors {
        on_time: if has_on_time && has_late {
            late_divisor
        } else {
            1
        },
        late: 1,
    }
}

/// Until when a seat takes a late proof, inclusive. Saturates.
pub fn expires_at(params: &Params, assigned_at: UnixSeconds, time_limit_s: u64) -> UnixSeconds {
    assigned_at.saturating_add(time_limit_s.saturating_mul(params.expiry_multiple.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_tickets_count_half_beside_on_time_ones_only() {
        let factors = |on_time, late| {
            let factors = ticket_factors(2, on_time, late);
            (factors.on_time, factors.late)
        };
        assert_eq!(factors(true, true), (2, 1));
        assert_eq!(factors(true, false), (1, 1));
        assert_eq!(factors(false, true), (1, 1));
    }

    #[test]
    fn a_seat_expires_at_a_multiple_of_its_time() {
        let params = Params::default();
        assert_eq!(expires_at(&params, 100, 10), 130);
        assert_eq!(expires_at(&params, u64::MAX, 10), u64::MAX);
    }
}
