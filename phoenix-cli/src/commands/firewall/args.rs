//! How rules, their lists and their places are said.

use std::str::FromStr;

use clap::Args;
use phoenix_core::firewall::{
    Action, AddressMatch, Assignment, Beside, Direction, End, Ports, Protocol, RuleEdit, Selector,
    Target,
};
use phoenix_core::site::{ChangeOptions, FirewallOptions};

use crate::exit::{Failure, USAGE};

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
    pub(super) expect: usize,
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

pub(super) fn end(text: &str) -> Result<End, String> {
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

pub(super) fn target(text: &str) -> Result<Target, String> {
    text.parse()
        .map_err(|error| format!("{error}, or `global`"))
}

/// The guests that words begin with, and the rest, neither of them empty.
pub(super) fn targets(words: &[Word]) -> Result<(Vec<Target>, &[Word]), Failure> {
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

pub(super) fn usage(words: &str) -> Failure {
    Failure::new("usage", words, USAGE)
}

impl SelectorArgs {
    pub(super) fn selector(&self) -> Selector {
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
    pub(super) fn options(&self) -> FirewallOptions {
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
    pub(super) fn beside(&self) -> Option<Beside> {
        let before = self.before.map(Beside::Before);
        before.or_else(|| self.after.map(Beside::After))
    }
}

impl MatchedArgs {
    pub(super) fn edit(
        &self,
        edit: impl FnOnce(Selector, usize) -> RuleEdit,
    ) -> (Vec<Target>, RuleEdit, &ChangeArgs) {
        let edit = edit(self.selector.selector(), self.expect.expect);
        (self.targets.clone(), edit, &self.change)
    }
}

impl RuleArgs {
    pub(super) fn fields(&self) -> Result<Vec<Assignment>, Failure> {
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
