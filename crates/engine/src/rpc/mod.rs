//! Ethereum JSON-RPC over HTTP and WebSocket.
//!
//! Model: methods are thin; each reads one consistent newest block, works on a blocking thread (state reads touch the
//! disk, calls run the EVM) and answers with alloy's types. Unknown methods get -32601, which is how libraries find out
//! what a node can do. Every input is limited below.

mod api;
mod batch;
mod bounded;
mod calls;
mod debug;
mod error;
mod eth;
mod execute;
mod filters;
mod node;
mod send;
mod simulate;
mod subscribe;
mod txpool;
mod types;

use std::{collections::BTreeSet, net::SocketAddr, sync::Arc};

/// A call or an unsigned transaction, as JSON-RPC has it.
pub use alloy_rpc_types_eth::TransactionRequest;
use api::{
    DebugApiServer, EthApiServer, EthCallApiServer, EthFilterApiServer, EthSendApiServer,
    EthSubscribeApiServer, NodeApiServer, TxPoolApiServer,
};
use batch::Batches;
use bounded::{Bounded, Turns};
use calls::Counted;
/// JSON-RPC methods, as [`serve`] takes them.
pub use jsonrpsee::Methods;
use jsonrpsee::server::{
    BatchRequestConfig, Server, ServerConfig, ServerHandle, middleware::rpc::RpcServiceBuilder,
};
use jsonrpsee::types::ErrorObjectOwned;
use node::Node;
use thiserror::Error;
use tokio_util::sync::CancellationToken;
use tower_http::cors::CorsLayer;

use crate::{call, chain::Chain, pool::TransactionPool};

pub use crate::call::FeeEstimate;
pub use calls::{Calls, Count};
pub use send::{SYNC_WAIT_DEFAULT, SYNC_WAIT_MAX};

/// Largest request body, bytes. Holds the hex of a proof of 320 KB as calldata many times over.
pub const REQUEST_BYTES_MAX: u32 = 15 << 20;
/// Largest response body, bytes.
pub const RESPONSE_BYTES_MAX: u32 = 160 << 20;
/// Most requests in a batch.
pub const BATCH_MAX: u32 = 1_000;
/// Most open connections.
pub const CONNECTIONS_MAX: u32 = 500;
/// Most subscriptions on one connection.
pub const SUBSCRIPTIONS_MAX: u32 = 1_024;
/// Most messages that wait for a slow WebSocket client; then its subscriptions wait.
const MESSAGES_WAITING_MAX: u32 = 1_024;
/// Most gas that `eth_call` and `eth_estimateGas` spend.
pub const CALL_GAS_MAX: u64 = 50_000_000;

/// What a node decides about its server.
#[derive(Clone, Debug)]
pub struct RpcConfig {
    /// Address to bind; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Answer of `web3_clientVersion`, e.g. `rollmill/0.1.0`.
    pub client_version: String,
    /// Answer of `eth_maxPriorityFeePerGas`, wei per gas.
    pub priority_fee_wei: u128,
}

/// What a transaction would use in the next block, for methods of other crates. Blocks the thread.
///
/// # Errors
/// Those of `eth_estimateGas`, as clients get them.
pub fn estimate_fees(
    chain: &Chain,
    request: TransactionRequest,
) -> Result<FeeEstimate, ErrorObjectOwned> {
    Ok(call::estimate_fees(chain, request)?)
}

/// Why the server did not start.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The address is taken or not ours.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// The system's answer.
        source: std::io::Error,
    },
}

/// A running server.
#[derive(Debug)]
pub struct RpcServer {
    address: SocketAddr,
    handle: ServerHandle,
    methods: Methods,
    calls: Calls,
}

impl RpcServer {
    /// The address it is bound to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of this server on this machine.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it answers with, to be called from inside the process.
    pub fn methods(&self) -> Methods {
        self.methods.clone()
    }

    /// How often it was asked what.
    pub fn calls(&self) -> Calls {
        self.calls.clone()
    }

    /// Waits until the server has ended: after its token was cancelled and open requests were answered.
    pub async fn stopped(self) {
        self.handle.stopped().await;
    }
}

/// All methods of this crate, and those of `others`: what [`serve`] answers with.
///
/// # Panics
/// If a method of `others` has the name of one of this crate's.
pub fn methods<P: TransactionPool>(
    chain: Chain,
    pool: Arc<P>,
    config: &RpcConfig,
    others: Methods,
) -> Methods {
    let names = others.method_names();
    let namespaces: BTreeSet<&str> = names.filter_map(|name| name.split('_').next()).collect();
    let namespaces = namespaces.into_iter().map(String::from).collect();
    let node = Node::new(chain, pool, config, namespaces);
    let mut all = Methods::new();
    let own: [Methods; 8] = [
        NodeApiServer::into_rpc(node.clone()).into(),
        EthApiServer::into_rpc(node.clone()).into(),
        EthCallApiServer::into_rpc(node.clone()).into(),
        EthSendApiServer::into_rpc(node.clone()).into(),
        EthFilterApiServer::into_rpc(node.clone()).into(),
        EthSubscribeApiServer::into_rpc(node.clone()).into(),
        TxPoolApiServer::into_rpc(node.clone()).into(),
        DebugApiServer::into_rpc(node).into(),
    ];
    for part in own.into_iter().chain([others]) {
        all.merge(part).expect("no method is defined twice");
    }
    all
}

/// Starts the server; it ends when `shutdown` is cancelled. `others` are methods that this crate knows nothing about; their
/// names must not be among its own.
///
/// # Errors
/// [`ServeError`].
pub async fn serve<P: TransactionPool>(
    chain: Chain,
    pool: Arc<P>,
    config: RpcConfig,
    others: Methods,
    shutdown: CancellationToken,
) -> Result<RpcServer, ServeError> {
    let limits = ServerConfig::builder()
        .max_request_body_size(REQUEST_BYTES_MAX)
        .max_response_body_size(RESPONSE_BYTES_MAX)
        .max_connections(CONNECTIONS_MAX)
        .max_subscriptions_per_connection(SUBSCRIPTIONS_MAX)
        .set_message_buffer_capacity(MESSAGES_WAITING_MAX)
        .set_id_provider(subscribe::Ids::default())
        .set_batch_request_config(BatchRequestConfig::Limit(BATCH_MAX))
        .build();
    let bind = |source| ServeError::Bind {
        address: config.listen,
        source,
    };
    let methods = methods(chain, pool, &config, others);
    let calls = Calls::of(&methods);
    let counts = calls.clone();
    let counted = move |service| Counted {
        service,
        calls: counts.clone(),
    };
    let turns = Turns::of_machine();
    let bounded = move |service| Bounded {
        service,
        turns: turns.clone(),
    };
    let middleware = RpcServiceBuilder::new()
        .layer_fn(Batches)
        .layer_fn(counted)
        .layer_fn(bounded);
    let server = Server::builder()
        .set_config(limits)
        .set_rpc_middleware(middleware)
        .set_http_middleware(tower::ServiceBuilder::new().layer(CorsLayer::permissive()))
        .build(config.listen)
        .await
        .map_err(bind)?;
    let address = server.local_addr().map_err(bind)?;
    let handle = server.start(methods.clone());
    let stop = handle.clone();
    tokio::spawn(async move {
        tokio::select! {
            () = shutdown.cancelled() => {
                // An error only says that it has stopped already.
                let _ = stop.stop();
            }
            () = stop.clone().stopped() => {}
        }
    });
    Ok(RpcServer {
        address,
        handle,
        methods,
        calls,
    })
}
