//! Phoenix's own settings, `etc/phoenix.toml`: every key has a default, the file may be absent.

mod acme;
mod discover;
mod edit;
mod reach;
mod traefik;
mod trust;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::diagnostic::{Fault, Faults, nearest};
use crate::document::{Cursor, Document, Kind};
use crate::names::{CommonName, GuestId, NameError, SubjectAltName};
use crate::system::Proxy;
use crate::time::{DailyWindow, RenewBefore};
use crate::x509::Fingerprint;

pub use acme::{AcmeChallenge, AcmeSettings, HookWords};
pub(crate) use discover::ROOT_FILE;
pub use discover::{AcmeChoice, CaChoice, CaHints, StepCaChoice, discover};
pub(crate) use edit::{Setting, edited, fresh};
pub use reach::{Reach, SshSettings};
pub use traefik::TraefikSettings;
pub use trust::TrustSettings;

/// The settings.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Which CA is asked, and how.
    pub ca: CaSettings,
    /// When certificates become due where their entry does not say so. Default: a third of the lifetime.
    pub renew_before: RenewBefore,
    /// When renewals that restart dockerd are made, as long as the leaf can wait. Default: at any time.
    pub restart_window: Option<DailyWindow>,
    /// Previous versions of a pair that are kept where its entry does not say so. Default: 1.
    pub keep: Keep,
    /// Directories of the host that programs watch: pairs in them are plain files, with the versions beside the directory.
    pub watched: Vec<PathBuf>,
    /// Docker's part.
    pub docker: DockerSettings,
    /// Traefik's part.
    pub traefik: TraefikSettings,
    /// Trust stores.
    pub trust: TrustSettings,
    /// Guests that are not this host's own, and how they are reached.
    pub reach: BTreeMap<GuestId, Reach>,
    /// What `ssh` uses.
    pub ssh: SshSettings,
    /// A file with an API key of Portainer, readable by root alone.
    pub portainer_api_key_file: Option<PathBuf>,
}

/// How many previous versions of a pair stay for the way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep(pub usize);

impl Keep {
    /// The most that are kept.
    pub const MOST: u64 = 100;
}

impl Default for Keep {
    fn default() -> Self {
        Self(1)
    }
}

/// `[ca]`.
#[derive(Debug, Clone, Default)]
pub struct CaSettings {
    /// URLs of step-ca, tried in order.
    pub urls: Vec<String>,
    /// The name that the CA's own certificate has, where the URL holds another.
    pub server_name: Option<String>,
    /// The root's file on the host.
    pub root: Option<PathBuf>,
    /// The root's fingerprint.
    pub fingerprint: Option<Fingerprint>,
    /// The JWK provisioner.
    pub provisioner: Option<String>,
    /// The file with its password.
    pub password_file: Option<PathBuf>,
    /// The CA's own `ca.json`, where this host can read it.
    pub config: Option<PathBuf>,
    /// It speaks ACME, and this is how.
    pub acme: Option<AcmeSettings>,
    /// The HTTP proxy through which it is reached. Default: none, whatever the environment says.
    pub proxy: Option<Proxy>,
}

/// `[docker]`.
#[derive(Debug, Clone)]
pub struct DockerSettings {
    /// Directory of the TLS files in the guest; its own disk, root only. Default `/etc/docker/tls`.
    pub tls_dir: PathBuf,
    /// The encrypted port. Default 2376.
    pub port: u16,
    /// The plain port that goes. Default 2375.
    pub plain_port: u16,
    /// Which CA's clients may command it. Default: the shared one.
    pub client_ca: ClientCa,
    /// Common name of the daemon's certificate; `docker-daemon.<domain>` when absent.
    pub common_name: Option<CommonName>,
}

impl Default for DockerSettings {
    fn default() -> Self {
        Self {
            tls_dir: PathBuf::from("/etc/docker/tls"),
            port: 2376,
            plain_port: 2375,
            client_ca: ClientCa::default(),
            common_name: None,
        }
    }
}

/// Whose client certificates dockerd admits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ClientCa {
    /// Those of a small CA of ours that issues Traefik's certificate and no other.
    Dedicated,
    /// Every one of the site's CA.
    #[default]
    Shared,
}

impl ClientCa {
    /// The word for it in the settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dedicated => "dedicated",
            Self::Shared => "shared",
        }
    }
}

impl std::str::FromStr for ClientCa {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text {
            "dedicated" => Ok(Self::Dedicated),
            "shared" => Ok(Self::Shared),
            _ => Err(NameError::new(text, "`shared` or `dedicated`")),
        }
    }
}

impl Settings {
    /// Reads the settings; all faults of the file at once.
    pub fn decode(document: &Document) -> Result<Self, Faults> {
        let mut faults = Faults::new();
        let root = document.root();
        let mut settings = Self::default();
        known(
            root,
            &[
                "ca",
                "renewal",
                "deploy",
                "docker",
                "traefik",
                "portainer",
                "guests",
                "ssh",
                "trust",
            ],
            &mut faults,
        );
        if let Some(ca) = table(root, "ca", &mut faults) {
            let names = [
                "kind",
                "url",
                "server_name",
                "root",
                "fingerprint",
                "provisioner",
                "provisioner_password_file",
                "config",
                "proxy",
            ];
            known(ca, &[&names[..], &acme::KEYS].concat(), &mut faults);
            settings.ca = CaSettings {
                urls: urls(ca, &mut faults),
                server_name: parsed::<SubjectAltName>(ca, "server_name", &mut faults)
                    .map(|name| name.to_string()),
                root: path(ca, "root", &mut faults),
                fingerprint: parsed(ca, "fingerprint", &mut faults),
                provisioner: string(ca, "provisioner", &mut faults),
                password_file: path(ca, "provisioner_password_file", &mut faults),
                config: path(ca, "config", &mut faults),
                acme: acme::decode(ca, &mut faults),
                proxy: parsed(ca, "proxy", &mut faults),
            };
        }
        if let Some(renewal) = table(root, "renewal", &mut faults) {
            known(renewal, &["before", "restart_window"], &mut faults);
            if let Some(before) = parsed(renewal, "before", &mut faults) {
                settings.renew_before = before;
            }
            settings.restart_window = parsed(renewal, "restart_window", &mut faults);
        }
        if let Some(deploy) = table(root, "deploy", &mut faults) {
            known(deploy, &["keep", "watched"], &mut faults);
            for node in deploy
                .get("watched")
                .into_iter()
                .flat_map(|list| list.items().collect::<Vec<_>>())
            {
                match node.as_str().map(|path| PathBuf::from(path.into_owned())) {
                    Some(path) if path.is_absolute() => settings.watched.push(path),
                    _ => faults.push(
                        Fault::error(
                            "settings",
                            format!(
                                "found {} in `watched`, expected the absolute path of a directory",
                                node.literal()
                            ),
                        )
                        .at(node.place()),
                    ),
                }
            }
            if deploy
                .get("watched")
                .is_some_and(|node| node.kind() != Kind::Array)
            {
                complain(deploy, "watched", "an array of directories", &mut faults);
            }
            if let Some(node) = deploy.get("keep") {
                match node
                    .as_u64()
                    .filter(|number| (1..=Keep::MOST).contains(number))
                {
                    Some(number) => settings.keep = Keep(usize::try_from(number).unwrap_or(1)),
                    None => complain(deploy, "keep", "a whole number from 1 to 100", &mut faults),
                }
            }
        }
        if let Some(docker) = table(root, "docker", &mut faults) {
            known(
                docker,
                &["tls_dir", "port", "plain_port", "client_ca", "common_name"],
                &mut faults,
            );
            let of = &mut settings.docker;
            set(&mut of.tls_dir, path(docker, "tls_dir", &mut faults));
            set(&mut of.port, port(docker, "port", &mut faults));
            set(&mut of.plain_port, port(docker, "plain_port", &mut faults));
            set(&mut of.client_ca, parsed(docker, "client_ca", &mut faults));
            of.common_name = parsed(docker, "common_name", &mut faults);
        }
        settings.traefik = traefik::decode(root, &mut faults);
        if let Some(portainer) = table(root, "portainer", &mut faults) {
            known(portainer, &["api_key_file"], &mut faults);
            settings.portainer_api_key_file = path(portainer, "api_key_file", &mut faults);
        }
        (settings.reach, settings.ssh) = reach::decode(root, &mut faults);
        settings.trust = trust::decode(root, &mut faults);
        faults.into_result(settings)
    }
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

fn table<'d>(root: Cursor<'d>, name: &str, faults: &mut Faults) -> Option<Cursor<'d>> {
    let node = root.get(name)?;
    if node.kind() == Kind::Object {
        return Some(node);
    }
    complain(root, name, "a table", faults);
    None
}

fn known(table: Cursor<'_>, names: &[&str], faults: &mut Faults) {
    for entry in table.entries() {
        if !names.contains(&&*entry.key) {
            let fault = Fault::error(
                "settings-unknown",
                format!("found the unknown key `{}`", entry.key),
            )
            .at(entry.key_place());
            faults.push(match nearest(&entry.key, names.iter().copied()) {
                Some(name) => fault.help(format!("did you mean `{name}`?")),
                None => fault.help(format!("known keys: {}", names.join(", "))),
            });
        }
    }
}

fn complain(table: Cursor<'_>, name: &str, expected: &str, faults: &mut Faults) {
    let node = table.get(name).unwrap_or(table);
    faults.push(
        Fault::error(
            "settings",
            format!("found {} as `{name}`, expected {expected}", node.literal()),
        )
        .at(node.place()),
    );
}

fn string(table: Cursor<'_>, name: &str, faults: &mut Faults) -> Option<String> {
    let node = table.get(name)?;
    let text = node.as_str().filter(|text| !text.is_empty());
    if text.is_none() {
        complain(table, name, "a text", faults);
    }
    text.map(std::borrow::Cow::into_owned)
}

fn path(table: Cursor<'_>, name: &str, faults: &mut Faults) -> Option<PathBuf> {
    let path = PathBuf::from(string(table, name, faults)?);
    if path.is_absolute() {
        return Some(path);
    }
    complain(table, name, "an absolute path", faults);
    None
}

fn parsed<T: std::str::FromStr>(table: Cursor<'_>, name: &str, faults: &mut Faults) -> Option<T>
where
    T::Err: std::fmt::Display,
{
    let text = string(table, name, faults)?;
    match text.parse() {
        Ok(value) => Some(value),
        Err(error) => {
            let node = table.get(name).unwrap_or(table);
            faults.push(Fault::error("settings", error.to_string()).at(node.place()));
            None
        }
    }
}

fn port(table: Cursor<'_>, name: &str, faults: &mut Faults) -> Option<u16> {
    let node = table.get(name)?;
    let port = node
        .as_u64()
        .and_then(|n| u16::try_from(n).ok())
        .filter(|n| *n > 0);
    if port.is_none() {
        complain(table, name, "a port from 1 to 65535", faults);
    }
    port
}

/// A text or an array of texts.
fn texts(node: Cursor<'_>) -> Option<Vec<String>> {
    let one = |node: Cursor<'_>| node.as_str().map(std::borrow::Cow::into_owned);
    if node.kind() == Kind::Array {
        return node.items().map(one).collect();
    }
    Some(vec![one(node).filter(|text| !text.is_empty())?])
}

/// `url` is a text or an array of texts.
fn urls(ca: Cursor<'_>, faults: &mut Faults) -> Vec<String> {
    let Some(node) = ca.get("url") else {
        return Vec::new();
    };
    let nodes: Vec<Cursor<'_>> = if node.kind() == Kind::Array {
        node.items().collect()
    } else {
        vec![node]
    };
    let mut urls = Vec::new();
    for node in nodes {
        match node.as_str() {
            Some(url) if url.starts_with("https://") => urls.push(url.into_owned()),
            _ => faults.push(
                Fault::error(
                    "settings",
                    format!(
                        "found {} as `url`, expected one that begins with `https://`",
                        node.literal()
                    ),
                )
                .at(node.place()),
            ),
        }
    }
    urls
}
