//! `[traefik]`: where its files lie in the guest, and where its program comes from.

use std::path::PathBuf;

use super::{complain, known, parsed, path, set, string, table};
use crate::diagnostic::Faults;
use crate::document::Cursor;
use crate::names::CommonName;

/// `[traefik]`.
#[derive(Debug, Clone)]
pub struct TraefikSettings {
    /// The template of the static file, below the site. Default `etc/traefik/traefik.yml.template`.
    pub template: PathBuf,
    /// The static file in the guest. Default `/etc/traefik/traefik.yml`.
    pub static_file: PathBuf,
    /// Directory of the client's files in the guest. Default `/etc/traefik/certs`.
    pub certs_dir: PathBuf,
    /// The program in the guest. Default `/usr/local/bin/traefik`.
    pub binary: PathBuf,
    /// A file of this host with the program, for a container that has none.
    pub source: Option<PathBuf>,
    /// The version that is downloaded where there is no `source`.
    pub version: Option<String>,
    /// The SHA-256 that the downloaded program must have.
    pub sha256: Option<String>,
    /// Whether a new client pair alone restarts Traefik, too. Default no: it rereads the files on every reconnect.
    pub always_restart: bool,
    /// Whether the dynamic file is made from the guests' `traefik_service` entries. Default yes.
    pub routes: bool,
    /// Common name of the client's certificate; `traefik-client.<domain>` when absent.
    pub common_name: Option<CommonName>,
}

impl Default for TraefikSettings {
    fn default() -> Self {
        Self {
            template: PathBuf::from("etc/traefik/traefik.yml.template"),
            static_file: PathBuf::from("/etc/traefik/traefik.yml"),
            certs_dir: PathBuf::from("/etc/traefik/certs"),
            binary: PathBuf::from("/usr/local/bin/traefik"),
            source: None,
            version: None,
            sha256: None,
            routes: true,
            always_restart: false,
            common_name: None,
        }
    }
}

pub(super) fn decode(root: Cursor<'_>, faults: &mut Faults) -> TraefikSettings {
    let mut settings = TraefikSettings::default();
    let Some(traefik) = table(root, "traefik", faults) else {
        return settings;
    };
    known(
        traefik,
        &[
            "template",
            "static_file",
            "certs_dir",
            "binary",
            "source",
            "version",
            "sha256",
            "restart",
            "routes",
            "common_name",
        ],
        faults,
    );
    let of = &mut settings;
    set(
        &mut of.template,
        string(traefik, "template", faults).map(PathBuf::from),
    );
    set(&mut of.static_file, path(traefik, "static_file", faults));
    set(&mut of.certs_dir, path(traefik, "certs_dir", faults));
    set(&mut of.binary, path(traefik, "binary", faults));
    of.source = path(traefik, "source", faults);
    of.version = string(traefik, "version", faults);
    of.sha256 = sha256(traefik, faults);
    match string(traefik, "restart", faults).as_deref() {
        None | Some("needed") => {}
        Some("always") => of.always_restart = true,
        Some(_) => complain(traefik, "restart", "`needed` or `always`", faults),
    }
    of.common_name = parsed(traefik, "common_name", faults);
    if let Some(node) = traefik.get("routes") {
        match node.as_bool() {
            Some(routes) => of.routes = routes,
            None => complain(traefik, "routes", "`true` or `false`", faults),
        }
    }
    settings
}

/// A digest as `sha256sum` prints it.
fn sha256(table: Cursor<'_>, faults: &mut Faults) -> Option<String> {
    let text = string(table, "sha256", faults)?.to_ascii_lowercase();
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Some(text);
    }
    complain(table, "sha256", "64 hex digits", faults);
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Document, Format};
    use crate::settings::Settings;

    fn decoded(text: &str) -> Result<TraefikSettings, Faults> {
        let document = Document::parse("phoenix.toml".as_ref(), text.into(), Format::Toml)?;
        Settings::decode(&document).map(|settings| settings.traefik)
    }

    #[test]
    fn a_program_comes_from_a_file_or_with_its_digest() {
        let sum = "AB".repeat(32);
        let text = format!(
            "[traefik]\nsource = \"/srv/traefik\"\nversion = \"v3.7.15\"\nsha256 = \"{sum}\"\n"
        );
        let settings = decoded(&text).unwrap();
        assert_eq!(settings.source, Some(PathBuf::from("/srv/traefik")));
        assert_eq!(settings.version.as_deref(), Some("v3.7.15"));
        assert_eq!(settings.sha256, Some("ab".repeat(32)));
        for wrong in [
            "sha256 = \"ab\"",
            "source = \"srv\"",
            "version = 3",
            "sah256 = \"\"",
        ] {
            let faults = decoded(&format!("[traefik]\n{wrong}\n")).unwrap_err();
            assert_eq!(faults.iter().count(), 1, "{wrong}: {faults}");
        }
    }
}
