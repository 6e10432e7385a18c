//! The operator's own prover beside its node: `roller run --fallback` as a process that is started again whenever it ends.

use std::{
    convert::Infallible,
    path::{Path, PathBuf},
};

use alloy_primitives::Address;
use eyre::WrapErr;
use rollmill_l1::load_key;
use rollmill_runtime::{Backoff, Shutdown, chain};

use crate::roller_process::{RollerProcess, RollerRun};

/// What people call it, and its folder in the node's.
const NAME: &str = "fallback";

/// The prover that is to run.
#[derive(Debug)]
pub struct FallbackProver {
    address: Address,
    run: RollerRun,
    log: PathBuf,
}

/// The address of the prover whose key is in a file.
pub fn address(key_file: &Path) -> eyre::Result<Address> {
    let key = load_key(Some(key_file), "");
    Ok(key.wrap_err("the fallback prover has no key")?.address())
}

impl FallbackProver {
    /// The prover whose key is in `run.key_file`, with its folder and its output in the node's folder.
    pub fn new(run: RollerRun, node_dir: &Path) -> eyre::Result<Self> {
        Ok(Self {
            address: address(&run.key_file)?,
            log: node_dir.join(format!("{NAME}.log")),
            run: RollerRun {
                data_dir: node_dir.join(NAME),
                ..run
            },
        })
    }

    /// Keeps it running until the shutdown.
    pub async fn keep(self, shutdown: Shutdown) -> Result<(), Infallible> {
        let mut failures = 0;
        while !shutdown.is_cancelled() {
            let command = self.run.fallback();
            let ended = match RollerProcess::spawn(NAME.into(), self.address, command, &self.log) {
                Ok(mut process) => match shutdown.run_until(process.ends()).await {
                    Some(ended) => ended,
                    None => {
                        if let Err(error) = process.stop().await {
                            tracing::warn!("cannot stop the fallback prover: {}", chain(&*error));
                        }
                        break;
                    }
                },
                Err(error) => Err(error),
            };
            failures += 1;
            match ended {
                Ok(sentence) => tracing::warn!("{sentence}; starting it again"),
                Err(error) => {
                    tracing::warn!("the fallback prover does not run: {}", chain(&*error))
                }
            }
            let pause = tokio::time::sleep(Backoff::FOREVER.wait(failures));
            shutdown.run_until(pause).await;
        }
        Ok(())
    }
}
