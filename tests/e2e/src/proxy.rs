//! What stands between two programs and does not pass everything on: a coordinator that is silent where it should answer, an L1 of which
//! an operator sees what it wants to see, or one that is down at times.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use eyre::{OptionExt, bail, eyre};
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// Longest head of a request.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Passed on at once, at most.
const CHUNK_BYTES: usize = 16 * 1024;

/// Passes every request on to `upstream` (`host:port`), but for those whose path ends with `dropped`: they get no answer. Returns
/// where it listens.
pub async fn dropping(upstream: String, dropped: &'static str) -> eyre::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let upstream = upstream.clone();
            // A connection that breaks is one that the client tries again.
            tokio::spawn(async move { pass(client, &upstream, dropped).await });
        }
    });
    Ok(address)
}

/// Passes every request on to the JSON-RPC server `upstream` (`host:port`), and every answer back; while `hides` says so, answers to
/// `eth_getLogs` without the logs that name `topic`. Returns where it listens.
pub async fn hiding(
    upstream: String,
    topic: String,
    hides: Arc<AtomicBool>,
) -> eyre::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (upstream, topic, hides) = (upstream.clone(), topic.clone(), hides.clone());
            tokio::spawn(async move { rewrite(client, &upstream, &topic, &hides).await });
        }
    });
    Ok(address)
}

/// What stands between a program and its L1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// Passes everything on.
    Open,
    /// There is no connection.
    Cut,
    /// Takes connections, and keeps what is said back until it is open again.
    Silent,
}

/// Passes every connection on to `upstream` (`host:port`) as `line` says. Returns where it listens.
pub async fn line(upstream: String, line: watch::Receiver<Line>) -> eyre::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (upstream, line, mut is_cut) = (upstream.clone(), line.clone(), line.clone());
            tokio::spawn(async move {
                let passing = async {
                    let server = TcpStream::connect(upstream).await?;
                    let (from_client, to_client) = client.into_split();
                    let (from_server, to_server) = server.into_split();
                    tokio::try_join!(
                        pour(from_client, to_server, line.clone()),
                        pour(from_server, to_client, line)
                    )
                };
                // Looks at the present before it waits: a connection that comes too late is closed at once.
                tokio::select! {
                    biased;
                    _ = is_cut.wait_for(|line| *line == Line::Cut) => {}
                    _ = passing => {}
                }
            });
        }
    });
    Ok(address)
}

/// Passes on what one side says, while the line is not silent.
async fn pour(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut line: watch::Receiver<Line>,
) -> std::io::Result<()> {
    let mut bytes = vec![0; CHUNK_BYTES];
    loop {
        let count = from.read(&mut bytes).await?;
        if count == 0 {
            return to.shutdown().await;
        }
        // Without its owner it stays as it is.
        let _ = line.wait_for(|line| *line != Line::Silent).await;
        to.write_all(&bytes[..count]).await?;
    }
}

/// One JSON-RPC request a connection.
async fn rewrite(
    mut client: TcpStream,
    upstream: &str,
    topic: &str,
    hides: &AtomicBool,
) -> eyre::Result<()> {
    let (request, mut body) = head(&mut client).await?;
    let length = content_length(&request)?;
    while body.len() < length {
        if client.read_buf(&mut body).await? == 0 {
            bail!("half a request");
        }
    }
    let mut server = TcpStream::connect(upstream).await?;
    let asked = format!(
        "POST / HTTP/1.1\r\nhost: {upstream}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n"
    );
    server.write_all(asked.as_bytes()).await?;
    server.write_all(&body).await?;
    let (answered, mut answer) = head(&mut server).await?;
    let length = content_length(&answered)?;
    while answer.len() < length && server.read_buf(&mut answer).await? > 0 {}
    let asked: Value = serde_json::from_slice(&body)?;
    if asked["method"] == "eth_getLogs" && hides.load(Ordering::SeqCst) {
        let mut value: Value = serde_json::from_slice(&answer)?;
        if let Some(logs) = value["result"].as_array_mut() {
            logs.retain(|log| !names(log, topic));
        }
        answer = serde_json::to_vec(&value)?;
    }
    let length = answer.len();
    let told = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    client.write_all(told.as_bytes()).await?;
    client.write_all(&answer).await?;
    Ok(client.shutdown().await?)
}

fn names(log: &Value, topic: &str) -> bool {
    let topics = log["topics"].as_array().map(Vec::as_slice);
    let mut topics = topics.unwrap_or_default().iter().filter_map(Value::as_str);
    topics.any(|found| found.eq_ignore_ascii_case(topic))
}

fn content_length(head: &str) -> eyre::Result<usize> {
    let lines = head.lines().filter_map(|line| line.split_once(':'));
    let mut lengths = lines.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let (_, length) = lengths.next().ok_or_eyre("no length")?;
    Ok(length.trim().parse()?)
}

/// One request a connection: the answer says that it is closed.
async fn pass(mut client: TcpStream, upstream: &str, dropped: &str) -> eyre::Result<()> {
    let (head, begun) = head(&mut client).await?;
    let path = head.split(' ').nth(1).ok_or_eyre("no path")?;
    if path.ends_with(dropped) {
        bail!("dropped");
    }
    let mut server = TcpStream::connect(upstream).await?;
    let (line, headers) = head.split_once("\r\n").ok_or_eyre("no headers")?;
    let head = format!("{line}\r\nconnection: close\r\n{headers}");
    server.write_all(head.as_bytes()).await?;
    server.write_all(&begun).await?;
    tokio::io::copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}

/// The head of a request with the empty line behind it, and what came of the body with it.
async fn head(client: &mut TcpStream) -> eyre::Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let body = bytes.split_off(end + 4);
            let head = String::from_utf8(bytes).map_err(|_| eyre!("no text"))?;
            return Ok((head, body));
        }
        if bytes.len() > HEAD_BYTES_MAX || client.read_buf(&mut bytes).await? == 0 {
            bail!("no request");
        }
    }
}
