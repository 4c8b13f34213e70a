//! Traefik's configuration beside the link.

use super::{DYNAMIC, Rule, STATIC, Severity, example, rule};

pub(super) const RULES: &[Rule] = &[
    Rule {
        why: "Traefik refuses a static file with a field that it does not know and does not start; of a dynamic file it takes nothing.",
        mend: "Correct the name; the nearest known one is named.",
        example: example(STATIC, "  dashboard: true", "  dashbord: true"),
        ..rule(
            "PX040",
            "traefik-field-unknown",
            "Traefik does not know a field",
        )
    },
    Rule {
        why: "Traefik leaves out the router, or the listener, that names it.",
        mend: "Define it, or name one that is.",
        example: example(DYNAMIC, "middlewares: [short]", "middlewares: [shrot]"),
        ..rule(
            "PX041",
            "traefik-name-undefined",
            "an entry point, resolver, middleware, service or TLS option is used and not defined",
        )
    },
    Rule {
        severity: Severity::Warning,
        why: "Whoever answers at that address is taken for the service.",
        mend: "State `rootCAs` and remove `insecureSkipVerify`.",
        example: example(
            DYNAMIC,
            "      rootCAs: [/etc/step-ca/ssl/root.crt]",
            "      insecureSkipVerify: true",
        ),
        ..rule(
            "PX042",
            "traefik-skips-verification",
            "Traefik does not verify a server",
        )
    },
    Rule {
        severity: Severity::Warning,
        why: "Everybody who reaches the port sees all routers and services without a password, and `/debug` where it is on.",
        mend: "Remove `insecure` and make a router to `api@internal` with a middleware that asks who it is.",
        example: example(STATIC, "insecure: false", "insecure: true"),
        ..rule(
            "PX043",
            "traefik-dashboard-open",
            "the dashboard is open without a password",
        )
    },
    Rule {
        severity: Severity::Warning,
        why: "Traefik reads the directory and ignores the file's name; the reader of the file expects both.",
        mend: "Keep one of them.",
        example: example(
            STATIC,
            "    directory: /etc/traefik/dynamic\n",
            "    directory: /etc/traefik/dynamic\n    filename: dynamic_conf.yml\n",
        ),
        fixable: true,
        ..rule(
            "PX044",
            "traefik-file-and-directory",
            "the file provider has both a directory and a file name",
        )
    },
];
