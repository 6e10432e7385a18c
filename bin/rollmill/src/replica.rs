//! `rollmill node --derive`: a node that rebuilds the chain from L1 alone, follows it, and answers JSON-RPC.
//!
//! Nobody is asked but L1, and whoever keeps its blobs: no sequencer, no coordinator. What it needs to know of the rollup stands in the deployment file.

use std::path::Path;

use eyre::WrapErr;
use rollmill_engine::{Chain, History, rpc::RpcConfig};
use rollmill_l1::BlobSource;
use rollmill_runtime::{Tasks, blocking};
use rollmill_sequencer::{Replica, SequencerConfig, check_origin};

use crate::{
    dashboard::{self, L1, Sources},
    metrics::{self, Watched},
    node::{CHAIN_FILE, Listen, rpc_config, serve_l2, verb::Found},
};

/// Where a replica answers.
#[derive(Debug)]
pub struct Urls {
    /// Its JSON-RPC.
    pub l2: String,
    /// Its dashboard, if there is one.
    pub dashboard: Option<String>,
    /// Its metrics and health, if they are told.
    pub metrics: Option<String>,
}

/// Starts it in `data_dir`, where it keeps so many states.
pub async fn start(
    found: Found,
    (config, blobs): (SequencerConfig, BlobSource),
    (data_dir, history): (&Path, History),
    (listen, l1_explorer): (Listen, Option<String>),
    tasks: &mut Tasks,
) -> eyre::Result<Urls> {
    let Found {
        deployment,
        genesis,
        l1,
        store,
    } = found;
    check_origin(&store, &l1)
        .await
        .wrap_err_with(|| format!("cannot go on in {}", data_dir.display()))?;
    let path = data_dir.join(CHAIN_FILE);
    let spec = genesis.chain_spec();
    let chain = blocking(move || Chain::open_keeping(history, &path, &spec)).await?;
    let parts = (chain.clone(), store, deployment.clone());
    let replica = Replica::open(parts, (l1.clone(), blobs), config, tasks)
        .await
        .wrap_err("cannot open the replica")?;
    let rpc = RpcConfig {
        listen: listen.l2,
        ..rpc_config()
    };
    let pool_and_methods = (replica.pool(), replica.methods());
    let l2 = serve_l2(chain.clone(), pool_and_methods, rpc, tasks).await?;
    let watched = Watched {
        data_dir: data_dir.to_owned(),
        sequencing: None,
    };
    let l2_parts = (chain.clone(), l2.calls);
    let metrics = metrics::start(listen.metrics, l2_parts, watched, tasks).await?;
    let sources = Sources {
        chain,
        methods: l2.methods,
        l1: L1 {
            provider: l1,
            deployment,
            l2_url: l2.url.clone(),
            explorer: l1_explorer,
        },
        coordinator: None,
    };
    let dashboard = dashboard::start(listen.dashboard, sources, tasks).await?;
    replica.spawn(tasks);
    Ok(Urls {
        l2: l2.url,
        dashboard,
        metrics,
    })
}
