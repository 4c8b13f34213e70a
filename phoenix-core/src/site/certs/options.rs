//! What may be said about each act on a single certificate.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::PairFiles;
use crate::ca::PasswordSource;
use crate::names::{CommonName, SubjectAltName};
use crate::time::{RenewBefore, Validity};
use crate::x509::{KeyType, Serial, Usage};

/// Where the key of a new certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum IssueKey {
    /// It is made, and written to this file.
    New(PathBuf, KeyType),
    /// Somebody else has it; this file holds the request that it signed.
    Request(PathBuf),
    /// It is in this file already.
    There(PathBuf),
}

/// A new certificate.
pub struct IssueOptions {
    /// Its common name; `None` only with a request, which has its own.
    pub common_name: Option<CommonName>,
    /// Its names; the common name is always among them where it is a DNS name.
    pub sans: BTreeSet<SubjectAltName>,
    /// Its key.
    pub key: IssueKey,
    /// What it must be good for. Default: a server.
    pub usage: Usage,
    /// How long it is to be valid. Default: what the CA gives.
    pub validity: Option<Validity>,
    /// Where the chain is written.
    pub cert: PathBuf,
    /// A one-time token that somebody else made.
    pub token: Option<PasswordSource>,
    /// Replace files that are there.
    pub force: bool,
    /// Look whether it could be done; ask nobody, write nothing.
    pub dry_run: bool,
}

/// A certificate with the same key and names and a new lifetime.
#[derive(Debug, Clone)]
pub struct RenewOptions {
    /// The pair.
    pub pair: PairFiles,
    /// Where the new chain is written. Default: over the old one.
    pub out: Option<PathBuf>,
    /// Only when so little of its lifetime is left.
    pub within: Option<RenewBefore>,
    /// How the CA is shown who asks.
    pub by: RenewBy,
    /// Replace a file that is there at `out`.
    pub force: bool,
    /// Look whether it could be done; ask nobody, write nothing.
    pub dry_run: bool,
}

/// How the CA is shown who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum RenewBy {
    /// By the certificate while it is valid, by a token of its key afterwards.
    #[default]
    Auto,
    /// By the certificate in the TLS handshake.
    Certificate,
    /// By a token of its key.
    Token,
}

/// A certificate with the same names and lifetime and a new key.
#[derive(Debug, Clone)]
pub struct RekeyOptions {
    /// The pair.
    pub pair: PairFiles,
    /// Where the new pair is written. Default: over the old one, which needs `force`.
    pub out: Option<PairFiles>,
    /// The new key's kind. Default: that of the old one.
    pub key_type: Option<KeyType>,
    /// Replace files that are there.
    pub force: bool,
    /// Look whether it could be done; ask nobody, write nothing.
    pub dry_run: bool,
}

/// A request for somebody else's CA, or for `issue` on another machine.
#[derive(Debug, Clone)]
pub struct CsrOptions {
    /// The common name.
    pub common_name: CommonName,
    /// The names; the common name is always among them where it is a DNS name.
    pub sans: BTreeSet<SubjectAltName>,
    /// The key's file: used where it is there, else made.
    pub key: PathBuf,
    /// The kind of a key that is made.
    pub key_type: KeyType,
    /// Where the request is written. Default: only the report has it.
    pub out: Option<PathBuf>,
    /// Replace a file that is there at `out`.
    pub force: bool,
    /// Look whether it could be done; write nothing.
    pub dry_run: bool,
}

/// A one-time token for somebody else.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum TokenOptions {
    /// It revokes this certificate.
    Revoke(Serial),
    /// It gets one certificate.
    Sign {
        /// Its common name.
        common_name: CommonName,
        /// Its names; the common name is always among them where it is a DNS name.
        sans: BTreeSet<SubjectAltName>,
        /// The file of the one request that it serves for.
        csr: Option<PathBuf>,
    },
}
