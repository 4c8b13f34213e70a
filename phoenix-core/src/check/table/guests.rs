//! Guests and the notation of the files that describe them.

use super::{HOST, LXCS, Rule, Severity, VMS, example, rule};

pub(super) const RULES: &[Rule] = &[
    Rule {
        why: "The guest waits for one that will never start.",
        mend: "Name a guest of the site.",
        example: example(
            LXCS,
            r#""dependencies": ["103"]"#,
            r#""dependencies": ["104"]"#,
        ),
        ..rule(
            "PX012",
            "dependency-unknown",
            "a guest depends on one that is not there",
        )
    },
    Rule {
        why: "The guest cannot be made anew: containers are cloned from containers, machines from machines.",
        mend: "Name a guest of the same kind.",
        example: example(
            LXCS,
            r#""clone_from_ctid": "900""#,
            r#""clone_from_ctid": "9000""#,
        ),
        ..rule(
            "PX013",
            "clone-source-unknown",
            "a guest is a clone of one that is not there",
        )
    },
    Rule {
        why: "None of them can be made or started first.",
        mend: "Take one of the dependencies out.",
        example: example(
            VMS,
            r#""dependencies": ["102"]"#,
            r#""dependencies": ["1001"]"#,
        ),
        ..rule(
            "PX014",
            "guests-wait-in-a-circle",
            "guests wait for each other",
        )
    },
    Rule {
        why: "Proxmox has one number for containers and machines alike; only one of them can exist.",
        mend: "Give each a number of its own.",
        example: example(VMS, r#""vmid": 9000"#, r#""vmid": 900"#),
        ..rule("PX016", "number-twice", "two guests have one number")
    },
    Rule {
        severity: Severity::Warning,
        why: "Every reader takes the last one; the first does nothing and hides what the file means.",
        mend: "Remove the one that is not meant.",
        example: example(
            HOST,
            r#""domain_name": "internal.example""#,
            r#""domain_name": "old.example", "domain_name": "internal.example""#,
        ),
        ..rule("PX017", "name-twice", "a name stands twice in one object")
    },
    Rule {
        severity: Severity::Warning,
        why: "What stands in the file is not known, so nothing that depends on it can be checked or done.",
        mend: "Put it back, or say `--site` where the site's files are; the manifest and the host-wide settings make a site, so that without them it is an error.",
        example: example("the site's directory", "etc/certificate-manifest.json", ""),
        ..rule("PX019", "file-missing", "a file of the site is not there")
    },
    Rule {
        why: "Only one of them is reached, and which one changes with each ARP answer.",
        mend: "Give each an address of its own.",
        example: example(LXCS, r#""ip": "10.0.0.10/24""#, r#""ip": "10.0.0.153/24""#),
        ..rule("PX025", "address-twice", "two guests have one address")
    },
    Rule {
        why: "Nobody on the bridge reaches the guest without a router between, and the gateway does not answer it.",
        mend: "State an address, and a gateway, of the bridge's network.",
        example: example(LXCS, r#""ip": "10.0.0.10/24""#, r#""ip": "10.0.1.10/24""#),
        ..rule(
            "PX026",
            "address-outside-network",
            "an address lies outside of the bridge's network",
        )
    },
    Rule {
        severity: Severity::Warning,
        why: "The directory is kept for a guest that is gone, or the guest that needs it has another number.",
        mend: "Name a guest of the site, or take the mount out.",
        example: example(
            HOST,
            r#""shared_volumes": {}"#,
            r#""shared_volumes": {"logs": {"host_path": "/mnt/pve/tank/logs", "mounts": {"953": "/logs"}}}"#,
        ),
        ..rule(
            "PX057",
            "mount-guest-unknown",
            "a shared directory is mounted into a guest that is not there",
        )
    },
];
