//! What a roller's owner does on L1 by hand: have what is owed paid, charge the operator. On the embedded L1 of a devnet.

#![allow(clippy::unwrap_used, missing_docs)]

use std::path::{Path, PathBuf};

use alloy::{
    eips::{BlockId, BlockNumberOrTag},
    primitives::{Address, B256, Bytes, U256, keccak256},
    providers::{DynProvider, Provider},
    rpc::types::Filter,
    signers::SignerSync,
    sol,
    sol_types::{SolEvent, SolStruct, eip712_domain},
};
use rollmill_e2e::{
    Devnet, Ended, program, run, until,
    user::{account, funded, transfer, wallet},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

sol! {
    #[sol(rpc)]
    interface IView {
        function balanceOf(address owner) external view returns (uint256);
        function taskId(uint64 batch) external view returns (bytes32);
        function bondWei() external view returns (uint256);
    }

    struct Submission {
        bytes32 task;
        uint32 round;
        address roller;
        bytes32 publicValuesHash;
        bytes32 proofDigest;
    }

    struct AssignmentReceipt {
        bytes32 task;
        uint32 round;
        address roller;
        uint32 tickets;
        uint64 assignedAt;
        uint64 deadline;
        bytes32 seed;
    }

    #[sol(rpc)]
    interface IEvidence {
        function postSubmission(
            uint64 batch,
            Submission calldata s,
            bytes calldata signature,
            AssignmentReceipt calldata a,
            bytes calldata operatorSignature,
            string calldata location
        ) external;
    }

    struct VerdictReceipt {
        bytes32 task;
        uint32 round;
        address roller;
        bytes32 proofDigest;
        bool valid;
        bool onTime;
    }

    event OperatorCharged(uint64 indexed batch, address indexed roller, uint8 offence, uint256 lostWei);
}

/// What names so few bytes that none are left for a body behind the commitment.
fn digest_of(bytes: &[u8]) -> B256 {
    let commitment = B256::right_padding_from(bytes);
    keccak256([commitment, keccak256(b"")].concat())
}

/// The operator of a devnet.
const OPERATOR: u32 = 0;
/// The owner of its first roller.
const OWNER: u32 = 1_001;
/// Its hot key.
const SIGNER: u32 = 2_001;

struct Desk {
    devnet: Devnet,
    data: TempDir,
    l1: DynProvider,
    roller: Address,
}

impl Desk {
    /// A devnet of one roller, which has been paid for all batches.
    async fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let args = ["--proofs", "mock", "--rollers", "1", "--k", "1"];
        let args = [&args[..], &["--batch-age", "1"]].concat();
        let devnet = Devnet::start(data.path(), &args).await.unwrap();
        let l2 = funded(&devnet).await.unwrap();
        let sent = l2.send_transaction(transfer(Address::repeat_byte(0xf1), 1));
        let included = sent.await.unwrap().get_receipt().await.unwrap();
        let block = included.block_number.unwrap();
        // Of everything: what comes later would be owed, too.
        until("the settlement", async || {
            let settled = l2.get_block_by_number(BlockNumberOrTag::Finalized).await?;
            let settled = settled.is_some_and(|settled| settled.header.number >= block);
            Ok(settled.then_some(()))
        })
        .await
        .unwrap();
        Self {
            l1: wallet(&devnet.l1).unwrap(),
            roller: account(OWNER).unwrap().address(),
            devnet,
            data,
        }
    }

    fn contract(&self, name: &str) -> Address {
        let file = std::fs::read(self.deployment()).unwrap();
        let contracts: Value = serde_json::from_slice(&file).unwrap();
        contracts[name].as_str().unwrap().parse().unwrap()
    }

    fn deployment(&self) -> PathBuf {
        self.data.path().join("deployment.json")
    }

    /// `roller VERB` with the owner's key, its record of transactions, and a data folder of the daemon's.
    async fn roller(&self, verb: &[&str], of: &Path) -> Ended {
        let mut command = Command::new(program("roller").unwrap());
        command
            .args(verb)
            .args(["--l1-rpc", &self.devnet.l1, "--deployment"])
            .arg(self.deployment())
            .arg("--owner-key-file")
            .arg(self.data.path().join("keys/roller-1-owner"))
            .arg("--data-dir")
            .arg(self.data.path().join("rollers/roller-1-owner"))
            .env("ROLLMILL_ROLLER_DATA_DIR", of)
            .kill_on_drop(true);
        run(command).await.unwrap()
    }

    async fn scr(&self) -> U256 {
        let token = IView::new(self.contract("token"), self.l1.clone());
        token.balanceOf(self.roller).call().await.unwrap()
    }

    async fn bond(&self) -> U256 {
        let bond = IView::new(self.contract("bond"), self.l1.clone());
        bond.bondWei().call().await.unwrap()
    }

    /// A verdict about the roller in batch 1, as the operator signs it, in the form in which rollers keep it.
    async fn verdict(&self, valid: bool) -> String {
        let receipt = VerdictReceipt {
            task: self.task().await,
            round: 0,
            roller: self.roller,
            proofDigest: keccak256("the bytes"),
            valid,
            onTime: true,
        };
        let signature = self.signed(OPERATOR, &receipt).await;
        json!({
            "kind": "verdict",
            "receipt": {
                "task": receipt.task,
                "round": receipt.round,
                "roller": receipt.roller,
                "proofDigest": receipt.proofDigest,
                "valid": receipt.valid,
                "onTime": receipt.onTime,
            },
            "signature": signature,
        })
        .to_string()
    }

    async fn task(&self) -> B256 {
        let rollup = IView::new(self.contract("rollup"), self.l1.clone());
        rollup.taskId(1).call().await.unwrap()
    }

    async fn signed(&self, who: u32, said: &impl SolStruct) -> Bytes {
        let domain = eip712_domain! {
            name: "rollmill",
            version: "1",
            chain_id: self.l1.get_chain_id().await.unwrap(),
            verifying_contract: self.contract("rollup"),
        };
        let hash = said.eip712_signing_hash(&domain);
        let signature = account(who).unwrap().sign_hash_sync(&hash).unwrap();
        Bytes::copy_from_slice(&signature.as_bytes())
    }

    /// Posts the digest of bytes for the roller's seat in batch 1, as the roller signs it. The seat has another deadline than it had:
    /// the operator signs that, too.
    async fn post(&self, bytes: &[u8]) {
        let kept = self.data.path().join("rollers/roller-1/receipts.jsonl");
        let kept = std::fs::read_to_string(kept).unwrap();
        let task = self.task().await;
        let receipts = kept.lines().map(|line| serde_json::from_str(line).unwrap());
        let mut of_task = receipts.filter(|receipt: &Value| {
            receipt["kind"] == "assignment" && receipt["receipt"]["task"] == json!(task)
        });
        let assigned = of_task.next().unwrap()["receipt"].take();
        let head = self.l1.get_block(BlockId::latest()).await.unwrap().unwrap();
        let a = AssignmentReceipt {
            task,
            round: 0,
            roller: self.roller,
            tickets: 1,
            assignedAt: head.header.timestamp,
            deadline: head.header.timestamp + 600,
            seed: serde_json::from_value(assigned["seed"].clone()).unwrap(),
        };
        let s = Submission {
            task,
            round: 0,
            roller: self.roller,
            publicValuesHash: keccak256("anything"),
            proofDigest: digest_of(bytes),
        };
        let by_roller = self.signed(SIGNER, &s).await;
        let by_operator = self.signed(OPERATOR, &a).await;
        let evidence = IEvidence::new(self.contract("evidence"), self.l1.clone());
        let post = evidence.postSubmission(1, s, by_roller, a, by_operator, String::new());
        let posted = post.send().await.unwrap().get_receipt().await.unwrap();
        assert!(posted.status());
    }

    async fn charges(&self) -> Vec<OperatorCharged> {
        let filter = Filter::new()
            .address(self.contract("evidence"))
            .event_signature(OperatorCharged::SIGNATURE_HASH)
            .from_block(0);
        let logs = self.l1.get_logs(&filter).await.unwrap();
        let decoded = logs
            .iter()
            .map(|log| OperatorCharged::decode_log(&log.inner));
        decoded.map(|event| event.unwrap().data).collect()
    }
}

fn says(ended: &Ended, sentence: &str) {
    assert!(
        ended.success && ended.said.contains(sentence),
        "{}",
        ended.said
    );
}

fn refuses(ended: &Ended, sentence: &str) {
    assert!(
        !ended.success && ended.said.contains(sentence),
        "{}",
        ended.said
    );
}

#[tokio::test]
async fn a_roller_is_paid_and_charges_the_operator_that_contradicts_itself() {
    let desk = Desk::new().await;
    let folder = desk.data.path().join("rollers/roller-1");
    is_paid(&desk, &folder).await;

    // An honest operator's receipts.
    let charge = ["receipts", "charge"];
    says(
        &desk.roller(&charge, &folder).await,
        "there is nothing to charge",
    );
    says(&desk.roller(&["defend"], &folder).await, "nobody accuses");
    assert!(desk.charges().await.is_empty());

    folders_that_are_none(&desk).await;
    let liar = desk.data.path().join("liar");
    std::fs::create_dir_all(&liar).unwrap();
    let receipts = [desk.verdict(true).await, desk.verdict(false).await];
    std::fs::write(liar.join("receipts.jsonl"), receipts.join("\n") + "\n").unwrap();
    let bond = desk.bond().await;
    let look = desk
        .roller(&[&charge[..], &["--dry-run"]].concat(), &liar)
        .await;
    says(&look, "the same bytes are called valid and invalid; takes");
    says(&look, "and no bond");
    assert!(desk.charges().await.is_empty());
    says(&desk.roller(&charge, &liar).await, "the operator loses");
    let charges = desk.charges().await;
    assert_eq!(charges.len(), 1);
    assert_eq!((charges[0].batch, charges[0].roller), (1, desk.roller));
    assert_eq!(bond - desk.bond().await, charges[0].lostWei);
    assert!(!charges[0].lostWei.is_zero());
    says(
        &desk.roller(&charge, &liar).await,
        "there is nothing to charge",
    );
    assert_eq!(desk.charges().await.len(), 1);

    // Half of it is the roller's; the daemon's data folder has nothing to do with that.
    let before = desk.scr().await;
    says(&desk.roller(&["claim"], &folder).await, "credits");
    assert_eq!(
        desk.scr().await - before,
        charges[0].lostWei.div_ceil(U256::from(2))
    );
    is_fined(&desk, &folder).await;
    desk.devnet.kill().await.unwrap();
}

/// What is not there, or another's, is not taken for nothing.
async fn folders_that_are_none(desk: &Desk) {
    let charge = ["receipts", "charge"];
    let none = desk.data.path().join("none");
    refuses(
        &desk.roller(&charge, &none).await,
        "there are no receipts at",
    );
    for verb in ["claim", "defend"] {
        refuses(&desk.roller(&[verb], &none).await, "is no data folder");
    }
    // Receipts that the operator of another rollup signed.
    let other = desk.data.path().join("other");
    std::fs::create_dir_all(&other).unwrap();
    let kept = desk.data.path().join("rollers/roller-1/receipts.jsonl");
    std::fs::copy(kept, other.join("receipts.jsonl")).unwrap();
    let deployment = std::fs::read_to_string(desk.deployment()).unwrap();
    let file = other.join("deployment.json");
    let [here, elsewhere] = [desk.contract("rollup"), Address::repeat_byte(0x5e)]
        .map(|rollup| json!(rollup).to_string());
    assert!(deployment.contains(&here), "{deployment}");
    std::fs::write(&file, deployment.replace(&here, &elsewhere)).unwrap();
    let mut verify = Command::new(program("roller").unwrap());
    verify
        .args(["receipts", "verify", "--data-dir"])
        .arg(&other);
    verify.arg("--deployment").arg(&file);
    let ended = run(verify).await.unwrap();
    refuses(&ended, "are of another rollup");
    assert!(!ended.said.contains("NotSigned"), "{}", ended.said);
}

/// Garbage that the roller posted; anybody could bring it before L1, here it is its owner.
async fn is_fined(desk: &Desk, folder: &Path) {
    let garbage = desk.data.path().join("garbage");
    std::fs::write(&garbage, "garbage").unwrap();
    let (roller, file) = (desk.roller.to_string(), garbage.to_str().unwrap());
    let accuse = [
        "accuse",
        "--batch",
        "1",
        "--proof",
        file,
        "--accused",
        &roller,
    ];
    let with = |name: &str, value: &str| {
        let mut changed = accuse.map(str::to_owned);
        let at = changed.iter().position(|arg| arg == name).unwrap();
        changed[at + 1] = value.to_owned();
        changed
    };
    let stranger = Address::repeat_byte(0x5e).to_string();
    let signer = account(SIGNER).unwrap().address().to_string();
    for (args, sentence) in [
        (
            with("--batch", "1"),
            format!("{roller} has posted nothing for batch 1"),
        ),
        (
            with("--batch", "1000000"),
            "L1 has no batch 1000000".to_owned(),
        ),
        (
            with("--accused", &stranger),
            format!("{stranger} is no roller on L1"),
        ),
        (
            with("--accused", &signer),
            format!("the signer of one: accuse {roller}"),
        ),
    ] {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        refuses(&desk.roller(&args, folder).await, &sentence);
    }
    desk.post(b"garbage").await;
    let later = [&accuse[..], &["--round", "3"]].concat();
    refuses(&desk.roller(&later, folder).await, "but in round 0");
    let look = [&accuse[..], &["--dry-run"]].concat();
    says(&desk.roller(&look, folder).await, "gas");
    says(&desk.roller(&accuse, folder).await, "who is fined");
    says(&desk.roller(&accuse, folder).await, "was fined for it");
}

/// What the roller has earned is shown, paid once, and not owed any more.
async fn is_paid(desk: &Desk, folder: &Path) {
    let before = desk.scr().await;
    let look = desk.roller(&["claim", "--dry-run"], folder).await;
    says(&look, "SCR are owed to");
    assert_eq!(desk.scr().await, before);
    says(&desk.roller(&["claim"], folder).await, "credits");
    assert!(desk.scr().await > before);
    let again = desk.roller(&["claim"], folder).await;
    says(&again, "nothing is owed");
}
