//! The options that each file may have.

use super::super::LogLevel;
use super::FwKind;

/// One option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct OptionInfo {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: OptionKind,
}

/// What an option holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OptionKind {
    /// `0` or `1`.
    Bool,
    /// A level of logging, or nothing.
    Level,
    /// A whole number.
    Number,
    /// `ACCEPT`, `DROP` or `REJECT`.
    Policy,
    /// Words without blanks.
    Words,
}

impl OptionKind {
    /// Whether a value is one of those.
    pub fn takes(self, value: &str) -> bool {
        match self {
            Self::Bool => ["0", "1"].contains(&value),
            Self::Level => {
                value.is_empty()
                    || LogLevel::ALL
                        .iter()
                        .any(|level| level.eq_ignore_ascii_case(value))
            }
            Self::Number => !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()),
            Self::Policy => ["ACCEPT", "DROP", "REJECT"]
                .iter()
                .any(|policy| policy.eq_ignore_ascii_case(value)),
            Self::Words => !value.is_empty() && !value.contains(char::is_whitespace),
        }
    }

    /// In words, for messages.
    pub fn expected(self) -> &'static str {
        match self {
            Self::Bool => "`0` or `1`",
            Self::Level => "a level such as `info` or `nolog`",
            Self::Number => "a whole number",
            Self::Policy => "`ACCEPT`, `DROP` or `REJECT`",
            Self::Words => "a value without blanks",
        }
    }
}

/// The options of a kind of file.
pub fn option_table(kind: FwKind) -> &'static [OptionInfo] {
    match kind {
        FwKind::Cluster => CLUSTER,
        FwKind::Guest => GUEST,
        FwKind::Host => HOST,
    }
}

const fn option(name: &'static str, kind: OptionKind) -> OptionInfo {
    OptionInfo { name, kind }
}

const CLUSTER: &[OptionInfo] = &[
    option("enable", OptionKind::Number),
    option("ebtables", OptionKind::Bool),
    option("policy_in", OptionKind::Policy),
    option("policy_out", OptionKind::Policy),
    option("policy_forward", OptionKind::Policy),
    option("log_ratelimit", OptionKind::Words),
];

const GUEST: &[OptionInfo] = &[
    option("enable", OptionKind::Bool),
    option("dhcp", OptionKind::Bool),
    option("ndp", OptionKind::Bool),
    option("radv", OptionKind::Bool),
    option("macfilter", OptionKind::Bool),
    option("ipfilter", OptionKind::Bool),
    option("ips", OptionKind::Bool),
    option("log_level_in", OptionKind::Level),
    option("log_level_out", OptionKind::Level),
    option("policy_in", OptionKind::Policy),
    option("policy_out", OptionKind::Policy),
    option("ips_queues", OptionKind::Words),
    option("layer2_protocols", OptionKind::Words),
];

const HOST: &[OptionInfo] = &[
    option("enable", OptionKind::Bool),
    option("nosmurfs", OptionKind::Bool),
    option("tcpflags", OptionKind::Bool),
    option("ndp", OptionKind::Bool),
    option("log_nf_conntrack", OptionKind::Bool),
    option("nf_conntrack_allow_invalid", OptionKind::Bool),
    option("protection_synflood", OptionKind::Bool),
    option("nftables", OptionKind::Bool),
    option("log_level_in", OptionKind::Level),
    option("log_level_out", OptionKind::Level),
    option("log_level_forward", OptionKind::Level),
    option("tcp_flags_log_level", OptionKind::Level),
    option("smurf_log_level", OptionKind::Level),
    option("nf_conntrack_helpers", OptionKind::Words),
    option("nf_conntrack_max", OptionKind::Number),
    option("nf_conntrack_tcp_timeout_established", OptionKind::Number),
    option("nf_conntrack_tcp_timeout_syn_recv", OptionKind::Number),
    option("protection_synflood_rate", OptionKind::Number),
    option("protection_synflood_burst", OptionKind::Number),
    option("protection_limit", OptionKind::Number),
];
