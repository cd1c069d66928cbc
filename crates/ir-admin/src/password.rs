//! Passwords: argon2id, two at a time, so that a storm of guesses cannot take the machine's memory.

use crate::refusal::Refusal;
use argon2::password_hash::SaltString;
use argon2::{Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version};
use http::StatusCode;
use ir_model::{Dice, Secret};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Shortest and longest password, in characters.
const LENGTH: std::ops::RangeInclusive<usize> = 8..=256;
/// Hashes under way at once: each takes 19 MiB (OWASP's second recommendation for argon2id).
const AT_ONCE: usize = 2;
/// How long a guess waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// Hashes and verifies passwords.
#[derive(Debug)]
pub(crate) struct Passwords(Arc<Semaphore>);

impl Default for Passwords {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(19 * 1024, 2, 1, None).expect("invariant: fixed parameters are within argon2's bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

impl Passwords {
    /// The hash to store, with its salt and parameters in it.
    pub(crate) async fn hash(&self, password: Secret, dice: &dyn Dice) -> Result<String, Refusal> {
        let length = password.expose().chars().count();
        if !LENGTH.contains(&length) {
            let (en, zh) = ("A password has 8 to 256 characters.", "密码长度须为 8 至 256 个字符。");
            return Err(Refusal::bad("password", en, zh));
        }
        let mut salt = [0; 16];
        dice.fill(&mut salt);
        let salt = SaltString::encode_b64(&salt).map_err(|error| Refusal::internal(&error))?;
        self.work(move || argon2().hash_password(password.expose().as_bytes(), &salt).map(|hash| hash.to_string()))
            .await?
            .map_err(|error| Refusal::internal(&error))
    }

    /// Whether a password is the one that was hashed.
    pub(crate) async fn verify(&self, password: Secret, hash: Secret) -> Result<bool, Refusal> {
        self.work(move || {
            let parsed = PasswordHash::new(hash.expose());
            parsed.is_ok_and(|parsed| argon2().verify_password(password.expose().as_bytes(), &parsed).is_ok())
        })
        .await
    }

    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refusal> {
        let place = tokio::time::timeout(PATIENCE, Arc::clone(&self.0).acquire_owned()).await;
        let Ok(Ok(place)) = place else {
            let (en, zh) = ("Too many sign-ins at once. Try again in a moment.", "登录请求过多，请稍后再试。");
            return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", en, zh).retry_after(5));
        };
        let done = tokio::task::spawn_blocking(move || {
            let _place = place;
            work()
        });
        done.await.map_err(|error| Refusal::internal(&error))
    }
}
