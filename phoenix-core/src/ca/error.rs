//! Why an authority gave nothing.

use std::io;

use super::{CaUrl, JudgeFault, JweFault};
use crate::system::FileError;
use crate::x509::{
    ChainFault, CrlFault, Fingerprint, KeyFault, PemFault, RevocationReason, Serial,
};

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnrollError {
    /// The key of the ACME account cannot be had.
    #[error("could not use the key of the ACME account in `{path}`")]
    AccountKey {
        /// Its file.
        path: String,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The request that was given cannot be signed.
    #[error("could not use the certificate request: {0}")]
    BadRequest(String),
    /// The program for `dns-01` failed.
    #[error("the hook `{hook}` could not {} the record `{name}`: {detail}", if *.act == "present" { "write" } else { "remove" })]
    DnsHook {
        /// Program and arguments.
        hook: String,
        /// What it was called for: `present` or `cleanup`.
        act: &'static str,
        /// The record.
        name: String,
        /// How it ended.
        detail: String,
    },
    /// An authority of the program's own failed; its error is the source.
    #[error("{authority} failed")]
    Own {
        /// Which one.
        authority: String,
        /// What it says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The directory of a CA of ours could not be used.
    #[error("could not use {authority}")]
    Keep {
        /// Which CA.
        authority: String,
        /// Why not.
        source: FileError,
    },
    /// The files of a CA of ours are not what they were.
    #[error("the CA in `{path}` is unusable: {detail}")]
    Damaged {
        /// Its directory.
        path: String,
        /// What is wrong.
        detail: String,
    },
    /// The key could not be used.
    #[error("could not use the key of `{common_name}`")]
    Key {
        /// The certificate's name.
        common_name: String,
        /// Why.
        source: KeyFault,
    },
    /// The certificate to renew does not belong to the key.
    #[error(
        "the certificate of `{common_name}` was issued for another key than the one in its key file; enroll it anew"
    )]
    KeyMismatch {
        /// The certificate's name.
        common_name: String,
    },
    /// The answer of `http-01` cannot be given.
    #[error(
        "could not listen on {at} for the `http-01` challenge; where another web server is there, let it pass `/.well-known/acme-challenge/` on to an address that `http_listen` names"
    )]
    Listen {
        /// Where.
        at: std::net::SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The settings lead to no CA.
    #[error("the CA's settings are unusable: {0}")]
    Misconfigured(String),
    /// A request without any name.
    #[error("`{common_name}` is no DNS name and no SAN is given, so there is no name to ask for")]
    NoNames {
        /// The certificate's name.
        common_name: String,
    },
    /// A certificate is to be taken off the revocation list that is not on hold.
    #[error("serial {serial} is {}, and only one that is on hold (certificateHold) can be taken off the list", match .reason { Some(reason) => format!("revoked for good ({reason})"), None => "not revoked".to_owned() })]
    NotOnHold {
        /// The serial number.
        serial: Serial,
        /// Why it is on the list, where it is.
        reason: Option<RevocationReason>,
    },
    /// The CA may not issue such a certificate; verifiers would refuse it.
    #[error("{authority} may not issue `{common_name}`: {what}")]
    NotPermitted {
        /// Which CA.
        authority: String,
        /// The certificate's name.
        common_name: String,
        /// What it may not, and what it may.
        what: String,
    },
    /// The CA has no such provisioner, or none that a password opens.
    #[error("the CA at {url} has no JWK provisioner {}; it has: {}", match .wanted { Some(name) => format!("named `{name}`"), None => "that is the only one of its kind (name one)".to_owned() }, if .found.is_empty() { "none".to_owned() } else { .found.join(", ") })]
    NoSuchProvisioner {
        /// The CA.
        url: CaUrl,
        /// The name looked for.
        wanted: Option<String>,
        /// The names of those that there are, with their types.
        found: Vec<String>,
    },
    /// The CA does not exist yet, and this run may not make it.
    #[error("{authority} does not exist yet")]
    NotReady {
        /// Which CA.
        authority: String,
    },
    /// No usable trusted root.
    #[error("no trusted root for the CA: {0}")]
    NoRoot(String),
    /// The password could not be had.
    #[error("could not read the provisioner's password from {from}")]
    Password {
        /// Where it was to come from.
        from: String,
        /// Why not.
        source: io::Error,
    },
    /// The provisioner's key cannot be used.
    #[error("could not open the key of provisioner `{provisioner}`")]
    ProvisionerKey {
        /// The provisioner's name.
        provisioner: String,
        /// Why.
        source: JweFault,
    },
    /// step-ca answered and refused.
    #[error("the CA at {url} refused `{common_name}` with status {status}: {message}")]
    Refused {
        /// The CA.
        url: CaUrl,
        /// The certificate's name.
        common_name: String,
        /// The HTTP status.
        status: u16,
        /// The CA's own words.
        message: String,
    },
    /// The current certificate cannot prove who asks.
    #[error(
        "the certificate of `{common_name}` cannot show the CA who asks: {reason}; enroll it anew"
    )]
    RenewalImpossible {
        /// The certificate's name.
        common_name: String,
        /// Why.
        reason: ChainFault,
    },
    /// The certificate to renew was revoked.
    #[error(
        "the certificate of `{common_name}` with serial {serial} was revoked ({reason}); enroll it anew"
    )]
    Revoked {
        /// The certificate's name.
        common_name: String,
        /// Its serial number.
        serial: Serial,
        /// Why it was revoked.
        reason: RevocationReason,
    },
    /// The CA's revocation list is not believed.
    #[error("could not use the revocation list of the CA at {url}")]
    RevocationList {
        /// The CA.
        url: CaUrl,
        /// Why not.
        source: CrlFault,
    },
    /// The root on offer is not the pinned one.
    #[error("the CA at {url} has no root with fingerprint {expected}{}", match .found { Some(found) => format!("; it offered {found}"), None => String::new() })]
    RootMismatch {
        /// The CA.
        url: CaUrl,
        /// The pinned fingerprint.
        expected: Fingerprint,
        /// The fingerprint of what it offered.
        found: Option<Fingerprint>,
    },
    /// The TLS handshake failed, so nothing was sent.
    #[error("could not trust the CA at {url}: {fault}")]
    Tls {
        /// The CA.
        url: CaUrl,
        /// Which of the ways to fail it was, and what to do.
        fault: TlsFault,
    },
    /// What came back is not what was asked for; it was not used.
    #[error("the certificate that {from} issued for `{common_name}` is not acceptable")]
    Unacceptable {
        /// Which authority.
        from: String,
        /// The certificate's name.
        common_name: String,
        /// What is wrong with it.
        source: JudgeFault,
    },
    /// The one-time token or the client certificate was not accepted; step-ca does not say why.
    #[error("the CA at {url} did not admit `{common_name}`: {}; likely causes: {}", .message.trim_end_matches('.'), .causes.join("; "))]
    Unauthorized {
        /// The CA.
        url: CaUrl,
        /// The certificate's name.
        common_name: String,
        /// The CA's own words.
        message: String,
        /// What was checked and what is likely, most likely first.
        causes: Vec<String>,
    },
    /// The one-time token could not be had.
    #[error("could not read the one-time token from {from}")]
    Token {
        /// Where it was to come from.
        from: String,
        /// Why not.
        source: io::Error,
    },
    /// A name that ACME has no proof for.
    #[error("`{name}` cannot be had from an ACME CA in this way: {why}")]
    Unprovable {
        /// The name.
        name: String,
        /// Why not.
        why: &'static str,
    },
    /// The CA does not believe that a name is ours.
    #[error("the CA at {url} was not convinced by {challenge} that `{name}` is ours: {message}")]
    Unproved {
        /// The CA.
        url: CaUrl,
        /// The name.
        name: String,
        /// The way.
        challenge: &'static str,
        /// Its own words, and what they mean.
        message: String,
    },
    /// An answer that step-ca would not give.
    #[error("the CA at {url} answered {path} unexpectedly: {detail}")]
    Unexpected {
        /// The CA.
        url: CaUrl,
        /// What was asked.
        path: String,
        /// What came back, and what was expected.
        detail: String,
    },
    /// No answer; trying again later may help.
    #[error("could not reach the CA at {url}")]
    Unreachable {
        /// The CA.
        url: CaUrl,
        /// Why.
        source: TransportError,
    },
    /// A certificate in the answer cannot be read.
    #[error("the CA at {url} sent a certificate that cannot be read")]
    Unreadable {
        /// The CA.
        url: CaUrl,
        /// Why.
        source: PemFault,
    },
    /// The password does not open the provisioner's key.
    #[error("the password from {from} does not open the key of provisioner `{provisioner}`")]
    WrongPassword {
        /// The provisioner's name.
        provisioner: String,
        /// Where the password came from.
        from: String,
    },
}

impl EnrollError {
    /// A key that cannot be used for this certificate.
    pub(super) fn key(common_name: &str, source: KeyFault) -> Self {
        Self::Key {
            common_name: common_name.to_owned(),
            source,
        }
    }
}

/// Why no answer came.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The connection broke after it was made.
    #[error("the connection broke before the answer was complete: {0}")]
    Broken(io::Error),
    /// There was no connection.
    #[error("could not connect: {0}")]
    Connect(io::Error),
    /// The answer is larger than anything step-ca sends.
    #[error("the answer is larger than {limit} bytes")]
    Large {
        /// The limit.
        limit: u64,
    },
    /// What came back is not HTTP.
    #[error("the answer is not HTTP: {0}")]
    Protocol(String),
    /// An answer that asks to come back later, at every attempt.
    #[error("it answered with status {status} at each of {attempts} attempts: {message}")]
    Unavailable {
        /// The last status.
        status: u16,
        /// How often it was asked.
        attempts: u32,
        /// Its own words.
        message: String,
    },
    /// No answer in time.
    #[error("no answer in time")]
    TimedOut,
}

/// What failed in the TLS handshake.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsFault {
    /// It did not accept our certificate.
    #[error("it refused the client certificate ({0}); enroll anew instead of renewing")]
    ClientRefused(String),
    /// Its certificate has ended.
    #[error("its certificate has expired; compare the clocks of both machines, or restart the CA")]
    Expired,
    /// Its certificate names other hosts.
    #[error("its certificate is for {}, not for `{wanted}`; set `server_name` to one of them", if .presented.is_empty() { "other names".to_owned() } else { .presented.join(", ") })]
    NameMismatch {
        /// The name asked for.
        wanted: String,
        /// The names in its certificate.
        presented: Vec<String>,
    },
    /// Its certificate has not begun.
    #[error("its certificate is not valid yet; compare the clocks of both machines")]
    NotYetValid,
    /// Something else.
    #[error("{0}")]
    Other(String),
    /// Its certificate does not lead to the pinned root.
    #[error(
        "its certificate does not lead to the pinned root; another CA answers there, or the CA has a new root: compare fingerprints, then trust the new one explicitly"
    )]
    UnknownRoot,
}
