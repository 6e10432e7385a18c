//! Blobs: they come with their transaction and are in no block, so they are kept beside the chain, one file for each.
//!
//! A consensus client keeps blobs for some 18 days; these stay. They are read by JSON-RPC, as anvil gives them:
//! `anvil_getBlobByHash`. Sidecars are those of Osaka (EIP-7594), as on a network; older ones do not decode.

use std::{fs, io, path::PathBuf, sync::Arc};

use alloy_consensus::{Transaction as _, transaction::PooledTransaction};
use alloy_eips::{
    Decodable2718,
    eip4844::c_kzg::ethereum_kzg_settings,
    eip7594::{BlobTransactionSidecarEip7594, MAX_BLOBS_PER_TX_FUSAKA},
};
use alloy_primitives::{B256, Bytes};
use jsonrpsee::{
    RpcModule,
    types::{ErrorObjectOwned, error::INTERNAL_ERROR_CODE},
};
use rollmill_engine::{
    PoolError,
    rpc::Methods,
    stf::{Transaction, transaction::EthereumTransaction},
};

/// Where blobs are kept.
#[derive(Debug)]
pub(crate) struct Blobs {
    dir: PathBuf,
}

impl Blobs {
    pub(crate) fn open(dir: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&dir)?;
        Ok(Self { dir })
    }

    /// Keeps the blobs of a sidecar. A crash leaves whole blobs only.
    pub(crate) fn keep(&self, sidecar: &BlobTransactionSidecarEip7594) -> io::Result<()> {
        for (hash, blob) in sidecar.versioned_hashes().zip(&sidecar.blobs) {
            let path = self.path(hash);
            let unfinished = path.with_extension("new");
            fs::write(&unfinished, blob)?;
            fs::rename(unfinished, path)?;
        }
        Ok(())
    }

    /// The blob of this versioned hash.
    fn read(&self, hash: B256) -> io::Result<Option<Bytes>> {
        match fs::read(self.path(hash)) {
            Ok(blob) => Ok(Some(blob.into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn path(&self, hash: B256) -> PathBuf {
        self.dir.join(format!("{hash:x}"))
    }

    /// What JSON-RPC gives of them.
    pub(crate) fn methods(self: Arc<Self>) -> Methods {
        let mut module = RpcModule::from_arc(self);
        module
            .register_blocking_method("anvil_getBlobByHash", |params, blobs, _| {
                let (hash,): (B256,) = params.parse()?;
                blobs.read(hash).map_err(internal)
            })
            .expect("it is the only one");
        module.into()
    }
}

fn internal(error: io::Error) -> ErrorObjectOwned {
    tracing::error!(%error, "devl1.blob_unreadable");
    let text = "internal error: the blob cannot be read";
    ErrorObjectOwned::owned(INTERNAL_ERROR_CODE, text, None::<()>)
}

/// Takes a raw transaction with blobs apart: into what a block holds, and what is kept beside it, which belongs to it.
pub(crate) fn take_apart(
    raw: &[u8],
) -> Result<(Transaction, BlobTransactionSidecarEip7594), PoolError> {
    let decoded = PooledTransaction::decode_2718_exact(raw)
        .map_err(|error| PoolError::Decode(error.to_string()))?;
    let PooledTransaction::Eip4844(signed) = &decoded else {
        return Err(PoolError::Type);
    };
    let sidecar = signed.tx().sidecar.clone();
    let hashes = signed.tx().blob_versioned_hashes().unwrap_or_default();
    if hashes.is_empty() {
        return Err(PoolError::NoBlobs);
    }
    if hashes.len() as u64 > MAX_BLOBS_PER_TX_FUSAKA {
        return Err(PoolError::TooManyBlobs {
            have: hashes.len(),
            limit: MAX_BLOBS_PER_TX_FUSAKA,
        });
    }
    // Without tables: one blob now and then.
    sidecar
        .validate(hashes, ethereum_kzg_settings(0))
        .map_err(|error| PoolError::Blobs(error.to_string()))?;
    Ok((EthereumTransaction::from(decoded).into(), sidecar))
}
