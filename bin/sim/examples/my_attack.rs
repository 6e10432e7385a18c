//! An attack of your own: copy this file, change the strategy, run `cargo run --release -p sim --example my_attack`.
//!
//! This one proves only heavy batches and lets the ordinary ones pass, in the hope that they pay better.

use sim::{
    attacks::{Arena, Attack},
    harness::{self, Setting},
    strategy::{Honest, Plan, SeatOffer, Strategy, View},
};

struct OnlyHeavy;

impl Strategy for OnlyHeavy {
    fn name(&self) -> String {
        "only heavy batches".into()
    }

    fn on_seat(&mut self, seat: &SeatOffer, _view: &View) -> Plan {
        if seat.gas > 10_000_000 {
            Plan::Prove
        } else {
            Plan::Ignore
        }
    }
}

fn main() -> eyre::Result<()> {
    let attack = Attack {
        make: || Box::new(OnlyHeavy),
        honest: || Box::new(Honest),
        attackers: 1,
        closed_by: "reward and offers follow prover gas",
        arena: Arena::Steady,
        relabels: false,
        bound: |_| 0.0,
    };
    let setting = Setting {
        seeds: 2,
        ..Setting::default()
    };
    let worth = harness::measure(&harness::small_arena(), &attack, setting)?;
    println!(
        "{}: {:+.3} when honest, {:+.3} when attacking, advantage {:+.3} ± {:.3}: {}",
        worth.attack,
        worth.honest,
        worth.attacking,
        worth.advantage,
        worth.error,
        if worth.pays() {
            "it pays"
        } else {
            "it does not pay"
        }
    );
    Ok(())
}
