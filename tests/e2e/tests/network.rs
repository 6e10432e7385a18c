//! A rollup by hand on an L1 that is nobody's devnet: deploy, stake, node, roller, as an operator and a roller's owner would.

#![allow(clippy::unwrap_used, missing_docs)]

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Stdio,
};

use alloy::{
    eips::BlockNumberOrTag,
    primitives::{Address, Bytes, U256, utils::parse_ether},
    providers::{DynProvider, Provider},
};
use rollmill_e2e::{
    Anvil, Ended, Running,
    observed::{Told, deployed, get, named},
    program,
    proxy::{self, Line},
    run, until,
    user::{IToken, USER, account, deposited, rollup_at, transfer, wallet_of},
    write_key,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{process::Command, sync::watch};

/// Accounts of the mnemonic.
const OPERATOR: u32 = 0;
const OWNER: u32 = 3;
const SIGNER: u32 = 4;
const FALLBACK: u32 = 5;

/// A person waits for what mock proofs do in no time; the rest is every network's.
const LAW: &str = "\
[law]
k = 1
drawLagBlocks = 1
lotteryLagBlocks = 1
tMinS = 5
tFixS = 10
heartbeatS = 3
control = { k = [1, 1] }
[contracts]
settleS = 60
fallbackS = 120
";

const NOBODY: &str = "0x0000000000000000000000000000000000000000";

/// Where the operator and the roller's owner work.
struct Desk {
    anvil: Anvil,
    dir: TempDir,
}

impl Desk {
    async fn new() -> Self {
        Self {
            anvil: Anvil::start().await.unwrap(),
            dir: TempDir::new().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn key_file(&self, index: u32) -> PathBuf {
        let path = self.path(&format!("{index}.key"));
        let key = account(index).unwrap().to_bytes().to_string();
        write_key(&path, &key).unwrap();
        path
    }

    /// `rollmill VERB` with the configuration file and the operator's key in the environment.
    fn rollmill(&self, verb: &str, args: &[&str]) -> Command {
        let file = self.path("rollmill.toml");
        let settings = format!(
            "l1-rpc = \"{}\"\ndeployment = \"{}\"\ndata-dir = \"{}\"\nproofs = \"mock\"\nbatch-age = 1\n\
             governor = \"{}\"\nlisten = \"127.0.0.1:0\"\ncoordinator-listen = \"127.0.0.1:0\"\n\
             dashboard-listen = \"127.0.0.1:0\"\n{LAW}",
            self.anvil.url,
            self.path("deployment.json").display(),
            self.path("node").display(),
            account(OWNER).unwrap().address(),
        );
        std::fs::write(&file, settings).unwrap();
        let mut command = Command::new(program("rollmill").unwrap());
        let key = account(OPERATOR).unwrap().to_bytes().to_string();
        command
            .arg(verb)
            .arg("--config")
            .arg(file)
            .args(args)
            .env("ROLLMILL_OPERATOR_KEY", key)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    async fn deploy(&self, args: &[&str]) -> Ended {
        run(self.rollmill("deploy", args)).await.unwrap()
    }

    fn deployment(&self) -> Value {
        let text = std::fs::read_to_string(self.path("deployment.json")).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    fn roller(&self, verb: &str) -> Command {
        let mut command = Command::new(program("roller").unwrap());
        command
            .args([verb, "--l1-rpc", &self.anvil.url, "--deployment"])
            .arg(self.path("deployment.json"))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// The owner gets SCR from the operator, whose account nobody else uses yet.
    async fn give_scr(&self) {
        let token = self.deployment()["token"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        let operator = wallet_of(&self.anvil.url, OPERATOR).unwrap();
        let gift = parse_ether("1000").unwrap();
        let owner = account(OWNER).unwrap().address();
        let token = IToken::new(token, operator);
        let sent = token.transfer(owner, gift);
        let receipt = sent.send().await.unwrap().get_receipt().await.unwrap();
        assert!(receipt.status());
    }

    async fn stake(&self) {
        self.give_scr().await;
        let mut command = self.roller("stake");
        let signer = account(SIGNER).unwrap().address().to_string();
        command
            .args(["--amount", "1000", "--signer", &signer])
            .arg("--owner-key-file")
            .arg(self.key_file(OWNER))
            .arg("--data-dir")
            .arg(self.path("owner"));
        let staked = run(command).await.unwrap();
        assert!(staked.success, "{}", staked.said);
    }

    /// `roller VERB` with the settings that `roller setup` has written, and nothing else.
    fn roller_with_file(&self, verb: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program("roller").unwrap());
        command
            .args([verb, "--config"])
            .arg(self.path("mine/roller.toml"))
            .args(args)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// `roller setup` with a key that the owner has, and one that is new.
    async fn set_up(&self, coordinator: &str) -> Ended {
        let password = self.path("password");
        write_key(&password, "a password\n").unwrap();
        let mut command = self.roller("setup");
        command
            .args(["--yes", "--skip-bench", "--coordinator", coordinator])
            .arg("--folder")
            .arg(self.path("mine"))
            .arg("--owner-key-file")
            .arg(self.key_file(OWNER))
            .arg("--password-file")
            .arg(password);
        run(command).await.unwrap()
    }

    async fn start_roller(&self, coordinator: &str) -> Running {
        self.start_roller_with(coordinator, &[]).await
    }

    async fn start_roller_with(&self, coordinator: &str, args: &[&str]) -> Running {
        let mut command = self.roller("run");
        command
            .args(["--proofs", "mock", "--coordinator", coordinator])
            .args(args)
            .arg("--signer-key-file")
            .arg(self.key_file(SIGNER))
            .arg("--data-dir")
            .arg(self.path("roller"));
        let ready = self.path("roller.json");
        Running::start(command, &ready).await.unwrap()
    }
}

/// The chain goes on when no roller ever joins: the node runs the operator's own prover, and L1 settles unpaid.
#[tokio::test]
async fn a_rollup_that_nobody_joins_is_proven_by_its_operator() {
    let desk = Desk::new().await;
    let deployed = desk.deploy(&[]).await;
    assert!(deployed.success, "{}", deployed.said);
    let rollup = desk.deployment()["rollup"].as_str().unwrap().to_owned();
    let key = desk.key_file(FALLBACK);
    let node = desk.rollmill("node", &["--fallback-key-file", key.to_str().unwrap()]);
    let node = Running::start(node, &desk.path("ready.json"))
        .await
        .unwrap();
    let l1 = rollup_at(&rollup, &desk.anvil.url).unwrap();
    let l2 = node.field("l2").unwrap();
    deposited(l1.clone(), &l2, USER).await.unwrap();
    let log = desk.path("node/fallback.log");
    until("the proof", async || {
        let said = std::fs::read_to_string(&log).unwrap_or_default();
        Ok(said.contains("accepted").then_some(()))
    })
    .await
    .unwrap();
    assert_eq!(l1.settledBatch().call().await.unwrap(), 0);
    // Two minutes: from then on anybody may settle a batch that has no entries.
    let provider = wallet_of(&desk.anvil.url, OPERATOR).unwrap();
    let jump = provider.raw_request::<_, Value>("evm_increaseTime".into(), [120]);
    jump.await.unwrap();
    until("the unpaid settlement", async || {
        Ok((l1.settledBatch().call().await? >= 1).then_some(()))
    })
    .await
    .unwrap();
    assert!(node.interrupt().await.unwrap());
}

/// An owner's five minutes: setup, stake, run, a reward; and the way out.
#[tokio::test]
async fn a_roller_is_set_up_earns_and_leaves() {
    let desk = Desk::new().await;
    let deployed = desk.deploy(&[]).await;
    assert!(deployed.success, "{}", deployed.said);
    let rollup = desk.deployment()["rollup"].as_str().unwrap().to_owned();
    desk.give_scr().await;
    let node = desk.rollmill("node", &["--metrics", "127.0.0.1:0"]);
    let node = Running::start(node, &desk.path("ready.json"))
        .await
        .unwrap();
    is_set_up(&desk, &node.field("coordinator").unwrap()).await;
    is_staked(&desk).await;

    let run_roller = desk.roller_with_file("run", &["--metrics", "127.0.0.1:0"]);
    let ready = desk.path("roller.json");
    let roller = Running::start(run_roller, &ready).await.unwrap();
    settles(&desk.anvil.url, &rollup, &node.field("l2").unwrap()).await;
    until("the reward", async || {
        let status = run(desk.roller_with_file("status", &["--json"])).await?;
        let record: Value = serde_json::from_str(&status.said)?;
        let earned = record["earnedWei"] != "0" && record["won"] != 0;
        Ok(earned.then_some(()))
    })
    .await
    .unwrap();
    let status = run(desk.roller_with_file("status", &[])).await.unwrap();
    assert!(status.said.contains("lottery prize"), "{}", status.said);
    assert!(status.said.contains("SCR on L1"), "{}", status.said);
    is_observed(&node, &roller).await;

    assert!(roller.interrupt().await.unwrap());
    assert!(node.interrupt().await.unwrap());
    leaves(&desk).await;
}

#[tokio::test]
async fn a_roller_that_is_told_to_stop_finishes_what_it_has() {
    let desk = Desk::new().await;
    let deployed = desk.deploy(&[]).await;
    assert!(deployed.success, "{}", deployed.said);
    let rollup = desk.deployment()["rollup"].as_str().unwrap().to_owned();
    desk.stake().await;
    let node = Running::start(desk.rollmill("node", &[]), &desk.path("ready.json"))
        .await
        .unwrap();
    let coordinator = node.field("coordinator").unwrap();
    let slow = ["--mock-prove-seconds", "3"];
    let roller = desk.start_roller_with(&coordinator, &slow).await;
    let l1 = rollup_at(&rollup, &desk.anvil.url).unwrap();
    deposited(l1, &node.field("l2").unwrap(), USER)
        .await
        .unwrap();
    let seat = async || {
        let mut tasks = Command::new(program("rollmill").unwrap());
        tasks.args(["tasks", "1", "--json", "--coordinator", &coordinator]);
        let said = run(tasks).await?.said;
        // There is no task before the batch is committed.
        let task: Value = serde_json::from_str(&said).unwrap_or_default();
        eyre::Ok(task["seats"][0].clone())
    };
    until("the proof to begin", async || {
        let stage = seat().await?["stage"].clone();
        Ok((stage == "proving" || stage == "aggregating").then_some(()))
    })
    .await
    .unwrap();
    assert!(roller.interrupt().await.unwrap());
    assert_eq!(seat().await.unwrap()["state"], "on_time");
    assert!(node.interrupt().await.unwrap());
}

/// L1 takes requests and answers none: the node says so and goes on, and afterwards it has missed nothing.
#[tokio::test]
async fn a_node_whose_l1_is_silent_says_so_and_goes_on() {
    let desk = Desk::new().await;
    let deployed = desk.deploy(&[]).await;
    assert!(deployed.success, "{}", deployed.said);
    let rollup = desk.deployment()["rollup"].as_str().unwrap().to_owned();
    let upstream = desk.anvil.url.strip_prefix("http://").unwrap().to_owned();
    let (line, is_line) = watch::channel(Line::Open);
    let l1 = format!("http://{}", proxy::line(upstream, is_line).await.unwrap());
    let mut node = desk.rollmill("node", &["--l1-rpc", &l1, "--metrics", "127.0.0.1:0"]);
    let said = desk.path("said.txt");
    node.stderr(File::create(&said).unwrap());
    let node = Running::start(node, &desk.path("ready.json"))
        .await
        .unwrap();
    let url = node.field("metrics").unwrap();
    let health = async |status: u16, text: &str| {
        until(text, async || {
            let (found, said) = get(&url, "/health").await?;
            Ok((found == status && said.contains(text)).then_some(()))
        })
        .await
        .unwrap();
    };
    let rollup = rollup_at(&rollup, &desk.anvil.url).unwrap();
    let l2 = deposited(rollup.clone(), &node.field("l2").unwrap(), USER)
        .await
        .unwrap();
    health(200, "\"troubles\":[]").await;

    line.send_replace(Line::Silent);
    let (friend, late) = (Address::repeat_byte(0xf1), Address::repeat_byte(0xf2));
    let deposit = rollup.sendMessage(late, 100_000, Bytes::new());
    let sent = deposit
        .value(parse_ether("1").unwrap())
        .send()
        .await
        .unwrap();
    sent.get_receipt().await.unwrap();
    health(503, "L1 does not answer").await;
    until("the log to say it", async || {
        let said = std::fs::read_to_string(&said)?;
        Ok(said
            .contains("L1 does not answer, trying again")
            .then_some(()))
    })
    .await
    .unwrap();
    let sent = l2.send_transaction(transfer(friend, 1)).await.unwrap();
    assert!(sent.get_receipt().await.unwrap().status());
    assert_eq!(l2.get_balance(late).await.unwrap(), U256::ZERO);

    line.send_replace(Line::Open);
    until("the deposit of that time", async || {
        Ok((!l2.get_balance(late).await?.is_zero()).then_some(()))
    })
    .await
    .unwrap();
    health(200, "\"troubles\":[]").await;
    assert!(node.interrupt().await.unwrap());
}

/// Both say that they are well and what they did; nothing that dashboard and alerts ask for is missing.
async fn is_observed(node: &Running, roller: &Running) {
    let urls = [node, roller].map(|program| program.field("metrics").unwrap());
    for url in &urls {
        until("the program to be well", async || {
            let (status, said) = get(url, "/health").await?;
            let is_well = status == 200 && said == "{\"healthy\":true,\"troubles\":[]}";
            Ok(is_well.then_some(()))
        })
        .await
        .unwrap();
    }
    let [node, roller] = &urls;
    for (url, sample) in [
        (node, "rollmill_ended_seats_total{outcome=\"on_time\"}"),
        (node, "rollmill_verified_proofs_total{verdict=\"valid\"}"),
        (node, "rollmill_l1_sent_transactions_total{kind=\"settle\"}"),
        (node, "rollmill_l1_fees_ether_total"),
        (node, "rollmill_height_blocks{tag=\"finalized\"}"),
        (
            node,
            "rollmill_rpc_requests_total{method=\"eth_sendRawTransaction\",outcome=\"ok\"}",
        ),
        (roller, "rollmill_roller_proofs_total{verdict=\"on_time\"}"),
        (
            roller,
            "rollmill_roller_heartbeats_total{outcome=\"answered\"}",
        ),
    ] {
        until(sample, async || {
            let value = Told::by(url).await?.value(sample);
            Ok(value.filter(|value| *value > 0.0))
        })
        .await
        .unwrap();
    }
    let told = [
        Told::by(node).await.unwrap(),
        Told::by(roller).await.unwrap(),
    ];
    for file in [
        "grafana/rollmill.json",
        "prometheus/rollmill.rules.yml",
        "helm/rollmill/templates/roller.yaml",
    ] {
        let text = std::fs::read_to_string(deployed(file)).unwrap();
        let missing = named(&text).into_iter();
        let missing = missing.filter(|name| told.iter().all(|told| !told.names().contains(name)));
        assert_eq!(missing.collect::<Vec<_>>(), [""; 0], "{file}");
    }
}

/// Keys, machine and network are looked at, and one file is written, once.
async fn is_set_up(desk: &Desk, coordinator: &str) {
    let first = desk.set_up(coordinator).await;
    assert!(first.success, "{}", first.said);
    for sentence in ["roller stake --config", "roller run --config", "cores"] {
        assert!(first.said.contains(sentence), "{}", first.said);
    }
    let files = ["roller.toml", "owner.json", "signer.json"];
    let read = || files.map(|name| std::fs::read(desk.path("mine").join(name)).unwrap());
    let before = read();
    let again = desk.set_up(coordinator).await;
    assert!(again.success, "{}", again.said);
    assert!(again.said.contains("stays as it is"), "{}", again.said);
    assert_eq!(read(), before);
    // A coordinator that is not there is found before anything is made.
    let mut elsewhere = desk.roller("setup");
    elsewhere
        .args(["--yes", "--coordinator", "http://127.0.0.1:1", "--folder"])
        .arg(desk.path("other"));
    refuses(elsewhere, "no answer from the coordinator").await;
    assert!(!desk.path("other").exists());
}

/// What stands on L1 in the end, and what the doctor says before and after.
async fn is_staked(desk: &Desk) {
    let doctor = |args: &[&str]| desk.roller_with_file("doctor", args);
    refuses(doctor(&[]), "is not registered on L1").await;
    let owner = account(OWNER).unwrap().address();
    let l1 = wallet_of(&desk.anvil.url, USER).unwrap();
    let sent = transactions_of(&l1, owner).await;
    let look = run(desk.roller_with_file("stake", &["--dry-run"]))
        .await
        .unwrap();
    assert!(look.success, "{}", look.said);
    for sentence in ["would register", "would stake 1000 SCR", "7 days later"] {
        assert!(look.said.contains(sentence), "{sentence}: {}", look.said);
    }
    assert_eq!(transactions_of(&l1, owner).await, sent);
    refuses(
        desk.roller_with_file("stake", &["--amount", "999"]),
        "below the least, 1000 SCR",
    )
    .await;
    let staked = run(desk.roller_with_file("stake", &[])).await.unwrap();
    assert!(staked.success, "{}", staked.said);
    let again = run(desk.roller_with_file("stake", &[])).await.unwrap();
    assert!(
        again.said.contains("nothing is to be done"),
        "{}",
        again.said
    );

    let file = std::fs::read_to_string(desk.path("mine/roller.toml")).unwrap();
    let signer = file.lines().find_map(|line| line.strip_prefix("signer = "));
    let signer = signer.unwrap().trim_matches('"').parse().unwrap();
    refuses(doctor(&["--json"]), "telling L1 of a proof").await;
    let ether = transfer(signer, 1_000_000_000_000_000_000);
    let given = l1.send_transaction(ether).await.unwrap().get_receipt();
    assert!(given.await.unwrap().status());
    let healthy = run(doctor(&["--json"])).await.unwrap();
    assert!(healthy.success, "{}", healthy.said);
    let report: Value = serde_json::from_str(&healthy.said).unwrap();
    assert_eq!(report["ok"], true);
}

/// The stake goes out of the draw at once, and to its owner when L1's time has come.
async fn leaves(desk: &Desk) {
    let look = run(desk.roller_with_file("unbond", &["--dry-run"]))
        .await
        .unwrap();
    assert!(
        look.said.contains("would take 1000 SCR out"),
        "{}",
        look.said
    );
    assert!(look.said.contains("from 7 days later on"), "{}", look.said);
    refuses(desk.roller_with_file("withdraw", &[]), "nothing unbonds").await;
    let unbond = run(desk.roller_with_file("unbond", &[])).await.unwrap();
    assert!(unbond.success, "{}", unbond.said);
    let early = desk.roller_with_file("withdraw", &[]);
    refuses(early, "can be withdrawn in 7 days").await;

    let l1 = wallet_of(&desk.anvil.url, USER).unwrap();
    let jump = l1.raw_request::<_, Value>("evm_increaseTime".into(), [8 * 86_400]);
    jump.await.unwrap();
    let mine = l1.raw_request::<_, Value>("evm_mine".into(), Vec::<u64>::new());
    mine.await.unwrap();
    let withdrawn = run(desk.roller_with_file("withdraw", &[])).await.unwrap();
    assert!(withdrawn.success, "{}", withdrawn.said);
    let token = desk.deployment()["token"].as_str().unwrap().parse();
    let token = IToken::new(token.unwrap(), l1);
    let owner = account(OWNER).unwrap().address();
    let has = token.balanceOf(owner).call().await.unwrap();
    assert_eq!(has, parse_ether("1000").unwrap());
}

async fn transactions_of(l1: &DynProvider, account: Address) -> u64 {
    l1.get_transaction_count(account).await.unwrap()
}

#[tokio::test]
async fn a_rollup_is_deployed_once_and_run_by_its_operator() {
    let desk = Desk::new().await;
    let operator = account(OPERATOR).unwrap().address();
    let l1 = wallet_of(&desk.anvil.url, OPERATOR).unwrap();

    let plan = desk.deploy(&["--dry-run"]).await;
    assert!(
        plan.success && plan.said.contains("would create"),
        "{}",
        plan.said
    );
    let governor = account(OWNER).unwrap().address();
    for term in [
        &format!("{governor} can announce other parameters 7 d ahead")[..],
        "1 ticket for each batch (fixed)",
        "10000000 SCR as the operator's bond",
        "the winner alone for 1 min",
    ] {
        assert!(plan.said.contains(term), "no `{term}` in:\n{}", plan.said);
    }
    assert_eq!(transactions_of(&l1, operator).await, 0);
    assert!(!desk.path("deployment.json").exists() && !desk.path("node").exists());
    let stark = desk.deploy(&["--proofs", "stark"]).await;
    assert!(
        !stark.success && stark.said.contains("add --proofs mock"),
        "{}",
        stark.said
    );

    let first = desk.deploy(&[]).await;
    assert!(first.success, "{}", first.said);
    let deployment = desk.deployment();
    let rollup = deployment["rollup"].as_str().unwrap().to_owned();
    let law = &deployment["law"];
    assert_eq!((&law["tFixS"], &law["epochS"]), (&json!(10), &json!(1_200)));
    assert_eq!(deployment["parameters"]["settleS"], 60);
    let governor = deployment["governor"].as_str().unwrap();
    assert_eq!(governor.parse(), Ok(account(OWNER).unwrap().address()));
    // What the plan said came true.
    for said in [&plan.said, &first.said] {
        assert!(
            said.to_lowercase()
                .contains(&format!("{}  rollup", rollup.to_lowercase())),
            "{said}"
        );
    }
    let sent = transactions_of(&l1, operator).await;
    let planned = format!("in {sent} transactions");
    assert!(plan.said.contains(&planned), "{planned}: {}", plan.said);
    for args in [&[][..], &["--dry-run"]] {
        let again = desk.deploy(args).await;
        assert!(again.success, "{}", again.said);
    }
    for (args, sentence) in [
        (["--governor", NOBODY], "with governor"),
        (["--l2-chain-id", "7"], "l2ChainId"),
        (["--l2-chain-id", "31337"], "is L1's chain id"),
    ] {
        let other = desk.deploy(&args).await;
        assert!(
            !other.success && other.said.contains(sentence),
            "{}",
            other.said
        );
    }
    assert_eq!(
        (transactions_of(&l1, operator).await, desk.deployment()),
        (sent, deployment)
    );

    desk.stake().await;
    let ready = desk.path("ready.json");
    let node = Running::start(desk.rollmill("node", &[]), &ready)
        .await
        .unwrap();
    let roller = desk.start_roller(&node.field("coordinator").unwrap()).await;
    settles(&desk.anvil.url, &rollup, &node.field("l2").unwrap()).await;

    assert!(roller.interrupt().await.unwrap());
    assert!(node.interrupt().await.unwrap());
    assert!(!ready.exists());
    refuses_strangers(&desk).await;
}

/// A deposit arrives, a transfer is included, and L1 commits and settles its batch.
async fn settles(l1: &str, rollup: &str, l2: &str) {
    let rollup = rollup_at(rollup, l1).unwrap();
    let l2 = deposited(rollup.clone(), l2, USER).await.unwrap();
    let friend = Address::repeat_byte(0xf1);
    let sent = l2.send_transaction(transfer(friend, 5)).await.unwrap();
    let block = sent.get_receipt().await.unwrap().block_number.unwrap();
    assert_eq!(l2.get_balance(friend).await.unwrap(), U256::from(5));
    for tag in [BlockNumberOrTag::Safe, BlockNumberOrTag::Finalized] {
        until("L1 to have the block", async || {
            let found = l2.get_block_by_number(tag).await?;
            Ok(found.filter(|found| found.header.number >= block).map(drop))
        })
        .await
        .unwrap();
    }
    assert!(rollup.settledBatch().call().await.unwrap() >= 1);
}

/// Another key, no key, another program's directory, one without the chain, a setting that nobody knows.
async fn refuses_strangers(desk: &Desk) {
    let key = desk.key_file(OWNER);
    let with_key = ["--operator-key-file", key.to_str().unwrap()];
    let devnet = desk.path("a-devnet");
    let inside = devnet.join("node/l2.redb");
    std::fs::create_dir_all(inside.parent().unwrap()).unwrap();
    std::fs::write(inside, "").unwrap();
    let in_devnet = ["--data-dir", devnet.to_str().unwrap()];
    let fresh = desk.path("fresh");
    let in_fresh = ["--data-dir", fresh.to_str().unwrap()];
    for (args, sentence) in [
        (&with_key[..], "the rollup's operator is"),
        (&["--derive"], "is a sequencer's data directory"),
        (&in_devnet, "is a devnet's data directory"),
        (&in_fresh, "the rollup has been run from another one"),
    ] {
        refuses(desk.rollmill("node", args), sentence).await;
    }
    // The settings of the node are the command's, too, whose directory must be its own.
    let mut leaving = desk.rollmill("escape", &[]);
    let user = account(USER).unwrap().to_bytes().to_string();
    leaving.env("ROLLMILL_KEY", user);
    refuses(leaving, "is a sequencer's data directory").await;
    // A file that was changed by hand.
    let file = desk.path("deployment.json");
    let text = std::fs::read_to_string(&file).unwrap();
    let other = text.replacen("\"epochS\": 1200", "\"epochS\": 60", 1);
    assert_ne!(other, text);
    std::fs::write(&file, other).unwrap();
    refuses(desk.rollmill("node", &[]), "on L1 the rollup's law is").await;
    std::fs::write(&file, text).unwrap();
    let mut nobody = desk.rollmill("node", &[]);
    nobody.env_remove("ROLLMILL_OPERATOR_KEY");
    refuses(nobody, "set ROLLMILL_OPERATOR_KEY").await;
    let unknown = desk.rollmill("node", &[]);
    let file = desk.path("rollmill.toml");
    add(&file, "batch-aeg = 1\n");
    refuses(unknown, "there is no setting `batch-aeg`").await;
}

fn add(file: &Path, line: &str) {
    let text = std::fs::read_to_string(file).unwrap();
    std::fs::write(file, line.to_owned() + &text).unwrap();
}

async fn refuses(command: Command, sentence: &str) {
    let ended = run(command).await.unwrap();
    assert!(
        !ended.success && ended.said.contains(sentence),
        "{sentence}: {}",
        ended.said
    );
}

/// `rollmill reproduce` against a source whose files are these.
async fn reproduced(desk: &Desk, source: &Path) -> Ended {
    let mut command = Command::new(program("rollmill").unwrap());
    command
        .args(["reproduce", "--no-build", "--l1-rpc", &desk.anvil.url])
        .arg("--deployment")
        .arg(desk.path("deployment.json"))
        .arg("--source")
        .arg(source);
    run(command).await.unwrap()
}

/// Puts a source's committed artifacts into `to`.
fn copy_artifacts(source: &Path, to: &Path) {
    let folder = "contracts/artifacts";
    std::fs::create_dir_all(to.join(folder)).unwrap();
    for entry in std::fs::read_dir(source.join(folder)).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap();
        std::fs::copy(&path, to.join(folder).join(name)).unwrap();
    }
}

#[tokio::test]
async fn anybody_can_compare_l1_with_the_source() {
    let desk = Desk::new().await;
    let deployed = desk.deploy(&[]).await;
    assert!(deployed.success, "{}", deployed.said);
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let same = reproduced(&desk, &source).await;
    assert!(same.success, "{}", same.said);
    for what in [
        "is Rollup of",
        "is MockVerifier of",
        "version 1 stands for mock proofs",
    ] {
        assert!(same.said.contains(what), "{}", same.said);
    }

    // One byte of one contract.
    let other = desk.path("other");
    copy_artifacts(&source, &other);
    let change = |file: &str, from: &str, to: &str| {
        let path = other.join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file}");
        std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
    };
    let court = "contracts/artifacts/Court.json";
    let begin = "\"deployedBytecode\": \"0x60";
    change(court, begin, "\"deployedBytecode\": \"0x61");
    let refused = reproduced(&desk, &other).await;
    assert!(!refused.success);
    assert!(
        refused.said.contains("the code of Court at"),
        "{}",
        refused.said
    );
}

#[tokio::test]
async fn an_l1_that_was_started_anew_gets_a_deployment_of_its_own() {
    let mut desk = Desk::new().await;
    let deployed = desk.deploy(&[]).await;
    assert!(deployed.success, "{}", deployed.said);
    let again = desk.deploy(&[]).await;
    assert!(again.said.contains("nothing to do"), "{}", again.said);
    // L1 is started anew, the file is lost, the data directory is kept.
    desk.anvil = Anvil::start().await.unwrap();
    std::fs::remove_file(desk.path("deployment.json")).unwrap();
    let elsewhere = desk.deploy(&[]).await;
    assert!(elsewhere.success, "{}", elsewhere.said);
    // What was sent to the first L1 is no more on the record than what the second one lost; the file is true of the second.
    let again = desk.deploy(&[]).await;
    assert!(again.said.contains("nothing to do"), "{}", again.said);
}
