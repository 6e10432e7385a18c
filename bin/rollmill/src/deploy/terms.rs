//! What a deployment fixes, in plain words: `rollmill deploy --dry-run` shows it before anything is sent.

use std::fmt::Display;

use alloy_primitives::U256;
use rollmill_l1::{DeployConfig, VerifierKind, scr};
use rollmill_protocol::ScrWei;
use rollmill_runtime::{counted, span};

/// Seconds from the announcement of another parameter until it is in force (`Parameters.DELAY_S`).
const ANNOUNCED_S: u64 = 7 * 86_400;

/// The terms, each a subject and what holds for it.
pub fn terms(config: &DeployConfig) -> Vec<(&'static str, String)> {
    [accounts(config), money(config), law(config), limits(config)].concat()
}

type Terms = Vec<(&'static str, String)>;

fn accounts(config: &DeployConfig) -> Terms {
    let governor = match config.governor.is_zero() {
        true => "nobody: parameters and program versions stay as they are, for ever".to_owned(),
        false => format!(
            "{} can announce other parameters {} ahead, other program versions {} ahead",
            config.governor,
            span(ANNOUNCED_S),
            span(config.parameters.program_delay_s)
        ),
    };
    let proofs = match config.verifier {
        VerifierKind::StarkPrecompile => "STARKs, verified by the embedded L1",
        VerifierKind::Mock => "mock: they take no time and prove nothing",
    };
    vec![
        ("proofs", proofs.to_owned()),
        ("L2", format!("chain id {}", config.l2_chain_id)),
        (
            "operator",
            format!(
                "{} commits, signs, and answers with its bond",
                config.operator
            ),
        ),
        ("governor", governor),
    ]
}

fn money(config: &DeployConfig) -> Terms {
    let amount = |wei: u128| scr(U256::from(wei));
    let rest = config.scr_supply_wei - config.pool_wei - config.bond_wei;
    let incentives = &config.parameters.incentives;
    vec![
        (
            "supply",
            format!(
                "{}: {} into the pool of rewards, {} as the operator's bond, {} for {}",
                amount(config.scr_supply_wei),
                amount(config.pool_wei),
                amount(config.bond_wei),
                amount(rest),
                config.treasury
            ),
        ),
        (
            "emission",
            format!(
                "{} every {}, halved every {}: {} in all",
                amount(incentives.emission_pot_wei),
                span(incentives.emission_epoch_s),
                span(incentives.emission_epoch_s * incentives.emission_halving_epochs),
                amount(incentives.emission_wei())
            ),
        ),
    ]
}

fn law(config: &DeployConfig) -> Terms {
    let law = &config.law;
    let amount = |wei: ScrWei| scr(U256::from(wei.0));
    let control = &law.control;
    vec![
        (
            "draw",
            format!(
                "{} for each batch ({}), {} after its commit; the lottery {} after the entries",
                counted(law.k, "ticket"),
                range(control.k, |k| k),
                counted(law.draw_lag_blocks, "L1 block"),
                counted(law.lottery_lag_blocks, "L1 block")
            ),
        ),
        (
            "deadline",
            format!(
                "{} and {} ns for each prover gas ({}), within {} to {}",
                span(law.t_fix_s),
                law.tau_ns_per_gas,
                range(control.tau_ns_per_gas, |ns| ns),
                span(law.t_min_s),
                span(law.t_max_s)
            ),
        ),
        (
            "price",
            format!(
                "{} for a million prover gas ({})",
                per_million(law.unit_price),
                range(control.unit_price, per_million)
            ),
        ),
        (
            "stake",
            format!(
                "{} at least, unbonding takes {}; a fine is {} at least",
                amount(law.stake_min),
                span(config.parameters.unbond_s),
                amount(law.fine_min)
            ),
        ),
        (
            "epoch",
            format!("new reputations and dials every {}", span(law.epoch_s)),
        ),
        (
            "silence",
            format!(
                "who is not heard for {} gets no seat",
                span(law.heartbeat_s)
            ),
        ),
    ]
}

fn limits(config: &DeployConfig) -> Terms {
    let parameters = &config.parameters;
    let incentives = &parameters.incentives;
    vec![
        (
            "settlement",
            format!(
                "the winner alone for {}, anybody {} after a commit without entries; a late share can be claimed for {}",
                span(parameters.settle_s),
                span(parameters.fallback_s),
                span(parameters.claim_s)
            ),
        ),
        (
            "accusation",
            format!(
                "until {} after the settlement; the accused has {} to answer",
                span(config.law.accuse_s),
                span(incentives.defend_s)
            ),
        ),
        (
            "messages",
            format!(
                "included within {}; what waits for {} can be enforced by anybody",
                span(parameters.force_s),
                span(incentives.force_delay_s)
            ),
        ),
    ]
}

fn per_million(price: ScrWei) -> String {
    scr(U256::from(price.0) * U256::from(1_000_000))
}

/// What a dial can move between.
fn range<T: PartialEq, S: Display>((from, to): (T, T), shown: impl Fn(T) -> S) -> String {
    if from == to {
        return "fixed".to_owned();
    }
    format!("dial {} to {}", shown(from), shown(to))
}

#[cfg(test)]
mod tests {
    use alloy_primitives::Address;
    use rollmill_protocol::l2::L2_CHAIN_ID_DEVNET;
    use rollmill_roller_api::ProofKind;

    use super::*;
    use crate::settings::{Choice, Numbers, deploy_config};

    const OPERATOR: Address = Address::repeat_byte(0x0e);

    fn said(proofs: ProofKind, numbers: Numbers, governor: Address) -> String {
        let accounts = (OPERATOR, governor);
        let config = deploy_config((proofs, numbers), L2_CHAIN_ID_DEVNET, accounts);
        let lines = terms(&config);
        let lines = lines.iter().map(|(what, holds)| format!("{what}: {holds}"));
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_networks_terms_are_told_in_words() {
        let said = said(ProofKind::Mock, Numbers::default(), Address::ZERO);
        for sentence in [
            "proofs: mock: they take no time and prove nothing",
            "governor: nobody: parameters and program versions stay as they are, for ever",
            "supply: 100000000 SCR: 10000000 SCR into the pool of rewards, 10000000 SCR as the operator's bond, 80000000 SCR for 0x",
            "emission: 10000 SCR every 1 d, halved every 1460 d: 29200000 SCR in all",
            "draw: 3 tickets for each batch (dial 2 to 5), 4 L1 blocks after its commit; the lottery 4 L1 blocks after the entries",
            "deadline: 3 min and 100000 ns for each prover gas (dial 5000 to 1000000), within 2 min to 2 h",
            "price: 0.1 SCR for a million prover gas (dial 0.01 SCR to 1 SCR)",
            "stake: 1000 SCR at least, unbonding takes 7 d; a fine is 10 SCR at least",
            "epoch: new reputations and dials every 20 min",
            "settlement: the winner alone for 1 h, anybody 6 h after a commit without entries; a late share can be claimed for 1 d",
            "accusation: until 1 d after the settlement; the accused has 1 d to answer",
            "messages: included within 1 h; what waits for 2 d can be enforced by anybody",
        ] {
            assert!(said.contains(sentence), "no `{sentence}` in:\n{said}");
        }
    }

    #[test]
    fn a_governor_and_fixed_dials_are_told() {
        let governor = Address::repeat_byte(0x60);
        let choice = Choice {
            proofs: ProofKind::Stark,
            k: 1,
        };
        let said = said(ProofKind::Stark, Numbers::of_devnet(&choice), governor);
        let power = "can announce other parameters 7 d ahead, other program versions 7 d ahead";
        for sentence in [
            "proofs: STARKs",
            &format!("governor: {governor} {power}"),
            "draw: 1 ticket for each batch (fixed), 2 L1 blocks",
        ] {
            assert!(said.contains(sentence), "no `{sentence}` in:\n{said}");
        }
    }
}
