//! Hooks, deliveries and lifetimes.

use super::{LXCS, MANIFEST, Needs, Rule, Severity, example, rule};

const HOOK: &str = r#""pct exec 101 -- systemctl reload nginx""#;

pub(super) const RULES: &[Rule] = &[
    Rule {
        why: "The hook would fail after each renewal.",
        mend: "Name a guest of the site.",
        example: example(
            MANIFEST,
            HOOK,
            r#""pct exec 191 -- systemctl reload nginx""#,
        ),
        ..rule(
            "PX011",
            "hook-guest-unknown",
            "a hook names a guest that is not there",
        )
    },
    Rule {
        why: "The pair would be issued and never arrive.",
        mend: "Name a guest of the site.",
        example: example(MANIFEST, r#""guest": "vm:1001""#, r#""guest": "vm:1009""#),
        ..rule(
            "PX015",
            "delivery-guest-unknown",
            "a pair is delivered to a guest that is not there",
        )
    },
    Rule {
        severity: Severity::Warning,
        why: "The program that uses the files goes on with the old certificate until it expires.",
        mend: "Let the hook reload the program in the guest that gets the files, or deliver the files to the guest that the hook speaks to.",
        example: example(
            MANIFEST,
            HOOK,
            r#""pct exec 102 -- systemctl reload nginx""#,
        ),
        ..rule(
            "PX032",
            "hook-misses-consumer",
            "a hook does not reach what uses the files",
        )
    },
    Rule {
        severity: Severity::Warning,
        why: "When what it waits for never comes, each run waits until the hook's time is over, and what stands behind the loop is never done.",
        mend: "Remove the loop: hooks run after the files are there; or count its rounds.",
        example: example(
            MANIFEST,
            HOOK,
            r#""pct exec 101 -- bash -c 'while [ ! -f /x ]; do sleep 1; done; systemctl reload nginx'""#,
        ),
        ..rule(
            "PX033",
            "hook-waits-without-end",
            "a hook waits without end",
        )
    },
    Rule {
        severity: Severity::Warning,
        why: "It prints a text and ends well: the run says that the hook was done.",
        mend: "Run what was meant, or leave the hook out.",
        example: example(MANIFEST, HOOK, r#""echo reload nginx by hand""#),
        ..rule("PX034", "hook-only-talks", "a hook does nothing but print")
    },
    Rule {
        severity: Severity::Note,
        why: "Names that end up in the line are read by the shell again, and of several commands only the last one's status counts.",
        mend: "Write the command as an array of words.",
        example: example(
            MANIFEST,
            HOOK,
            r#""pct exec 101 -- systemctl reload nginx || true""#,
        ),
        ..rule("PX035", "hook-needs-shell", "a hook needs a shell")
    },
    Rule {
        why: "dockerd does not read its TLS files again on a reload: it serves the old certificate until a restart.",
        mend: "Restart docker.",
        example: example(
            MANIFEST,
            "qm guest exec 1001 -- systemctl restart docker",
            "qm guest exec 1001 -- systemctl reload docker",
        ),
        ..rule("PX036", "hook-reloads-docker", "a hook only reloads docker")
    },
    Rule {
        why: "The client compares the address that it connects to with the names of the certificate, and refuses.",
        mend: "Add the address to `sans`, or have the client state a server name.",
        example: example(
            MANIFEST,
            "\"sans\": [\n            \"10.0.0.153\"\n        ],",
            "\"sans\": [],",
        ),
        ..rule(
            "PX037",
            "address-not-named",
            "a consumer connects by an address that the certificate does not name",
        )
    },
    Rule {
        why: "The certificate would be due as soon as it is issued. The window counts for nine tenths of the lifetime instead, so it is renewed after the first tenth, and what uses it is restarted as often.",
        mend: "Make the window shorter than the lifetime; a third of it is the default.",
        example: example(
            MANIFEST,
            r#""renew_before": "240h""#,
            r#""renew_before": "720h""#,
        ),
        ..rule(
            "PX038",
            "window-longer-than-lifetime",
            "the renewal window is longer than the lifetime",
        )
    },
    Rule {
        severity: Severity::Warning,
        needs: Needs::Ca,
        why: "The CA refuses such a request; Phoenix then asks for the maximum, and the certificate is renewed more often than planned.",
        mend: "Raise the maximum with `step ca provisioner update NAME --x509-max-dur`, or ask for less.",
        example: example("what the CA says", "maximum 720h", "maximum 24h"),
        ..rule(
            "PX039",
            "lifetime-above-maximum",
            "a lifetime is above the CA's maximum",
        )
    },
    Rule {
        severity: Severity::Warning,
        why: "A router to it cannot be made: nobody knows what address it will have.",
        mend: "Give the guest a fixed address, or take `traefik_service` out.",
        example: example(LXCS, r#""ip": "10.0.0.153/24""#, r#""ip": "dhcp""#),
        ..rule(
            "PX056",
            "service-without-address",
            "a guest with a service behind Traefik has no fixed address",
        )
    },
];
