//! A coordinator that is silent where it should answer: it stands between a roller and the real one.

use std::net::SocketAddr;

use eyre::{OptionExt, bail, eyre};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Longest head of a request.
const HEAD_BYTES_MAX: usize = 64 * 1024;

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
