//! Making passwords.

use rand::Rng as _;
use rand::distr::Alphanumeric;
use secrecy::SecretString;

/// Letters and digits: 190 bits, and nothing that has to be escaped anywhere.
const LENGTH: usize = 32;

/// One that nobody has had before.
pub(super) fn new_password() -> SecretString {
    let password: String = rand::rng()
        .sample_iter(Alphanumeric)
        .take(LENGTH)
        .map(char::from)
        .collect();
    SecretString::from(password)
}
