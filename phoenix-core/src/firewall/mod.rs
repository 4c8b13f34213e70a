//! Firewall rules: typed, selected, edited in place.

mod address;
mod assign;
mod decode;
mod edit;
mod file;
mod from_site;
mod guard;
mod list;
mod macros;
mod member;
mod moved;
mod ports;
mod protocol;
mod proxmox;
mod render;
mod rendering;
mod rule;
mod selector;
mod show;
mod simulate;
mod site_rules;

pub use address::{
    AddressError, AddressMatch, Family, NameRef, NameScope, Network, covers, is_name,
};
pub use assign::{AssignError, Assignment};
pub use decode::{RULE_FIELDS, decode_rule, decode_rules};
pub use edit::{Beside, RuleEdit};
pub use file::{
    FwConfig, FwContent, FwFile, FwKind, FwLine, FwRule, OptionInfo, OptionKind, Section, SetEntry,
    SetMember, option_table,
};
pub use from_site::End;
pub use guard::{Link, Lost, lock_out};
pub use list::{Lines, Listed, RuleList, Target};
pub use macros::{Macro, MacroError, MacroPart};
pub use moved::{Edited, move_port, opens};
pub use ports::{Ports, PortsError, with_port};
pub use protocol::{
    ICMP, ICMPV6, IGMP, IcmpType, IcmpTypeError, Protocol, ProtocolError, TCP, UDP,
};
pub use proxmox::{Corosync, ProxmoxFacts};
pub(crate) use proxmox::{corosync, interfaces};
pub use render::{Rendered, Wanted, is_ours, open, our_line, render};
pub(crate) use rendering::{CLUSTER, FIREWALL_DIR};
pub use rendering::{Finished, RenderedFile, Rendering};
pub use rule::{Action, Direction, LogLevel, Problem, Rule, RuleScope, WordError};
pub use selector::Selector;
pub use show::{MatrixReport, ShownList, ShownRule, TestReport};
pub use simulate::{
    Cast, Decision, Firewall, FirewallConfig, GuestConfig, GuestInterface, Ignored, Matrix,
    MatrixCell, MatrixChange, NodeNetwork, Packet, RuleSource, State, Verdict, Zone,
};
pub use site_rules::SiteRules;
