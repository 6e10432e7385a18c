//! What an operator sees of a running rollup: the verbs that only look, as people and machines read them.

#![allow(clippy::unwrap_used, missing_docs)]

use std::path::Path;

use alloy::{eips::BlockNumberOrTag, primitives::Address, providers::Provider};
use rollmill_e2e::{
    Devnet, Ended, program, run, until,
    user::{USER, account, funded, transfer},
    write_key,
};
use serde_json::Value;
use tokio::process::Command;

/// A devnet with a settled transfer.
async fn settled(data: &Path) -> Devnet {
    let devnet = Devnet::start(data, &["--proofs", "mock", "--batch-age", "1"]);
    let devnet = devnet.await.unwrap();
    let l2 = funded(&devnet).await.unwrap();
    let friend = Address::repeat_byte(0xf3);
    let sent = l2.send_transaction(transfer(friend, 7)).await.unwrap();
    let block = sent.get_receipt().await.unwrap().block_number.unwrap();
    until("the block to be settled", async || {
        let settled = l2.get_block_by_number(BlockNumberOrTag::Finalized).await?;
        Ok(settled.filter(|settled| settled.header.number >= block))
    })
    .await
    .unwrap();
    // The coordinator reads it a moment later.
    until("the coordinator to know", async || {
        let ended = look(&devnet, data, &["tasks", "1"]).await;
        Ok(ended.said.contains("settled     by").then_some(()))
    })
    .await
    .unwrap();
    devnet
}

/// Runs `rollmill VERB ...` with the addresses of a devnet in the environment.
async fn look(devnet: &Devnet, data: &Path, args: &[&str]) -> Ended {
    let mut command = Command::new(program("rollmill").unwrap());
    command
        .args(args)
        .env("ROLLMILL_COORDINATOR", &devnet.coordinator)
        .env("ROLLMILL_L1_RPC", &devnet.l1)
        .env("ROLLMILL_L2_RPC", &devnet.l2)
        .env("ROLLMILL_DEPLOYMENT", data.join("deployment.json"));
    run(command).await.unwrap()
}

async fn json(devnet: &Devnet, data: &Path, args: &[&str]) -> Value {
    let ended = look(devnet, data, &[args, &["--json"]].concat()).await;
    assert!(ended.success, "{args:?}: {}", ended.said);
    serde_json::from_str(&ended.said).unwrap()
}

#[tokio::test]
async fn an_operator_sees_chain_rollers_tasks_and_numbers() {
    let data = tempfile::tempdir().unwrap();
    let devnet = settled(data.path()).await;
    let ask = async |args: &[&str]| json(&devnet, data.path(), args).await;
    let status = ask(&["status"]).await;
    assert!(status["l2"]["finalized"]["number"].as_u64().unwrap() > 0);
    assert_eq!(status["coordinator"]["status"]["rollers"], 3);
    assert_eq!(status["l1"]["enforcedSince"], Value::Null);
    assert!(status["l1"]["spent"]["batches"].as_u64().unwrap() > 0);
    assert_ne!(status["l1"]["spent"]["wei"], "0");
    assert_eq!(status["silent"], serde_json::json!([]));

    let params = ask(&["params"]).await;
    assert_eq!(params["numbers"].as_array().unwrap().len(), 19);
    assert_eq!(params["numbers"][5]["name"], "HeartbeatS");
    assert_eq!(
        params["numbers"][5]["value"],
        params["law"]["heartbeatS"].to_string()
    );
    assert_eq!(params["dials"]["inForce"]["k"], params["law"]["k"]);

    let rollers = ask(&["rollers"]).await;
    assert_eq!(rollers.as_array().unwrap().len(), 3);
    let first = rollers[0]["roller"].as_str().unwrap();
    assert_eq!(
        ask(&["rollers", first]).await["roller"],
        rollers[0]["roller"]
    );

    let tasks = ask(&["tasks", "--all"]).await;
    let newest = ask(&["tasks", "1"]).await;
    assert_eq!(tasks[0]["task"], newest["task"]);
    let by_id = ask(&["tasks", newest["task"].as_str().unwrap()]).await;
    assert_eq!(by_id["settle"], newest["settle"]);

    for (args, part) in [
        (&["status"][..], "mode       normal"),
        (&["params"], "if it ended now"),
        (&["rollers"], "3 rollers"),
        (&["tasks"], "not settled; the window has room for"),
        (&["tasks", "1"], "settled     by L1 transaction 0x"),
    ] {
        let ended = look(&devnet, data.path(), args).await;
        assert!(
            ended.success && ended.said.contains(part),
            "{args:?}: {}",
            ended.said
        );
    }
    settings_are_checked(&devnet, data.path()).await;
    devnet.kill().await.unwrap();
}

/// `rollmill config check` for a node with the devnet's contracts: what it would have is right, but for its key.
async fn settings_are_checked(devnet: &Devnet, data: &Path) {
    let desk = tempfile::tempdir().unwrap();
    let (file, key) = (desk.path().join("rollmill.toml"), desk.path().join("key"));
    let deployment = data.join("deployment.json");
    let settings = format!(
        "l1-rpc = \"{}\"\ndeployment = \"{}\"\ndata-dir = \"{}\"\noperator-key-file = \"{}\"\nbatch-age = 7\n",
        devnet.l1,
        deployment.display(),
        desk.path().join("node").display(),
        key.display(),
    );
    std::fs::write(&file, settings).unwrap();
    let check = async |args: &[&str]| {
        let mut command = Command::new(program("rollmill").unwrap());
        command.args(["config", "check", "--config"]).arg(&file);
        command.args(args);
        run(command).await.unwrap()
    };
    let stranger = account(USER).unwrap().to_bytes().to_string();
    write_key(&key, &stranger).unwrap();
    let places = [
        "--",
        "--listen",
        "127.0.0.1:0",
        "--coordinator-listen",
        "127.0.0.1:0",
    ];
    let places = [&places[..], &["--no-dashboard"]].concat();
    let ended = check(&places).await;
    assert!(!ended.success, "{}", ended.said);
    let line = |said: &str, name: &str| -> String {
        let found = said.lines().find(|line| line.starts_with(name));
        found.unwrap_or_else(|| panic!("{name}: {said}")).to_owned()
    };
    assert!(line(&ended.said, "batch-age ").ends_with("  file"));
    assert!(line(&ended.said, "listen ").ends_with("  flag"));
    assert!(line(&ended.said, "block-time ").ends_with("  default"));
    assert!(line(&ended.said, "ok     L1 ").contains("mock proofs"));
    assert!(line(&ended.said, "WRONG  operator's key").contains("the rollup's operator is"));
    assert!(ended.said.contains("1 thing to mend"), "{}", ended.said);
    assert!(!desk.path().join("node").exists());

    let replica = check(&[&places[..], &["--derive"]].concat()).await;
    assert!(replica.success, "{}", replica.said);
    let other = check(&["load"]).await;
    assert!(
        other.said.contains("`load` has no settings"),
        "{}",
        other.said
    );
}

#[tokio::test]
async fn whoever_does_not_answer_is_named() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", gone.local_addr().unwrap());
    drop(gone);
    let mut command = Command::new(program("rollmill").unwrap());
    command.args(["status", "--coordinator", &url, "--l2-rpc", &url]);
    let ended = run(command).await.unwrap();
    assert!(!ended.success);
    for part in [
        format!("no node of the rollup answers at {url}"),
        format!("the coordinator at {url} does not tell"),
        "mode       not known".to_owned(),
    ] {
        assert!(ended.said.contains(&part), "{part}: {}", ended.said);
    }
    let mut tasks = Command::new(program("rollmill").unwrap());
    tasks.args(["tasks", "twelve", "--coordinator", &url]);
    let ended = run(tasks).await.unwrap();
    assert!(ended.said.contains("`twelve` is neither"), "{}", ended.said);
}
