//! `phoenix firewall`.

use std::str::FromStr;

use clap::{Args, Subcommand};
use phoenix_core::firewall::{
    Action, AddressMatch, Assignment, Beside, Direction, End, Ports, Protocol, RuleEdit, Selector,
    Target,
};
use phoenix_core::present;
use phoenix_core::site::{ChangeOptions, FirewallOptions, Site};

use crate::exit::{Failure, OK, USAGE};
use crate::output::Output;

/// Commands about firewall rules. `vm:1001` and `lxc:102` are guests, `global` is the host-wide list.
#[derive(Debug, Subcommand)]
pub(crate) enum FirewallCommand {
    /// Show rules with their numbers and lines
    #[command(
        after_help = "Examples:\n  phoenix firewall list vm:1001 --direction in --port 2375\n  phoenix firewall list      everybody's"
    )]
    List {
        /// Whose rules: `vm:1001`, `lxc:102` or `global`; everybody's when none is named
        #[arg(value_name = "TARGET", value_parser = target)]
        targets: Vec<Target>,
        #[command(flatten)]
        selector: SelectorArgs,
    },
    /// Set the port of a rule; of a list of ports only the one that `--port` names
    #[command(
        after_help = "Examples:\n  phoenix firewall set-port vm:1001 --direction in --port 2375 2376\n  phoenix firewall set-port vm:1001 lxc:102 global --port 2375 2376 --dedupe"
    )]
    SetPort {
        /// Whose rules, then the new port
        #[arg(value_name = "TARGET... PORT", required = true)]
        words: Vec<Word>,
        #[command(flatten)]
        selector: SelectorArgs,
        #[command(flatten)]
        expect: ExpectArgs,
        /// A rule that would then say what another one says goes
        #[arg(long)]
        dedupe: bool,
        #[command(flatten)]
        change: ChangeArgs,
    },
    /// Add a rule, behind the last one of its direction and verdict unless a place is named
    #[command(
        after_help = "Examples:\n  phoenix firewall add lxc:102 --direction out --action ACCEPT --dest 10.0.0.111 --proto tcp --port 2376 --comment 'Docker API'\n  phoenix firewall add vm:1001 --direction in --action ACCEPT --macro Ping --before 0 --dry-run"
    )]
    Add {
        /// Whose rules: `vm:1001`, `lxc:102` or `global`
        #[arg(value_name = "TARGET", required = true, value_parser = target)]
        targets: Vec<Target>,
        #[command(flatten)]
        rule: Box<RuleArgs>,
        #[command(flatten)]
        beside: BesideArgs,
        #[command(flatten)]
        change: ChangeArgs,
    },
    /// Set fields of a rule; KEY= removes the field
    #[command(
        after_help = "Examples:\n  phoenix firewall set lxc:101 --index 4 direction=out dest=10.0.0.12 source=\n  phoenix firewall set global --port 2376 comment='Docker API (TLS)'"
    )]
    Set {
        /// Whose rules, then the fields: type, action, macro, iface, source, dest, proto, port, sport, icmp-type, log, enabled, comment
        #[arg(value_name = "TARGET... KEY=VALUE", required = true)]
        words: Vec<Word>,
        #[command(flatten)]
        selector: SelectorArgs,
        #[command(flatten)]
        expect: ExpectArgs,
        #[command(flatten)]
        change: ChangeArgs,
    },
    /// Move a rule within its list: the first that matches decides
    #[command(
        after_help = "Examples:\n  phoenix firewall move vm:1001 --comment 'Docker API' --before 0\n  phoenix firewall move global --index 7 --after 12 --dry-run"
    )]
    Move {
        #[command(flatten)]
        rules: MatchedArgs,
        #[command(flatten)]
        beside: BesideArgs,
    },
    /// Remove a rule
    #[command(
        after_help = "Examples:\n  phoenix firewall remove global --port 2375\n  phoenix firewall remove vm:1001 --source 10.0.0.0/24 --expect 3"
    )]
    Remove(MatchedArgs),
    /// Remove rules that say what an earlier one says
    #[command(
        after_help = "Examples:\n  phoenix firewall dedupe vm:1001 --dry-run\n  phoenix firewall dedupe vm:1001 lxc:102 global --ignore-comments"
    )]
    Dedupe {
        /// Whose rules: `vm:1001`, `lxc:102` or `global`
        #[arg(value_name = "TARGET", required = true, value_parser = target)]
        targets: Vec<Target>,
        #[command(flatten)]
        selector: SelectorArgs,
        /// Also rules whose comments differ; the first comment stays
        #[arg(long)]
        ignore_comments: bool,
        #[command(flatten)]
        change: ChangeArgs,
    },
    /// Switch a rule on, or a whole firewall when no rule is described
    #[command(
        after_help = "Examples:\n  phoenix firewall enable vm:1001 --port 9443 --source 10.0.0.12\n  phoenix firewall enable lxc:102      the guest's whole firewall"
    )]
    Enable(MatchedArgs),
    /// Write the rules into Proxmox's files; what is not ours keeps every byte
    #[command(
        after_help = "Examples:\n  phoenix firewall render --dry-run\n  phoenix firewall render && pve-firewall compile | head\n\nOurs are the rules whose comment ends in [phx:ID]; the first time the old generator's rules are taken over."
    )]
    Render {
        #[command(flatten)]
        change: ChangeArgs,
    },
    /// Say what would happen to a connection by the site's rules and Proxmox's own, and what decides
    #[command(
        after_help = "Examples:\n  phoenix firewall test --from 10.0.0.12 --to vm:1001 --proto tcp --port 2376\n  phoenix firewall test --matrix      who reaches what"
    )]
    Test {
        /// From whom: a guest, an address, `host` or `outside`
        #[arg(long, value_name = "END", value_parser = end, required_unless_present = "matrix")]
        from: Option<End>,
        /// To whom: a guest, an address, `host` or `outside`
        #[arg(long, value_name = "END", value_parser = end, required_unless_present = "matrix")]
        to: Option<End>,
        /// Protocol
        #[arg(long, value_name = "PROTO", default_value = "tcp")]
        proto: Protocol,
        /// Port
        #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
        port: Option<u16>,
        /// Judge by the files that Proxmox has now, not by the site's
        #[arg(long)]
        installed: bool,
        /// Show who reaches what among all guests, the host and the world outside, and what differs from now
        #[arg(long, conflicts_with_all = ["from", "to", "port"])]
        matrix: bool,
    },
    /// Switch a rule off, or a whole firewall when no rule is described
    #[command(
        after_help = "Examples:\n  phoenix firewall disable global --comment 'DEBUG: all traffic'\n  phoenix firewall disable lxc:102 --index 3 --dry-run"
    )]
    Disable(MatchedArgs),
}

/// Which rules.
#[derive(Debug, Args)]
#[command(next_help_heading = "Which rules")]
pub(crate) struct SelectorArgs {
    /// in, out, forward or group
    #[arg(long, value_name = "DIRECTION")]
    direction: Option<Direction>,
    /// ACCEPT, DROP or REJECT
    #[arg(long, value_name = "ACTION")]
    action: Option<Action>,
    /// Protocol
    #[arg(long, value_name = "PROTO")]
    proto: Option<Protocol>,
    /// A port that the rule names; several, separated by commas: just these
    #[arg(long, value_name = "PORT")]
    port: Option<Ports>,
    /// Source address, network, range, alias or `+`set
    #[arg(long, value_name = "ADDRESS")]
    source: Option<AddressMatch>,
    /// Destination address, network, range, alias or `+`set
    #[arg(long, value_name = "ADDRESS")]
    dest: Option<AddressMatch>,
    /// The whole comment
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
    /// The rule's number in its list, the first is 0
    #[arg(long, value_name = "INDEX")]
    index: Option<usize>,
}

/// How many rules must match.
#[derive(Debug, Args)]
pub(crate) struct ExpectArgs {
    /// How many rules of each target must match; otherwise they are shown and nothing changes
    #[arg(long, value_name = "N", default_value_t = 1)]
    expect: usize,
}

/// How an edit is made.
#[derive(Debug, Args)]
pub(crate) struct ChangeArgs {
    /// Show the diff, write nothing
    #[arg(long)]
    dry_run: bool,
    /// Make the edit even when the host or a link that the site needs could no longer be reached
    #[arg(long)]
    allow_lockout: bool,
    /// How long to wait for another run to end
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    lock_timeout: u64,
}

/// A place in the list.
#[derive(Debug, Args)]
pub(crate) struct BesideArgs {
    /// Before the rule of this number, the first is 0
    #[arg(long, value_name = "INDEX", conflicts_with = "after")]
    before: Option<usize>,
    /// Behind the rule of this number
    #[arg(long, value_name = "INDEX")]
    after: Option<usize>,
}

/// Rules that an edit finds by what they say.
#[derive(Debug, Args)]
pub(crate) struct MatchedArgs {
    /// Whose rules: `vm:1001`, `lxc:102` or `global`
    #[arg(value_name = "TARGET", required = true, value_parser = target)]
    targets: Vec<Target>,
    #[command(flatten)]
    selector: SelectorArgs,
    #[command(flatten)]
    expect: ExpectArgs,
    #[command(flatten)]
    change: ChangeArgs,
}

/// A new rule.
#[derive(Debug, Args)]
#[command(next_help_heading = "The rule")]
pub(crate) struct RuleArgs {
    /// in, out, forward or group
    #[arg(long, value_name = "DIRECTION")]
    direction: Direction,
    /// ACCEPT, DROP or REJECT; with direction `group` the group's name
    #[arg(long, value_name = "ACTION")]
    action: String,
    /// A named set of protocols and ports, such as SSH
    #[arg(long = "macro", value_name = "MACRO")]
    macro_name: Option<String>,
    /// The interface: `net0` of a guest
    #[arg(long, value_name = "NAME")]
    iface: Option<String>,
    /// Source address, network, range, alias or `+`set
    #[arg(long, value_name = "ADDRESS")]
    source: Option<String>,
    /// Destination address, network, range, alias or `+`set
    #[arg(long, value_name = "ADDRESS")]
    dest: Option<String>,
    /// Protocol
    #[arg(long, value_name = "PROTO")]
    proto: Option<String>,
    /// Ports: `2376`, `80,443` or `8000:8010`
    #[arg(long, value_name = "PORTS")]
    port: Option<String>,
    /// Source ports
    #[arg(long, value_name = "PORTS")]
    sport: Option<String>,
    /// Kind of ICMP message, such as echo-request
    #[arg(long, value_name = "TYPE")]
    icmp_type: Option<String>,
    /// What Proxmox logs of it, such as info
    #[arg(long, value_name = "LEVEL")]
    log: Option<String>,
    /// What the rule is for
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
}

fn end(text: &str) -> Result<End, String> {
    text.parse()
        .map_err(|error| format!("{error}, or an address, `host` or `outside`"))
}

/// A word of a command line that names guests first and then says what they get.
#[derive(Debug, Clone)]
pub(crate) enum Word {
    Field(Assignment),
    Port(u16),
    Target(Target),
}

impl FromStr for Word {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.contains('=') {
            let field = text.parse::<Assignment>();
            return field.map(Self::Field).map_err(|error| error.to_string());
        }
        if text.bytes().all(|b| b.is_ascii_digit()) {
            let port = text.parse().ok().filter(|port| *port > 0);
            return port
                .map(Self::Port)
                .ok_or_else(|| format!("found port {text}, expected 1 to 65535"));
        }
        target(text).map(Self::Target)
    }
}

fn target(text: &str) -> Result<Target, String> {
    text.parse()
        .map_err(|error| format!("{error}, or `global`"))
}

pub(super) fn run(site: &Site, command: &FirewallCommand, output: &Output) -> Result<u8, Failure> {
    let (targets, edit, change) = match command {
        FirewallCommand::List { targets, selector } => {
            let lists = site.firewall_rules(targets, &selector.selector())?;
            output.answer(&lists, |style| present::rules(&lists, style))?;
            return Ok(OK);
        }
        FirewallCommand::Test {
            from,
            to,
            proto,
            port,
            installed,
            ..
        } => {
            let (Some(from), Some(to)) = (from, to) else {
                let report = site.firewall_matrix(*installed)?;
                output.answer(&report, |_| present::matrix(&report))?;
                return Ok(OK);
            };
            let report = site.test_firewall(*from, *to, proto, *port, *installed)?;
            output.answer(&report, |_| present::test(&report))?;
            return Ok(OK);
        }
        FirewallCommand::Add {
            targets,
            rule,
            beside,
            change,
        } => {
            let edit = RuleEdit::Add {
                fields: rule.fields()?,
                beside: beside.beside(),
            };
            (targets.clone(), edit, change)
        }
        FirewallCommand::Dedupe {
            targets,
            selector,
            ignore_comments,
            change,
        } => {
            let edit = RuleEdit::Dedupe {
                selector: selector.selector(),
                ignore_comments: *ignore_comments,
            };
            (targets.clone(), edit, change)
        }
        FirewallCommand::Disable(rules) => rules.edit(|selector, expect| RuleEdit::Enable {
            selector,
            expect,
            enabled: false,
        }),
        FirewallCommand::Enable(rules) => rules.edit(|selector, expect| RuleEdit::Enable {
            selector,
            expect,
            enabled: true,
        }),
        FirewallCommand::Move { rules, beside } => {
            let beside = beside
                .beside()
                .ok_or_else(|| usage("expected `--before INDEX` or `--after INDEX`"))?;
            rules.edit(|selector, expect| RuleEdit::Move {
                selector,
                expect,
                beside,
            })
        }
        FirewallCommand::Remove(rules) => {
            rules.edit(|selector, expect| RuleEdit::Remove { selector, expect })
        }
        FirewallCommand::Render { change } => {
            let report = site.render_firewall(change.options())?;
            output.answer(&report, |style| present::change(&report, style))?;
            return Ok(OK);
        }
        FirewallCommand::Set {
            words,
            selector,
            expect,
            change,
        } => {
            let (targets, rest) = targets(words)?;
            let fields: Vec<Assignment> = rest
                .iter()
                .map(|word| match word {
                    Word::Field(field) => Ok(field.clone()),
                    _ => Err(usage("expected KEY=VALUE behind the guests")),
                })
                .collect::<Result<_, _>>()?;
            let edit = RuleEdit::Set {
                selector: selector.selector(),
                expect: expect.expect,
                fields,
            };
            (targets, edit, change)
        }
        FirewallCommand::SetPort {
            words,
            selector,
            expect,
            dedupe,
            change,
        } => {
            let (targets, rest) = targets(words)?;
            let [Word::Port(port)] = rest else {
                return Err(usage("expected one port behind the guests"));
            };
            let edit = RuleEdit::SetPort {
                selector: selector.selector(),
                expect: expect.expect,
                port: *port,
                dedupe: *dedupe,
            };
            (targets, edit, change)
        }
    };
    let report = site.edit_firewall(&targets, &edit, change.options())?;
    output.answer(&report, |style| present::change(&report, style))?;
    Ok(OK)
}

/// The guests that words begin with, and the rest, neither of them empty.
fn targets(words: &[Word]) -> Result<(Vec<Target>, &[Word]), Failure> {
    let targets: Vec<Target> = words
        .iter()
        .map_while(|word| match word {
            Word::Target(target) => Some(*target),
            _ => None,
        })
        .collect();
    let rest = &words[targets.len()..];
    if targets.is_empty() || rest.is_empty() {
        return Err(usage(
            "expected guests such as `vm:1001` first, then what they get",
        ));
    }
    Ok((targets, rest))
}

fn usage(words: &str) -> Failure {
    Failure::new("usage", words, USAGE)
}

impl SelectorArgs {
    fn selector(&self) -> Selector {
        Selector {
            direction: self.direction,
            action: self.action.clone(),
            proto: self.proto.clone(),
            ports: self.port.clone(),
            source: self.source.clone(),
            dest: self.dest.clone(),
            comment: self.comment.clone(),
            index: self.index,
        }
    }
}

impl ChangeArgs {
    fn options(&self) -> FirewallOptions {
        FirewallOptions {
            change: ChangeOptions {
                dry_run: self.dry_run,
                lock_timeout: std::time::Duration::from_secs(self.lock_timeout),
            },
            allow_lockout: self.allow_lockout,
        }
    }
}

impl BesideArgs {
    fn beside(&self) -> Option<Beside> {
        let before = self.before.map(Beside::Before);
        before.or_else(|| self.after.map(Beside::After))
    }
}

impl MatchedArgs {
    fn edit(
        &self,
        edit: impl FnOnce(Selector, usize) -> RuleEdit,
    ) -> (Vec<Target>, RuleEdit, &ChangeArgs) {
        let edit = edit(self.selector.selector(), self.expect.expect);
        (self.targets.clone(), edit, &self.change)
    }
}

impl RuleArgs {
    fn fields(&self) -> Result<Vec<Assignment>, Failure> {
        let direction = self.direction.to_string();
        let flags = [
            ("type", Some(&direction)),
            ("action", Some(&self.action)),
            ("macro", self.macro_name.as_ref()),
            ("iface", self.iface.as_ref()),
            ("source", self.source.as_ref()),
            ("dest", self.dest.as_ref()),
            ("proto", self.proto.as_ref()),
            ("port", self.port.as_ref()),
            ("sport", self.sport.as_ref()),
            ("icmp-type", self.icmp_type.as_ref()),
            ("log", self.log.as_ref()),
            ("comment", self.comment.as_ref()),
        ];
        flags
            .into_iter()
            .filter_map(|(field, value)| Some(Assignment::new(field, Some(value?))))
            .collect::<Result<_, _>>()
            .map_err(|error| usage(&error.to_string()))
    }
}
