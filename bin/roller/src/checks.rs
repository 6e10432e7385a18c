//! What `roller doctor` judges, and what `roller run`, `stake` and `setup` refuse to begin with: facts in, findings out.

use std::cmp::Ordering;

use alloy_primitives::{Address, U256};
use eyre::{bail, eyre};
use rollmill_roller_api::{MachineMin, Requirements};
use rollmill_runtime::{Finding, good, note, wrong, wrongs};

use crate::{machine::Machine, registry::Record, words};

/// Clocks may differ by so much, seconds: a request is valid for a minute, and deadlines are minutes.
const SKEW_S_MAX: u64 = 10;
/// L1's newest block may be so far ahead, seconds: a slot, which an embedded L1 allows itself, and our clock's own error.
const HEAD_AHEAD_S_MAX: u64 = 12 + SKEW_S_MAX;
/// L1's newest block may be so old, seconds.
const HEAD_AGE_S_MAX: u64 = 600;
/// Gas of the dearest thing that a signer sends by itself: the digest of a proof that nobody takes, with two signatures.
const POST_GAS: u64 = 200_000;
/// So many of them should be affordable.
const POSTS: u64 = 10;

/// Fails with all that is wrong.
pub fn refuse(findings: &[Finding]) -> eyre::Result<()> {
    let sentences: Vec<&str> = wrongs(findings)
        .map(|finding| finding.says.as_str())
        .collect();
    if !sentences.is_empty() {
        bail!("{}", sentences.join("; "));
    }
    Ok(())
}

/// Whether this program, on this machine, is what the coordinator asks for.
pub fn fit(requirements: &Requirements, machine: &Machine) -> Vec<Finding> {
    let mut findings = vec![version(
        env!("CARGO_PKG_VERSION"),
        &requirements.roller_version_min,
    )];
    findings.extend(size(machine, &requirements.machine_min));
    findings
}

fn version(ours: &str, least: &str) -> Finding {
    let check = "version";
    match compare(ours, least) {
        Ok(Ordering::Less) => wrong(
            check,
            format!(
                "this is version {ours} of the roller, the coordinator asks for {least} at least: update it"
            ),
        ),
        Ok(_) => good(check, format!("{ours}, at least {least} is asked for")),
        Err(error) => wrong(check, error.to_string()),
    }
}

fn compare(ours: &str, least: &str) -> eyre::Result<Ordering> {
    Ok(numbers(ours)?.cmp(&numbers(least)?))
}

/// The three numbers of a version.
fn numbers(version: &str) -> eyre::Result<[u64; 3]> {
    let parsed: Option<Vec<u64>> = version.split('.').map(|part| part.parse().ok()).collect();
    parsed
        .and_then(|numbers| numbers.try_into().ok())
        .ok_or_else(|| eyre!("`{version}` is no version"))
}

fn size(machine: &Machine, least: &MachineMin) -> [Finding; 3] {
    [
        enough("memory", "MiB", machine.memory_mib, least.memory_mib),
        enough("disk", "MiB free", machine.disk_mib, least.disk_mib),
        enough(
            "cores",
            "cores",
            Some(machine.cores.into()),
            least.cores.into(),
        ),
    ]
}

fn enough(check: &'static str, unit: &str, found: Option<u64>, least: u64) -> Finding {
    match found {
        None => note(
            check,
            format!("the system does not tell; a roller needs {least} {unit}"),
        ),
        Some(found) if found < least => wrong(
            check,
            format!("not enough {check}: there are {found} {unit}, a roller needs {least}"),
        ),
        Some(found) => good(check, format!("{found} {unit}, {least} are needed")),
    }
}

/// Graphics cards are not needed.
pub fn gpu(machine: &Machine) -> Finding {
    match machine.gpus.as_slice() {
        [] => note("gpu", "none: proofs are made on the cores"),
        found => note(
            "gpu",
            format!(
                "{}: not used, this prover runs on the cores",
                found.join(", ")
            ),
        ),
    }
}

/// Our clock against the coordinator's, both in Unix seconds.
pub fn coordinator_clock(ours: u64, theirs: u64) -> Finding {
    let check = "clock";
    let apart = ours.abs_diff(theirs);
    if apart <= SKEW_S_MAX {
        return good(check, format!("{apart} s from the coordinator's"));
    }
    let side = if ours < theirs { "behind" } else { "ahead of" };
    wrong(
        check,
        format!(
            "the clock is {} {side} the coordinator's, which would refuse requests and count time differently: set it, and \
             keep it set (NTP)",
            words::duration(apart)
        ),
    )
}

/// Our clock against L1's newest block, both in Unix seconds. An old block says something of L1, one of the future something of the clock.
pub fn l1_clock(ours: u64, head: u64) -> Finding {
    let check = "L1 clock";
    if head > ours + HEAD_AHEAD_S_MAX {
        return wrong(
            check,
            format!(
                "L1's newest block is {} ahead of this clock: set it, and keep it set (NTP)",
                words::duration(head - ours)
            ),
        );
    }
    let age = ours.saturating_sub(head);
    if age > HEAD_AGE_S_MAX {
        return wrong(
            check,
            format!(
                "L1's newest block is {} old: its node does not follow",
                words::duration(age)
            ),
        );
    }
    good(check, format!("its newest block is {age} s old"))
}

/// What the signer has for its own defence, in wei, at a price of gas.
pub fn signer_ether(signer: Address, balance_wei: U256, gas_price_wei: u128) -> Finding {
    let check = "signer's ether";
    let post = U256::from(POST_GAS) * U256::from(gas_price_wei);
    let has = words::amount(balance_wei);
    let sentence = format!(
        "the signer {signer} has {has} ether; telling L1 of a proof that nobody takes costs about {} at today's price",
        words::amount(post)
    );
    if balance_wei < post {
        wrong(check, format!("{sentence}: send it some"))
    } else if balance_wei < post * U256::from(POSTS) {
        note(check, format!("{sentence}: not for often"))
    } else {
        good(check, has)
    }
}

/// A roller's place on L1, as `roller run` with this signer needs it.
pub fn registration(record: &Record, signer: Option<Address>) -> Vec<Finding> {
    let (owner, roller) = (record.owner, &record.roller);
    if !record.is_registered() {
        let says = format!("{owner} is not registered on L1: run `roller stake`");
        return vec![wrong("registration", says)];
    }
    let mut findings = Vec::new();
    match signer {
        Some(signer) if signer != roller.signer => findings.push(wrong(
            "signer",
            format!(
                "the roller {owner} is registered with the signer {}, the key here is of {signer}: give the other key, or run `roller \
                 set-signer`",
                roller.signer
            ),
        )),
        _ => findings.push(good("signer", format!("{} of {owner}", roller.signer))),
    }
    let stake = words::amount(record.stake_wei());
    let least = words::amount(record.stake_min_wei);
    findings.push(if record.stake_wei() < record.stake_min_wei {
        let says = format!(
            "the stake is {stake} SCR; with less than {least} nobody is drawn: run `roller stake`"
        );
        wrong("stake", says)
    } else {
        good("stake", format!("{stake} SCR, the least is {least}"))
    });
    findings.push(if roller.ready {
        good("readiness", "wants to be drawn")
    } else {
        let says = "the roller is not ready on L1, as after a fine: run `roller stake` again";
        wrong("readiness", says)
    });
    if !record.frozen_wei.is_zero() {
        let frozen = words::amount(record.frozen_wei);
        let says = format!(
            "open accusations claim {frozen} SCR: `roller run` answers them, or `roller defend`"
        );
        findings.push(wrong("accusation", says));
    }
    findings
}

/// What L1 owes the roller, SCR-wei.
pub fn unclaimed(owed_wei: U256) -> Finding {
    let check = "rewards";
    match owed_wei.is_zero() {
        true => good(check, "nothing is unclaimed"),
        false => note(
            check,
            format!(
                "{} SCR are owed and not claimed: `roller claim` brings them",
                words::amount(owed_wei)
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use rollmill_runtime::Verdict;

    use super::*;
    use crate::registry::{recorded, scr};

    const LEAST: MachineMin = MachineMin {
        memory_mib: 6_656,
        disk_mib: 2_048,
        cores: 2,
    };

    fn machine() -> Machine {
        Machine {
            memory_mib: Some(6_656),
            disk_mib: Some(2_048),
            cores: 2,
            gpus: Vec::new(),
        }
    }

    fn refusal(findings: &[Finding]) -> String {
        refuse(findings).map_or_else(|error| error.to_string(), |()| String::new())
    }

    #[test]
    fn a_roller_that_is_too_old_is_refused() {
        for (ours, least) in [("0.1.0", "0.1.1"), ("0.9.9", "1.0.0"), ("0.9.0", "0.10.0")] {
            let said = refusal(&[version(ours, least)]);
            assert!(said.ends_with("update it"), "{ours}, {least}: {said}");
        }
        for (ours, least) in [("0.1.0", "0.1.0"), ("1.0.0", "0.9.9"), ("0.10.0", "0.9.0")] {
            assert_eq!(refusal(&[version(ours, least)]), "", "{ours}, {least}");
        }
        assert!(refusal(&[version("0.1.0", "soon")]).contains("`soon`"));
    }

    #[test]
    fn a_machine_that_is_too_small_is_refused_with_each_reason() {
        assert_eq!(refusal(&size(&machine(), &LEAST)), "");
        let small = Machine {
            memory_mib: Some(6_655),
            disk_mib: Some(2_047),
            cores: 1,
            ..machine()
        };
        let said = refusal(&size(&small, &LEAST));
        for reason in [
            "not enough memory: there are 6655 MiB, a roller needs 6656",
            "not enough disk: there are 2047 MiB free, a roller needs 2048",
            "not enough cores: there are 1 cores, a roller needs 2",
        ] {
            assert!(said.contains(reason), "{said}");
        }
        let silent = Machine {
            memory_mib: None,
            ..machine()
        };
        assert_eq!(size(&silent, &LEAST)[0].verdict, Verdict::Note);
    }

    #[test]
    fn no_graphics_card_is_said_and_no_failure() {
        assert_eq!(gpu(&machine()).verdict, Verdict::Note);
        let found = Machine {
            gpus: vec!["A100".to_owned()],
            ..machine()
        };
        assert!(gpu(&found).says.contains("A100"));
    }

    #[test]
    fn a_clock_that_is_off_is_refused_in_both_directions() {
        let now = 1_000_000;
        for theirs in [now - 10, now, now + 10] {
            assert_eq!(coordinator_clock(now, theirs).verdict, Verdict::Good);
        }
        assert!(coordinator_clock(now, now + 11).says.contains("behind"));
        assert!(coordinator_clock(now, now - 11).says.contains("ahead"));
        assert_eq!(l1_clock(now, now + 22).verdict, Verdict::Good);
        assert_eq!(l1_clock(now, now - 600).verdict, Verdict::Good);
        assert!(l1_clock(now, now + 23).says.contains("ahead of this clock"));
        assert!(l1_clock(now, now - 601).says.contains("does not follow"));
    }

    #[test]
    fn a_signer_without_ether_cannot_defend_itself() {
        let of = |posts: u64| {
            let wei = U256::from(posts * POST_GAS) * U256::from(7u64);
            signer_ether(Address::ZERO, wei, 7).verdict
        };
        assert_eq!(
            signer_ether(Address::ZERO, U256::ZERO, 1).verdict,
            Verdict::Wrong
        );
        assert_eq!(of(1), Verdict::Note);
        assert_eq!(of(POSTS), Verdict::Good);
    }

    fn wrongs(record: &Record, signer: u8) -> Vec<&'static str> {
        let findings = registration(record, Some(Address::repeat_byte(signer)));
        let wrong = findings.iter().filter(|f| f.verdict == Verdict::Wrong);
        wrong.map(|finding| finding.check).collect()
    }

    #[test]
    fn what_keeps_a_roller_from_seats_is_wrong() {
        assert!(wrongs(&recorded(100), 2).is_empty());
        assert_eq!(wrongs(&recorded(99), 2), ["stake"]);
        assert_eq!(wrongs(&recorded(100), 9), ["signer"]);
        let mut fined = recorded(100);
        fined.roller.ready = false;
        fined.frozen_wei = scr(1);
        assert_eq!(wrongs(&fined, 2), ["readiness", "accusation"]);
        fined.roller = Default::default();
        assert_eq!(wrongs(&fined, 2), ["registration"]);
    }

    #[test]
    fn unclaimed_rewards_are_said_and_no_failure() {
        assert_eq!(unclaimed(U256::ZERO).verdict, Verdict::Good);
        let finding = unclaimed(scr(3));
        assert_eq!(finding.verdict, Verdict::Note);
        assert!(finding.says.starts_with("3 SCR"), "{}", finding.says);
    }
}
