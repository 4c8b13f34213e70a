//! `phoenix certs`: single certificates, files in and files out.

use std::path::PathBuf;
use std::time::SystemTime;

use clap::{Args, Subcommand, ValueEnum};
use phoenix_core::answers::CertReport;
use phoenix_core::names::{CommonName, SubjectAltName};
use phoenix_core::present;
use phoenix_core::site::{
    CsrOptions, InspectSource, IssueKey, IssueOptions, PairFiles, RekeyOptions, RenewBy,
    RenewOptions, Target, TokenOptions,
};
use phoenix_core::time::{RenewBefore, Validity};
use phoenix_core::x509::{KeyType, RevocationReason, Serial, Usage};

use super::absolute;
use super::by_hand::DeployArgs;
use super::ca::CaArgs;
use super::rollback::RollbackArgs;
use crate::args::Global;
use crate::exit::{FAILED, Failure, OK, USAGE};
use crate::output::Output;
use crate::secret_input::SecretInput;

/// Commands about single certificates.
#[derive(Debug, Subcommand)]
pub(crate) enum CertsCommand {
    /// Make a certificate request, and its key where there is none; needs no CA
    #[command(
        after_help = "Examples:\n  phoenix certs csr a.internal --key a.key --out a.csr --san 10.0.0.111\n  phoenix certs csr a.internal --key a.key --key-type rsa-3072 > a.csr"
    )]
    Csr(CsrArgs),
    /// Put a pair that is given in all places of a certificate of the manifest, as one unit
    #[command(
        after_help = "Examples:\n  phoenix certs deploy nginx.internal.example --cert new.crt --key new.key\n  phoenix certs deploy nginx.internal.example --cert - --key new.key --hooks < new.crt"
    )]
    Deploy(DeployArgs),
    /// Show what a certificate or a request says; exit 1 when it is not what the flags say it should be
    #[command(
        after_help = "Examples:\n  phoenix certs inspect /etc/ssl/a.crt --key /etc/ssl/a.key\n  phoenix certs inspect 10.0.0.111:2376 --ca-root root_ca.crt"
    )]
    Inspect(InspectArgs),
    /// Get a new certificate, with a new key unless one is there
    #[command(
        after_help = "Examples:\n  phoenix certs issue a.internal --cert a.crt --key a.key --san 10.0.0.111 --validity 720h\n  phoenix certs issue --csr a.csr --cert a.crt --ca-url https://10.0.0.10:9000 --ca-root root_ca.crt --provisioner admin --provisioner-password-file prompt"
    )]
    Issue(IssueArgs),
    /// Show the manifest's certificates as they lie on the host; asks neither guests nor the CA
    #[command(
        after_help = "Examples:\n  phoenix certs list\n  phoenix certs list --need --output-format json | jq -r '.[].certificate'"
    )]
    List {
        /// Only these; all when none is named
        #[arg(value_name = "NAME")]
        names: Vec<CommonName>,
        /// Only those that are due, over, missing or damaged; exit 1 when there is one
        #[arg(long)]
        need: bool,
    },
    /// Get a certificate with the same names and lifetime for a new key
    #[command(
        after_help = "Examples:\n  phoenix certs rekey a.crt a.key --force\n  phoenix certs rekey a.crt a.key --out-cert new.crt --out-key new.key --key-type ed25519"
    )]
    Rekey(RekeyArgs),
    /// Get a certificate with the same key, names and lifetime
    #[command(
        after_help = "Examples:\n  phoenix certs renew a.crt a.key --within 1/3      does nothing while more is left\n  phoenix certs renew a.crt a.key --out new.crt --by token"
    )]
    Renew(RenewArgs),
    /// Revoke a certificate: the CA renews it no more and lists it
    #[command(
        after_help = "Examples:\n  phoenix certs revoke a.crt --key a.key --reason superseded\n  phoenix certs revoke 0x3f2a99 --reason keyCompromise --words 'laptop lost'"
    )]
    Revoke(RevokeArgs),
    /// Bring the pair of before back to every place that its successor went to, and run its hook again
    ///
    /// Later runs keep it until its own renewal window opens, or where that is open already, for two thirds of what is left
    /// of it. `phoenix sync --force` ends that at once.
    #[command(
        after_help = "Examples:\n  phoenix certs rollback nginx.internal\n  phoenix certs rollback nginx.internal --to 1f3a09c2 --dry-run"
    )]
    Rollback(RollbackArgs),
    /// Make a one-time token with which somebody else gets one certificate within five minutes
    #[command(
        after_help = "Examples:\n  phoenix certs token a.internal --csr a.csr\n  phoenix certs token a.internal | ssh vm phoenix certs issue a.internal --cert a.crt --key a.key --token fd:0 --ca-url https://10.0.0.10:9000 --ca-root root_ca.crt"
    )]
    Token(TokenArgs),
}

/// Names and key of a certificate.
#[derive(Debug, Args)]
pub(crate) struct CsrArgs {
    /// The common name, which is also asked for as a name where it is a DNS name
    #[arg(value_name = "NAME")]
    name: CommonName,
    /// A further name: DNS name, IP address, e-mail address or URI
    #[arg(long = "san", value_name = "NAME")]
    sans: Vec<SubjectAltName>,
    /// The key's file: used where it is there, else made with mode 600
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The kind of a key that is made
    #[arg(long, value_name = "TYPE", default_value_t = KeyType::EcP256)]
    key_type: KeyType,
    /// Where the request is written; standard output where no file is named
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace the request's file where it is there; a key is never replaced
    #[arg(long)]
    force: bool,
    /// Say what would be written, write nothing
    #[arg(long)]
    dry_run: bool,
}

/// What is looked at.
#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// A PEM file, or HOST:PORT where TLS is served
    #[arg(value_name = "FILE|HOST:PORT")]
    source: InspectSource,
    /// The root that it should lead to; the site's pinned one is tried where none is named
    #[arg(long, value_name = "FILE")]
    ca_root: Option<PathBuf>,
    /// The key that should belong to it
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

/// A new certificate.
#[derive(Debug, Args)]
pub(crate) struct IssueArgs {
    /// The common name, which is also asked for as a name where it is a DNS name
    #[arg(value_name = "NAME", required_unless_present = "csr")]
    name: Option<CommonName>,
    /// A further name: DNS name, IP address, e-mail address or URI
    #[arg(long = "san", value_name = "NAME")]
    sans: Vec<SubjectAltName>,
    /// Where the certificate is written, leaf first and then its issuers
    #[arg(long, value_name = "FILE")]
    cert: PathBuf,
    /// Where the new key is written, with mode 600
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "csr",
        conflicts_with = "csr"
    )]
    key: Option<PathBuf>,
    /// The key is in its file already
    #[arg(long, conflicts_with_all = ["csr", "key_type"])]
    reuse_key: bool,
    /// The kind of the new key
    #[arg(long, value_name = "TYPE", default_value_t = KeyType::EcP256)]
    key_type: KeyType,
    /// A request that somebody else signed, who keeps the key
    #[arg(long, value_name = "FILE")]
    csr: Option<PathBuf>,
    /// What it must be good for: `server` or `client`
    #[arg(long, value_name = "USAGE", default_value_t = Usage::Server)]
    usage: Usage,
    /// How long it is to be valid: `720h`, `30d`, or until `2026-12-31`
    #[arg(long, value_name = "DURATION|DATE")]
    validity: Option<Validity>,
    /// A one-time token instead of the provisioner's password: a file, `fd:N` or `prompt`
    #[arg(long, value_name = "FILE|fd:N|prompt")]
    token: Option<SecretInput>,
    /// Replace files that are there, the key too
    #[arg(long)]
    force: bool,
    /// Say what would be asked and written, do neither
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    ca: CaArgs,
}

/// A pair that is renewed.
#[derive(Debug, Args)]
pub(crate) struct RenewArgs {
    /// The certificate's file
    #[arg(value_name = "CERT")]
    cert: PathBuf,
    /// The key's file
    #[arg(value_name = "KEY")]
    key: PathBuf,
    /// Where the new certificate is written; over the old one where no file is named
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Only when no more than this is left: `8h`, `1/3`, `33%`
    #[arg(long, value_name = "DURATION|FRACTION")]
    within: Option<RenewBefore>,
    /// How the CA is shown who asks
    #[arg(long, value_name = "WAY", value_enum, default_value_t = By::Auto)]
    by: By,
    /// Replace the file of `--out` where it is there
    #[arg(long)]
    force: bool,
    /// Say what would be asked and written, do neither
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    ca: CaArgs,
}

/// How the CA is shown who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    /// The certificate while it is valid, a token of its key afterwards
    Auto,
    /// The certificate in the TLS handshake
    Certificate,
    /// A token of its key, which the CA may take after its end too
    Token,
}

/// A pair that gets a new key.
#[derive(Debug, Args)]
pub(crate) struct RekeyArgs {
    /// The certificate's file
    #[arg(value_name = "CERT")]
    cert: PathBuf,
    /// The key's file
    #[arg(value_name = "KEY")]
    key: PathBuf,
    /// Where the new certificate is written; over the old one, with --force, where no file is named
    #[arg(long, value_name = "FILE", requires = "out_key")]
    out_cert: Option<PathBuf>,
    /// Where the new key is written, with mode 600
    #[arg(long, value_name = "FILE", requires = "out_cert")]
    out_key: Option<PathBuf>,
    /// The kind of the new key; that of the old one where none is named
    #[arg(long, value_name = "TYPE")]
    key_type: Option<KeyType>,
    /// Replace files that are there, the key too
    #[arg(long)]
    force: bool,
    /// Say what would be asked and written, do neither
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    ca: CaArgs,
}

/// What is revoked, and why.
#[derive(Debug, Args)]
pub(crate) struct RevokeArgs {
    /// The certificate's file, or its serial number (decimal, or hexadecimal after 0x)
    #[arg(value_name = "CERT|SERIAL")]
    target: String,
    /// The certificate's key, which proves that it may be revoked; without it the provisioner's password does
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Why, by the names or codes of RFC 5280
    #[arg(long, value_name = "REASON", default_value_t = RevocationReason::Unspecified)]
    reason: RevocationReason,
    /// Words for the CA's records
    #[arg(long, value_name = "TEXT")]
    words: Option<String>,
    /// Say what would be asked, ask nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    ca: CaArgs,
}

/// What a token allows.
#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    /// The common name of the certificate to come
    #[arg(value_name = "NAME", required_unless_present = "revoke")]
    name: Option<CommonName>,
    /// A further name of it
    #[arg(long = "san", value_name = "NAME")]
    sans: Vec<SubjectAltName>,
    /// The one request that the token serves for; without it the token's holder may bring any key
    #[arg(long, value_name = "FILE")]
    csr: Option<PathBuf>,
    /// It revokes the certificate with this serial number instead
    #[arg(long, value_name = "SERIAL", conflicts_with_all = ["name", "sans", "csr"])]
    revoke: Option<Serial>,
    /// Write it to a file with mode 600 instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace the file of `--out` where it is there
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    ca: CaArgs,
}

pub(super) fn run(command: &CertsCommand, global: &Global, output: &Output) -> Result<u8, Failure> {
    match command {
        CertsCommand::Csr(args) => csr(args, global, output),
        CertsCommand::Deploy(args) => super::by_hand::deploy(args, global, output),
        CertsCommand::Inspect(args) => inspect(args, global, output),
        CertsCommand::Issue(args) => issue(args, global, output),
        CertsCommand::List { names, need } => list(names, *need, global, output),
        CertsCommand::Rekey(args) => rekey(args, global, output),
        CertsCommand::Renew(args) => renew(args, global, output),
        CertsCommand::Revoke(args) => revoke(args, global, output),
        CertsCommand::Rollback(args) => super::rollback::run(args, global, output),
        CertsCommand::Token(args) => token(args, global, output),
    }
}

fn csr(args: &CsrArgs, global: &Global, output: &Output) -> Result<u8, Failure> {
    let report = super::open(global)?.csr(&CsrOptions {
        common_name: args.name.clone(),
        sans: args.sans.iter().cloned().collect(),
        key: absolute(global, &args.key, "--key")?,
        key_type: args.key_type,
        out: optional(global, args.out.as_ref(), "--out")?,
        force: args.force,
        dry_run: args.dry_run,
    })?;
    answer(&report, output)
}

fn list(names: &[CommonName], need: bool, global: &Global, output: &Output) -> Result<u8, Failure> {
    let site = super::open(global)?;
    let all = if need {
        site.certs_in_need(names)?
    } else {
        site.certs(names)?
    };
    output.answer(&all, |style| {
        present::certificates(&all, SystemTime::now(), style)
    })?;
    Ok(if need && !all.is_empty() { FAILED } else { OK })
}

fn inspect(args: &InspectArgs, global: &Global, output: &Output) -> Result<u8, Failure> {
    let (source, reaching) = match &args.source {
        InspectSource::File(path) => {
            let path = absolute(global, path, "FILE")?;
            (InspectSource::File(path), false)
        }
        other => (other.clone(), true),
    };
    let site = super::open_reaching(global, reaching)?;
    let root = optional(global, args.ca_root.as_ref(), "--ca-root")?;
    let key = optional(global, args.key.as_ref(), "--key")?;
    let seen = site.inspect(&source, root.as_deref(), key.as_deref())?;
    output.answer(&seen, |style| {
        present::inspection(&seen, SystemTime::now(), style)
    })?;
    // The pinned root is only tried; one that was named is asked for.
    let asked = args.ca_root.is_some() || seen.key_fits == Some(false);
    Ok(if asked && !seen.is_sound() {
        FAILED
    } else {
        OK
    })
}

fn issue(args: &IssueArgs, global: &Global, output: &Output) -> Result<u8, Failure> {
    let (site, overrides) = args.ca.open(global, output)?;
    let key = match (&args.key, &args.csr) {
        (Some(path), _) if args.reuse_key => IssueKey::There(absolute(global, path, "--key")?),
        (Some(path), _) => IssueKey::New(absolute(global, path, "--key")?, args.key_type),
        (None, Some(path)) => IssueKey::Request(absolute(global, path, "--csr")?),
        (None, None) => {
            return Err(Failure::new("usage", "expected --key or --csr", USAGE));
        }
    };
    let options = IssueOptions {
        common_name: args.name.clone(),
        sans: args.sans.iter().cloned().collect(),
        key,
        usage: args.usage,
        validity: args.validity,
        cert: absolute(global, &args.cert, "--cert")?,
        token: args
            .token
            .as_ref()
            .map(|input| input.source(global, &site, "one-time token", output.stop()))
            .transpose()?,
        force: args.force,
        dry_run: args.dry_run,
    };
    let authority = site.authority(overrides, false)?;
    answer(&site.issue(&authority, options)?, output)
}

fn renew(args: &RenewArgs, global: &Global, output: &Output) -> Result<u8, Failure> {
    let (site, overrides) = args.ca.open(global, output)?;
    let options = RenewOptions {
        pair: pair(global, &args.cert, &args.key)?,
        out: optional(global, args.out.as_ref(), "--out")?,
        within: args.within,
        by: match args.by {
            By::Auto => RenewBy::Auto,
            By::Certificate => RenewBy::Certificate,
            By::Token => RenewBy::Token,
        },
        force: args.force,
        dry_run: args.dry_run,
    };
    let authority = site.authority(overrides, false)?;
    answer(&site.renew(&authority, &options)?, output)
}

fn rekey(args: &RekeyArgs, global: &Global, output: &Output) -> Result<u8, Failure> {
    let (site, overrides) = args.ca.open(global, output)?;
    let out = match (&args.out_cert, &args.out_key) {
        (Some(cert), Some(key)) => Some(pair(global, cert, key)?),
        _ => None,
    };
    let options = RekeyOptions {
        pair: pair(global, &args.cert, &args.key)?,
        out,
        key_type: args.key_type,
        force: args.force,
        dry_run: args.dry_run,
    };
    let authority = site.authority(overrides, false)?;
    answer(&site.rekey(&authority, &options)?, output)
}

fn revoke(args: &RevokeArgs, global: &Global, output: &Output) -> Result<u8, Failure> {
    let (site, overrides) = args.ca.open(global, output)?;
    let file = || absolute(global, args.target.as_ref(), "CERT");
    let target = match (&args.key, args.target.parse::<Serial>()) {
        (Some(key), _) => Target::Pair(file()?, absolute(global, key, "--key")?),
        (None, Ok(serial)) => Target::Serial(serial),
        (None, Err(_)) => Target::File(file()?),
    };
    let authority = site.authority(overrides, false)?;
    let report = site.revoke(
        &authority,
        &target,
        args.reason,
        args.words.clone(),
        args.dry_run,
    )?;
    output.answer(&report, |style| present::revoked(&report, style))?;
    Ok(OK)
}

fn token(args: &TokenArgs, global: &Global, output: &Output) -> Result<u8, Failure> {
    let (site, overrides) = args.ca.open(global, output)?;
    let options = match (&args.revoke, &args.name) {
        (Some(serial), _) => TokenOptions::Revoke(serial.clone()),
        (None, Some(name)) => TokenOptions::Sign {
            common_name: name.clone(),
            sans: args.sans.iter().cloned().collect(),
            csr: optional(global, args.csr.as_ref(), "--csr")?,
        },
        (None, None) => return Err(Failure::new("usage", "expected a name or --revoke", USAGE)),
    };
    let out = optional(global, args.out.as_ref(), "--out")?;
    let authority = site.authority(overrides, false)?;
    let token = site.token(&authority, &options)?;
    if let Some(out) = out {
        site.write_token(&token, &out, args.force)?;
        output.say(&format!(
            "wrote the token for {} to {}",
            token.subject,
            out.display()
        ));
        return Ok(OK);
    }
    output.answer(&token, |_| {
        // Standard output is where it was asked for.
        let text = String::from_utf8_lossy(token.secret().expose_secret());
        format!("{text}\n")
    })?;
    Ok(OK)
}

fn answer(report: &CertReport, output: &Output) -> Result<u8, Failure> {
    output.answer(report, |style| {
        present::cert(report, SystemTime::now(), style)
    })?;
    Ok(OK)
}

fn pair(
    global: &Global,
    cert: &std::path::Path,
    key: &std::path::Path,
) -> Result<PairFiles, Failure> {
    Ok(PairFiles {
        cert: absolute(global, cert, "CERT")?,
        key: absolute(global, key, "KEY")?,
    })
}

fn optional(
    global: &Global,
    path: Option<&PathBuf>,
    flag: &str,
) -> Result<Option<PathBuf>, Failure> {
    path.map(|path| absolute(global, path, flag)).transpose()
}
