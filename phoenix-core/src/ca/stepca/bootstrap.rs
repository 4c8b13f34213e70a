//! The first root, trusted because its fingerprint is the one that the operator named.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::wire;
use crate::ca::http::{Endpoint, trusting, verified_by};
use crate::ca::{CaUrl, EnrollError, Timeouts};
use crate::system::Dial;
use crate::time::Clock;
use crate::x509::{Anchor, Fingerprint, PemFault};

/// Fetches the root with this fingerprint from a CA and proves that the CA itself is under it.
///
/// The fetch is the one request whose server is not verified: it carries no secret, and what it brings counts only if
/// its fingerprint is the given one. The proof is a second, verified connection, because step-ca also serves roots of
/// other CAs that it is federated with.
pub fn bootstrap(
    url: &CaUrl,
    fingerprint: Fingerprint,
    server_name: Option<&str>,
    dial: &Arc<dyn Dial>,
    clock: &Arc<dyn Clock>,
    timeouts: Timeouts,
) -> Result<Anchor, EnrollError> {
    super::built_in()?;
    let endpoint = |tls| {
        Endpoint::new(url, server_name, tls, dial.clone(), clock.clone(), timeouts)
            .map_err(EnrollError::Misconfigured)
    };
    let anyone = Arc::new(Anyone(Arc::new(aws_lc_rs::default_provider())));
    let tls = verified_by(anyone, clock, None).map_err(EnrollError::Misconfigured)?;
    let unverified = endpoint(tls)?;
    let mismatch = |found| EnrollError::RootMismatch {
        url: url.clone(),
        expected: fingerprint,
        found,
    };
    let path = format!("/root/{fingerprint}");
    let reply = unverified.get(&path).map_err(|fault| fault.at(url))?;
    match reply.status {
        200 => {}
        404 => return Err(mismatch(None)),
        _ => {
            return Err(wire::unexpected(
                &unverified,
                &path,
                wire::describe(&reply, "status 200"),
            ));
        }
    }
    let root: wire::Root = wire::decode(&reply, &unverified, &path)?;
    let anchor = Anchor::from_pem(root.ca.as_bytes()).map_err(|source: PemFault| {
        EnrollError::Unreadable {
            url: url.clone(),
            source,
        }
    })?;
    if anchor.fingerprint != fingerprint {
        return Err(mismatch(Some(anchor.fingerprint)));
    }
    let tls = trusting(std::slice::from_ref(&anchor), clock, None).map_err(EnrollError::NoRoot)?;
    let verified = endpoint(tls)?;
    let health = verified.get("/health").map_err(|fault| fault.at(url))?;
    wire::expect_health(&health, &verified)?;
    Ok(anchor)
}

/// Takes any certificate, for the one request above; the handshake's signature is still checked.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
