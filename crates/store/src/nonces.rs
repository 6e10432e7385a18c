//! Request nonces, kept until the request that carried them has expired.

use alloy_primitives::{Address, B256};

use crate::{Store, StoreError, row::int};

impl Store {
    /// Uses up `nonce` of `signer`. `false` when it was used before: the request is a replay.
    pub async fn use_nonce(
        &self,
        signer: Address,
        nonce: B256,
        expiry_unix_s: u64,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "INSERT INTO request_nonces (signer, nonce, expiry_unix_s) VALUES (?1, ?2, ?3)
             ON CONFLICT (signer, nonce) DO NOTHING",
        )
        .bind(signer.as_slice())
        .bind(nonce.as_slice())
        .bind(int("expiry_unix_s", expiry_unix_s)?)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Forgets the nonces of requests that expired before `now_unix_s`; returns how many.
    pub async fn forget_nonces(&self, now_unix_s: u64) -> Result<u64, StoreError> {
        let done = sqlx::query("DELETE FROM request_nonces WHERE expiry_unix_s < ?1")
            .bind(int("expiry_unix_s", now_unix_s)?)
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected())
    }
}
