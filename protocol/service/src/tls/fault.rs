//! What TLS says when it fails, in words that help.

use std::io;

use rustls::{AlertDescription, CertificateError};

use crate::Error;

/// What should not happen with a configuration that was checked.
pub(super) fn internal(error: rustls::Error) -> Error {
    Error::Tls(format!("TLS fails: {error}"))
}

/// What a peer without TLS is told of as.
pub(super) const NO_TLS: &str =
    "the peer does not speak TLS; for one that serves this machine alone, both need --plaintext";

/// What to do about an error of TLS.
pub(super) fn advice(error: &rustls::Error) -> String {
    use rustls::Error as E;
    match error {
        E::InvalidCertificate(fault) => certificate(fault),
        E::AlertReceived(alert) => alerted(*alert),
        E::InvalidMessage(_) | E::InappropriateMessage { .. } => NO_TLS.into(),
        E::PeerIncompatible(_) => format!("the peer does not speak TLS 1.3: {error}"),
        E::NoApplicationProtocol => "the peer speaks TLS, but not Gazelle".into(),
        E::NoCertificatesPresented => "the client has shown no certificate".into(),
        error => format!("TLS fails: {error}"),
    }
}

/// What is wrong with the peer's certificate.
fn certificate(fault: &CertificateError) -> String {
    use CertificateError as C;
    let what = match fault {
        C::Expired | C::ExpiredContext { .. } => "has expired; a new one is needed",
        C::NotValidYet | C::NotValidYetContext { .. } => "is not valid yet; compare the clocks",
        C::NotValidForName | C::NotValidForNameContext { .. } => {
            return format!("the peer's certificate is not for this host: {fault}");
        }
        C::Revoked => "is revoked",
        // An authority's name may be that of another one.
        C::UnknownIssuer | C::BadSignature => "comes from another authority than those in ca.crt",
        C::InvalidPurpose | C::InvalidPurposeContext { .. } => "is for another role",
        fault => return format!("the peer's certificate is not valid: {fault}"),
    };
    format!("the peer's certificate {what}")
}

/// What the peer does not like.
fn alerted(alert: AlertDescription) -> String {
    use AlertDescription as A;
    let what = match alert {
        A::CertificateExpired => "this party's certificate has expired; ask for a new one",
        A::CertificateRevoked => "this party's certificate is revoked; ask for a new one",
        A::UnknownCA => "this party's certificate comes from an authority that it does not know",
        A::CertificateRequired => "it asks for a certificate: tls.crt and tls.key",
        A::BadCertificate | A::CertificateUnknown | A::UnsupportedCertificate => {
            "it does not accept this party's certificate"
        }
        A::NoApplicationProtocol => "it speaks TLS, but not Gazelle",
        A::ProtocolVersion => "it does not speak TLS 1.3",
        alert => return format!("the peer refuses TLS: {alert:?}"),
    };
    format!("the peer refuses TLS: {what}")
}

/// An error of TLS on its way through a reader or a writer.
pub(super) fn into_io(error: &rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, advice(error))
}
