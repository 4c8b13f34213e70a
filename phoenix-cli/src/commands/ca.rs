//! `phoenix ca`.

#[cfg(feature = "acme")]
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::{Args, Subcommand, ValueEnum};
use phoenix_core::answers::CaKind;
#[cfg(feature = "acme")]
use phoenix_core::ca::AcmeDirectory;
use phoenix_core::ca::CaUrl;
use phoenix_core::present;
#[cfg(feature = "acme")]
use phoenix_core::settings::{AcmeChallenge, HookWords};
#[cfg(feature = "acme")]
use phoenix_core::site::AcmeOverrides;
use phoenix_core::site::{BootstrapOptions, CaInitOptions, CaOverrides, ChangeOptions, Site};
use phoenix_core::system::Proxy;
use phoenix_core::x509::Fingerprint;

use super::{absolute, open_reaching};
use crate::args::Global;
use crate::exit::{FAILED, Failure, OK};
use crate::output::Output;
use crate::secret_input::SecretInput;

/// Commands about the CA.
#[derive(Debug, Subcommand)]
pub(crate) enum CaCommand {
    /// Take a step-ca into the site: fetch its root by the fingerprint, trust it, write etc/phoenix.toml
    #[command(
        after_help = "Examples:\n  phoenix ca bootstrap --url https://10.0.0.10:9000 --fingerprint 5f3c...9a --dry-run\n  phoenix ca bootstrap --url https://ca.internal:9000 --fingerprint 5f3c...9a --provisioner admin --provisioner-password-file /root/ca-password"
    )]
    Bootstrap(BootstrapArgs),
    /// Show the CA's revocation list; exit 1 when it keeps none
    #[command(
        after_help = "Examples:\n  phoenix ca crl\n  phoenix ca crl --out crl.pem && openssl crl -in crl.pem -noout -text"
    )]
    Crl {
        /// Write it to this file too, as PEM
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// Replace the file where it is there
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        ca: CaArgs,
    },
    /// Ask the CA whether it is there; exit 1 when it is not
    #[command(
        after_help = "Examples:\n  phoenix ca health\n  phoenix ca health --ca-url https://10.0.0.10:9000 --ca-root root_ca.crt"
    )]
    Health(CaArgs),
    /// Make a CA of our own: the embedded one, for a machine that has no step-ca, or the one for Docker's clients
    #[command(
        after_help = "Examples:\n  phoenix ca init && phoenix certs issue a.internal --cert a.crt --key a.key\n  phoenix ca init --client docker && phoenix migrate docker-tls --client-ca dedicated"
    )]
    Init {
        /// Make the small CA that issues Traefik's certificate for Docker and nothing else
        #[arg(long, value_name = "WHOSE", value_enum)]
        client: Option<Client>,
        /// Move the one that is there aside and make another, for the names that the site has now
        #[arg(long)]
        replace: bool,
        /// Say what would be made, make nothing
        #[arg(long)]
        dry_run: bool,
        /// How long to wait for another run to end
        #[arg(long, value_name = "SECONDS", default_value_t = 60)]
        lock_timeout: u64,
    },
    /// Show which CA the site has, where that is said, and which root is trusted
    #[command(
        after_help = "Examples:\n  phoenix ca show\n  phoenix ca show --online --output-format json | jq '.online.provisioners[].name'"
    )]
    Show {
        /// Ask the CA for its version, roots, issuers, provisioners and revocation list too
        #[arg(long)]
        online: bool,
    },
    /// Write the step CLI's own files, for scripts that still call `step`: the pinned root and the CA's address
    #[command(
        after_help = "Examples:\n  phoenix ca step-files\n  phoenix ca step-files --dir /root/.step --dry-run"
    )]
    StepFiles {
        /// The step CLI's directory
        #[arg(long, value_name = "DIR", default_value = "/root/.step")]
        dir: PathBuf,
        /// Show the diff, write nothing
        #[arg(long)]
        dry_run: bool,
        /// How long to wait for another run to end
        #[arg(long, value_name = "SECONDS", default_value_t = 60)]
        lock_timeout: u64,
    },
    /// Pin the root certificate that lies where the site keeps it, if it has this fingerprint
    #[command(
        after_help = "Examples:\n  phoenix ca trust --fingerprint \"$(step certificate fingerprint root_ca.crt)\"\n  phoenix ca trust --fingerprint 5f:3c:...:9a"
    )]
    Trust {
        /// SHA-256 of the root certificate, as `step certificate fingerprint` prints it
        #[arg(long, value_name = "HEX")]
        fingerprint: Fingerprint,
    },
}

/// Whose clients a CA is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Client {
    /// dockerd's
    Docker,
}

/// A CA that is to become the site's.
#[derive(Debug, Args)]
pub(crate) struct BootstrapArgs {
    /// Where it listens
    #[arg(long, value_name = "URL")]
    url: CaUrl,
    /// SHA-256 of its root, as its operator told it to you
    #[arg(long, value_name = "HEX")]
    fingerprint: Fingerprint,
    /// The name on its certificate, where the URL holds another
    #[arg(long, value_name = "NAME")]
    server_name: Option<String>,
    /// The HTTP proxy through which it is reached; none where none is named, whatever the environment says
    #[arg(long, value_name = "URL")]
    proxy: Option<Proxy>,
    /// The JWK provisioner; its only one where none is named
    #[arg(long, value_name = "NAME")]
    provisioner: Option<String>,
    /// The file on this host that holds the provisioner's password
    #[arg(long, value_name = "FILE")]
    provisioner_password_file: Option<PathBuf>,
    /// Where the root is written; `etc/ca-root.crt` in the site
    #[arg(long, value_name = "FILE")]
    root_file: Option<PathBuf>,
    /// Show the diff, write nothing
    #[arg(long)]
    dry_run: bool,
    /// How long to wait for another run to end
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    lock_timeout: u64,
}

/// Which CA is asked, where it is not the site's.
#[derive(Debug, Args)]
#[command(next_help_heading = "Which CA (default: the site's)")]
pub(crate) struct CaArgs {
    /// Where it listens; several are tried in order
    #[arg(long, value_name = "URL")]
    ca_url: Vec<CaUrl>,
    /// The file with its root certificate
    #[arg(long, value_name = "FILE")]
    ca_root: Option<PathBuf>,
    /// The name on its certificate, where the URL holds another
    #[arg(long, value_name = "NAME")]
    ca_server_name: Option<String>,
    /// The HTTP proxy through which it is reached
    #[arg(long, value_name = "URL")]
    ca_proxy: Option<Proxy>,
    /// SHA-256 of its root, by which the root is fetched where no file is named
    #[arg(long, value_name = "HEX")]
    fingerprint: Option<Fingerprint>,
    /// The JWK provisioner
    #[arg(long, value_name = "NAME")]
    provisioner: Option<String>,
    /// Where the provisioner's password comes from: a file, `fd:N` or `prompt`
    #[arg(long, value_name = "FILE|fd:N|prompt")]
    provisioner_password_file: Option<SecretInput>,
    #[cfg(feature = "acme")]
    #[command(flatten)]
    acme: AcmeArgs,
}

/// A CA that speaks ACME.
#[cfg(feature = "acme")]
#[derive(Debug, Args)]
struct AcmeArgs {
    /// The directory of a CA that speaks ACME, instead of --ca-url
    #[arg(long = "acme-directory", value_name = "URL", conflicts_with_all = ["ca_url", "provisioner", "provisioner_password_file"])]
    directory: Option<AcmeDirectory>,
    /// Where names are proved by `http-01`; port 80 of every address where nothing is said
    #[arg(
        long = "acme-http-listen",
        value_name = "ADDRESS:PORT",
        requires = "directory"
    )]
    http_listen: Option<SocketAddr>,
    /// The program that proves names by `dns-01`; it is run as `PROGRAM present|cleanup RECORD VALUE`
    #[arg(
        long = "acme-dns-hook",
        value_name = "COMMAND",
        requires = "directory",
        conflicts_with = "http_listen"
    )]
    dns_hook: Option<HookWords>,
}

#[cfg(feature = "acme")]
impl AcmeArgs {
    fn overrides(&self) -> Option<AcmeOverrides> {
        Some(AcmeOverrides {
            directory: self.directory.clone()?,
            challenge: match &self.dns_hook {
                Some(hook) => AcmeChallenge::Dns01 {
                    hook: hook.0.clone(),
                },
                None => AcmeChallenge::Http01 {
                    listen: self.http_listen.unwrap_or(AcmeChallenge::LISTEN),
                },
            },
        })
    }
}

impl CaArgs {
    /// The site with its ways out, and what is said about the CA instead of it.
    pub(super) fn open(
        &self,
        global: &Global,
        output: &Output,
    ) -> Result<(Site, CaOverrides), Failure> {
        #[cfg(feature = "acme")]
        let acme = self.acme.overrides();
        #[cfg(feature = "acme")]
        let named = !self.ca_url.is_empty() || acme.is_some();
        #[cfg(not(feature = "acme"))]
        let named = !self.ca_url.is_empty();
        let site = open_reaching(global, named)?;
        let password = self.provisioner_password_file.as_ref();
        let overrides = CaOverrides {
            urls: self.ca_url.clone(),
            server_name: self.ca_server_name.clone(),
            proxy: self.ca_proxy.clone(),
            root: self
                .ca_root
                .as_ref()
                .map(|path| absolute(global, path, "--ca-root"))
                .transpose()?,
            fingerprint: self.fingerprint,
            provisioner: self.provisioner.clone(),
            password: password
                .map(|input| {
                    input.source(global, &site, "password of the provisioner", output.stop())
                })
                .transpose()?,
            #[cfg(feature = "acme")]
            acme,
        };
        Ok((site, overrides))
    }
}

pub(super) fn run(command: &CaCommand, global: &Global, output: &Output) -> Result<u8, Failure> {
    let now = SystemTime::now();
    match command {
        CaCommand::Bootstrap(args) => bootstrap(args, global, output),
        CaCommand::Crl { out, force, ca } => {
            let (site, overrides) = ca.open(global, output)?;
            let out = out
                .as_ref()
                .map(|path| absolute(global, path, "--out"))
                .transpose()?;
            let authority = site.authority(overrides, false)?;
            let list = site.ca_crl(&authority, out.as_deref(), *force)?;
            output.answer(&list.as_deref(), |_| match &list {
                Some(list) => present::crl(list, now),
                None => "the CA keeps no revocation list\n".to_owned(),
            })?;
            Ok(if list.is_some() { OK } else { FAILED })
        }
        CaCommand::Health(args) => {
            let (site, overrides) = args.open(global, output)?;
            let authority = site.authority(overrides, false)?;
            let health = site.ca_health(&authority)?;
            output.answer(&health, |style| present::health(&health, style))?;
            Ok(OK)
        }
        CaCommand::Init {
            client,
            replace,
            dry_run,
            lock_timeout,
        } => {
            let site = super::open(global)?;
            let init = site.ca_init(CaInitOptions {
                what: client.map_or(CaKind::Site, |Client::Docker| CaKind::DockerClient),
                replace: *replace,
                dry_run: *dry_run,
                lock_timeout: Duration::from_secs(*lock_timeout),
            })?;
            output.answer(&init, |style| present::ca_init(&init, now, style))?;
            Ok(OK)
        }
        CaCommand::Show { online } => {
            let view = super::open(global)?.ca_view(*online)?;
            output.answer(&view, |style| present::ca_view(&view, now, style))?;
            Ok(OK)
        }
        CaCommand::StepFiles {
            dir,
            dry_run,
            lock_timeout,
        } => {
            let dir = absolute(global, dir, "--dir")?;
            let options = ChangeOptions {
                dry_run: *dry_run,
                lock_timeout: Duration::from_secs(*lock_timeout),
            };
            let report = super::open(global)?.step_files(&dir, options)?;
            output.answer(&report, |style| present::change(&report, style))?;
            Ok(OK)
        }
        CaCommand::Trust { fingerprint } => {
            let anchor = super::open(global)?.trust_root(*fingerprint)?;
            let pinned = anchor.fingerprint.to_string();
            output.answer(&serde_json::json!({ "pinned": pinned }), |_| {
                format!("pinned the root {pinned}\n")
            })?;
            Ok(OK)
        }
    }
}

fn bootstrap(args: &BootstrapArgs, global: &Global, output: &Output) -> Result<u8, Failure> {
    let site = open_reaching(global, true)?;
    let path = |path: &Option<PathBuf>, flag| {
        path.as_ref()
            .map(|path| absolute(global, path, flag))
            .transpose()
    };
    let mut options = BootstrapOptions::new(args.url.clone(), args.fingerprint);
    options.server_name.clone_from(&args.server_name);
    options.proxy.clone_from(&args.proxy);
    options.provisioner.clone_from(&args.provisioner);
    options.password_file = path(
        &args.provisioner_password_file,
        "--provisioner-password-file",
    )?;
    options.root_file = path(&args.root_file, "--root-file")?;
    options.dry_run = args.dry_run;
    options.lock_timeout = Duration::from_secs(args.lock_timeout);
    let report = site.ca_bootstrap(&options)?;
    output.answer(&report, |style| {
        present::bootstrap(&report, SystemTime::now(), style)
    })?;
    Ok(OK)
}
