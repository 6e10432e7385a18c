//! What was looked at, how bad it is, and what to do about it: for verbs that look for trouble before it happens.

use std::{error::Error, ops::Deref};

use serde::Serialize;

use crate::{chain, outln};

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Good,
    /// Worth knowing.
    Note,
    /// To be mended.
    Wrong,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What, in a word or two.
    pub check: &'static str,
    /// How bad it is.
    pub verdict: Verdict,
    /// What was found, and what to do about it.
    pub says: String,
}

/// As it should be.
pub fn good(check: &'static str, says: impl Into<String>) -> Finding {
    finding(check, Verdict::Good, says)
}

/// Worth knowing.
pub fn note(check: &'static str, says: impl Into<String>) -> Finding {
    finding(check, Verdict::Note, says)
}

/// To be mended.
pub fn wrong(check: &'static str, says: impl Into<String>) -> Finding {
    finding(check, Verdict::Wrong, says)
}

fn finding(check: &'static str, verdict: Verdict, says: impl Into<String>) -> Finding {
    Finding {
        check,
        verdict,
        says: says.into(),
    }
}

/// What was found, or the error with its causes.
pub fn judged<E>(check: &'static str, found: Result<String, E>) -> Finding
where
    E: Deref<Target = dyn Error + Send + Sync>,
{
    match found {
        Ok(says) => good(check, says),
        Err(error) => wrong(check, chain(&*error).to_string()),
    }
}

/// What is to be mended.
pub fn wrongs(findings: &[Finding]) -> impl Iterator<Item = &Finding> {
    let is_wrong = |finding: &&Finding| finding.verdict == Verdict::Wrong;
    findings.iter().filter(is_wrong)
}

/// Prints a table for people.
pub fn say_findings(findings: &[Finding]) {
    for Finding {
        check,
        verdict,
        says,
    } in findings
    {
        let mark = match verdict {
            Verdict::Good => "ok",
            Verdict::Note => "note",
            Verdict::Wrong => "WRONG",
        };
        outln!("{mark:6} {check:15} {says}");
    }
}

#[cfg(test)]
mod tests {
    use std::{error::Error, io};

    use super::*;

    #[test]
    fn an_error_is_to_be_mended_and_says_why() {
        let failed = |text: &str| -> Result<String, Box<dyn Error + Send + Sync>> {
            Err(io::Error::other(text.to_owned()).into())
        };
        let findings = [
            good("a", "it is"),
            note("b", "mind it"),
            judged("c", failed("no such file")),
        ];
        let wrong: Vec<&Finding> = wrongs(&findings).collect();
        assert_eq!(wrong.len(), 1);
        assert_eq!(
            (wrong[0].check, wrong[0].says.as_str()),
            ("c", "no such file")
        );
    }
}
