//! The scripts, as they are called and where they lie.

use std::path::{Path, PathBuf};

use crate::diagnostic::nearest;

/// A script that Phoenix can stand in for.
#[derive(Debug)]
pub struct Script {
    /// What it is called on the command line.
    pub name: &'static str,
    /// Where it lies.
    pub place: Where,
    /// Its arguments.
    pub arguments: &'static str,
    /// What stands in its place does.
    pub does: &'static str,
    /// The feature in the site's JSON that has it run, with the kind of guest (`lxc` or `vm`).
    pub feature: Option<(&'static str, &'static str)>,
    /// The shim's text, in which a few names are filled in.
    pub(super) shim: &'static str,
}

/// Where a script lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Where {
    /// In the site's `bin` directory.
    Bin(&'static str),
    /// Anywhere on the host.
    Host(&'static str),
}

/// A name that is none of them.
#[derive(Debug, thiserror::Error)]
#[error("no script that Phoenix stands in for is called `{name}`, expected one of: {}", CATALOGUE.iter().map(|script| script.name).collect::<Vec<_>>().join(", "))]
pub struct ScriptError {
    /// What was named.
    pub name: String,
    /// The name that was probably meant.
    pub near: Option<&'static str>,
}

impl Script {
    /// The script of a name, a file name or a path.
    ///
    /// # Errors
    ///
    /// With the nearest name, where nothing is called so. The file name that two share (`feature_install_trusted_ca.sh` has
    /// a namesake only by its ending) is the one that has it in full.
    pub fn find(word: &str) -> Result<&'static Self, ScriptError> {
        let file = Path::new(word).file_name().and_then(|name| name.to_str());
        let stem = file.map_or(word, |file| file.strip_suffix(".sh").unwrap_or(file));
        CATALOGUE
            .iter()
            .find(|script| script.name == stem)
            .ok_or_else(|| ScriptError {
                name: word.to_owned(),
                near: nearest(stem, CATALOGUE.iter().map(|script| script.name)),
            })
    }

    /// Its path, for a site in this directory.
    pub fn path(&self, site: &Path) -> PathBuf {
        match self.place {
            Where::Bin(below) => site.join("bin").join(below),
            Where::Host(path) => PathBuf::from(path),
        }
    }

    /// Whether its shim holds this value.
    pub fn needs(&self, name: &str) -> bool {
        self.shim.contains(&format!("@{name}@"))
    }

    /// Whether its shim holds what only the site's files say.
    pub fn needs_site(&self) -> bool {
        [
            "BINARY",
            "CA_URL",
            "DYNAMIC_FILE",
            "GUEST_FILE",
            "PORT",
            "ROOT",
        ]
        .iter()
        .any(|name| self.needs(name))
    }

    /// What an operator does, or knows, once its shim is in place.
    pub fn afterwards(&self) -> Option<&'static str> {
        match self.name {
            "hypervisor_feature_setup_auto_renewal" => {
                Some("run it once: then the timer takes the place of the cron file")
            }
            "feature_install_docker_proxy" | "feature_install_trusted_ca" => {
                Some("machines that hold a copy of it keep the old one until it is copied again")
            }
            "generate_traefik_config" => {
                Some("a copy inside the container keeps the old one until it is copied again")
            }
            "phoenix" => Some(
                "sync all: its DNS, Swarm, stacks and Nginx by the script of before, then certificates, Docker, Traefik and firewall; setup, create, delete, start, stop, restart, status ID, LetsGo, converge, health-check, swarm and everything unknown: by the script of before",
            ),
            _ => None,
        }
    }

    /// Its file's name.
    pub fn file_name(&self) -> &'static str {
        let (Where::Bin(path) | Where::Host(path)) = self.place;
        path.rsplit('/').next().unwrap_or(path)
    }
}

/// All of them.
pub const CATALOGUE: &[Script] = &[
    Script {
        name: "certificate-renewal-manager",
        place: Where::Bin("managers/certificate-renewal-manager.sh"),
        arguments: "[--force] [--generate-only]",
        does: "phoenix sync certs",
        feature: None,
        shim: include_str!("shims/renewal-manager.sh"),
    },
    Script {
        name: "feature_install_docker_proxy",
        place: Where::Bin("vm_features/feature_install_docker_proxy.sh"),
        arguments: "[VMID]",
        does: "in the VM it checks Docker's TLS; on the host phoenix sync docker vm:VMID",
        feature: Some(("vm", "docker_proxy")),
        shim: include_str!("shims/docker-proxy.sh"),
    },
    Script {
        name: "phoenix_hypervisor_feature_install_traefik",
        place: Where::Bin("lxc_setup/phoenix_hypervisor_feature_install_traefik.sh"),
        arguments: "CTID [CA_URL]",
        does: "directories, program and unit in the container, then phoenix sync traefik lxc:CTID",
        feature: Some(("lxc", "traefik")),
        shim: include_str!("shims/install-traefik.sh"),
    },
    Script {
        name: "generate_traefik_config",
        place: Where::Bin("generate_traefik_config.sh"),
        arguments: "",
        does: "phoenix template render --routes, to etc/traefik/dynamic_conf.yml",
        feature: None,
        shim: include_str!("shims/traefik-config.sh"),
    },
    Script {
        name: "hypervisor_feature_setup_firewall",
        place: Where::Bin("hypervisor_setup/hypervisor_feature_setup_firewall.sh"),
        arguments: "[CONFIG]",
        does: "phoenix sync firewall",
        feature: None,
        shim: include_str!("shims/firewall.sh"),
    },
    Script {
        name: "hypervisor_feature_setup_auto_renewal",
        place: Where::Bin("hypervisor_setup/hypervisor_feature_setup_auto_renewal.sh"),
        arguments: "",
        does: "phoenix systemd install: a timer in place of /etc/cron.d/phoenix-cert-renewal",
        feature: None,
        shim: include_str!("shims/auto-renewal.sh"),
    },
    Script {
        name: "hypervisor_feature_bootstrap_step_cli",
        place: Where::Bin("hypervisor_setup/hypervisor_feature_bootstrap_step_cli.sh"),
        arguments: "",
        does: "phoenix ca step-files: the root and the settings of the step CLI",
        feature: None,
        shim: include_str!("shims/bootstrap-step.sh"),
    },
    Script {
        name: "hypervisor_feature_install_trusted_ca",
        place: Where::Bin("hypervisor_setup/hypervisor_feature_install_trusted_ca.sh"),
        arguments: "",
        does: "phoenix sync trust host",
        feature: None,
        shim: include_str!("shims/trust-host.sh"),
    },
    Script {
        name: "phoenix_hypervisor_feature_install_trusted_ca",
        place: Where::Bin("lxc_setup/phoenix_hypervisor_feature_install_trusted_ca.sh"),
        arguments: "CTID",
        does: "phoenix sync trust lxc:CTID",
        feature: Some(("lxc", "trusted_ca")),
        shim: include_str!("shims/trust-lxc.sh"),
    },
    Script {
        name: "feature_install_trusted_ca",
        place: Where::Bin("vm_features/feature_install_trusted_ca.sh"),
        arguments: "[VMID]",
        does: "in the VM it installs the root that it holds; on the host phoenix sync trust vm:VMID",
        feature: Some(("vm", "trusted_ca")),
        shim: include_str!("shims/trust-vm.sh"),
    },
    Script {
        name: "phoenix",
        place: Where::Host("/usr/local/bin/phoenix"),
        arguments: "VERB [ARGUMENT]...",
        does: "our own verbs; every other verb and stage by the script of before",
        feature: None,
        shim: include_str!("shims/dispatcher.sh"),
    },
];
