//! Rules out of the site's JSON, every fault of every rule at once.

use std::fmt::Display;
use std::str::FromStr;

use super::{Action, Direction, Ports, Problem, Rule, RuleScope};
use crate::diagnostic::{Fault, Faults, Severity};
use crate::document::{
    Cursor, Decode, Document, FieldInfo, FieldKind, Fields, Kind, Located, NodeId, TextForm,
    missing_field, parsed, text,
};

/// The fields of a rule in the order in which a new one has them.
pub const RULE_FIELDS: &[FieldInfo] = &[
    FieldInfo {
        name: "type",
        kind: FieldKind::Choice(&["in", "out", "forward", "group"]),
        required: true,
        default: None,
        doc: "Which traffic the rule is about.",
    },
    FieldInfo {
        name: "action",
        kind: FieldKind::Text(&TEXT),
        required: true,
        default: None,
        doc: "`ACCEPT`, `DROP`, `REJECT`, or the name of the security group.",
    },
    field(
        "macro",
        "A named set of protocols and ports, such as `SSH`.",
    ),
    field("iface", "The interface: `net0` of a guest."),
    field("source", "Where the traffic comes from."),
    field("dest", "Where it goes to."),
    field("proto", "Protocol, by name or number."),
    FieldInfo {
        kind: FieldKind::Text(&PORTS),
        ..field("port", "Destination ports: `2376`, `80,443`, `8000:8010`.")
    },
    FieldInfo {
        kind: FieldKind::Text(&PORTS),
        ..field("sport", "Source ports.")
    },
    field("icmp-type", "Kind of ICMP message, such as `echo-request`."),
    field("log", "What Proxmox logs of it, such as `info`."),
    FieldInfo {
        kind: FieldKind::Bool,
        default: Some("true"),
        ..field("enabled", "`false` switches the rule off.")
    },
    field("comment", "What the rule is for."),
];

/// The code of what Proxmox ignores a rule for.
pub(super) const PROBLEM: &str = "rule";

const fn field(name: &'static str, doc: &'static str) -> FieldInfo {
    FieldInfo {
        name,
        kind: FieldKind::Text(&TEXT),
        required: false,
        default: None,
        doc,
    }
}

const TEXT: TextForm = TextForm {
    what: "text",
    pattern: "",
};

/// A single port may be a bare number, too.
const PORTS: TextForm = TextForm {
    what: "ports such as `2376`, `80,443` or `8000:8010`",
    pattern: "",
};

/// Reads a list of rules; a rule with an error is left out and reported.
pub fn decode_rules(
    document: &Document,
    rules: NodeId,
    scope: RuleScope,
    faults: &mut Faults,
) -> Vec<Located<Rule>> {
    document
        .cursor(rules)
        .items()
        .filter_map(|rule| {
            let value = decode_rule(rule, scope, faults)?;
            Some(Located {
                value,
                node: rule.node(),
            })
        })
        .collect()
}

/// Reads one rule; says in `faults` all that is wrong with it, and gives `None` when something is.
pub fn decode_rule(object: Cursor<'_>, scope: RuleScope, faults: &mut Faults) -> Option<Rule> {
    let mut found = Faults::new();
    let rule = decode_fields(object, scope, &mut found);
    let sound = found.iter().all(|fault| fault.severity != Severity::Error);
    faults.extend(found);
    rule.filter(|_| sound)
}

fn decode_fields(object: Cursor<'_>, scope: RuleScope, faults: &mut Faults) -> Option<Rule> {
    let members = Members::open(object, faults)?;
    let direction = members.required("type", faults, |cursor, faults| {
        parsed::<Direction>(cursor, "rule-type", faults)
    });
    let action = members.required("action", faults, |cursor, faults| {
        let text = text(cursor, faults)?;
        match Action::parse(direction.unwrap_or(Direction::In), &text) {
            Ok(action) => Some(action),
            Err(error) => {
                faults.push(Fault::error("rule-action", error.to_string()).at(cursor.place()));
                None
            }
        }
    });
    let rule = Rule {
        direction: direction.unwrap_or(Direction::In),
        action: action.clone().unwrap_or(Action::Drop),
        macro_name: members.one("macro", "rule-macro", faults),
        iface: members.optional("iface", faults),
        source: members.one("source", "rule-address", faults),
        dest: members.one("dest", "rule-address", faults),
        proto: members.one("proto", "rule-proto", faults),
        ports: members.ports("port", faults),
        source_ports: members.ports("sport", faults),
        icmp_type: members.one("icmp-type", "rule-icmp-type", faults),
        log: members.one("log", "rule-log", faults),
        enabled: members.optional("enabled", faults).unwrap_or(true),
        comment: members.optional("comment", faults),
    };
    members.finish(faults);
    if direction.is_none() || action.is_none() {
        return None;
    }
    for problem in rule.problems(scope) {
        faults.push(fault(&problem, object));
    }
    Some(rule)
}

/// A rule's members by the place of their names in [`RULE_FIELDS`]: sites have rules by the ten thousand, so each name is
/// looked at once.
struct Members<'d> {
    object: Cursor<'d>,
    values: [Option<Cursor<'d>>; RULE_FIELDS.len()],
    /// All members, where a name stands twice or is unknown.
    strange: Option<Fields<'d>>,
}

impl<'d> Members<'d> {
    fn open(object: Cursor<'d>, faults: &mut Faults) -> Option<Self> {
        let mut values = [None; RULE_FIELDS.len()];
        let mut strange = object.kind() != Kind::Object;
        for entry in object.entries() {
            match place(&entry.key) {
                Some(place) => strange |= values[place].replace(entry.value).is_some(),
                None => strange = true,
            }
        }
        Some(Self {
            object,
            values,
            strange: if strange {
                Some(Fields::open(object, faults)?)
            } else {
                None
            },
        })
    }

    /// The member of this name; `None` when absent or null.
    fn value(&self, name: &str) -> Option<Cursor<'d>> {
        self.values[place(name)?].filter(|value| value.kind() != Kind::Null)
    }

    fn required<T>(
        &self,
        name: &str,
        faults: &mut Faults,
        decode: impl FnOnce(Cursor<'d>, &mut Faults) -> Option<T>,
    ) -> Option<T> {
        if let Some(value) = self.value(name) {
            return decode(value, faults);
        }
        faults.push(missing_field(self.object, name));
        None
    }

    fn optional<T: Decode>(&self, name: &str, faults: &mut Faults) -> Option<T> {
        T::decode(self.value(name)?, faults)
    }

    fn one<T>(&self, name: &str, code: &'static str, faults: &mut Faults) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        parsed(self.value(name)?, code, faults)
    }

    /// Numbers are as good as strings here: the old scripts put both into the same line.
    fn ports(&self, name: &str, faults: &mut Faults) -> Ports {
        self.value(name)
            .and_then(|cursor| ports(cursor, faults))
            .unwrap_or_default()
    }

    fn finish(self, faults: &mut Faults) {
        if let Some(fields) = self.strange {
            fields.finish_table(RULE_FIELDS, faults);
        }
    }
}

/// Where a name stands in [`RULE_FIELDS`].
#[inline]
fn place(name: &str) -> Option<usize> {
    Some(match name {
        "type" => 0,
        "action" => 1,
        "macro" => 2,
        "iface" => 3,
        "source" => 4,
        "dest" => 5,
        "proto" => 6,
        "port" => 7,
        "sport" => 8,
        "icmp-type" => 9,
        "log" => 10,
        "enabled" => 11,
        "comment" => 12,
        _ => return None,
    })
}

fn ports(cursor: Cursor<'_>, faults: &mut Faults) -> Option<Ports> {
    let text = if cursor.kind() == Kind::Number {
        cursor.literal().into()
    } else {
        text(cursor, faults)?
    };
    let message = match text.parse::<Ports>() {
        Ok(ports) if ports.lists(0) => "found port `0`, expected 1 to 65535".to_owned(),
        Ok(ports) => return Some(ports),
        Err(error) => error.to_string(),
    };
    faults.push(Fault::error("rule-port", message).at(cursor.place()));
    None
}

fn fault(problem: &Problem, object: Cursor<'_>) -> Fault {
    let place = match object.get(problem.field) {
        Some(member) => member.place(),
        None => object.start_place(),
    };
    let fault = Fault::new(PROBLEM, problem.severity, problem.message.clone()).at(place);
    match problem.help {
        Some(help) => fault.help(help),
        None => fault,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Format;

    fn read(text: &str) -> (Vec<Located<Rule>>, Faults) {
        let document = Document::parse("r.json".as_ref(), text.into(), Format::Json).unwrap();
        let mut faults = Faults::new();
        let rules = decode_rules(
            &document,
            document.root().node(),
            RuleScope::Guest,
            &mut faults,
        );
        (rules, faults)
    }

    #[test]
    fn every_field_has_its_place() {
        for (index, field) in RULE_FIELDS.iter().enumerate() {
            assert_eq!(place(field.name), Some(index), "{}", field.name);
        }
        let (rules, faults) =
            read(r#"[{"type": "in", "type": "out", "action": "ACCEPT", "ports": 1, "log": null}]"#);
        assert!(rules.is_empty(), "an unknown name is an error");
        let codes: Vec<&str> = faults.iter().map(|fault| fault.code).collect();
        assert_eq!(codes, ["duplicate-key", "unknown-field"]);
    }

    #[test]
    fn every_field_is_read() {
        let (rules, faults) = read(
            r#"[{"type": "in", "action": "ACCEPT", "iface": "net0", "source": "10.0.0.0/24,10.1.0.1", "dest": "10.0.0.1-10.0.0.9",
              "proto": "tcp", "port": "80,443,8000:8010", "sport": 1024, "log": "info", "enabled": false, "comment": "a (b): c"},
             {"type": "IN", "action": "ACCEPT", "proto": "icmp", "icmp-type": "echo-request", "source": "+servers"},
             {"type": "out", "action": "drop", "macro": "ssh", "dest": "dc/office"},
             {"type": "group", "action": "Web-Servers", "iface": "net1"}]"#,
        );
        assert!(faults.is_empty(), "{faults}");
        let shown: Vec<String> = rules.iter().map(|rule| rule.value.to_string()).collect();
        assert_eq!(
            shown,
            [
                "|IN ACCEPT -i net0 -source 10.0.0.0/24,10.1.0.1 -dest 10.0.0.1-10.0.0.9 -p tcp -dport 80,443,8000:8010 -sport 1024 -log info # a (b): c",
                "IN ACCEPT -source +servers -p icmp -icmp-type echo-request",
                "OUT SSH(DROP) -dest dc/office",
                "GROUP web-servers -i net1",
            ]
        );
    }

    #[test]
    fn all_faults_of_all_rules_come_at_once_with_their_places() {
        let (rules, faults) = read(
            r#"[{"type": "in", "action": "ACCEPT", "proto": "tcp", "port": 70000, "source": "10.0.0.5/24"},
{"type": "in", "action": "ACCEPT", "proto": "icmp", "port": "22"},
{"type": "inn", "action": "ALLOW", "macro": "SSHH"},
{"type": "in", "action": "ACCEPT", "dport": "22"},
{"type": "in", "action": "ACCEPT", "port": "22"},
{"action": "ACCEPT"}, 7]"#,
        );
        // Proxmox ignores the one that stays; that is said, and the rest can be edited.
        assert_eq!(rules.len(), 1);
        let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "r.json:1:78: found 10.0.0.5/24 with bits below its mask, expected 10.0.0.0/24 or a single address",
                "r.json:1:61: found port `70000`, expected 1 to 65535 or the name of a service",
                "r.json:2:61: found `port` with protocol `icmp`, expected none: its packets have no ports",
                "r.json:3:10: found `inn`, expected `in`, `out`, `forward` or `group`: did you mean `in`?",
                "r.json:3:27: found `ALLOW`, expected `ACCEPT`, `DROP` or `REJECT`",
                "r.json:3:45: found unknown macro `SSHH`, expected one of Proxmox's such as `SSH` or `Ping`: did you mean `SSH`?",
                "r.json:4:36: found unknown field `dport`",
                "r.json:5:44: found `port` without `proto`: Proxmox ignores such a rule",
                "r.json:6:1: found no field `type`, expected one",
                "r.json:7:0: ",
            ][..9]
                .iter()
                .map(|line| (*line).to_owned())
                .chain(["r.json:6:23: found a number, expected an object".to_owned()])
                .collect::<Vec<_>>()
        );
        let unknown = faults.iter().find(|fault| fault.code == "unknown-field");
        assert_eq!(
            unknown.and_then(|fault| fault.help.as_deref()),
            Some("did you mean `port`?")
        );
    }

    #[test]
    fn port_zero_is_none_of_a_rule() {
        let (_, faults) =
            read(r#"[{"type": "in", "action": "DROP", "proto": "tcp", "port": "0"}]"#);
        assert_eq!(faults.len(), 1);
    }
}
