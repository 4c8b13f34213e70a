//! The link between Traefik and Docker.

use super::{HOST, LXCS, MANIFEST, Rule, STATIC, Severity, VMS, example, rule};

pub(super) const RULES: &[Rule] = &[
    Rule {
        why: "Whoever reaches the plain port commands Docker, and with it the whole machine.",
        mend: "`phoenix migrate docker-tls` moves the link to the encrypted port.",
        example: example(
            HOST,
            r#""port": "2049""#,
            r#""port": "2375", "source": "10.0.0.12", "dest": "10.0.0.111""#,
        ),
        ..rule(
            "PX001",
            "docker-plain-port",
            "the plain Docker port is open",
        )
    },
    Rule {
        why: "Traefik asks whoever stands in `endpoint`: it must be the manager's address and the encrypted port.",
        mend: "State the manager's address and the encrypted port; `phoenix migrate docker-tls` does.",
        example: example(STATIC, "tcp://10.0.0.111:2376", "tcp://10.0.0.99:2376"),
        ..rule(
            "PX002",
            "endpoint-elsewhere",
            "Traefik's endpoint is not the manager's",
        )
    },
    Rule {
        why: "Without ca, cert and key Docker refuses Traefik; without verification anybody can play Docker.",
        mend: "State `ca`, `cert` and `key`, and no `insecureSkipVerify`; `phoenix migrate docker-tls` does.",
        example: example(
            STATIC,
            "      key: /etc/traefik/certs/client-key.pem\n",
            "      insecureSkipVerify: true\n",
        ),
        ..rule(
            "PX003",
            "tls-block-incomplete",
            "the provider's `tls` block is not complete",
        )
    },
    Rule {
        why: "Traefik verifies the endpoint's address against the names of Docker's certificate.",
        mend: "Add the address to `sans`.",
        example: example(MANIFEST, r#""10.0.0.111""#, r#""10.0.0.112""#),
        ..rule(
            "PX004",
            "endpoint-not-named",
            "Docker's certificate does not name the endpoint",
        )
    },
    Rule {
        why: "The firewall must let Traefik reach the encrypted port, or the link is dead however right all else is.",
        mend: "Add the inbound rule to the manager; `phoenix migrate docker-tls` does.",
        example: example(VMS, r#""port": "2376""#, r#""port": "2377""#),
        ..rule(
            "PX005",
            "link-not-admitted",
            "the manager's firewall does not admit Traefik",
        )
    },
    Rule {
        why: "Docker admits only certificates with client usage.",
        mend: "State `cert_type: client`.",
        example: example(
            MANIFEST,
            r#""cert_type": "client""#,
            r#""cert_type": "server""#,
        ),
        fixable: true,
        ..rule(
            "PX006",
            "client-without-usage",
            "Traefik's client certificate has no client usage",
        )
    },
    Rule {
        why: "Traefik 3.7 refuses the field and does not start.",
        mend: "Remove it.",
        example: example(
            STATIC,
            "    network: traefik-public\n",
            "    network: traefik-public\n    apiVersion: \"1.52\"\n",
        ),
        fixable: true,
        ..rule(
            "PX007",
            "provider-api-version",
            "the provider has an `apiVersion`",
        )
    },
    Rule {
        why: "Traefik 3 lists no Swarm service under `docker`; the block is called `swarm`.",
        mend: "`phoenix migrate docker-tls` renames it.",
        example: example(STATIC, "  swarm:\n", "  docker:\n"),
        ..rule(
            "PX008",
            "provider-not-swarm",
            "the provider `docker` reads a Swarm manager",
        )
    },
    Rule {
        severity: Severity::Warning,
        why: "Traefik's rules name what it may reach; the encrypted port is not among it. It passes only while the policy for what goes out is to let pass.",
        mend: "Add the outbound rule beside the manager's inbound one.",
        example: example(
            LXCS,
            r#"{"type": "out", "action": "ACCEPT", "dest": "10.0.0.111", "proto": "tcp", "port": "2376", "comment": "Traefik to Docker"},"#,
            "",
        ),
        ..rule(
            "PX020",
            "outbound-rule-missing",
            "Traefik's outbound rules leave the encrypted port out",
        )
    },
    Rule {
        severity: Severity::Note,
        why: "dockerd admits every client certificate that chains to `tlscacert`, and step-ca puts client usage on every leaf: with the shared root the certificate of any web application commands Docker.",
        mend: "Give Docker's clients a CA of their own; until then whoever gets a leaf of this CA is to be trusted like root on the manager.",
        example: example(
            MANIFEST,
            r#""key": "/etc/docker/tls/server-key.pem","#,
            r#""key": "/etc/docker/tls/server-key.pem", "ca": "/etc/docker/tls/ca.pem","#,
        ),
        ..rule(
            "PX053",
            "every-leaf-commands-docker",
            "every leaf of the site's CA may command Docker",
        )
    },
];
