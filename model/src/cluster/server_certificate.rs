//! The certificate by which a server proves who it is.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::certificate::{Validity, not_before, validity, vouching};

/// What a pod's server does of encryption, by the pod's template (`deploy/components/tls-offered` and `tls`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PodEncryption {
    /// It has no certificate.
    #[default]
    None,
    /// It has one, and encrypts whoever wants that.
    Offered,
    /// It verifies the others, and lets nobody in without.
    Demanded,
}

impl PodEncryption {
    /// Whether there is none, as it was before there could be any: that is not written down.
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }
}

/// What a server has presented.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PresentedCertificate {
    /// Until when it counts; none when that can't be made out.
    pub expires: Option<Timestamp>,
    /// From when on it counts; none when that can't be made out.
    #[serde(default)]
    pub begins: Option<Timestamp>,
    /// When those count who vouch for it: the one of them that expires first. None when none of them is known.
    #[serde(default)]
    pub authority: Option<Validity>,
    /// What the cluster has in its place by now.
    pub renewed: Option<RenewedCertificate>,
}

/// A certificate that a server does not present yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RenewedCertificate {
    /// The Secret that has it.
    pub secret: String,
    /// Since when it is there. Where nobody knows, from when on it counts: that is when it was made, or a little before.
    pub since: Timestamp,
}

/// What a Secret has.
#[derive(Debug, Clone, Copy)]
pub struct StoredCertificate<'a> {
    /// Its name.
    pub secret: &'a str,
    /// The certificate (DER).
    pub der: &'a [u8],
    /// When its contents were changed last; none when nobody knows.
    pub changed: Option<Timestamp>,
}

impl PresentedCertificate {
    /// Of what was presented, the server's own certificate first, beside whom pgctl trusts (all DER), and what a Secret
    /// has. An older one in the Secret is somebody's decision, and nothing that was forgotten.
    pub fn new(
        presented: &[Vec<u8>],
        trusted: &[Vec<u8>],
        stored: Option<StoredCertificate<'_>>,
    ) -> Self {
        let authority = vouching(presented, trusted);
        let presented = presented.first().map(Vec::as_slice).unwrap_or_default();
        let renewed = stored.filter(|it| it.der != presented);
        let own = validity(presented);
        Self {
            expires: own.map(|it| it.to),
            begins: own.map(|it| it.from),
            authority,
            renewed: renewed.and_then(|it| {
                let from = not_before(it.der)?;
                (from > own?.from).then(|| RenewedCertificate {
                    secret: it.secret.to_owned(),
                    since: it.changed.map_or(from, |changed| changed.max(from)),
                })
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As much of a certificate as is read.
    fn der(serial: u8, from: &str, to: &str) -> Vec<u8> {
        let wrapped = |tag: u8, content: &[u8]| {
            let mut der = vec![tag, u8::try_from(content.len()).expect("short")];
            der.extend_from_slice(content);
            der
        };
        let time = |text: &str| wrapped(0x17, text.as_bytes());
        let fields = [
            wrapped(0x02, &[serial]),
            wrapped(0x30, &[]),
            wrapped(0x30, &[]),
            wrapped(0x30, &[time(from), time(to)].concat()),
        ];
        wrapped(0x30, &wrapped(0x30, &fields.concat()))
    }

    fn of(der: &[u8], stored: Option<StoredCertificate<'_>>) -> PresentedCertificate {
        PresentedCertificate::new(&[der.to_vec()], &[], stored)
    }

    #[test]
    fn only_a_newer_certificate_in_the_secret_is_one_that_was_not_taken() {
        let presented = der(1, "260101000000Z", "270101000000Z");
        let changed_at = |der: &[u8], changed: Option<Timestamp>| {
            let secret = "s";
            of(
                &presented,
                Some(StoredCertificate {
                    secret,
                    der,
                    changed,
                }),
            )
        };
        let beside = |stored: &[u8]| changed_at(stored, None);
        let alone = of(&presented, None);
        assert_eq!(alone.begins, "2026-01-01T00:00:00Z".parse().ok());
        assert_eq!(alone.expires, "2027-01-01T00:00:00Z".parse().ok());
        assert_eq!(alone.renewed, None);
        assert_eq!(beside(&presented), alone);
        assert_eq!(beside(&der(2, "251231000000Z", "280101000000Z")), alone);
        assert_eq!(beside(b"no certificate"), alone);
        let newer = beside(&der(2, "260601000000Z", "270601000000Z"));
        let renewed = newer.renewed.expect("a newer one");
        assert_eq!(renewed.secret, "s");
        // It may have been made long before it came there.
        let came = "2026-09-01T00:00:00Z".parse().ok();
        let later = changed_at(&der(2, "260601000000Z", "270601000000Z"), came);
        assert_eq!(later.renewed.map(|it| it.since), came);
        assert_eq!(Some(renewed.since), "2026-06-01T00:00:00Z".parse().ok());
        assert_eq!(of(b"?", None).expires, None);
    }
}
