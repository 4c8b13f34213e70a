//! One function per command: from flags to a call of the library, from its answer to an exit status.

mod adopt;
mod apply;
pub(crate) mod by_hand;
pub(crate) mod ca;
pub(crate) mod certs;
mod check;
mod demo;
mod edit;
pub(crate) mod firewall;
pub(crate) mod manifest;
mod migrate;
mod pending;
mod plan;
mod recover;
mod rollback;
pub(crate) mod scripts;
mod status;
mod sync;
pub(crate) mod systemd;
mod template;
mod verify;

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use phoenix_core::diagnostic::nearest;
use phoenix_core::names::CommonName;
use phoenix_core::plan::Scope;
use phoenix_core::site::{MigrateOptions, Seams, Site, SitePaths};
use phoenix_core::system::HostDial;

use crate::args::{Cli, Command, Format, Global, MigrateCommand, ScopeArg};
use crate::env;
use crate::exit::{Failure, USAGE};
use crate::output::Output;

pub(crate) use edit::EditArgs;
pub(crate) use template::TemplateCommand;

/// Does what the command line says; gives the exit status.
pub(crate) fn run(cli: &Cli, output: &Output) -> Result<u8, Failure> {
    let site = || open(&cli.global);
    if cli.global.output_format == Format::Github && !matches!(cli.command, Command::Check(_)) {
        let message = "`--output-format github` is a form of `check` alone, expected text or json";
        return Err(Failure::new("usage", message, USAGE));
    }
    match &cli.command {
        Command::Adopt => adopt::run(&site()?, &cli.global, output),
        Command::Apply { plan, lock_timeout } => apply::run(&site()?, plan, *lock_timeout, output),
        Command::Ca { command } => ca::run(command, &cli.global, output),
        Command::Certs { command } => certs::run(command, &cli.global, output),
        Command::Check(args) => check::run(site, args, &cli.global, output),
        Command::Demo { keep } => demo::run(*keep, output),
        Command::Edit(args) => edit::run(&site()?, args, output),
        Command::Manifest { command } => manifest::run(&site()?, command, output),
        Command::Firewall { command } => firewall::run(&site()?, command, &cli.global, output),
        Command::Hook { command } => by_hand::hook(&site()?, command, output),
        Command::Migrate {
            command:
                MigrateCommand::DockerTls {
                    dry_run,
                    disarm,
                    allow_lockout,
                    provider,
                    client_ca,
                },
        } => {
            let options = MigrateOptions {
                dry_run: *dry_run,
                disarm: *disarm,
                allow_lockout: *allow_lockout,
                ..MigrateOptions::default()
            };
            migrate::docker_tls(&site()?, options, *provider, *client_ca, output)
        }
        Command::Pending { command } => pending::run(&site()?, command, output),
        Command::Plan(args) => plan::run(&site()?, args, output),
        Command::Recover { lock_timeout } => recover::run(&site()?, *lock_timeout, output),
        Command::Scripts { command } => scripts::run(&site()?, command, &cli.global, output),
        Command::Status => status::run(&site()?, output),
        Command::Sync(args) => sync::run(&site()?, args, output),
        Command::Systemd { command } => systemd::run(&site()?, command, &cli.global, output),
        Command::Template { command } => template::run(&site()?, command, output),
        Command::Verify => verify::run(&site()?, output),
    }
}

fn open(global: &Global) -> Result<Site, Failure> {
    open_reaching(global, false)
}

/// The site; with `reaching` also a copy of a host contacts what the command line names.
fn open_reaching(global: &Global, reaching: bool) -> Result<Site, Failure> {
    let paths = SitePaths {
        site: absolute(global, &global.site, "--site")?,
        state: absolute(global, &global.state, "--state")?,
        root: global.root.clone(),
    };
    let mut seams = match &global.root {
        Some(root) => Seams::copy(root),
        None => Seams::host(&env::search_path()),
    };
    if reaching {
        seams.dial = Arc::new(HostDial);
    }
    Ok(Site::open(paths, seams)?)
}

/// Beneath a root a path is one of the copied host; elsewhere it may be said from where one stands.
pub(crate) fn absolute(global: &Global, path: &Path, flag: &str) -> Result<PathBuf, Failure> {
    if path.is_absolute() {
        return Ok(path.to_owned());
    }
    if global.root.is_some() {
        let message = format!(
            "`{flag} {}` is not absolute, expected a path of the host beneath --root",
            path.display()
        );
        return Err(Failure::new("usage", message, USAGE));
    }
    std::path::absolute(path).map_err(|error| Failure::io("find the working directory", &error))
}

/// The program that others are to call: the one that is named, else this one.
fn program(named: Option<&Path>, global: &Global) -> Result<PathBuf, Failure> {
    match named {
        Some(path) => absolute(global, path, "--program"),
        None => std::env::current_exe()
            .map_err(|error| Failure::io("find this program's own file", &error)),
    }
}

fn scope(scope: ScopeArg) -> Scope {
    match scope {
        ScopeArg::All => Scope::All,
        ScopeArg::Certs => Scope::Certs,
        ScopeArg::Docker => Scope::Docker,
        ScopeArg::Firewall => Scope::Firewall,
        ScopeArg::Traefik => Scope::Traefik,
        ScopeArg::Trust => Scope::Trust,
    }
}

/// A file that the operator names, or standard input.
fn input(path: &Path) -> Result<(PathBuf, Vec<u8>), Failure> {
    if path == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin()
            .read_to_end(&mut bytes)
            .map_err(|error| Failure::io("read standard input", &error))?;
        return Ok((PathBuf::from("standard input"), bytes));
    }
    let bytes = std::fs::read(path).map_err(|error| {
        let mut failure = Failure::io(&format!("read {}", path.display()), &error);
        failure.status = USAGE;
        failure
    })?;
    Ok((path.to_owned(), bytes))
}

/// A misspelt name would look like a site in perfect order.
fn known(site: &Site, names: &[CommonName]) -> Result<(), Failure> {
    if names.is_empty() {
        return Ok(());
    }
    let model = site.model()?;
    let all: Vec<String> = model
        .manifest
        .entries
        .iter()
        .map(|entry| entry.value.common_name.to_string())
        .collect();
    for name in names {
        let name = name.to_string();
        if !all.contains(&name) {
            let failure = Failure::new(
                "unknown-certificate",
                format!("the manifest has no certificate `{name}`"),
                USAGE,
            );
            return Err(match nearest(&name, all.iter().map(String::as_str)) {
                Some(like) => failure.hint(format!("did you mean `{like}`?")),
                None => failure,
            });
        }
    }
    Ok(())
}
