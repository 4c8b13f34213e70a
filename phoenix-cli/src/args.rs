//! The command line as it is read.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use phoenix_core::check::RuleSelector;
use phoenix_core::names::CommonName;

use crate::commands::by_hand::HookCommand;
use crate::commands::ca::CaCommand;
use crate::commands::certs::CertsCommand;

use crate::commands::firewall::FirewallCommand;
use crate::commands::manifest::ManifestCommand;
use crate::commands::scripts::ScriptsCommand;
use crate::commands::systemd::SystemdCommand;
use crate::commands::{EditArgs, TemplateCommand};

/// Internal TLS of a Proxmox host: certificates, their delivery, the services that use them, and the proof.
#[derive(Debug, Parser)]
#[command(name = "phoenix", version, propagate_version = true, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags of all commands.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// The operator's files
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "PHOENIX_SITE",
        default_value = "/usr/local/phoenix_hypervisor"
    )]
    pub(crate) site: PathBuf,
    /// A copy of a whole host to work on: guests are directories in it, no command is run
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) root: Option<PathBuf>,
    /// Phoenix's own state: ledger, journal, embedded CA
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "PHOENIX_STATE",
        default_value = "/var/lib/phoenix"
    )]
    pub(crate) state: PathBuf,
    /// How the answer is written
    #[arg(long, global = true, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    pub(crate) output_format: Format,
    /// Say nothing but the answer and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Say how each step ended
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// When to use colours; `auto` heeds `NO_COLOR`
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t = Color::Auto)]
    pub(crate) color: Color,
}

/// How the answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// For programs
    Json,
    /// For GitHub's workflows: what `check` finds as annotations
    Github,
}

/// When colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// What is to be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Look at a running host before the first run: what that would change and why, what would undo it; changes nothing
    #[command(
        after_help = "Examples:\n  phoenix adopt\n  phoenix adopt --output-format json | jq -r '.in_the_way[]'"
    )]
    Adopt,
    /// Do exactly what a plan says that was written down, or refuse because the world changed
    #[command(
        after_help = "Examples:\n  phoenix plan --output-format json > plan.json; phoenix apply --plan plan.json\n  phoenix plan certs --output-format json | phoenix apply --plan -"
    )]
    Apply {
        /// What `phoenix plan --output-format json` printed; `-` for standard input
        #[arg(long, value_name = "FILE")]
        plan: PathBuf,
        /// How long to wait for another run to end
        #[arg(long, value_name = "SECONDS", default_value_t = 60)]
        lock_timeout: u64,
    },
    /// Work with the CA that the site uses
    Ca {
        #[command(subcommand)]
        command: CaCommand,
    },
    /// Issue, renew and look at single certificates, without a manifest
    Certs {
        #[command(subcommand)]
        command: CertsCommand,
    },
    /// Show what disagrees in the site's files, and repair what is safe to repair; exit 1 when something is wrong
    #[command(
        after_help = "Examples:\n  phoenix check\n  phoenix check --select PX00 --ignore rule-twice --output-format json | jq -r '.[].code'\n  phoenix check --fix --dry-run\n  phoenix check --explain PX012"
    )]
    Check(CheckArgs),
    /// Show the whole job on a sample site in a temporary directory; nothing else is touched
    #[command(
        after_help = "Examples:\n  phoenix demo\n  phoenix demo --keep      leaves the directory to look around in"
    )]
    Demo {
        /// Leave the temporary directory behind
        #[arg(long)]
        keep: bool,
    },
    /// Change values of a JSON, YAML or TOML file, and no other byte of it
    Edit(EditArgs),
    /// Show and edit the certificates that are wanted
    Manifest {
        #[command(subcommand)]
        command: ManifestCommand,
    },
    /// Show and edit firewall rules
    Firewall {
        #[command(subcommand)]
        command: Box<FirewallCommand>,
    },
    /// Run a certificate's hook
    Hook {
        #[command(subcommand)]
        command: HookCommand,
    },
    /// Change the site's files from one state to another
    Migrate {
        #[command(subcommand)]
        command: MigrateCommand,
    },
    /// Work with what earlier runs left to be done
    Pending {
        #[command(subcommand)]
        command: PendingCommand,
    },
    /// Show what `sync` would do, and why; changes nothing
    #[command(
        after_help = "Examples:\n  phoenix plan\n  phoenix plan certs nginx.internal.example --check && echo nothing to do"
    )]
    Plan(PlanArgs),
    /// Finish or take back what a crash left
    #[command(
        after_help = "Examples:\n  phoenix recover\n  phoenix recover --lock-timeout 600      waits for a long run to end"
    )]
    Recover {
        /// How long to wait for another run to end
        #[arg(long, value_name = "SECONDS", default_value_t = 60)]
        lock_timeout: u64,
    },
    /// Stand in for the old scripts, one at a time, and bring them back
    Scripts {
        #[command(subcommand)]
        command: ScriptsCommand,
    },
    /// Show how each certificate stands: its end, its window, its places, what is pending; changes nothing
    #[command(
        after_help = "Examples:\n  phoenix status\n  phoenix status --output-format json | jq -r '.certificates[] | select(.state != \"good\") | .certificate'"
    )]
    Status,
    /// Issue, deliver, reconfigure and verify; a second run changes nothing
    #[command(
        after_help = "Examples:\n  phoenix sync all --dry-run\n  phoenix sync certs portainer.internal.example --force"
    )]
    Sync(SyncArgs),
    /// Run unattended by a systemd timer: a service that may write only what a run writes
    Systemd {
        #[command(subcommand)]
        command: SystemdCommand,
    },
    /// Work with the templates of configuration files
    Template {
        #[command(subcommand)]
        command: TemplateCommand,
    },
    /// Look at what is really served; changes nothing
    #[command(
        after_help = "Examples:\n  phoenix verify\n  phoenix verify --output-format json | jq '.outcomes[].probes[]'"
    )]
    Verify,
}

/// What `check` looks at.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Only these rules: codes, beginnings of codes such as `PX02`, or names
    #[arg(long, value_name = "RULES", value_delimiter = ',')]
    pub(crate) select: Vec<RuleSelector>,
    /// Not these rules; of a rule that is selected and ignored the longer word counts
    #[arg(long, value_name = "RULES", value_delimiter = ',')]
    pub(crate) ignore: Vec<RuleSelector>,
    /// Ask guests and the CA, too; without it nothing is contacted
    #[arg(long)]
    pub(crate) online: bool,
    /// Leave out what this file knows
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
    /// Write what is found now to this file, for `--baseline`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["baseline", "fix"])]
    pub(crate) write_baseline: Option<PathBuf>,
    /// Make the repairs that are safe, as one change; shows the diff
    #[arg(long)]
    pub(crate) fix: bool,
    /// With `--fix`: show the diff, write nothing
    #[arg(long, requires = "fix")]
    pub(crate) dry_run: bool,
    /// With `--fix`: how long to wait for another run to end
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub(crate) lock_timeout: u64,
    /// Show a rule: what it finds, why, what to do, an example
    #[arg(long, value_name = "RULE", conflicts_with_all = ["fix", "list", "baseline", "write_baseline"])]
    pub(crate) explain: Option<String>,
    /// Show all rules, one a line
    #[arg(long, conflicts_with_all = ["fix", "baseline", "write_baseline"])]
    pub(crate) list: bool,
}

/// Commands about what is pending.
#[derive(Debug, Subcommand)]
pub(crate) enum PendingCommand {
    /// Forget something: it is not tried any more
    #[command(
        after_help = "Examples:\n  phoenix pending list\n  phoenix pending drop hook-pct-exec-101-systemctl-reload-nginx-1f2e3d4c"
    )]
    Drop {
        /// The ids that `pending list` shows
        #[arg(value_name = "ID", required = true)]
        ids: Vec<String>,
        /// How long to wait for another run to end
        #[arg(long, value_name = "SECONDS", default_value_t = 60)]
        lock_timeout: u64,
    },
    /// Show what is not proved yet, with its age, tries and last error
    #[command(
        after_help = "Examples:\n  phoenix pending list\n  phoenix pending list --output-format json | jq -r '.[].id'"
    )]
    List,
    /// Try it now, whatever its pause is; everything when no id is given
    #[command(
        after_help = "Examples:\n  phoenix pending retry\n  phoenix pending retry restart-docker-vm-1001-4febfaf4"
    )]
    Retry {
        /// The ids that `pending list` shows
        #[arg(value_name = "ID")]
        ids: Vec<String>,
    },
}

/// Migrations.
#[derive(Debug, Subcommand)]
pub(crate) enum MigrateCommand {
    /// Move the link between Traefik and the Swarm manager from plain TCP to mutual TLS
    #[command(
        after_help = "Examples:\n  phoenix migrate docker-tls --dry-run\n  phoenix migrate docker-tls --disarm\n  phoenix migrate docker-tls --client-ca dedicated"
    )]
    DockerTls {
        /// Show the diff, write nothing
        #[arg(long)]
        dry_run: bool,
        /// Move the old renewal manager's cron file aside, restorably
        #[arg(long)]
        disarm: bool,
        /// Edit the rules even when the host or a link that the site needs could no longer be reached
        #[arg(long)]
        allow_lockout: bool,
        /// The provider block's name in Traefik's static file; Traefik 3 lists Swarm services only under `swarm`
        #[arg(long, value_name = "NAME", value_enum, default_value_t = Provider::Swarm)]
        provider: Provider,
        /// Whose clients Docker admits: every one of the site's CA, or Traefik's alone, by a small CA of ours; as the settings
        /// say where it is not given
        #[arg(long, value_name = "WHICH", value_enum)]
        client_ca: Option<ClientCaArg>,
    },
}

/// Whose clients Docker admits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ClientCaArg {
    /// Traefik's alone: a small CA of ours issues its certificate and nothing else
    Dedicated,
    /// Every certificate of the site's CA
    Shared,
}

/// Names of the provider block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Provider {
    /// What Traefik 3 needs for a Swarm manager
    Swarm,
    /// As it was
    Docker,
}

/// Which parts of the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScopeArg {
    /// Everything
    All,
    /// Certificates, their places and their hooks
    Certs,
    /// Docker with its certificate
    Docker,
    /// Proxmox's firewall files, from the site's rules
    Firewall,
    /// Traefik with its certificate
    Traefik,
    /// The CA's root in trust stores
    Trust,
}

/// What `plan` is about.
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// Which parts of the site
    #[arg(value_enum, default_value_t = ScopeArg::All)]
    pub(crate) scope: ScopeArg,
    /// Only these certificates, by common name
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<CommonName>,
    /// End with status 1 when there is something to do
    #[arg(long)]
    pub(crate) check: bool,
    /// As if every certificate had to be issued anew
    #[arg(long)]
    pub(crate) force: bool,
}

/// What `sync` is about.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
#[derive(Debug, Args)]
pub(crate) struct SyncArgs {
    /// Which parts of the site
    #[arg(value_enum)]
    pub(crate) scope: ScopeArg,
    /// Only these certificates, by common name; or guests, such as `vm:1001`; with `trust` also `host`
    #[arg(value_name = "NAME|GUEST")]
    pub(crate) names: Vec<String>,
    /// Show what would be done, touch nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Issue every certificate anew, whatever its state is
    #[arg(long)]
    pub(crate) force: bool,
    /// With `certs`: only get certificates and put them in place; hooks are left for a later run, on record
    #[arg(long)]
    pub(crate) generate_only: bool,
    /// For timers: what failed is left alone until its pause is over, and nothing is said when nothing happened
    #[arg(long)]
    pub(crate) unattended: bool,
    /// Begin no further step after this long
    #[arg(long, value_name = "SECONDS")]
    pub(crate) deadline: Option<u64>,
    /// How long to wait for another run to end
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub(crate) lock_timeout: u64,
}

const EXAMPLES: &str = "Examples:
  phoenix demo                                     everything at once, on a sample site
  phoenix migrate docker-tls && phoenix sync all   on a real host

Exit status: 0 done or nothing to do; 1 something failed, or `plan --check` found work; 2 usage or unreadable input.";

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_flag_has_a_help_line_and_every_command_two_examples() {
        fn look(command: &clap::Command) {
            for argument in command
                .get_arguments()
                .filter(|argument| !["help", "version"].contains(&argument.get_id().as_str()))
            {
                assert!(
                    argument.get_help().is_some(),
                    "{} {}",
                    command.get_name(),
                    argument.get_id()
                );
            }
            let mut below = command.get_subcommands().peekable();
            if below.peek().is_none() {
                let text = command
                    .get_after_help()
                    .map(ToString::to_string)
                    .unwrap_or_default();
                assert!(
                    text.matches("\n  phoenix ").count() >= 2,
                    "{}",
                    command.get_name()
                );
            }
            below.for_each(look);
        }
        look(&Cli::command());
    }
}
