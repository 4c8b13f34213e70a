//! Which CA is asked: settings first, then what the site already says; the embedded one only when nothing names another.

use std::path::PathBuf;

use super::{AcmeChallenge, CaSettings};
use crate::system::Proxy;
use crate::x509::Fingerprint;

/// What the site says about its CA outside the settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaHints {
    /// `bootstrap_ca_url` of a guest, and which guest.
    pub bootstrap_url: Option<(String, String)>,
    /// `.step_ca.dns_name`.
    pub dns_name: Option<String>,
    /// `.step_ca.provisioner_name`.
    pub provisioner: Option<String>,
    /// Host directories that are mounted into the CA's guest, where the old scripts keep root and password.
    pub ca_mounts: Vec<PathBuf>,
}

/// The CA that is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CaChoice {
    /// One that speaks ACME.
    Acme(AcmeChoice),
    /// Our own, under the state directory.
    Embedded,
    /// A step-ca.
    StepCa(StepCaChoice),
}

/// A CA that speaks ACME.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcmeChoice {
    /// The URL of its directory.
    pub directory: String,
    /// How a name is proved.
    pub challenge: AcmeChallenge,
    /// The name on the CA's certificate, where the URL holds another.
    pub server_name: Option<String>,
    /// Files that may hold the root: the first that exists counts.
    pub roots: Vec<PathBuf>,
    /// The root's fingerprint, where it is stated.
    pub fingerprint: Option<Fingerprint>,
    /// The proxy through which it is reached.
    pub proxy: Option<Proxy>,
    /// Where the URL was found, in words.
    pub said_by: String,
}

/// A step-ca and how to speak to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepCaChoice {
    /// URLs, tried in order.
    pub urls: Vec<String>,
    /// The name on the CA's certificate, where the URL holds another.
    pub server_name: Option<String>,
    /// Files that may hold the root: the first that exists counts.
    pub roots: Vec<PathBuf>,
    /// The root's fingerprint, where it is stated.
    pub fingerprint: Option<Fingerprint>,
    /// The provisioner; the CA's only JWK provisioner when absent.
    pub provisioner: Option<String>,
    /// Files that may hold its password.
    pub password_files: Vec<PathBuf>,
    /// Files that may hold its own configuration.
    pub configs: Vec<PathBuf>,
    /// The proxy through which it is reached.
    pub proxy: Option<Proxy>,
    /// Where the URL was found, in words.
    pub said_by: String,
}

/// Decides which CA is asked.
pub fn discover(settings: &CaSettings, hints: &CaHints) -> CaChoice {
    let in_mounts = |name: &str| {
        hints
            .ca_mounts
            .iter()
            .map(move |dir| dir.join(name))
            .collect::<Vec<_>>()
    };
    let roots = settings
        .root
        .clone()
        .map_or_else(|| in_mounts(ROOT_FILE), |path| vec![path]);
    if let Some(acme) = &settings.acme {
        return CaChoice::Acme(AcmeChoice {
            directory: acme.directory.clone(),
            challenge: acme.challenge.clone(),
            server_name: settings.server_name.clone(),
            roots,
            fingerprint: settings.fingerprint,
            proxy: settings.proxy.clone(),
            said_by: SETTINGS.to_owned(),
        });
    }
    let (urls, said_by) = if !settings.urls.is_empty() {
        (settings.urls.clone(), SETTINGS.to_owned())
    } else if let Some((url, guest)) = &hints.bootstrap_url {
        (vec![url.clone()], format!("bootstrap_ca_url of {guest}"))
    } else if let Some(name) = &hints.dns_name {
        (
            vec![format!("https://{name}:9000")],
            "step_ca.dns_name".to_owned(),
        )
    } else {
        return CaChoice::Embedded;
    };
    CaChoice::StepCa(StepCaChoice {
        urls,
        server_name: settings.server_name.clone(),
        roots,
        fingerprint: settings.fingerprint,
        provisioner: settings
            .provisioner
            .clone()
            .or_else(|| hints.provisioner.clone()),
        password_files: settings
            .password_file
            .clone()
            .map_or_else(|| in_mounts("provisioner_password.txt"), |path| vec![path]),
        configs: settings.config.clone().map_or_else(
            || ["ca.json", "config/ca.json"].map(in_mounts).concat(),
            |path| vec![path],
        ),
        proxy: settings.proxy.clone(),
        said_by,
    })
}

/// The root's name in the CA's own directory, by the old scripts.
pub(crate) const ROOT_FILE: &str = "phoenix_root_ca.crt";
const SETTINGS: &str = "etc/phoenix.toml";

#[cfg(test)]
mod tests {
    use super::*;

    fn hints() -> CaHints {
        CaHints {
            bootstrap_url: Some(("https://10.0.0.10:9000".to_owned(), "lxc:102".to_owned())),
            dns_name: Some("ca.internal.example".to_owned()),
            provisioner: Some("admin@example.org".to_owned()),
            ca_mounts: vec![PathBuf::from("/mnt/pve/tank/103/ssl")],
        }
    }

    #[test]
    fn an_existing_site_needs_no_settings() {
        let CaChoice::StepCa(choice) = discover(&CaSettings::default(), &hints()) else {
            panic!("embedded");
        };
        assert_eq!(choice.urls, ["https://10.0.0.10:9000"]);
        assert_eq!(choice.provisioner.as_deref(), Some("admin@example.org"));
        assert_eq!(
            choice.roots,
            [PathBuf::from("/mnt/pve/tank/103/ssl/phoenix_root_ca.crt")]
        );
        assert_eq!(choice.said_by, "bootstrap_ca_url of lxc:102");
    }

    #[test]
    fn settings_win_and_nothing_at_all_means_the_embedded_ca() {
        let settings = CaSettings {
            urls: vec!["https://ca.test".to_owned()],
            ..CaSettings::default()
        };
        assert!(
            matches!(discover(&settings, &hints()), CaChoice::StepCa(c) if c.urls == ["https://ca.test"])
        );
        assert_eq!(
            discover(&CaSettings::default(), &CaHints::default()),
            CaChoice::Embedded
        );
    }
}
