//! Traefik's static file: the provider that reads Docker, its entry points, and the copy that is tried before it is used.

use std::path::{Path, PathBuf};

use crate::diagnostic::Faults;
use crate::document::{Cursor, Document, Edit, Format, Kind, NodeId, Position, Value};

/// A static file, read.
#[derive(Debug, Clone)]
pub struct StaticFile {
    document: Document,
}

/// `providers.docker` or `providers.swarm`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// `docker` or `swarm`.
    pub name: String,
    /// The block.
    pub node: NodeId,
    /// Where it connects to, and the node that says so.
    pub endpoint: Option<(String, NodeId)>,
    /// Its `tls` block.
    pub tls: Option<TlsFiles>,
}

/// The files that a provider authenticates with, as seen in the guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// Trust anchor.
    pub ca: Option<PathBuf>,
    /// Client certificate.
    pub cert: Option<PathBuf>,
    /// Client key.
    pub key: Option<PathBuf>,
    /// Whether the server's certificate is not verified.
    pub insecure: bool,
}

impl StaticFile {
    /// Reads a static file; `path` is for messages.
    pub fn parse(path: &Path, text: &str) -> Result<Self, Faults> {
        Document::parse(path, text.as_bytes().to_vec(), Format::Yaml)
            .map(|document| Self { document })
    }

    /// The document.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// The provider that reads Docker; `swarm` wins where both are there.
    pub fn provider(&self) -> Option<Provider> {
        ["swarm", "docker"].into_iter().find_map(|name| {
            let block = self.document.root().at(&format!("/providers/{name}"))?;
            if block.kind() != Kind::Object {
                return None;
            }
            let text =
                |cursor: Cursor<'_>, key: &str| Some(cursor.get(key)?.as_str()?.into_owned());
            let path = |cursor: Cursor<'_>, key: &str| text(cursor, key).map(PathBuf::from);
            Some(Provider {
                name: name.to_owned(),
                node: block.node(),
                endpoint: block
                    .get("endpoint")
                    .and_then(|node| Some((node.as_str()?.into_owned(), node.node()))),
                tls: block
                    .get("tls")
                    .filter(|tls| tls.kind() == Kind::Object)
                    .map(|tls| TlsFiles {
                        ca: path(tls, "ca"),
                        cert: path(tls, "cert"),
                        key: path(tls, "key"),
                        insecure: tls
                            .get("insecureSkipVerify")
                            .and_then(Cursor::as_bool)
                            .unwrap_or(false),
                    }),
            })
        })
    }

    /// Entry points: name and address.
    pub fn entry_points(&self) -> Vec<(String, String)> {
        let points = self.document.root().get("entryPoints");
        points
            .into_iter()
            .flat_map(|points| points.entries().collect::<Vec<_>>())
            .filter_map(|entry| {
                Some((
                    entry.key.into_owned(),
                    entry.value.get("address")?.as_str()?.into_owned(),
                ))
            })
            .collect()
    }

    /// The directory whose files Traefik loads as they change (`providers.file.directory`).
    pub fn watched_dir(&self) -> Option<PathBuf> {
        let node = self.document.root().at("/providers/file/directory")?;
        Some(PathBuf::from(node.as_str()?.into_owned()))
    }

    /// The port of the API, where it is open without a router (`api.insecure`): that of the entry point `traefik`, 8080 by default.
    pub fn api_port(&self) -> Option<u16> {
        let insecure = self
            .document
            .root()
            .at("/api/insecure")
            .and_then(Cursor::as_bool)
            == Some(true);
        if !insecure {
            return None;
        }
        let points = self.entry_points();
        match points.iter().find(|(name, _)| name == "traefik") {
            Some((_, address)) => port_of(address),
            None => Some(8080),
        }
    }

    /// The port of the first plain HTTP entry point: the one that is asked for each Swarm router.
    pub fn web_port(&self) -> Option<u16> {
        let points = self.entry_points();
        points
            .iter()
            .find(|(name, _)| name == "web" || name == "http")
            .or_else(|| points.iter().find(|(name, _)| name != "traefik"))
            .and_then(|(_, address)| port_of(address))
    }

    /// The same file with every entry point on a free port of 127.0.0.1, so that it can be started beside the running one.
    pub fn trial(&self) -> Result<String, Faults> {
        let root = self.document.root();
        let mut edit = Edit::new(&self.document);
        let own = || Value::Object(vec![("address".to_owned(), Value::from("127.0.0.1:0"))]);
        if let Some(points) = root
            .get("entryPoints")
            .filter(|points| points.kind() == Kind::Object)
        {
            let mut has_traefik = false;
            for entry in points.entries() {
                has_traefik |= entry.key == "traefik";
                match entry.value.get("address") {
                    Some(address) => {
                        let udp = address.as_str().is_some_and(|text| text.ends_with("/udp"));
                        edit.set_text(
                            address.node(),
                            if udp {
                                "127.0.0.1:0/udp"
                            } else {
                                "127.0.0.1:0"
                            },
                        )
                    }
                    None if entry.value.kind() == Kind::Object => edit.insert(
                        entry.value.node(),
                        Position::Last,
                        Some("address"),
                        Value::from("127.0.0.1:0"),
                    ),
                    None => edit.set(entry.value.node(), own()),
                };
            }
            if !has_traefik {
                edit.insert(points.node(), Position::Last, Some("traefik"), own());
            }
        } else {
            let points = Value::Object(vec![
                ("http".to_owned(), own()),
                ("traefik".to_owned(), own()),
            ]);
            edit.insert(root.node(), Position::Last, Some("entryPoints"), points);
        }
        let after = edit.finish()?.apply(&self.document)?;
        Ok(after.text().to_owned())
    }

    /// Whether two files mean the same to Traefik, whatever their comments, spaces and order.
    pub fn same_meaning(&self, other: &Self) -> bool {
        self.document.root().to_value() == other.document.root().to_value()
    }

    /// Whether the dashboard is on.
    pub fn has_dashboard(&self) -> bool {
        let api = self.document.root().get("api");
        // `api: {}` switches it on; Traefik's own default of the field is true.
        api.is_some_and(|api| api.get("dashboard").and_then(Cursor::as_bool) != Some(false))
    }

    /// The directory that Traefik watches for dynamic files, and the name that one of ours has there.
    pub fn dynamic_file(&self) -> Option<PathBuf> {
        let file = self.document.root().at("/providers/file")?;
        let text = |key| Some(file.get(key)?.as_str()?.into_owned());
        let name = text("filename");
        match text("directory") {
            // Beside `directory` Traefik does not look at `filename`; there it is only a name.
            Some(directory) => Some(
                Path::new(&directory).join(
                    name.as_deref()
                        .and_then(|name| Path::new(name).file_name())
                        .unwrap_or(DYNAMIC_NAME.as_ref()),
                ),
            ),
            None => name.map(PathBuf::from),
        }
    }
}

const DYNAMIC_NAME: &str = "dynamic_conf.yml";

/// The port of an entry point's address: `:8080`, `10.0.0.12:80`, `:443/tcp`.
pub(super) fn port_of(address: &str) -> Option<u16> {
    let address = address.split('/').next()?;
    address.rsplit(':').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dynamic_file_lies_in_the_watched_directory() {
        let at = |block: &str| parse(&format!("providers:\n  file:\n{block}")).dynamic_file();
        let path = |text: &str| Some(PathBuf::from(text));
        assert_eq!(
            at("    directory: /d\n    filename: own.yml\n"),
            path("/d/own.yml")
        );
        assert_eq!(at("    directory: /d\n"), path("/d/dynamic_conf.yml"));
        assert_eq!(at("    filename: /d/own.yml\n"), path("/d/own.yml"));
        assert_eq!(at("    watch: true\n"), None);
    }

    const FILE: &str = "# static\napi:\n  insecure: true\nentryPoints:\n  web:\n    address: \":80\"\n  dns:\n    address: ':53/udp'\nproviders:\n  docker:\n    endpoint: \"tcp://10.0.0.111:2375\" # plain\n";

    fn parse(text: &str) -> StaticFile {
        StaticFile::parse("traefik.yml".as_ref(), text).unwrap()
    }

    #[test]
    fn provider_and_ports_are_read() {
        let file = parse(FILE);
        let provider = file.provider().unwrap();
        assert_eq!(provider.name, "docker");
        assert_eq!(provider.endpoint.unwrap().0, "tcp://10.0.0.111:2375");
        assert_eq!(provider.tls, None);
        assert_eq!(file.api_port(), Some(8080));
        assert_eq!(file.web_port(), Some(80));
    }

    #[test]
    fn a_trial_listens_only_on_free_ports_of_loopback() {
        let trial = parse(FILE).trial().unwrap();
        let points = parse(&trial).entry_points();
        let addresses: Vec<&str> = points.iter().map(|(_, address)| address.as_str()).collect();
        assert_eq!(addresses, ["127.0.0.1:0", "127.0.0.1:0/udp", "127.0.0.1:0"]);
        assert!(trial.contains("# plain"));
        let bare = parse("log:\n  level: INFO\n").trial().unwrap();
        assert_eq!(parse(&bare).entry_points().len(), 2);
    }

    #[test]
    fn comments_do_not_change_the_meaning() {
        assert!(
            parse(FILE).same_meaning(&parse(&FILE.replace(" # plain", "").replace('\'', "\"")))
        );
        assert!(!parse(FILE).same_meaning(&parse(&FILE.replace("2375", "2376"))));
    }
}
