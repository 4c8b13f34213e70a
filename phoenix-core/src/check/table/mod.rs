//! Every rule as data, one file per subject.

mod docker;
mod firewall;
mod guests;
mod host;
mod keys;
mod link;
mod manifest;
mod traefik;

use super::rule::{Blocks, Example, Needs, Rule};
use crate::diagnostic::Severity;

pub(super) const TABLES: &[&[Rule]] = &[
    docker::RULES,
    firewall::RULES,
    guests::RULES,
    host::RULES,
    keys::RULES,
    link::RULES,
    manifest::RULES,
    traefik::RULES,
];

const MANIFEST: &str = "etc/certificate-manifest.json";
const VMS: &str = "etc/phoenix_vm_configs.json";
const LXCS: &str = "etc/phoenix_lxc_configs.json";
const HOST: &str = "etc/phoenix_hypervisor_config.json";
const STATIC: &str = "etc/traefik/traefik.yml.template";
const DYNAMIC: &str = "etc/traefik/dynamic_conf.yml";
const DAEMON_JSON: &str = "/etc/docker/daemon.json of the manager";

/// An error in the site's files that stops nothing: what most rules differ from in one field or two.
const fn rule(code: &'static str, name: &'static str, summary: &'static str) -> Rule {
    Rule {
        code,
        name,
        severity: Severity::Error,
        summary,
        why: "",
        mend: "",
        example: Example {
            file: "",
            good: "",
            bad: "",
        },
        needs: Needs::Site,
        blocks: &[],
        fixable: false,
    }
}

const fn example(file: &'static str, good: &'static str, bad: &'static str) -> Example {
    Example { file, good, bad }
}
