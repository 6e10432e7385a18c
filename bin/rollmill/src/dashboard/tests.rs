#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use alloy_primitives::{Address, B256};
use rollmill_engine::{pool::NoPool, rpc, stf::BlockAttributes};
use rollmill_l1::{Deployment, Genesis, Parameters, connect};
use rollmill_protocol::{
    l2::{L1_CHAIN_ID_EMBEDDED, L2_CHAIN_ID_DEVNET},
    law::Params,
};
use rollmill_sequencer::GenesisConfig;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{task::JoinHandle, time::timeout};

use super::{assets::ASSETS, events::events, *};
use crate::node::rpc_config;

/// Nothing in a test takes longer unless it is broken.
const PATIENCE: Duration = Duration::from_secs(20);
/// The page is there at once also on a slow line.
const FIRST_LOAD_BYTES_MAX: usize = 200_000;

/// A replica's dashboard on a free port.
struct Served {
    url: String,
    chain: Chain,
    shutdown: Shutdown,
    tasks: JoinHandle<()>,
    _dir: TempDir,
}

/// An L1 where nothing listens.
const NO_L1: &str = "http://127.0.0.1:0";

fn deployment() -> Deployment {
    Deployment {
        chain_id: L1_CHAIN_ID_EMBEDDED,
        l2_chain_id: L2_CHAIN_ID_DEVNET,
        block: 1,
        rollup: Address::repeat_byte(1),
        registry: Address::repeat_byte(2),
        reward_pool: Address::repeat_byte(3),
        token: Address::repeat_byte(4),
        parameter_table: Address::repeat_byte(5),
        control: Address::repeat_byte(6),
        bond: Address::repeat_byte(7),
        emission: Address::repeat_byte(8),
        court: Address::repeat_byte(9),
        evidence: Address::repeat_byte(10),
        draws: Address::repeat_byte(11),
        settlement: Address::repeat_byte(15),
        enforcement: Address::repeat_byte(12),
        verifier: Address::repeat_byte(13),
        operator: Address::repeat_byte(14),
        governor: Address::ZERO,
        genesis: Genesis {
            state_root: B256::ZERO,
            block_hash: B256::ZERO,
            withdrawal_root: B256::ZERO,
            timestamp: 0,
        },
        law: Params::devnet(),
        parameters: Parameters::default(),
    }
}

fn sources(dir: &TempDir, l1: &str) -> Sources {
    let genesis = GenesisConfig {
        l2_chain_id: L2_CHAIN_ID_DEVNET,
        l1_chain_id: L1_CHAIN_ID_EMBEDDED,
        rollup: Address::ZERO,
        operator: Address::ZERO,
        timestamp: 0,
        accounts: Vec::new(),
    };
    let chain = Chain::open(&dir.path().join("l2.redb"), &genesis.chain_spec()).unwrap();
    let pool = Arc::new(NoPool::default());
    Sources {
        methods: rpc::methods(chain.clone(), pool, &rpc_config(), Methods::new()),
        chain,
        l1: L1 {
            provider: connect(l1).unwrap(),
            deployment: deployment(),
            l2_url: "http://127.0.0.1:9545".into(),
            explorer: Some("https://l1.example".into()),
        },
        coordinator: None,
    }
}

impl Served {
    async fn start() -> Self {
        Self::start_with(NO_L1).await
    }

    async fn start_with(l1: &str) -> Self {
        let dir = TempDir::new().unwrap();
        let sources = sources(&dir, l1);
        let (chain, shutdown) = (sources.chain.clone(), Shutdown::new());
        let mut tasks = Tasks::new(shutdown.clone());
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let url = start(Some(listen), sources, &mut tasks).await.unwrap();
        Self {
            url: url.unwrap(),
            chain,
            shutdown,
            tasks: tokio::spawn(async move { tasks.join().await.unwrap() }),
            _dir: dir,
        }
    }

    async fn get(&self, path: &str) -> reqwest::Response {
        let answer = reqwest::get(format!("{}{path}", self.url)).await.unwrap();
        assert_eq!(answer.headers()["content-security-policy"], POLICY);
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
        answer
    }

    async fn call(&self, body: String) -> reqwest::Response {
        let request = reqwest::Client::new().post(format!("{}/rpc", self.url));
        request.body(body).send().await.unwrap()
    }

    /// Seals the next block.
    fn seal(&self) {
        let head = self.chain.head();
        let attributes = BlockAttributes::rollmill(head.timestamp + 1, B256::ZERO, head.gas_limit);
        let block = self.chain.begin_block(attributes).unwrap();
        let (executed, _) = block.finish().unwrap();
        self.chain.append(&executed, &[]).unwrap();
    }

    /// Ends it; the shutdown waits for nobody.
    async fn stop(self) {
        self.shutdown.cancel();
        timeout(PATIENCE, self.tasks).await.unwrap().unwrap();
    }
}

fn request(method: &str) -> String {
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": []}).to_string()
}

#[tokio::test]
async fn every_file_is_served_with_its_type_and_the_policy() {
    let served = Served::start().await;
    for asset in &ASSETS {
        let answer = served.get(asset.path).await;
        assert_eq!(answer.status(), 200, "{}", asset.path);
        assert_eq!(answer.headers()["content-type"], asset.kind);
        assert_eq!(answer.text().await.unwrap(), asset.content);
    }
    for path in ["/nothing", "/package.json", "/pages", "/test/draw.test.js"] {
        assert_eq!(served.get(path).await.status(), 404, "{path}");
    }
    served.stop().await;
}

/// Files of the page below a folder, as they are served.
fn files(folder: &Path, prefix: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if name == "pages" {
            found.extend(files(&entry.path(), "/pages/"));
        } else if name == "index.html" {
            found.push(prefix.to_owned());
        } else if entry.path().is_file() && name != "package.json" {
            found.push(format!("{prefix}{name}"));
        }
    }
    found
}

#[test]
fn no_file_is_forgotten_and_all_together_are_small() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboard");
    let there: BTreeSet<String> = files(&folder, "/").into_iter().collect();
    let served = ASSETS.iter().map(|asset| asset.path.to_owned());
    let served: BTreeSet<String> = served.collect();
    assert_eq!(there, served);
    let bytes: usize = ASSETS.iter().map(|asset| asset.content.len()).sum();
    assert!(bytes < FIRST_LOAD_BYTES_MAX, "{bytes} bytes");
}

/// The policy would stop them in the browser; here they are found without one.
#[test]
fn no_file_names_another_address_or_holds_markup_that_the_policy_forbids() {
    for asset in &ASSETS {
        let namespaces = asset.content.replace("http://www.w3.org/2000/svg", "");
        for forbidden in [
            "http://",
            "https://",
            "innerHTML",
            "eval(",
            "<style",
            " style=\"",
        ] {
            let path = asset.path;
            assert!(!namespaces.contains(forbidden), "{path} has {forbidden}");
        }
    }
    let scripts: Vec<_> = ASSETS[0].content.matches("<script").collect();
    assert_eq!(
        scripts.len(),
        1,
        "the page has one script, and that is a file"
    );
    assert!(
        ASSETS[0]
            .content
            .contains("<script type=\"module\" src=\"app.js\"></script>")
    );
}

#[tokio::test]
async fn the_page_can_call_what_reads_and_nothing_else() {
    let served = Served::start().await;
    let answer = served.call(request("eth_blockNumber")).await;
    assert_eq!(answer.status(), 200);
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["result"], "0x0");
    // One that this node does not have is an error of JSON-RPC.
    let answer = served.call(request("rollmill_sequencerInfo")).await;
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["error"]["code"], -32601);

    for method in [
        "eth_sendRawTransaction",
        "eth_estimateGas",
        "debug_traceTransaction",
    ] {
        assert_eq!(served.call(request(method)).await.status(), 403, "{method}");
    }
    let batch = format!("[{}]", request("eth_blockNumber"));
    for body in [
        "",
        "{}",
        "null",
        batch.as_str(),
        "{\"method\":\"eth_blockNumber\"}",
    ] {
        assert_eq!(served.call(body.to_owned()).await.status(), 400, "{body}");
    }
    let long = request("eth_blockNumber") + &" ".repeat(CALL_BYTES_MAX);
    assert_eq!(served.call(long).await.status(), 413);
    served.stop().await;
}

#[tokio::test]
async fn contracts_and_logs_are_asked_small_questions_only() {
    let served = Served::start().await;
    let ask = async |method: &str, params: Value| {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        served.call(body.to_string()).await
    };
    let view = |gas: &str| json!({"to": Address::ZERO, "data": "0x06fdde03", "gas": gas});
    let logs = |from: &str, to: &str| json!({"fromBlock": from, "toBlock": to, "topics": [null, B256::ZERO]});
    for (method, params, result) in [
        ("eth_call", json!([view("0x30d40"), "latest"]), json!("0x")),
        ("eth_getLogs", json!([logs("0x0", "0x270f")]), json!([])),
    ] {
        let answer = ask(method, params).await;
        assert_eq!(answer.status(), 200, "{method}");
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["result"], result, "{answer}");
    }
    let mut with_value = view("0x1");
    with_value["value"] = json!("0x1");
    let by_hash = json!({"blockHash": B256::ZERO, "topics": []});
    for (method, params) in [
        ("eth_call", json!([view("0x30d41"), "latest"])),
        ("eth_call", json!([view("0x1"), "earliest"])),
        ("eth_call", json!([view("0x1"), "latest", {}])),
        ("eth_call", json!([with_value, "latest"])),
        (
            "eth_call",
            json!([{"to": Address::ZERO, "data": "0x"}, "latest"]),
        ),
        ("eth_call", json!([])),
        ("eth_getLogs", json!([logs("0x0", "0x2710")])),
        ("eth_getLogs", json!([logs("0x0", "latest")])),
        ("eth_getLogs", json!([by_hash])),
        (
            "eth_getLogs",
            json!([{"fromBlock": "0x0", "toBlock": "0x0"}]),
        ),
    ] {
        let status = ask(method, params.clone()).await.status();
        assert_eq!(status, 403, "{method} {params}");
    }
    served.stop().await;
}

#[tokio::test]
async fn an_l1_that_does_not_answer_is_asked_once_however_many_pages_ask() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let hanging_up = tokio::spawn(async move {
        while silent.accept().await.is_ok() {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    let served = Served::start_with(&url).await;
    assert_eq!(served.get("/l1.json").await.status(), 502);
    let times = asked.load(Ordering::Relaxed);
    assert!(times > 0);
    assert_eq!(served.get("/l1.json").await.status(), 502);
    assert_eq!(asked.load(Ordering::Relaxed), times);
    hanging_up.abort();
    served.stop().await;
}

#[tokio::test]
async fn a_node_without_a_coordinator_says_so() {
    let served = Served::start().await;
    let about: Value = served.get("/about.json").await.json().await.unwrap();
    assert_eq!(about["coordinator"], false);
    assert_eq!(about["l2Url"], "http://127.0.0.1:9545");
    assert_eq!(about["l1Explorer"], "https://l1.example");
    assert_eq!(about["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(served.get("/v1/status").await.status(), 404);
    served.stop().await;
}

/// The newest message, when there is one.
async fn message(stream: &mut reqwest::Response) -> Value {
    let reading = async {
        let mut text = String::new();
        while !text.ends_with("\n\n") {
            let piece = stream.chunk().await.unwrap().unwrap();
            text.push_str(std::str::from_utf8(&piece).unwrap());
        }
        // More than one where the reader was slow.
        let last = text.trim().rsplit("data: ").next().unwrap();
        serde_json::from_str(last).unwrap()
    };
    timeout(PATIENCE, reading).await.unwrap()
}

#[tokio::test]
async fn whoever_listens_hears_where_things_stand_and_of_each_sealed_block() {
    let served = Served::start().await;
    let mut stream = served.get("/events").await;
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    let genesis = served.chain.genesis_hash();
    assert_eq!(
        message(&mut stream).await,
        json!({"block": 0, "hash": genesis})
    );
    served.seal();
    let hash = served.chain.head().hash();
    assert_eq!(
        message(&mut stream).await,
        json!({"block": 1, "hash": hash})
    );
    // Blocks that follow quickly may share a message, and the last one is told.
    for _ in 0..3 {
        served.seal();
    }
    while message(&mut stream).await["block"] != 4 {}
    // An open stream does not hold up the end.
    served.stop().await;
}

#[tokio::test]
async fn no_more_pages_listen_than_there_are_places() {
    let dir = TempDir::new().unwrap();
    let (site, _) = Site::new(sources(&dir, NO_L1), Shutdown::new());
    let mut listeners = Vec::new();
    for _ in 0..STREAMS_MAX {
        listeners.push(events(State(site.clone())).await.unwrap());
    }
    let refused = events(State(site.clone())).await.map(drop);
    assert_eq!(refused.unwrap_err(), StatusCode::SERVICE_UNAVAILABLE);
    listeners.pop();
    assert!(events(State(site)).await.is_ok());
}

#[tokio::test]
async fn without_an_address_there_is_no_dashboard() {
    let dir = TempDir::new().unwrap();
    let mut tasks = Tasks::new(Shutdown::new());
    let url = start(None, sources(&dir, NO_L1), &mut tasks).await.unwrap();
    assert_eq!(url, None);
}
