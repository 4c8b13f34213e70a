//! `phoenix firewall`.

mod args;
mod trial;

use clap::Subcommand;
use phoenix_core::firewall::{Assignment, End, Protocol, RuleEdit, Target};
use phoenix_core::present;
use phoenix_core::site::Site;
use phoenix_core::time::GoDuration;

use crate::args::Global;
use crate::exit::{Failure, OK};
use crate::output::Output;

use args::{
    BesideArgs, ChangeArgs, ExpectArgs, MatchedArgs, RuleArgs, SelectorArgs, Word, end, target,
    targets, usage,
};

/// Commands about firewall rules. `vm:1001` and `lxc:102` are guests, `global` is the host-wide list.
#[derive(Debug, Subcommand)]
pub(crate) enum FirewallCommand {
    /// Keep the rules that `render --apply` put in force
    #[command(
        after_help = "Examples:\n  phoenix firewall render --apply --confirm-within 60s\n  phoenix firewall confirm      in another session: shows that one still gets in"
    )]
    Confirm {
        /// How long to wait for another run to end
        #[arg(long, value_name = "SECONDS", default_value_t = 60)]
        lock_timeout: u64,
    },
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
        after_help = "Examples:\n  phoenix firewall render --dry-run\n  phoenix firewall render --apply --confirm-within 2m      in another session: phoenix firewall confirm\n\nOurs are the rules whose comment ends in [phx:ID]; the first time the old generator's rules are taken over."
    )]
    Render {
        /// Put the rules in force, and take them back unless `phoenix firewall confirm` is said in time
        #[arg(long)]
        apply: bool,
        /// How long the confirmation may take, such as 60s or 5m
        #[arg(
            long,
            value_name = "DURATION",
            default_value = "60s",
            requires = "apply"
        )]
        confirm_within: GoDuration,
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
    /// Take rules back that nobody confirms, whatever becomes of the session that put them in force
    #[command(
        hide = true,
        after_help = "Examples:\n  phoenix firewall watch      started by: phoenix firewall render --apply\n  phoenix firewall watch --state /var/lib/phoenix"
    )]
    Watch,
}

pub(super) fn run(
    site: &Site,
    command: &FirewallCommand,
    global: &Global,
    output: &Output,
) -> Result<u8, Failure> {
    let (targets, edit, change) = match command {
        FirewallCommand::Confirm { lock_timeout } => {
            return trial::confirm(site, *lock_timeout, output);
        }
        FirewallCommand::Watch => return trial::watch(site),
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
        FirewallCommand::Render {
            apply: true,
            confirm_within,
            change,
        } => {
            let within = confirm_within.0;
            return trial::apply(site, change.options(), within, global, output);
        }
        FirewallCommand::Render { change, .. } => {
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
