//! The certificate by which a server proves who it is.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::certificate::{not_after, not_before};

/// What a server has presented.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PresentedCertificate {
    /// Until when it counts; none when that can't be made out.
    pub expires: Option<Timestamp>,
    /// What the cluster has in its place by now.
    pub renewed: Option<RenewedCertificate>,
}

/// A certificate that a server does not present yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RenewedCertificate {
    /// The Secret that has it.
    pub secret: String,
    /// From when on it counts: that is when it was made, or a little before.
    pub since: Timestamp,
}

impl PresentedCertificate {
    /// Of what was presented, beside what a Secret has (name and certificate), both DER. An older one in the Secret is somebody's
    /// decision, and nothing that was forgotten.
    pub fn new(presented: &[u8], stored: Option<(&str, &[u8])>) -> Self {
        let renewed = stored.filter(|(_, stored)| *stored != presented);
        Self {
            expires: not_after(presented),
            renewed: renewed.and_then(|(secret, stored)| {
                let since = not_before(stored)?;
                (since > not_before(presented)?).then(|| RenewedCertificate {
                    secret: secret.to_owned(),
                    since,
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

    #[test]
    fn only_a_newer_certificate_in_the_secret_is_one_that_was_not_taken() {
        let presented = der(1, "260101000000Z", "270101000000Z");
        let beside = |stored: &[u8]| PresentedCertificate::new(&presented, Some(("s", stored)));
        let alone = PresentedCertificate::new(&presented, None);
        assert_eq!(alone.expires, "2027-01-01T00:00:00Z".parse().ok());
        assert_eq!(alone.renewed, None);
        assert_eq!(beside(&presented), alone);
        assert_eq!(beside(&der(2, "251231000000Z", "280101000000Z")), alone);
        assert_eq!(beside(b"no certificate"), alone);
        let newer = beside(&der(2, "260601000000Z", "270601000000Z"));
        let renewed = newer.renewed.expect("a newer one");
        assert_eq!(renewed.secret, "s");
        assert_eq!(Some(renewed.since), "2026-06-01T00:00:00Z".parse().ok());
        assert_eq!(PresentedCertificate::new(b"?", None).expires, None);
    }
}
