//! The memory-hard proof of a referral code. It is computed before the command, so the writer never waits for it.

use std::sync::Arc;

use argon2::{Algorithm, Argon2, Params, Version};
use renkei_rpc::error::Error;
use tokio::sync::Semaphore;

/// Argon2id (RFC 9106) with 19 MiB and two passes: a guess costs an attacker as much as it costs us.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
/// The maximum number of proofs that are computed at once: each needs 19 MiB.
const AT_ONCE: usize = 2;

/// Computes proofs, two at once.
#[derive(Clone)]
pub struct Proofs(Arc<Semaphore>);

impl Default for Proofs {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Proofs {
    /// The proof of a code's secret for a referral.
    ///
    /// # Errors
    /// A fault of the service.
    pub async fn prove(&self, secret: [u8; 5], referral_id: &str) -> Result<[u8; 32], Error> {
        let fault = |what: String| Error::Fault(format!("a code's proof was not computed: {what}"));
        let _place = self.0.acquire().await.map_err(|error| fault(error.to_string()))?;
        let salt = referral_id.as_bytes().to_vec();
        let proving = tokio::task::spawn_blocking(move || prove(secret, &salt));
        proving.await.map_err(|error| fault(error.to_string()))?.map_err(|error| fault(error.to_string()))
    }
}

fn prove(secret: [u8; 5], salt: &[u8]) -> Result<[u8; 32], argon2::Error> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, Some(32))?;
    let mut proof = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into(&secret, salt, &mut proof)?;
    Ok(proof)
}
