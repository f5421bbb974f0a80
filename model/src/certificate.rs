//! What a certificate says, as far as it is asked for: when it expires, and what its channel binding is made with. A walk to these
//! fields is enough: X.509 (RFC 5280, section 4.1) `Certificate { tbsCertificate { [0] version, serialNumber,
//! signature, issuer, validity { notBefore, notAfter }, ... }, signatureAlgorithm { algorithm, ... }, signature }`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

const SEQUENCE: u8 = 0x30;
const OBJECT_IDENTIFIER: u8 = 0x06;
const EXPLICIT_VERSION: u8 = 0xA0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// `sha…WithRSAEncryption` (RFC 8017, appendix A.2.4), without its last byte.
const RSA: [u8; 8] = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01];
/// `ecdsa-with-SHA…` (RFC 5758, section 3.2), without its last byte.
const ECDSA: [u8; 7] = [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03];
/// `ecdsa-with-SHA1`.
const ECDSA_SHA1: [u8; 7] = [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x01];

/// A hash function, by which two ends say that they see the same certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateHash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// From when to when a certificate counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validity {
    /// `notBefore`.
    pub from: Timestamp,
    /// `notAfter`.
    pub to: Timestamp,
}

/// `notBefore` of a certificate (DER); none when it can't be made out.
pub fn not_before(der: &[u8]) -> Option<Timestamp> {
    Some(validity(der)?.from)
}

/// `notAfter` of a certificate (DER); none when it can't be made out.
pub fn not_after(der: &[u8]) -> Option<Timestamp> {
    Some(validity(der)?.to)
}

/// From when to when a certificate (DER) counts; none when it can't be made out.
pub fn validity(der: &[u8]) -> Option<Validity> {
    let (from_tag, from, rest) = element(fields(der)?.validity)?;
    let (to_tag, to, _) = element(rest)?;
    Some(Validity {
        from: time(from_tag, std::str::from_utf8(from).ok()?)?,
        to: time(to_tag, std::str::from_utf8(to).ok()?)?,
    })
}

/// Of those who vouch for a server's certificate (the first of `presented`), the one that expires first: libpq looks at the authority's
/// own time, too. They are found by name, among what was presented besides and who is trusted (all DER); of several of one
/// name the last to expire counts, as it does for who verifies. None when nobody is found.
pub fn vouching(presented: &[Vec<u8>], trusted: &[Vec<u8>]) -> Option<Validity> {
    let (own, others) = presented.split_first()?;
    let mut issuer = fields(own)?.issuer;
    let mut first: Option<Validity> = None;
    // Not for ever: names may lead in a circle.
    for _ in 0..others.len() + trusted.len() {
        let known = others.iter().chain(trusted);
        let named = known.filter_map(|it| {
            let fields = fields(it).filter(|it| it.subject == Some(issuer))?;
            Some((validity(it)?, fields.issuer))
        });
        let Some((by, next)) = named.max_by_key(|(validity, _)| validity.to) else {
            break;
        };
        if first.is_none_or(|it| by.to < it.to) {
            first = Some(by);
        }
        if next == issuer {
            break;
        }
        issuer = next;
    }
    first
}

/// What is read of `tbsCertificate`.
struct Fields<'a> {
    issuer: &'a [u8],
    validity: &'a [u8],
    subject: Option<&'a [u8]>,
}

fn fields(der: &[u8]) -> Option<Fields<'_>> {
    let (_, certificate, _) = element(der)?;
    let (_, mut fields, _) = element(certificate)?;
    if let (EXPLICIT_VERSION, _, rest) = element(fields)? {
        fields = rest;
    }
    for _serial_signature in 0..2 {
        fields = element(fields)?.2;
    }
    let (_, issuer, fields) = element(fields)?;
    let (SEQUENCE, validity, fields) = element(fields)? else {
        return None;
    };
    Some(Fields {
        issuer,
        validity,
        subject: element(fields).map(|it| it.1),
    })
}

/// What the channel binding `tls-server-end-point` (RFC 5929, section 4.1) of a certificate (DER) is made with: the hash of its
/// signature, and SHA-256 for the broken ones. None where its signature has none that we know: then there is no binding.
pub fn binding_hash(der: &[u8]) -> Option<CertificateHash> {
    let (SEQUENCE, certificate, _) = element(der)? else {
        return None;
    };
    let (SEQUENCE, _to_be_signed, rest) = element(certificate)? else {
        return None;
    };
    let (SEQUENCE, algorithm, _) = element(rest)? else {
        return None;
    };
    let (OBJECT_IDENTIFIER, name, _) = element(algorithm)? else {
        return None;
    };
    if name == ECDSA_SHA1 {
        return Some(CertificateHash::Sha256);
    }
    let (&last, family) = name.split_last()?;
    match (family, last) {
        // md5, sha1, sha256; sha384; sha512.
        (f, 4 | 5 | 11) if f == RSA => Some(CertificateHash::Sha256),
        (f, 12) if f == RSA => Some(CertificateHash::Sha384),
        (f, 13) if f == RSA => Some(CertificateHash::Sha512),
        (f, 2) if f == ECDSA => Some(CertificateHash::Sha256),
        (f, 3) if f == ECDSA => Some(CertificateHash::Sha384),
        (f, 4) if f == ECDSA => Some(CertificateHash::Sha512),
        _ => None,
    }
}

/// The first DER element: its tag, its content, and what comes after it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7F => (usize::from(first), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7F))?;
            let length = bytes
                .iter()
                .fold(0_usize, |sum, byte| (sum << 8) | usize::from(*byte));
            (length, rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// `YYMMDDHHMMSSZ` (UTCTime: 50 and above is 19xx) or `YYYYMMDDHHMMSSZ`.
fn time(tag: u8, text: &str) -> Option<Timestamp> {
    let digits = text
        .strip_suffix('Z')
        .filter(|t| t.bytes().all(|b| b.is_ascii_digit()))?;
    let full = match (tag, digits.len()) {
        (UTC_TIME, 12) => {
            let century = if digits >= "50" { "19" } else { "20" };
            format!("{century}{digits}")
        }
        (GENERALIZED_TIME, 14) => digits.to_owned(),
        _ => return None,
    };
    let part = |range: std::ops::Range<usize>| full.get(range);
    format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0..4)?,
        part(4..6)?,
        part(6..8)?,
        part(8..10)?,
        part(10..12)?,
        part(12..14)?
    )
    .parse()
    .ok()
    // "No end" (RFC 5280, section 4.1.2.5: 99991231235959Z) is later than a timestamp can be.
    .or_else(|| full.starts_with("9999123").then_some(Timestamp::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_kinds_of_time() {
        let expect = |text: &str| text.parse::<Timestamp>().ok();
        assert_eq!(
            time(UTC_TIME, "260102030405Z"),
            expect("2026-01-02T03:04:05Z")
        );
        assert_eq!(
            time(UTC_TIME, "991231235959Z"),
            expect("1999-12-31T23:59:59Z")
        );
        assert_eq!(
            time(GENERALIZED_TIME, "20510102030405Z"),
            expect("2051-01-02T03:04:05Z")
        );
        let no_end = time(GENERALIZED_TIME, "99991231235959Z");
        assert_eq!(no_end, Some(Timestamp::MAX));
    }

    #[test]
    fn nonsense_is_none_and_no_panic() {
        for der in [&b""[..], b"MIIB", &[0x30, 0x02, 0x30, 0x00]] {
            assert_eq!(not_after(der), None);
            assert_eq!(binding_hash(der), None);
        }
        assert_eq!(element(&[0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF]), None);
        assert_eq!(time(UTC_TIME, "26\u{e9}0203040Z"), None);
    }

    /// As much of a certificate as is read of who vouches for whom.
    fn signed(issuer: u8, subject: u8, to: &str) -> Vec<u8> {
        let wrapped = |tag: u8, content: &[u8]| {
            let mut der = vec![tag, u8::try_from(content.len()).expect("short")];
            der.extend_from_slice(content);
            der
        };
        let times = ["200101000000Z", to].map(|it| wrapped(UTC_TIME, it.as_bytes()));
        let fields = [
            wrapped(0x02, &[1]),
            wrapped(SEQUENCE, &[]),
            wrapped(SEQUENCE, &[issuer]),
            wrapped(SEQUENCE, &times.concat()),
            wrapped(SEQUENCE, &[subject]),
        ];
        wrapped(SEQUENCE, &wrapped(SEQUENCE, &fields.concat()))
    }

    #[test]
    fn of_those_who_vouch_for_a_certificate_the_first_to_expire_counts() {
        let [server, between, root_name, stranger] = [1_u8, 2, 3, 4];
        let until = |presented: &[Vec<u8>], trusted: &[Vec<u8>]| {
            vouching(presented, trusted).map(|it| it.to.to_string())
        };
        let year = |year: u8| format!("{year}0101000000Z");
        let expected = |year: u8| Some(format!("20{year}-01-01T00:00:00Z"));
        let direct = [signed(root_name, server, &year(40))];
        let root = signed(root_name, root_name, &year(30));
        let trusted = [root.clone()];
        assert_eq!(until(&direct, &trusted), expected(30));
        // One that has nothing to do with it, and one that has been replaced.
        let more = [
            signed(stranger, stranger, &year(21)),
            signed(root_name, root_name, &year(25)),
            root,
        ];
        assert_eq!(until(&direct, &more), expected(30));
        let by_another = |to: u8| {
            [
                signed(between, server, &year(40)),
                signed(root_name, between, &year(to)),
            ]
        };
        assert_eq!(until(&by_another(28), &trusted), expected(28));
        assert_eq!(until(&by_another(35), &trusted), expected(30));
        // Nobody is known, and two that vouch for each other.
        assert_eq!(until(&direct, &[]), None);
        assert_eq!(until(&[], &trusted), None);
        let circle = [
            signed(root_name, between, &year(33)),
            signed(between, root_name, &year(34)),
        ];
        assert_eq!(until(&direct, &circle), expected(33));
    }

    /// A certificate of which only the signature's algorithm is there.
    fn signed_by(algorithm: &[u8]) -> Vec<u8> {
        let wrapped = |tag: u8, content: &[u8]| {
            let mut der = vec![tag, u8::try_from(content.len()).expect("short")];
            der.extend_from_slice(content);
            der
        };
        let identifier = wrapped(SEQUENCE, &wrapped(OBJECT_IDENTIFIER, algorithm));
        let content = [wrapped(SEQUENCE, &[]), identifier].concat();
        wrapped(SEQUENCE, &content)
    }

    #[test]
    fn the_binding_is_made_with_the_hash_of_the_signature_and_never_with_a_broken_one() {
        let of = |family: &[u8], last: u8| binding_hash(&signed_by(&[family, &[last]].concat()));
        assert_eq!(of(&RSA, 4), Some(CertificateHash::Sha256), "md5");
        assert_eq!(of(&RSA, 5), Some(CertificateHash::Sha256), "sha1");
        assert_eq!(of(&RSA, 11), Some(CertificateHash::Sha256));
        assert_eq!(of(&RSA, 12), Some(CertificateHash::Sha384));
        assert_eq!(of(&RSA, 13), Some(CertificateHash::Sha512));
        assert_eq!(of(&ECDSA, 2), Some(CertificateHash::Sha256));
        assert_eq!(of(&ECDSA, 3), Some(CertificateHash::Sha384));
        assert_eq!(of(&ECDSA, 4), Some(CertificateHash::Sha512));
        let sha1 = binding_hash(&signed_by(&ECDSA_SHA1));
        assert_eq!(sha1, Some(CertificateHash::Sha256));
        // Ed25519 has none.
        assert_eq!(binding_hash(&signed_by(&[0x2B, 0x65, 0x70])), None);
    }
}
