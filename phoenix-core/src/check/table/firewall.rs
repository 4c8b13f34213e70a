//! Firewall rules.

use super::{HOST, LXCS, Rule, Severity, VMS, example, rule};

pub(super) const RULES: &[Rule] = &[
    Rule {
        severity: Severity::Warning,
        why: "An exact copy of a rule does nothing and hides what the list means.",
        mend: "Remove one of them.",
        example: example(
            VMS,
            r#"{"type": "in", "action": "ACCEPT", "source": "10.0.0.13", "proto": "tcp", "port": "9443", "comment": "Host to Portainer"},"#,
            r#"{"type": "in", "action": "ACCEPT", "source": "10.0.0.12", "proto": "tcp", "port": "2376", "comment": "Traefik to Docker"},"#,
        ),
        fixable: true,
        ..rule(
            "PX009",
            "rule-twice",
            "a firewall rule stands twice in a list",
        )
    },
    Rule {
        severity: Severity::Warning,
        why: "Only `firewall.global_firewall_rules` is read where it is there.",
        mend: "Move what is still wanted to `firewall.global_firewall_rules`.",
        example: example(
            HOST,
            r#""shared_volumes": {}"#,
            r#""shared_volumes": {"firewall": {"global_firewall_rules": []}}"#,
        ),
        ..rule(
            "PX018",
            "host-rules-at-both-places",
            "host-wide rules stand at both of their places",
        )
    },
    Rule {
        why: "One guest's rules let a connection out that the other's drop: it times out, and who looks at the first list thinks that it works.",
        mend: "Add the rule of the opposite direction, or remove this one.",
        example: example(
            VMS,
            r#"{"type": "out", "action": "ACCEPT", "dest": "10.0.0.10", "proto": "tcp", "port": "9000","#,
            r#"{"type": "out", "action": "ACCEPT", "dest": "10.0.0.153", "proto": "tcp", "port": "8443","#,
        ),
        ..rule(
            "PX021",
            "opposite-rule-missing",
            "an outbound rule leads to a guest that drops the connection",
        )
    },
    Rule {
        why: "The site's own settings need this connection, and a firewall drops it.",
        mend: "Add the rule to the list that drops it.",
        example: example(
            LXCS,
            r#"{"type": "in", "action": "ACCEPT", "source": "10.0.0.12", "proto": "tcp", "port": "443", "comment": "Traefik to the gateway"}"#,
            r#"{"type": "in", "action": "ACCEPT", "source": "10.0.0.12", "proto": "tcp", "port": "8443", "comment": "Traefik to the gateway"}"#,
        ),
        ..rule(
            "PX022",
            "needed-connection-dropped",
            "the firewall drops a connection that the site needs",
        )
    },
    Rule {
        severity: Severity::Warning,
        why: "A rule that decides nothing protects nothing and admits nobody; the next reader believes that it does.",
        mend: "Remove it, or put it where it is seen: Proxmox takes the first rule that fits, a guest's rules see that guest's traffic, host-wide ones the host's own.",
        example: example(
            HOST,
            r#""dest": "10.0.0.13", "proto": "tcp", "port": "2049""#,
            r#""dest": "10.0.0.111", "proto": "tcp", "port": "2049""#,
        ),
        ..rule(
            "PX023",
            "rule-never-matches",
            "a firewall rule can never decide anything",
        )
    },
    Rule {
        severity: Severity::Warning,
        why: "Two rules that differ only in their comments are one rule with two stories.",
        mend: "Keep the one whose comment is right.",
        example: example(
            VMS,
            r#"{"type": "in", "action": "ACCEPT", "source": "10.0.0.13", "proto": "tcp", "port": "9443", "comment": "Host to Portainer"},"#,
            r#"{"type": "in", "action": "ACCEPT", "source": "10.0.0.12", "proto": "tcp", "port": "2376", "comment": "Allow Docker"},"#,
        ),
        ..rule(
            "PX024",
            "rule-almost-twice",
            "two rules differ only in their comments",
        )
    },
    Rule {
        severity: Severity::Warning,
        why: "Rules of a firewall that is switched off decide nothing: everything passes.",
        mend: "Set `enabled` to true, or remove the rules.",
        example: example(
            HOST,
            "\"firewall\": {\n        \"enabled\": true,",
            "\"firewall\": {\n        \"enabled\": false,",
        ),
        ..rule(
            "PX054",
            "firewall-off",
            "a firewall with rules is switched off",
        )
    },
];
