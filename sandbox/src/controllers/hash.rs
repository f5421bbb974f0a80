//! The short hash of a template in the names of what is made from it.

use serde_json::Value;

/// FNV-1 with 32 bits over the data, in the letters that Kubernetes uses for hashes in names.
pub(super) fn of(data: &Value, collisions: i32) -> String {
    const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let text = format!("{data}{collisions}");
    let hash = text.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        hash.wrapping_mul(0x0100_0193) ^ u32::from(byte)
    });
    let digits = hash.to_string();
    let letter = |c: u8| char::from(ALPHABET[usize::from(c) % ALPHABET.len()]);
    digits.bytes().map(letter).collect()
}
