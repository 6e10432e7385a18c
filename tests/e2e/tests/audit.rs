//! The published log of a network of fifty tasks, audited by the program against L1; and three forgeries of it.

#![allow(clippy::unwrap_used, missing_docs)]

use std::path::{Path, PathBuf};

use alloy::{
    primitives::{Address, B256, Keccak256, keccak256},
    providers::Provider,
};
use rollmill_e2e::{
    Devnet, Ended, program, run, until_within,
    user::{funded, rollup, transfer},
};
use serde_json::Value;
use tokio::process::Command;

/// Tasks in the log.
const TASKS: u64 = 50;

/// One network, its log, and where L1 is.
struct Audited {
    devnet: Devnet,
    data: tempfile::TempDir,
    log: PathBuf,
}

impl Audited {
    /// A devnet that settles every block as a batch of its own, until it has settled [`TASKS`]. A block takes a second, so
    /// that the chain's time does not run ahead of the clock and no batch is too young.
    async fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let args = "--proofs mock --k 1 --block-time 1000 --batch-age 0";
        let args: Vec<&str> = args.split(' ').collect();
        let devnet = Devnet::start(data.path(), &args).await.unwrap();
        let l2 = funded(&devnet).await.unwrap();
        let rollup = rollup(&devnet).unwrap();
        let friend = Address::repeat_byte(0xf3);
        let enough = std::time::Duration::from_secs(600);
        until_within(enough, "fifty settled tasks", async || {
            let sent = l2.send_transaction(transfer(friend, 1)).await?;
            sent.get_receipt().await?;
            // Some more: the coordinator reads L1 a moment later than we do.
            Ok((rollup.settledBatch().call().await? >= TASKS + 5).then_some(()))
        })
        .await
        .unwrap();
        let log = data.path().join("log.jsonl");
        let audited = Self { devnet, data, log };
        let mut export = audited.rollmill(&["audit", "export"]);
        export.args(["--coordinator", &audited.devnet.coordinator, "--out"]);
        export.arg(&audited.log);
        let exported = run(export).await.unwrap();
        assert!(exported.success, "{}", exported.said);
        audited
    }

    fn rollmill(&self, args: &[&str]) -> Command {
        let mut command = Command::new(program("rollmill").unwrap());
        command.args(args);
        command
    }

    fn deployment(&self) -> PathBuf {
        self.data.path().join("deployment.json")
    }

    /// Runs `rollmill audit ...` on a saved log.
    async fn audit(&self, args: &[&str], log: &Path) -> Ended {
        self.audit_of(&self.deployment(), args, log).await
    }

    async fn audit_of(&self, deployment: &Path, args: &[&str], log: &Path) -> Ended {
        let mut command = self.rollmill(&["audit"]);
        command.args(args).args(["--l1-rpc", &self.devnet.l1]);
        command.arg("--deployment").arg(deployment);
        command.arg("--log").arg(log);
        run(command).await.unwrap()
    }

    fn lines(&self) -> Vec<String> {
        let log = std::fs::read_to_string(&self.log).unwrap();
        log.lines().map(str::to_owned).collect()
    }

    /// The log with `forge` applied to the body of its 25th line that contains `mark`, chained anew; and the line's number.
    fn forged(&self, mark: &str, forge: impl Fn(&str) -> String) -> (PathBuf, u64) {
        let (mut seen, mut seq) = (0, 0);
        let mut head = B256::right_padding_from(TAG);
        let mut lines = Vec::new();
        for line in self.lines() {
            let (_, body) = line.split_once(r#""body":"#).unwrap();
            let mut body = body.strip_suffix('}').unwrap().to_owned();
            let meta: Value = serde_json::from_str(&line).unwrap();
            let number = meta["seq"].as_u64().unwrap();
            if body.contains(mark) {
                seen += 1;
                if seen == 25 {
                    let forged = forge(&body);
                    assert_ne!(forged, body);
                    (body, seq) = (forged, number);
                }
            }
            let at = meta["atUnixMs"].as_u64().unwrap();
            head = next_hash(head, number, at, &body);
            if seq == 0 {
                assert_eq!(
                    meta["hash"],
                    head.to_string(),
                    "the chain is not understood"
                );
            }
            lines.push(format!(
                r#"{{"seq":{number},"atUnixMs":{at},"hash":"{head}","body":{body}}}"#
            ));
        }
        assert_ne!(seq, 0, "there are no 25 lines with `{mark}`");
        let path = self.data.path().join("forged.jsonl");
        std::fs::write(&path, lines.join("\n")).unwrap();
        (path, seq)
    }

    /// A forged log fails at the forged line, by its subject.
    async fn assert_found(&self, (log, seq): (PathBuf, u64), subject: &str) {
        let ended = self.audit(&["--json"], &log).await;
        assert!(!ended.success, "the forged {subject} is not found");
        let report = report(&ended);
        assert_eq!(report["difference"]["subject"], subject, "{report}");
        assert_eq!(report["difference"]["seq"], seq, "{report}");
    }
}

/// What the audit prints on standard output.
fn report(ended: &Ended) -> Value {
    let mut values = serde_json::Deserializer::from_str(&ended.said).into_iter();
    values.next().unwrap().unwrap()
}

/// Half of a log has no difference from L1, but an end; the coordinator's own is behind L1 by what it has not read yet.
async fn is_told_what_it_lacks(audited: &Audited) {
    let lines = audited.lines();
    let half = audited.data.path().join("half.jsonl");
    std::fs::write(&half, lines[..lines.len() / 2].join("\n")).unwrap();
    let ended = audited.audit(&[], &half).await;
    assert!(
        !ended.success && ended.said.contains("the audit fails: the log ends with"),
        "{}",
        ended.said
    );
    let ended = audited.audit(&["--partial"], &half).await;
    assert!(
        ended.success && ended.said.contains("and L1 has"),
        "{}",
        ended.said
    );
    let mut live = audited.rollmill(&["audit", "--coordinator", &audited.devnet.coordinator]);
    live.args(["--l1-rpc", &audited.devnet.l1]);
    live.arg("--deployment").arg(audited.deployment());
    let ended = run(live).await.unwrap();
    assert!(ended.success, "{}", ended.said);
}

/// The log's chain, as its documentation has it (`crates/store/src/event_log.rs`).
const TAG: &[u8] = b"rollmill.log.v5";

fn next_hash(previous: B256, seq: u64, at_unix_ms: u64, body: &str) -> B256 {
    let mut hasher = Keccak256::new();
    hasher.update(B256::right_padding_from(TAG));
    hasher.update(previous);
    hasher.update(seq.to_be_bytes());
    hasher.update(at_unix_ms.to_be_bytes());
    hasher.update(keccak256(body));
    hasher.finalize()
}

/// Changes the first digit of the first address after `before`.
fn another_address(body: &str, before: &str) -> String {
    let start = body.find(before).unwrap();
    let at = start + body[start..].find(r#""roller":"0x"#).unwrap() + r#""roller":"0x"#.len();
    let digit = if body[at..].starts_with('0') {
        "1"
    } else {
        "0"
    };
    format!("{}{digit}{}", &body[..at], &body[at + 1..])
}

#[tokio::test]
async fn a_log_of_fifty_tasks_passes_and_forgeries_are_found() {
    let audited = Audited::new().await;

    // The network goes on, and the file does not.
    let passed = audited.audit(&["--json", "--partial"], &audited.log).await;
    assert!(passed.success, "{}", passed.said);
    let report = report(&passed);
    for figure in ["tasks", "draws", "verdicts", "lotteries", "settlements"] {
        let number = report["passed"][figure].as_u64().unwrap();
        assert!(number >= TASKS, "{figure}: {report}");
    }

    is_told_what_it_lacks(&audited).await;

    // One draw, point by point.
    let drawn = audited.lines();
    let drawn = drawn
        .iter()
        .find(|line| line.contains(r#""drawn""#))
        .unwrap();
    let task = drawn.split(r#""drawn":{"task":""#).nth(1).unwrap();
    let task = &task[..66];
    let checked = audited.audit(&["draw", task], &audited.log).await;
    assert!(checked.success, "{}", checked.said);
    assert!(
        checked.said.contains("leads to the root on L1"),
        "{}",
        checked.said
    );

    // Nor is there anything to charge the operator with, by L1 and by what the rollers keep.
    let mut charge = audited.rollmill(&["audit", "charge", "--dry-run", "--json"]);
    charge.args(["--l1-rpc", &audited.devnet.l1]);
    charge.arg("--deployment").arg(audited.deployment());
    charge
        .arg("--data-dir")
        .arg(audited.data.path().join("stranger"));
    for number in 1..=3 {
        let receipts = format!("rollers/roller-{number}/receipts.jsonl");
        charge
            .arg("--receipts")
            .arg(audited.data.path().join(receipts));
    }
    charge.env("ROLLMILL_KEY", "11".repeat(32));
    let found = run(charge).await.unwrap();
    assert!(found.success, "{}", found.said);
    let report: Value = serde_json::from_str(&found.said).unwrap();
    assert_eq!(report["charges"], serde_json::json!([]));

    let verdict = |body: &str| {
        let invalid = r#""verdict":{"invalid":{"reason":"because I say so"}}"#;
        body.replace(r#""verdict":"valid""#, invalid)
    };
    let forged = audited.forged(r#""verdict":"valid""#, verdict);
    audited.assert_found(forged, "verdict").await;
    let forged = audited.forged(r#""drawn""#, |body| another_address(body, r#""hits""#));
    audited.assert_found(forged, "draw").await;
    let forged = audited.forged(r#""won""#, |body| another_address(body, r#""winner""#));
    audited.assert_found(forged, "winner").await;

    // A deployment file with another law, to which another log might fit.
    let text = std::fs::read_to_string(audited.deployment()).unwrap();
    let other = text.replacen("\"qInit\": 100000000", "\"qInit\": 200000000", 1);
    assert_ne!(other, text);
    let path = audited.data.path().join("other.json");
    std::fs::write(&path, other).unwrap();
    let ended = audited.audit_of(&path, &[], &audited.log).await;
    assert!(
        !ended.success && ended.said.contains("does not describe what is on"),
        "{}",
        ended.said
    );

    // What the rollers keep of it stands by itself, without network.
    for number in 1..=3 {
        let folder = audited.data.path().join(format!("rollers/roller-{number}"));
        let mut verify = Command::new(program("roller").unwrap());
        verify
            .args(["receipts", "verify", "--data-dir"])
            .arg(folder);
        verify.arg("--deployment").arg(audited.deployment());
        let verified = run(verify).await.unwrap();
        assert!(verified.success, "{}", verified.said);
    }
    audited.devnet.kill().await.unwrap();
}
