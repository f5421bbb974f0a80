//! Whether a password is the one that a SCRAM-SHA-256 verifier was made from (RFC 5802, RFC 7677).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

/// The server chooses how often it is hashed (`scram_iterations`): one that chose more is not tried.
const MOST_ITERATIONS: u32 = 20_000;

/// Whether `password` makes this verifier: `SCRAM-SHA-256$ITERATIONS:SALT$STORED_KEY:SERVER_KEY`.
pub(super) fn fits(verifier: &str, password: &str) -> bool {
    parts(verifier).is_some_and(|(iterations, salt, stored)| {
        let salted = salted(password.as_bytes(), &salt, iterations);
        let client = mac(&keyed(&salted), b"Client Key");
        Sha256::digest(client).as_slice() == stored
    })
}

fn parts(verifier: &str) -> Option<(u32, Vec<u8>, Vec<u8>)> {
    let mut parts = verifier.strip_prefix("SCRAM-SHA-256$")?.split(['$', ':']);
    let iterations = parts.next()?.parse().ok()?;
    let salt = BASE64_STANDARD.decode(parts.next()?).ok()?;
    let stored = BASE64_STANDARD.decode(parts.next()?).ok()?;
    (1..=MOST_ITERATIONS)
        .contains(&iterations)
        .then_some((iterations, salt, stored))
}

/// `Hi()` of RFC 5802.
fn salted(password: &[u8], salt: &[u8], iterations: u32) -> [u8; 32] {
    let keyed = keyed(password);
    let mut once = mac(&keyed, &[salt, &[0, 0, 0, 1]].concat());
    let mut sum = once;
    for _ in 1..iterations {
        once = mac(&keyed, &once);
        for (sum, byte) in sum.iter_mut().zip(once) {
            *sum ^= byte;
        }
    }
    sum
}

/// The key as it is used thousands of times: half of the work of one use is to prepare it.
fn keyed(key: &[u8]) -> Hmac<Sha256> {
    // A key of any length is one (RFC 2104), so there is nothing to fail.
    Hmac::new_from_slice(key).unwrap_or_else(|_| Hmac::new(&Default::default()))
}

fn mac(keyed: &Hmac<Sha256>, message: &[u8]) -> [u8; 32] {
    let mut mac = keyed.clone();
    mac.update(message);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_fits_its_own_verifier_only() {
        let verifier = postgres_protocol::password::scram_sha_256(b"shop");
        assert!(fits(&verifier, "shop"));
        assert!(!fits(&verifier, "Shop"));
    }

    #[test]
    fn what_is_no_verifier_fits_nothing() {
        for text in [
            "",
            "md5abc",
            "SCRAM-SHA-256$x:y$z:w",
            "SCRAM-SHA-256$99999999:c2FsdA==$c2FsdA==:c2FsdA==",
        ] {
            assert!(!fits(text, "shop"), "{text}");
        }
    }
}
