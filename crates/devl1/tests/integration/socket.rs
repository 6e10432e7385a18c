//! WebSocket: requests and subscriptions, by a client of forty lines (RFC 6455 without what a test does not need).

use std::{net::SocketAddr, time::Duration};

use alloy::{
    primitives::{B256, Bytes},
    rpc::types::TransactionRequest,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};

use crate::{
    contracts::LOGGER,
    harness::{account, start},
};

/// Longest wait for a message, generous to a machine that does many things at once.
const PATIENCE: Duration = Duration::from_secs(60);

struct Socket {
    stream: BufReader<TcpStream>,
    requests: u64,
    /// Notifications that came before the answer that was waited for.
    heard: Vec<Value>,
}

impl Socket {
    async fn connect(address: SocketAddr) -> Self {
        let mut stream = BufReader::new(TcpStream::connect(address).await.unwrap());
        let upgrade = format!(
            "GET / HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        );
        stream.write_all(upgrade.as_bytes()).await.unwrap();
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).await.unwrap();
            if line == "\r\n" {
                break;
            }
            lines.push(line);
        }
        assert!(lines[0].contains("101"), "{lines:?}");
        Self {
            stream,
            requests: 0,
            heard: Vec::new(),
        }
    }

    /// One text frame; a mask of zero leaves the text as it is.
    async fn write(&mut self, text: &str) {
        let length = u16::try_from(text.len()).unwrap();
        let mut frame = vec![0x81, 0x80 | 126];
        frame.extend(length.to_be_bytes());
        frame.extend([0; 4]);
        frame.extend(text.as_bytes());
        self.stream.write_all(&frame).await.unwrap();
    }

    async fn read(&mut self) -> Value {
        loop {
            let mut head = [0; 2];
            let read = self.stream.read_exact(&mut head);
            timeout(PATIENCE, read)
                .await
                .expect("nothing came")
                .unwrap();
            let length = match head[1] {
                126 => u64::from(self.stream.read_u16().await.unwrap()),
                127 => self.stream.read_u64().await.unwrap(),
                short => u64::from(short),
            };
            let mut body = vec![0; usize::try_from(length).unwrap()];
            self.stream.read_exact(&mut body).await.unwrap();
            if head[0] == 0x81 {
                return serde_json::from_slice(&body).unwrap();
            }
        }
    }

    async fn answer(&mut self, method: &str, params: Value) -> Value {
        self.requests += 1;
        let request =
            json!({"jsonrpc": "2.0", "id": self.requests, "method": method, "params": params});
        self.write(&request.to_string()).await;
        loop {
            let message = self.read().await;
            if message["id"] == self.requests {
                return message;
            }
            self.heard.push(message);
        }
    }

    async fn ask(&mut self, method: &str, params: Value) -> Value {
        let answer = self.answer(method, params).await;
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    /// The next notification: its subscription and what it says.
    async fn news(&mut self) -> (Value, Value) {
        let mut message = if self.heard.is_empty() {
            self.read().await
        } else {
            self.heard.remove(0)
        };
        assert_eq!(message["method"], "eth_subscription");
        let params = message["params"].take();
        (params["subscription"].clone(), params["result"].clone())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_subscription_reports_its_own_and_ends_when_told() {
    let node = start().await;
    let logger = node.deploy(&LOGGER).await;
    let mut socket = Socket::connect(node.node.address()).await;
    assert_eq!(socket.ask("eth_chainId", json!([])).await, "0x1466a9");
    let heads = socket.ask("eth_subscribe", json!(["newHeads"])).await;
    let mine = socket
        .ask("eth_subscribe", json!(["logs", {"address": logger}]))
        .await;
    let others = json!(["logs", {"address": account(5)}]);
    let others = socket.ask("eth_subscribe", others).await;
    let pending = socket
        .ask("eth_subscribe", json!(["newPendingTransactions"]))
        .await;
    let full = socket
        .ask("eth_subscribe", json!(["newPendingTransactions", true]))
        .await;
    assert!(heads.as_str().unwrap().starts_with("0x"));

    let request = TransactionRequest::default().to(logger);
    let receipt = node.send(request.input(Bytes::from([1; 32]).into())).await;
    let mut seen = Vec::new();
    // A whole pending transaction comes unless it was mined before it could be sent.
    while seen.iter().filter(|(id, _)| *id != full).count() < 3 {
        seen.push(socket.news().await);
    }
    let of = |id: &Value| -> Vec<&Value> {
        seen.iter()
            .filter(|(from, _)| from == id)
            .map(|(_, news)| news)
            .collect()
    };
    let head = of(&heads);
    assert_eq!(head.len(), 1);
    assert_eq!(head[0]["hash"], json!(receipt.block_hash));
    assert!(head[0].get("transactions").is_none());
    assert_eq!(
        of(&mine),
        [&serde_json::to_value(&receipt.inner.logs()[0]).unwrap()]
    );
    assert_eq!(of(&others), [] as [&Value; 0]);
    assert_eq!(of(&pending), [&json!(receipt.transaction_hash)]);

    for id in [&mine, &pending, &full] {
        assert_eq!(socket.ask("eth_unsubscribe", json!([id])).await, true);
        assert_eq!(socket.ask("eth_unsubscribe", json!([id])).await, false);
    }
    let second = node.send(TransactionRequest::default().to(logger)).await;
    // The one whole transaction may still be on its way.
    let news = loop {
        let news = socket.news().await;
        if news.0 != full {
            break news;
        }
    };
    assert_eq!(
        (&news.0, &news.1["hash"]),
        (&heads, &json!(second.block_hash))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_subscribed_to_is_refused() {
    let node = start().await;
    let mut socket = Socket::connect(node.node.address()).await;
    for params in [
        json!(["syncing"]),
        json!(["newHeads", true]),
        json!(["logs", {"fromBlock": 1, "blockHash": B256::ZERO}]),
        json!(["weather"]),
    ] {
        let answer = socket.answer("eth_subscribe", params.clone()).await;
        assert_eq!(answer["error"]["code"], -32602, "{params}: {answer}");
    }
    // By HTTP there is nobody to notify.
    assert_ne!(
        node.refusal("eth_subscribe", json!(["newHeads"])).await.0,
        -32601
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_are_answered_in_one_piece_up_to_a_limit() {
    let node = start().await;
    let mut socket = Socket::connect(node.node.address()).await;
    let request =
        |id: u32, method: &str| json!({"jsonrpc": "2.0", "id": id, "method": method, "params": []});
    let batch = json!([
        request(1, "eth_chainId"),
        request(2, "eth_nothing"),
        request(3, "eth_blockNumber")
    ]);
    socket.write(&batch.to_string()).await;
    let mut answers = socket.read().await;
    let answers = answers.as_array_mut().unwrap();
    answers.sort_by_key(|answer| answer["id"].as_u64());
    assert_eq!(answers[0]["result"], "0x1466a9");
    assert_eq!(answers[1]["error"]["code"], -32601);
    assert_eq!(answers[2]["result"], "0x0");
    let short = |id: u32| json!({"jsonrpc": "2.0", "id": id, "method": "x"});
    let many: Vec<Value> = (0..=rollmill_engine::rpc::BATCH_MAX).map(short).collect();
    socket.write(&json!(many).to_string()).await;
    assert_eq!(socket.read().await["error"]["code"], -32010);
}
