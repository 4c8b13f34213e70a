//! What daemons and their configuration say: from the last run, or with `--online`.

use super::{Blocks, DAEMON_JSON, Needs, Rule, Severity, example, rule};

pub(super) const RULES: &[Rule] = &[
    Rule {
        needs: Needs::Guests,
        why: "With `tls` alone the daemon is encrypted and admits everybody.",
        mend: "State `tlsverify: true` and `tlscacert`; `phoenix sync docker` does.",
        example: example(DAEMON_JSON, "\"tlsverify\": true", "\"tls\": true"),
        ..rule(
            "PX045",
            "docker-tls-without-verify",
            "dockerd has TLS and admits clients without a certificate",
        )
    },
    Rule {
        severity: Severity::Warning,
        needs: Needs::Guests,
        why: "dockerd does not start when an option stands in its command and in its file.",
        mend: "`phoenix sync docker` writes a drop-in without it.",
        example: example(
            "docker.service of the manager",
            "dockerd --containerd",
            "dockerd -H fd:// --containerd",
        ),
        ..rule(
            "PX046",
            "docker-hosts-twice",
            "`hosts` stands in daemon.json and in the unit's command",
        )
    },
    Rule {
        needs: Needs::Guests,
        why: "dockerd does not start with `live-restore` in an active Swarm.",
        mend: "Remove it.",
        example: example(
            DAEMON_JSON,
            "\"live-restore\": false",
            "\"live-restore\": true",
        ),
        blocks: &[Blocks::ConfigureDocker],
        ..rule(
            "PX047",
            "docker-live-restore-in-swarm",
            "`live-restore` in a Swarm",
        )
    },
    Rule {
        needs: Needs::Guests,
        why: "The daemon refuses what Traefik says: mutual TLS would be perfect and the provider dead.",
        mend: "Update Traefik to 3.6.1 or newer first.",
        example: example("versions", "Version: 3.7.9", "Version: 3.5.0"),
        blocks: &[Blocks::ConfigureDocker, Blocks::ConfigureTraefik],
        ..rule(
            "PX048",
            "versions-cannot-talk",
            "this Docker and this Traefik cannot talk",
        )
    },
    Rule {
        needs: Needs::Guests,
        why: "Whoever reaches the plain port commands Docker.",
        mend: "`phoenix sync docker` takes it out.",
        example: example(
            DAEMON_JSON,
            "\"tcp://0.0.0.0:2376\"",
            "\"tcp://0.0.0.0:2375\"",
        ),
        ..rule(
            "PX055",
            "docker-hosts-disagree",
            "dockerd does not listen where Traefik asks",
        )
    },
];
