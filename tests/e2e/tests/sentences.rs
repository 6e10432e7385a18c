//! What a person is told when something is wrong, and what Ctrl-C leaves behind.

#![allow(clippy::unwrap_used, missing_docs)]

use std::{
    fs::File,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Stdio,
};

use alloy::{
    eips::BlockNumberOrTag,
    primitives::Address,
    providers::{DynProvider, Provider},
};
use rollmill_e2e::{
    Anvil, Devnet, Talking, devnet, kill, program, run, until,
    user::{funded, transfer, wallet},
    write_key,
};
use serde_json::Value;
use tokio::process::Command;

/// What a devnet says that refuses these flags.
async fn refusal(data_dir: &Path, args: &[&str]) -> String {
    let ended = run(devnet(data_dir, args).unwrap()).await.unwrap();
    assert!(!ended.success, "{args:?} is not refused: {}", ended.said);
    ended.said
}

#[tokio::test]
async fn a_taken_port_is_named_with_its_flag() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let data = tempfile::tempdir().unwrap();
    let flags = [
        "--l1-port",
        "--l2-port",
        "--coordinator-port",
        "--dashboard-port",
    ];
    for flag in flags {
        let mut command = Command::new(program("rollmill").unwrap());
        command.args(["devnet", "--proofs", "mock", "--data-dir"]);
        command.arg(data.path());
        for other in flags {
            command.args([other, if other == flag { &port } else { "0" }]);
        }
        let ended = run(command).await.unwrap();
        assert!(!ended.success);
        assert!(
            ended.said.contains(&format!("port {port}")),
            "{}",
            ended.said
        );
        assert!(ended.said.contains(flag), "{}", ended.said);
    }
    // Nothing was begun.
    assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn what_cannot_succeed_is_refused_before_it_begins() {
    let data = tempfile::tempdir().unwrap();
    let said = refusal(data.path(), &["--once", "--rollers", "1"]).await;
    assert!(said.contains("--rounds 1 or --rollers 2"), "{said}");
    let folder = data.path().to_str().unwrap();
    for report in ["/nowhere/report.json", folder] {
        let said = refusal(data.path(), &["--once", "--json", report]).await;
        assert!(said.contains(&format!("cannot write {report}")), "{said}");
    }
    let said = refusal(data.path(), &["--rounds", "3", "--once"]).await;
    assert!(said.contains("--rounds"), "{said}");
    let said = refusal(data.path(), &["--fee-follow"]).await;
    assert!(said.contains("--fee-follow needs --scr-price"), "{said}");
    assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_failed_step_is_named() {
    let data = tempfile::tempdir().unwrap();
    // A port that nobody listens on.
    let gone = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", gone.local_addr().unwrap());
    drop(gone);
    let said = refusal(
        data.path(),
        &["--proofs", "mock", "--once", "--l1-rpc", &url],
    )
    .await;
    assert!(said.contains("step `start L1` failed"), "{said}");
    assert!(said.contains(&url), "{said}");
}

/// A scripted first round whose complaints go to a file.
fn scripted(data_dir: &Path, args: &[&str]) -> (Talking, PathBuf) {
    let args = [&["--proofs", "mock", "--once", "--rounds", "1"][..], args].concat();
    let complaints = data_dir.join("complaints");
    let mut command = devnet(data_dir, &args).unwrap();
    command.stderr(File::create(&complaints).unwrap());
    (Talking::start(command).unwrap(), complaints)
}

/// How it complains when it fails.
async fn failure((running, complaints): (Talking, PathBuf)) -> String {
    assert!(!running.ends().await.unwrap(), "the run succeeded");
    std::fs::read_to_string(complaints).unwrap()
}

#[tokio::test]
async fn a_roller_that_dies_fails_the_step_that_waits_for_it() {
    let data = tempfile::tempdir().unwrap();
    let mut script = scripted(data.path(), &[]);
    script.0.says("— deposit").await.unwrap();
    let rollers = script.0.children().await.unwrap();
    kill("-KILL", &rollers[0].to_string()).await.unwrap();
    let said = failure(script).await;
    assert!(said.contains("rollmill: step `"), "{said}");
    assert!(said.contains("` failed: "), "{said}");
    assert!(said.contains("ended by itself"), "{said}");
    assert!(said.contains(".log"), "{said}");
}

#[tokio::test]
async fn an_l1_that_dies_fails_the_step_that_needs_it() {
    let anvil = Anvil::start().await.unwrap();
    let data = tempfile::tempdir().unwrap();
    let mut script = scripted(data.path(), &["--l1-rpc", &anvil.url]);
    script.0.says("— commit").await.unwrap();
    drop(anvil);
    let said = failure(script).await;
    assert!(said.contains("rollmill: step `"), "{said}");
}

#[tokio::test]
async fn an_interrupted_step_is_named() {
    let data = tempfile::tempdir().unwrap();
    let (mut running, complaints) = scripted(data.path(), &[]);
    running.says("— deploy").await.unwrap();
    assert!(!running.interrupt().await.unwrap());
    let said = std::fs::read_to_string(complaints).unwrap();
    assert!(said.contains("rollmill: step `"), "{said}");
    assert!(said.contains("` failed: interrupted"), "{said}");
}

#[tokio::test]
async fn a_report_whose_folder_is_gone_fails_the_step_that_writes_it() {
    let data = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let few = ["--rollers", "1", "--k", "1", "--json"];
    let args = [&few[..], &[report.to_str().unwrap()]].concat();
    let mut script = scripted(data.path(), &args);
    script.0.says("— deposit").await.unwrap();
    folder.close().unwrap();
    let said = failure(script).await;
    let named = "rollmill: step `write the report` failed: cannot write the report";
    assert!(said.contains(named), "{said}");
}

#[tokio::test]
async fn ctrl_c_ends_everything_also_while_it_starts() {
    let data = tempfile::tempdir().unwrap();
    let mut starting = Talking::start(devnet(data.path(), &["--proofs", "mock"]).unwrap()).unwrap();
    starting.says("deploy").await.unwrap();
    assert!(starting.interrupt().await.unwrap());

    // What was begun is completed by the next start.
    let mut command = devnet(data.path(), &["--proofs", "mock"]).unwrap();
    let ready = data.path().join("ready.json");
    command.arg("--ready-file").arg(&ready);
    let mut running = Talking::start(command).unwrap();
    running.says("Ctrl-C").await.unwrap();
    let rollers = running.children().await.unwrap();
    assert_eq!(rollers.len(), 4, "three rollers and the fallback");
    until("the ready file", async || Ok(ready.exists().then_some(())))
        .await
        .unwrap();
    assert!(running.interrupt().await.unwrap());
    assert!(!ready.exists(), "the ready file is left");
    let log = std::fs::read_to_string(data.path().join("logs/roller-1.log")).unwrap();
    assert!(log.contains("ready") && !log.contains('\u{1b}'), "{log}");
    for roller in rollers {
        assert!(
            kill("-0", &roller.to_string()).await.is_err(),
            "a roller is left"
        );
    }
}

#[tokio::test]
async fn a_roller_that_dies_is_named_with_its_log_and_the_network_goes_on() {
    let data = tempfile::tempdir().unwrap();
    let mut running = Talking::start(devnet(data.path(), &["--proofs", "mock"]).unwrap()).unwrap();
    running.says("Ctrl-C").await.unwrap();
    let rollers = running.children().await.unwrap();
    kill("-KILL", &rollers[0].to_string()).await.unwrap();
    let sentence = running.says("ended by itself").await.unwrap();
    assert!(sentence.contains("roller-"), "{sentence}");
    assert!(sentence.contains(".log"), "{sentence}");
    until("the others to be alone", async || {
        Ok((running.children().await?.len() == 3).then_some(()))
    })
    .await
    .unwrap();
    assert!(running.interrupt().await.unwrap());
}

#[tokio::test]
async fn a_data_directory_keeps_its_kind_of_proofs() {
    let data = tempfile::tempdir().unwrap();
    let mock = Devnet::start(data.path(), &["--proofs", "mock"])
        .await
        .unwrap();
    mock.kill().await.unwrap();
    let said = refusal(data.path(), &["--proofs", "stark"]).await;
    assert!(said.contains("another kind"), "{said}");

    // Nor is it what `rollmill deploy` would go on with.
    let mut deploy = Command::new(program("rollmill").unwrap());
    deploy
        .args(["deploy", "--proofs", "mock", "--deployment"])
        .arg(data.path().join("deployment.json"))
        .arg("--data-dir")
        .arg(data.path().join("own"));
    let ended = run(deploy).await.unwrap();
    assert!(!ended.success, "{}", ended.said);
    let sentence = "is a devnet's deployment file";
    assert!(ended.said.contains(sentence), "{}", ended.said);
}

#[tokio::test]
async fn what_was_there_before_a_start_is_no_news() {
    let data = tempfile::tempdir().unwrap();
    let args = ["--proofs", "mock", "--rollers", "1", "--k", "1"];
    let args = [&args[..], &["--batch-age", "1"]].concat();
    let pay = async |l2: &DynProvider| {
        let sent = l2.send_transaction(transfer(Address::repeat_byte(0xf1), 1));
        sent.await.unwrap().get_receipt().await.unwrap();
    };
    let first = Devnet::start(data.path(), &args).await.unwrap();
    let l2 = funded(&first).await.unwrap();
    pay(&l2).await;
    until("everything to be settled", async || {
        let latest = l2.get_block_number().await?;
        let settled = l2.get_block_by_number(BlockNumberOrTag::Finalized).await?;
        Ok(settled.filter(|settled| settled.header.number == latest))
    })
    .await
    .unwrap();
    first.kill().await.unwrap();

    let mut command = devnet(data.path(), &args).unwrap();
    let ready = data.path().join("ready.json");
    command.arg("--ready-file").arg(&ready);
    let mut second = Talking::start(command).unwrap();
    let before = second.says("from before: blocks up to").await.unwrap();
    assert!(before.contains("batches up to"), "{before}");
    let addresses = until("the ready file", async || Ok(std::fs::read(&ready).ok()));
    let addresses: Value = serde_json::from_slice(&addresses.await.unwrap()).unwrap();
    pay(&wallet(addresses["l2"].as_str().unwrap()).unwrap()).await;
    let (told, _) = second.says_before("committed on L1").await.unwrap();
    let is_verdict = |line: &&String| line.contains("valid, on time");
    assert_eq!(told.iter().find(is_verdict), None, "{told:?}");
    assert!(second.interrupt().await.unwrap());
}

#[tokio::test]
async fn a_second_ctrl_c_leaves_no_temporary_folder() {
    let temporary = tempfile::tempdir().unwrap();
    let mut command = Command::new(program("rollmill").unwrap());
    command
        .args(["devnet", "--proofs", "mock", "--rollers", "1", "--k", "1"])
        .args([
            "--l1-port",
            "0",
            "--l2-port",
            "0",
            "--coordinator-port",
            "0",
            "--dashboard-port",
            "0",
        ])
        .env("TMPDIR", temporary.path())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let mut running = Talking::start(command).unwrap();
    running.says("1 roller, 1 ticket per task").await.unwrap();
    running.says("Ctrl-C").await.unwrap();
    let left = || std::fs::read_dir(temporary.path()).unwrap().count();
    assert_eq!(left(), 1);
    running.interrupt_times(2).await.unwrap();
    assert_eq!(left(), 0);
}

#[tokio::test]
async fn a_reader_that_leaves_is_no_panic() {
    let mut command = Command::new(program("rollmill").unwrap());
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bin/rollmill/tests/fixtures");
    command
        .arg("evm-test")
        .arg(fixtures)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut running = command.spawn().unwrap();
    // As `| head` does when it has what it wants.
    drop(running.stdout.take());
    let ended = running.wait_with_output().await.unwrap();
    assert_eq!(ended.status.code(), Some(141));
    assert_eq!(String::from_utf8(ended.stderr).unwrap(), "");
}

#[tokio::test]
async fn a_staker_without_money_or_l1_is_told_all_that_is_missing() {
    let data = tempfile::tempdir().unwrap();
    let args = ["--proofs", "mock", "--rollers", "1", "--k", "1"];
    let devnet = Devnet::start(data.path(), &args).await.unwrap();
    let own = tempfile::tempdir().unwrap();
    let key = own.path().join("owner.key");
    write_key(&key, &"5e".repeat(32)).unwrap();
    let refused = async |l1: &str| {
        let mut command = Command::new(program("roller").unwrap());
        command
            .args(["stake", "--amount", "100", "--l1-rpc", l1])
            .args(["--signer", "0x00000000000000000000000000000000000000aa"])
            .arg("--deployment")
            .arg(data.path().join("deployment.json"))
            .arg("--owner-key-file")
            .arg(&key)
            .arg("--data-dir")
            .arg(own.path());
        let ended = run(command).await.unwrap();
        assert!(!ended.success, "{}", ended.said);
        ended.said
    };
    let poor = refused(devnet.l1.as_str()).await;
    for missing in [
        "has 0 ether on L1 and needs up to",
        "has 0 SCR and needs 100",
    ] {
        assert!(poor.contains(missing), "{poor}");
    }

    // L2 is a chain, too, and not the one that was meant.
    let other = refused(devnet.l2.as_str()).await;
    assert!(other.contains("(--l1-rpc) has the chain id"), "{other}");
    let l1 = devnet.l1.clone();
    devnet.kill().await.unwrap();
    let gone = refused(l1.as_str()).await;
    let nobody = format!("no L1 answers at {l1} (--l1-rpc)");
    assert!(gone.contains(&nobody), "{gone}");
}
