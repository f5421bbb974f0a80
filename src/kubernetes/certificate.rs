//! When a certificate in a PEM text expires.

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// `notAfter` of the first certificate in a PEM text; none when it can't be made out.
pub(crate) fn not_after(pem: &[u8]) -> Option<Timestamp> {
    let der = CertificateDer::from_pem_slice(pem).ok()?;
    crate::certificate::not_after(&der)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_is_none_and_no_panic() {
        for pem in [
            &b""[..],
            b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
        ] {
            assert_eq!(not_after(pem), None);
        }
    }
}
