//! Which CA issues what, whose root goes where, and what a CA of our own may issue for.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use super::Model;
use crate::guests::Address;
use crate::manifest::{CertType, Entry, Target};
use crate::names::{CommonName, GuestId, SubjectAltName};
use crate::settings::{CaHints, ClientCa};
use crate::x509::{Network, Permitted};

/// Who issues a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Issuer {
    /// The small CA of ours that Docker's clients have to themselves.
    DockerClients,
    /// The site's CA.
    Site,
}

impl Model {
    /// What the site says about its CA.
    pub fn ca_hints(&self) -> CaHints {
        CaHints {
            bootstrap_url: self
                .guests
                .iter()
                .find_map(|guest| Some((guest.bootstrap_ca_url.clone()?, guest.id.to_string()))),
            dns_name: self.host.step_ca.dns_name.clone(),
            provisioner: self.host.step_ca.provisioner.clone(),
            ca_mounts: self
                .guests
                .iter()
                .filter(|guest| guest.is_step_ca())
                .flat_map(|guest| guest.mounts.iter().map(|mount| mount.host_path.clone()))
                .collect(),
        }
    }

    /// Whether Docker's clients have a CA of their own.
    pub fn dedicated_client_ca(&self) -> bool {
        self.settings.docker.client_ca == ClientCa::Dedicated
    }

    /// The client whose certificate is all that the dedicated CA issues: the entry that Traefik shows to Docker, else the
    /// one that a migration would make.
    pub fn docker_client(&self) -> Option<CommonName> {
        self.traefiks()
            .find_map(|guest| self.traefik_entry(guest.id))
            .map(|(entry, _)| entry.common_name.clone())
            .or_else(|| self.traefik_common_name())
    }

    /// Who issues an entry's certificate.
    pub fn issuer_of(&self, entry: &Entry) -> Issuer {
        let is_client = || {
            self.traefiks()
                .filter_map(|guest| self.traefik_entry(guest.id))
                .any(|(client, _)| client.common_name == entry.common_name)
        };
        let could = self.dedicated_client_ca() && entry.cert_type == CertType::Client;
        if could && is_client() {
            Issuer::DockerClients
        } else {
            Issuer::Site
        }
    }

    /// Whose root a consumer verifies its peers by: dockerd its clients, everybody else servers of the site's CA.
    pub(super) fn root_wanted_by(&self, entry: &Entry, target: &Target) -> Issuer {
        let is_dockerds = || {
            self.docker_managers()
                .filter_map(|guest| self.docker_entry(guest.id))
                .any(|(server, theirs)| server.common_name == entry.common_name && theirs == target)
        };
        let could = self.dedicated_client_ca() && entry.cert_type == CertType::Server;
        if could && target.cert.starts_with(&self.settings.docker.tls_dir) && is_dockerds() {
            Issuer::DockerClients
        } else {
            Issuer::Site
        }
    }

    /// Whether a new pair of this entry restarts dockerd.
    pub fn restarts_docker(&self, entry: &Entry) -> bool {
        entry.cert_type == CertType::Server
            && self
                .docker_managers()
                .filter_map(|guest| self.docker_entry(guest.id))
                .any(|(server, _)| server.common_name == entry.common_name)
    }

    /// The file by which dockerd of a guest knows its clients.
    pub fn docker_root_file(&self, guest: GuestId) -> PathBuf {
        let stated = self
            .docker_entry(guest)
            .and_then(|(_, target)| target.ca.clone());
        stated.unwrap_or_else(|| self.settings.docker.tls_dir.join("ca.pem"))
    }

    /// The names that a CA of the site's own is made for: its domain and its networks, what the manifest asks for besides,
    /// and the machine itself.
    pub fn permitted_names(&self) -> Permitted {
        let mut domains: BTreeSet<String> = [
            self.host.domain.to_ascii_lowercase(),
            "localhost".to_owned(),
        ]
        .into();
        let mut networks: BTreeSet<Network> = self.host.networks.iter().copied().collect();
        for guest in self.guests.iter().filter(|guest| !guest.is_template) {
            if let Address::Static { ip, prefix } = guest.address {
                networks
                    .insert(prefix.map_or(Network::only(ip), |bits| Network::holding(ip, bits)));
            }
        }
        // Where the site names no network, its addresses are not known.
        let limited = !networks.is_empty();
        networks.insert(Network::holding(IpAddr::V4(Ipv4Addr::LOCALHOST), 8));
        networks.insert(Network::only(IpAddr::V6(Ipv6Addr::LOCALHOST)));
        let wanted = self.manifest.entries.iter();
        for name in wanted.flat_map(|located| &located.value.names) {
            let permitted = Permitted {
                domains: Some(domains.clone()),
                networks: Some(networks.clone()),
            };
            match name {
                _ if permitted.admits(name) => {}
                SubjectAltName::Dns(name) => {
                    domains.insert(name.strip_prefix("*.").unwrap_or(name).to_owned());
                }
                SubjectAltName::Ip(address) => drop(networks.insert(Network::only(*address))),
                SubjectAltName::Email(_) | SubjectAltName::Uri(_) => {}
            }
        }
        Permitted {
            domains: Some(domains),
            networks: limited.then_some(networks),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::model::SourceFile;
    use crate::test_sites::{model, sample_site};

    #[test]
    fn a_ca_of_the_sites_own_is_made_for_its_domain_its_networks_and_the_machine() {
        let model = model(|name| {
            let path = sample_site().join("etc").join(name);
            let bytes = std::fs::read(&path).unwrap();
            SourceFile { path, bytes }
        });
        assert_eq!(
            model.permitted_names().to_string(),
            "internal.example, localhost; 10.0.0.0/24, 127.0.0.0/8, ::1/128"
        );
        let permitted = model.permitted_names();
        for located in &model.manifest.entries {
            let names = &located.value.names;
            assert!(names.iter().all(|name| permitted.admits(name)), "{names:?}");
        }
        for name in ["www.example", "example", "8.8.8.8", "10.0.1.1"] {
            assert!(!permitted.admits(&name.parse().unwrap()), "{name}");
        }
    }
}
