//! Rollers as the board has them: how many there are, how their seats ended, what they got.

use rollmill_protocol::{ScrWei, board::Board};
use rollmill_runtime::metrics::{Counter, Family, Gauge, Labels, Level, Registry, metric};

use super::{set, total};

/// Base units of a token; a metric has no more digits than a float.
const SCR: f64 = 1e18;

/// The metrics.
#[derive(Debug)]
pub struct BoardMetrics {
    rollers: Family<Labels<1>, Gauge>,
    seats: Family<Labels<1>, Counter>,
    won: Counter,
    paid: Family<Labels<1>, Level>,
    window: Gauge,
    unit_price: Level,
}

impl BoardMetrics {
    /// Registers them.
    pub fn new(registry: &mut Registry) -> Self {
        let help = "Rollers that are registered, that could take a seat now (present), that a draw needs (needed)";
        let rollers = metric(registry, ("known", "rollers"), help);
        let help =
            "Seats by their end: on_time, late, missed, invalid, or declined for want of capacity";
        let seats = metric(registry, ("ended", "seats"), help);
        let help = "Lotteries that were won and paid";
        let won = metric(registry, ("won", "lotteries"), help);
        let help = "What rollers have earned, and what they were fined, since they registered";
        let paid = metric(registry, ("rollers", "scr"), help);
        let help = "Tasks that may be open at the same time";
        let window = metric(registry, ("window", "tasks"), help);
        let help = "What rollers are paid for one prover gas of a batch that is committed now";
        let unit_price = metric(registry, ("unit_price", "scr"), help);
        Self {
            rollers,
            seats,
            won,
            paid,
            window,
            unit_price,
        }
    }

    /// Shows the board.
    pub fn show(&self, board: &Board) {
        let controls = board.controls();
        let (mut seats, mut won, mut registered) = ([0; 5], 0, 0);
        let (mut earned, mut fined) = (0.0, 0.0);
        for (_, account) in board.rollers() {
            let record = &account.record;
            registered += 1;
            won += record.won;
            earned += scr(record.earned);
            fined += scr(record.fined);
            let ends = [
                record.on_time,
                record.late,
                record.missed,
                record.invalid,
                record.declined,
            ];
            seats = std::array::from_fn(|end| seats[end] + ends[end]);
        }
        for (state, count) in [
            ("registered", registered),
            ("present", u64::from(board.rollers_present())),
            ("needed", u64::from(controls.k)),
        ] {
            set(&self.rollers.get_or_create(&[("state", state)]), count);
        }
        let outcomes = ["on_time", "late", "missed", "invalid", "declined"];
        for (outcome, count) in outcomes.into_iter().zip(seats) {
            total(&self.seats.get_or_create(&[("outcome", outcome)]), count);
        }
        total(&self.won, won);
        for (what, amount) in [("earned", earned), ("fined", fined)] {
            self.paid.get_or_create(&[("what", what)]).set(amount);
        }
        set(&self.window, controls.window.into());
        self.unit_price.set(scr(controls.unit_price));
    }
}

/// Fewer rollers are there than a draw needs: the fallback joins.
pub fn is_degraded(board: &Board) -> bool {
    board.rollers_present() < board.controls().k
}

fn scr(amount: ScrWei) -> f64 {
    amount.0 as f64 / SCR
}
