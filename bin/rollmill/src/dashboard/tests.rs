#![allow(clippy::unwrap_used)]

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use alloy_primitives::{Address, B256};
use rollmill_engine::{pool::NoPool, rpc, stf::BlockAttributes};
use rollmill_protocol::l2::{L1_CHAIN_ID_EMBEDDED, L2_CHAIN_ID_DEVNET};
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

fn sources(dir: &TempDir) -> Sources {
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
        coordinator: None,
    }
}

impl Served {
    async fn start() -> Self {
        let dir = TempDir::new().unwrap();
        let sources = sources(&dir);
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
        "eth_call",
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
async fn a_node_without_a_coordinator_says_so() {
    let served = Served::start().await;
    let about: Value = served.get("/about.json").await.json().await.unwrap();
    assert_eq!(about["coordinator"], false);
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
    let (site, _) = Site::new(sources(&dir), Shutdown::new());
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
    let url = start(None, sources(&dir), &mut tasks).await.unwrap();
    assert_eq!(url, None);
}
