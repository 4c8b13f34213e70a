//! Single certificates, files in and files out: what an operator does by hand, without a manifest.

mod files;
mod list;
mod options;
mod revoke;

use std::collections::BTreeSet;
use std::path::Path;

use super::{AnyAuthority, Site};
use crate::answers::{CertReport, TokenReport};
use crate::ca::{Authority as _, EnrollError, Permit, Request, TokenContent};
use crate::error::Error;
use crate::names::{CommonName, SubjectAltName};
use crate::secret::Secret;
use crate::time::{GoDuration, human};
use crate::x509::{Chain, KeyType, Leaf, PrivateKey, Usage, create_csr};

pub use files::PairFiles;
pub use options::{
    CsrOptions, IssueKey, IssueOptions, RekeyOptions, RenewBy, RenewOptions, TokenOptions,
};
pub use revoke::Target;

impl Site {
    /// Makes a request, and its key where there is none.
    pub fn csr(&self, options: &CsrOptions) -> Result<CertReport, Error> {
        let names = all_names(&options.common_name, &options.sans)?;
        let mut report = CertReport::new("csr", options.common_name.as_str(), &names);
        if let Some(out) = &options.out {
            self.may_write(out, options.force)?;
            report.files.push(out.clone());
        }
        let there = self.root.stat(&options.key)?.is_some();
        if !there {
            self.may_write(&options.key, false)?;
            report.files.push(options.key.clone());
        }
        if options.dry_run {
            return Ok(report);
        }
        let key = if there {
            self.read_key(&options.key)?
        } else {
            generate(options.key_type)?
        };
        let csr = create_csr(&key, &options.common_name, &names).map_err(|source| {
            enroll(
                format!("make a request for `{}`", options.common_name),
                EnrollError::Key {
                    common_name: options.common_name.to_string(),
                    source,
                },
            )
        })?;
        // A request without its key would be worthless, a key without a request is not.
        if !there {
            self.write_private(&options.key, &key.to_pem())?;
        }
        match &options.out {
            Some(out) => self.write_public(out, csr.to_pem().as_bytes())?,
            None => report.request = Some(csr.to_pem()),
        }
        report.written = !report.files.is_empty();
        Ok(report)
    }

    /// Gets a certificate and writes it, with its key where that is new.
    pub fn issue(
        &self,
        authority: &AnyAuthority,
        options: IssueOptions,
    ) -> Result<CertReport, Error> {
        self.may_write(&options.cert, options.force)?;
        if let IssueKey::New(path, _) = &options.key {
            if *path == options.cert {
                return Err(Error::Argument(
                    "certificate and key need files of their own".to_owned(),
                ));
            }
            self.may_write(path, options.force)?;
        }
        let validity = match options.validity {
            None => None,
            Some(validity) => {
                let now = self.seams.clock.now();
                Some(validity.from(now).ok_or_else(|| {
                    Error::Argument("the end of the validity has passed already".to_owned())
                })?)
            }
        };
        if let IssueKey::Request(path) = &options.key {
            return self.sign_request(authority, &options, path, validity);
        }
        let common_name = options.common_name.clone().ok_or_else(|| {
            Error::Argument("a certificate without a request needs a name".to_owned())
        })?;
        let names = all_names(&common_name, &options.sans)?;
        let mut report = CertReport::new("issue", common_name.as_str(), &names);
        report.files.push(options.cert.clone());
        let key = match &options.key {
            IssueKey::New(path, kind) => {
                report.files.push(path.clone());
                if options.dry_run {
                    report.authority = Some(authority.describe());
                    return Ok(report);
                }
                generate(*kind)?
            }
            IssueKey::There(path) | IssueKey::Request(path) => self.read_key(path)?,
        };
        if options.dry_run {
            report.authority = Some(authority.describe());
            return Ok(report);
        }
        let request = Request::new(&common_name, &names, &key)
            .usage(options.usage)
            .validity(validity);
        if matches!(options.key, IssueKey::New(..)) {
            self.settle_written_pairs()?;
        }
        let failed = |source| enroll(format!("issue `{common_name}`"), source);
        let issued = match &options.token {
            None => authority.enroll(&request).map_err(failed)?,
            Some(source) => {
                let token = source.token().map_err(failed)?;
                fits(&token, &common_name, &names)?;
                step_ca(authority, "a one-time token is for step-ca")?
                    .enroll_with_token(&request, &token)
                    .map_err(failed)?
            }
        };
        match options.key {
            IssueKey::New(key_path, _) => {
                let files = PairFiles {
                    cert: options.cert,
                    key: key_path,
                };
                self.write_pair(&files, &issued.chain, &key)?;
            }
            _ => self.write_public(&options.cert, &issued.chain.to_pem())?,
        }
        report.issued(&issued, authority.describe());
        Ok(report)
    }

    fn sign_request(
        &self,
        authority: &AnyAuthority,
        options: &IssueOptions,
        path: &Path,
        validity: Option<GoDuration>,
    ) -> Result<CertReport, Error> {
        let csr = self.read_request(path)?;
        let content = csr.content().map_err(|fault| Error::BadFile {
            what: "certificate request",
            path: path.to_owned(),
            detail: fault.to_string(),
        })?;
        if !options.sans.is_empty() {
            return Err(Error::Argument(
                "a request has its names already; leave the others out".to_owned(),
            ));
        }
        let subject = content.common_name.unwrap_or_default();
        if let Some(said) = &options.common_name
            && said.as_str() != subject
        {
            return Err(Error::Argument(format!(
                "the request is for `{subject}`, not for `{said}`"
            )));
        }
        let mut report = CertReport::new("issue", &subject, &content.sans);
        report.files.push(options.cert.clone());
        if options.dry_run {
            report.authority = Some(authority.describe());
            return Ok(report);
        }
        let failed = |source| enroll(format!("issue `{subject}`"), source);
        let token = match &options.token {
            None => None,
            Some(source) => Some(source.token().map_err(failed)?),
        };
        let issued = step_ca(authority, "requests of others are signed by step-ca")?
            .sign_request(&csr, options.usage, validity, token.as_ref())
            .map_err(failed)?;
        self.write_public(&options.cert, &issued.chain.to_pem())?;
        report.issued(&issued, authority.describe());
        Ok(report)
    }

    /// Renews a certificate: same key, same names, same lifetime.
    pub fn renew(
        &self,
        authority: &AnyAuthority,
        options: &RenewOptions,
    ) -> Result<CertReport, Error> {
        let out = options.out.as_ref().unwrap_or(&options.pair.cert);
        self.may_write(out, options.force || options.out.is_none())?;
        if !options.dry_run {
            self.settle_left_pairs()?;
        }
        let chain = self.read_chain(&options.pair.cert)?;
        let key = self.read_key(&options.pair.key)?;
        let (common_name, mut report) = named("renew", &chain, &options.pair.cert)?;
        report.files.push(out.clone());
        let now = self.seams.clock.now();
        let leaf = chain.leaf();
        if let Some(within) = options.within {
            let left = leaf.not_after.duration_since(now).unwrap_or_default();
            let window = within.of(leaf.lifetime());
            if let Some(wait) = left.checked_sub(window).filter(|wait| !wait.is_zero()) {
                report.files.clear();
                report.kept = Some(format!("renewal window opens in {}", human(wait)));
                return Ok(report);
            }
        }
        if options.dry_run {
            report.authority = Some(authority.describe());
            return Ok(report);
        }
        let failed = |source| enroll(format!("renew `{common_name}`"), source);
        let request = Request::new(&common_name, &leaf.sans, &key).usage(usage_of(leaf));
        let by_token = match options.by {
            RenewBy::Auto => leaf.not_after < now && authority.step_ca().is_some(),
            RenewBy::Certificate => false,
            RenewBy::Token => true,
        };
        let issued = if by_token {
            step_ca(authority, "tokens are for step-ca")?
                .renew_by_token(&chain, &request)
                .map_err(failed)?
        } else {
            authority.renew(&chain, &request).map_err(failed)?
        };
        self.write_public(out, &issued.chain.to_pem())?;
        report.issued(&issued, authority.describe());
        Ok(report)
    }

    /// Gets a certificate with the names and lifetime of a current one for a new key.
    pub fn rekey(
        &self,
        authority: &AnyAuthority,
        options: &RekeyOptions,
    ) -> Result<CertReport, Error> {
        let out = options.out.as_ref().unwrap_or(&options.pair);
        self.may_write(&out.cert, options.force)?;
        self.may_write(&out.key, options.force)?;
        if !options.dry_run {
            self.settle_written_pairs()?;
        }
        let chain = self.read_chain(&options.pair.cert)?;
        let old = self.read_key(&options.pair.key)?;
        let (common_name, mut report) = named("rekey", &chain, &options.pair.cert)?;
        report.files.extend([out.cert.clone(), out.key.clone()]);
        let leaf = chain.leaf();
        let failed = |source| enroll(format!("rekey `{common_name}`"), source);
        if leaf.public_key != old.public_key() {
            let common_name = common_name.to_string();
            return Err(failed(EnrollError::KeyMismatch { common_name }));
        }
        if options.dry_run {
            report.authority = Some(authority.describe());
            return Ok(report);
        }
        let kind = options.key_type.or(leaf.key_type).unwrap_or_default();
        let new = generate(kind)?;
        let request = Request::new(&common_name, &leaf.sans, &new).usage(usage_of(leaf));
        let issued = authority.rekey(&chain, &old, &request).map_err(failed)?;
        self.write_pair(out, &issued.chain, &new)?;
        report.issued(&issued, authority.describe());
        Ok(report)
    }

    /// Makes a one-time token.
    pub fn token(
        &self,
        authority: &AnyAuthority,
        options: &TokenOptions,
    ) -> Result<TokenReport, Error> {
        let ca = step_ca(authority, "one-time tokens are for step-ca")?;
        let failed = |source| enroll("make a token".to_owned(), source);
        let token = match options {
            TokenOptions::Revoke(serial) => ca.one_time_token(Permit::Revoke(serial)),
            TokenOptions::Sign {
                common_name,
                sans,
                csr,
            } => {
                let csr = csr
                    .as_ref()
                    .map(|path| self.read_request(path))
                    .transpose()?;
                ca.one_time_token(Permit::Sign {
                    common_name,
                    sans: &all_names(common_name, sans)?,
                    csr: csr.as_ref(),
                })
            }
        }
        .map_err(failed)?;
        // It was made a moment ago.
        let content = TokenContent::read(&token)
            .ok_or_else(|| failed(EnrollError::Misconfigured("no token came out".to_owned())))?;
        Ok(TokenReport {
            token,
            subject: content.subject,
            names: content.sans,
            expires: content.expires.map(crate::time::rfc3339),
        })
    }

    /// Writes a token to a file that its owner alone may read.
    pub fn write_token(&self, token: &TokenReport, path: &Path, force: bool) -> Result<(), Error> {
        self.may_write(path, force)?;
        self.write_private(path, &token.token)
    }
}

fn step_ca<'a>(authority: &'a AnyAuthority, why: &str) -> Result<&'a crate::ca::StepCa, Error> {
    authority
        .step_ca()
        .ok_or_else(|| Error::Argument(format!("{why}, and this is {}", authority.describe())))
}

fn all_names(
    common_name: &CommonName,
    sans: &BTreeSet<SubjectAltName>,
) -> Result<BTreeSet<SubjectAltName>, Error> {
    let mut names = sans.clone();
    names.extend(common_name.as_dns());
    if names.is_empty() {
        let ascii = if common_name.as_str().is_ascii() {
            ""
        } else {
            " (a name with other letters is written in its ASCII form, `xn--...`)"
        };
        return Err(Error::Argument(format!(
            "`{common_name}` is no DNS name{ascii} and no other name is given, so there is no name to ask for"
        )));
    }
    Ok(names)
}

/// The subject of a certificate that is to be replaced, and a report about it.
fn named(act: &'static str, chain: &Chain, path: &Path) -> Result<(CommonName, CertReport), Error> {
    let leaf = chain.leaf();
    let text = leaf.common_name.clone().unwrap_or_default();
    let common_name: CommonName =
        text.parse()
            .map_err(|error: crate::names::NameError| Error::BadFile {
                what: "certificate",
                path: path.to_owned(),
                detail: format!("its common name {error}"),
            })?;
    let report = CertReport::new(act, &text, &leaf.sans);
    Ok((common_name, report))
}

/// What the new certificate must be good for: what the old one is.
fn usage_of(leaf: &Leaf) -> Usage {
    if leaf.server_auth {
        Usage::Server
    } else {
        Usage::Client
    }
}

/// A token serves for the names in it and for no others, which the CA would say less clearly.
fn fits(
    token: &Secret,
    common_name: &CommonName,
    names: &BTreeSet<SubjectAltName>,
) -> Result<(), Error> {
    let content = TokenContent::read(token)
        .ok_or_else(|| Error::Argument("what was given is no one-time token".to_owned()))?;
    if content.subject != common_name.as_str() {
        return Err(Error::Argument(format!(
            "the token is for `{}`, not for `{common_name}`",
            content.subject
        )));
    }
    let given = if content.sans.is_empty() {
        vec![content.subject]
    } else {
        content.sans
    };
    let theirs: BTreeSet<SubjectAltName> =
        given.iter().filter_map(|name| name.parse().ok()).collect();
    if theirs == *names {
        return Ok(());
    }
    Err(Error::Argument(format!(
        "the token is for the names {}; ask for exactly these",
        given.join(", ")
    )))
}

fn generate(kind: KeyType) -> Result<PrivateKey, Error> {
    PrivateKey::generate(kind).map_err(|fault| Error::Enroll {
        act: "make a key".to_owned(),
        source: EnrollError::Key {
            common_name: kind.to_string(),
            source: fault,
        },
    })
}

fn enroll(act: String, source: EnrollError) -> Error {
    Error::Enroll { act, source }
}
