//! `daemon.json`: the operator's file, with TLS as it should be merged into it.
//!
//! TLS is daemon-wide: with `tlsverify` every TCP host demands a client certificate, so there is no way to keep a plain
//! one beside it.

use std::path::Path;

use crate::diagnostic::Faults;
use crate::document::{Cursor, Document, Edit, Format, Kind, Position, Value};

/// What the daemon's TLS should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaemonTls {
    /// Path of the CA that client certificates must chain to.
    pub ca: String,
    /// Path of the server's chain.
    pub cert: String,
    /// Path of the server's key.
    pub key: String,
    /// Where the daemon listens; by default [`DaemonTls::HOSTS`].
    pub hosts: Vec<String>,
    /// Whether the daemon belongs to an active Swarm, where it does not start with `live-restore`.
    pub swarm_active: bool,
}

impl DaemonTls {
    /// The local socket, and every address with TLS.
    pub const HOSTS: [&str; 2] = ["unix:///var/run/docker.sock", "tcp://0.0.0.0:2376"];

    /// Files in one directory (`ca.pem`, `server-cert.pem`, `server-key.pem`), the default hosts, an active Swarm.
    pub fn in_directory(directory: &str) -> Self {
        let directory = directory.trim_end_matches('/');
        Self {
            ca: format!("{directory}/ca.pem"),
            cert: format!("{directory}/server-cert.pem"),
            key: format!("{directory}/server-key.pem"),
            hosts: Self::HOSTS.map(str::to_owned).into(),
            swarm_active: true,
        }
    }
}

/// The file as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// Its whole text; the current text to the byte where that means the same.
    pub text: String,
    /// Whether it differs from the current text.
    pub changed: bool,
    /// What was replaced or removed, and why, in words.
    pub notes: Vec<String>,
}

/// A `daemon.json` that nothing can be merged into.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DaemonFault {
    /// dockerd refuses to start with `live-restore` in a Swarm.
    #[error(
        "found `live-restore: true`, expected it absent or false: the daemon does not start with it in an active Swarm"
    )]
    LiveRestoreInSwarm,
    /// It cannot be edited without changing more than was meant.
    #[error("could not edit daemon.json: {0}")]
    Edit(#[from] Faults),
    /// It is no JSON text.
    #[error("could not read daemon.json as JSON at line {line}, column {column}: {message}")]
    Syntax {
        /// Line, counted from 1.
        line: usize,
        /// Column, counted from 1.
        column: usize,
        /// What the reader found.
        message: String,
    },
    /// A value is of another type than dockerd takes.
    #[error("found {found} at {}, expected {expected}", shown(pointer))]
    Type {
        /// JSON pointer of the value.
        pointer: String,
        /// The type that was found.
        found: &'static str,
        /// The type that was expected.
        expected: &'static str,
    },
}

/// Merges TLS into the current file; `None` and an empty file are one. What needs no change keeps its bytes.
pub fn merge(current: Option<&str>, wanted: &DaemonTls) -> Result<Merged, DaemonFault> {
    let current = current.unwrap_or("");
    let document = read(current)?;
    let root = document.root();
    let mut edit = Edit::new(&document);
    let mut notes = Vec::new();

    let was_verified = boolean(root, "tlsverify")? == Some(true);
    if boolean(root, "live-restore")? == Some(true) && wanted.swarm_active {
        return Err(DaemonFault::LiveRestoreInSwarm);
    }
    if boolean(root, "tls")? == Some(false) {
        set(&mut edit, root, "tls", true.into());
        notes.push("`tls` was false, which contradicts `tlsverify`: now true".to_owned());
    }
    if boolean(root, "tlsverify")? == Some(false) {
        notes.push("`tlsverify` was false: now true".to_owned());
    }
    set(&mut edit, root, "tlsverify", true.into());
    for (key, path) in [
        ("tlscacert", &wanted.ca),
        ("tlscert", &wanted.cert),
        ("tlskey", &wanted.key),
    ] {
        if let Some(found) = string(root, key)?
            && found != *path
        {
            notes.push(format!("`{key}` was `{found}`: now `{path}`"));
        }
        set(&mut edit, root, key, path.as_str().into());
    }
    merge_hosts(&mut edit, root, &wanted.hosts, was_verified, &mut notes)?;

    let patch = edit.finish().map_err(Faults::from)?;
    if patch.is_empty() {
        return Ok(Merged {
            text: current.to_owned(),
            changed: false,
            notes,
        });
    }
    Ok(Merged {
        text: patch.apply(&document)?.text().to_owned(),
        changed: true,
        notes,
    })
}

/// Takes out the hosts that make no sense beside the wanted ones, and adds the wanted ones that are not there.
fn merge_hosts(
    edit: &mut Edit<'_>,
    root: Cursor<'_>,
    wanted: &[String],
    was_verified: bool,
    notes: &mut Vec<String>,
) -> Result<(), DaemonFault> {
    let found = hosts(root)?;
    let (kept, added) = merged_hosts(&found, wanted, was_verified, notes);
    let Some(list) = root.get("hosts").filter(|list| list.kind() == Kind::Array) else {
        set(edit, root, "hosts", added.into());
        return Ok(());
    };
    for (item, kept) in list.items().zip(kept) {
        if !kept {
            edit.remove(item.node());
        }
    }
    for host in added {
        edit.insert(list.node(), Position::Last, None, host.into());
    }
    Ok(())
}

/// Where a daemon listens.
#[derive(Debug, PartialEq, Eq)]
enum Host<'h> {
    /// A socket's path, `/var/run` and `/run` being one directory.
    Unix(&'h str),
    /// What systemd passes on: all of it, or one descriptor.
    Fd(&'h str),
    Tcp {
        address: &'h str,
        port: Option<u16>,
    },
    Other,
}

impl<'h> Host<'h> {
    fn of(text: &'h str) -> Self {
        match text.split_once("://") {
            Some(("unix", path)) => Self::Unix(match path {
                "" => "/run/docker.sock",
                path => path
                    .strip_prefix("/var")
                    .filter(|p| p.starts_with("/run/"))
                    .unwrap_or(path),
            }),
            Some(("fd", name)) => Self::Fd(name),
            Some(("tcp" | "http" | "https", place)) => Self::tcp(place),
            Some(_) => Self::Other,
            None => Self::tcp(text),
        }
    }

    fn tcp(place: &'h str) -> Self {
        let place = place.split('/').next().unwrap_or("");
        let (address, port) = match place.rsplit_once(':') {
            Some((address, port)) => (address, port.parse().ok()),
            None => (place, None),
        };
        Self::Tcp {
            address: address.trim_start_matches('[').trim_end_matches(']'),
            port,
        }
    }
}

/// Whether each host that is there makes sense beside the wanted ones, and which of these are to be added.
fn merged_hosts(
    found: &[String],
    wanted: &[String],
    was_verified: bool,
    notes: &mut Vec<String>,
) -> (Vec<bool>, Vec<String>) {
    let socket = wanted.iter().any(|w| matches!(Host::of(w), Host::Unix(_)));
    let ports: Vec<u16> = wanted
        .iter()
        .filter_map(|w| match Host::of(w) {
            Host::Tcp { port, .. } => port,
            _ => None,
        })
        .collect();
    let mut merged: Vec<&str> = Vec::new();
    let mut kept = Vec::new();
    for text in found {
        let host = Host::of(text);
        let is_wanted = wanted
            .iter()
            .any(|w| Host::of(w) == host && host != Host::Other);
        let why = if merged
            .iter()
            .any(|m| Host::of(m) == host && host != Host::Other)
        {
            Some("it is there twice")
        } else if is_wanted {
            None
        } else {
            match host {
                Host::Fd("" | "*") if socket => {
                    Some("the socket that systemd passes on is the same one")
                }
                Host::Tcp {
                    port: Some(port), ..
                } if ports.contains(&port) => Some("its port is taken by another host"),
                Host::Tcp {
                    port: Some(2375) | None,
                    ..
                } => Some("it is the plain port"),
                Host::Tcp { address, .. } if !was_verified && !is_loopback(address) => {
                    Some("it was open to anybody without TLS")
                }
                _ => None,
            }
        };
        kept.push(why.is_none());
        match why {
            Some(why) => notes.push(format!("`{text}` removed from `hosts`: {why}")),
            None => merged.push(text),
        }
    }
    let mut added: Vec<String> = Vec::new();
    for text in wanted {
        let host = Host::of(text);
        let is_there = |m: &str| m == text || Host::of(m) == host;
        if !merged.iter().any(|m| is_there(m)) && !added.iter().any(|m| is_there(m)) {
            added.push(text.clone());
        }
    }
    (kept, added)
}

fn is_loopback(address: &str) -> bool {
    // An empty address means localhost to dockerd.
    matches!(address, "" | "localhost" | "::1") || address.starts_with("127.")
}

/// Of members with one name the last counts, as for dockerd.
fn set(edit: &mut Edit<'_>, root: Cursor<'_>, key: &str, value: Value) {
    match root.get(key) {
        Some(member) => edit.set(member.node(), value),
        None => edit.insert(root.node(), Position::Last, Some(key), value),
    };
}

/// A member that is there and not null.
fn member<'d>(root: Cursor<'d>, key: &str) -> Option<Cursor<'d>> {
    root.get(key).filter(|member| member.kind() != Kind::Null)
}

fn boolean(root: Cursor<'_>, key: &str) -> Result<Option<bool>, DaemonFault> {
    let Some(value) = member(root, key) else {
        return Ok(None);
    };
    let read = value.as_bool();
    read.map(Some).ok_or_else(|| wrong(value, "true or false"))
}

fn string(root: Cursor<'_>, key: &str) -> Result<Option<String>, DaemonFault> {
    member(root, key).map(text).transpose()
}

fn hosts(root: Cursor<'_>) -> Result<Vec<String>, DaemonFault> {
    match member(root, "hosts") {
        None => Ok(Vec::new()),
        Some(list) if list.kind() == Kind::Array => list.items().map(text).collect(),
        Some(other) => Err(wrong(other, "an array of strings")),
    }
}

fn text(value: Cursor<'_>) -> Result<String, DaemonFault> {
    let text = value.as_str().map(Into::into);
    text.ok_or_else(|| wrong(value, "a string"))
}

fn shown(pointer: &str) -> String {
    match pointer {
        "" => "the top".to_owned(),
        pointer => format!("`{pointer}`"),
    }
}

fn wrong(value: Cursor<'_>, expected: &'static str) -> DaemonFault {
    DaemonFault::Type {
        pointer: value.pointer(),
        found: value.kind().noun(),
        expected,
    }
}

fn read(text: &str) -> Result<Document, DaemonFault> {
    let text = if text.trim().is_empty() { "{}\n" } else { text };
    let path = Path::new("/etc/docker/daemon.json");
    let document = Document::parse(path, text.into(), Format::Json).map_err(|faults| {
        let fault = faults.iter().next();
        let place = fault.and_then(|fault| fault.places.first());
        DaemonFault::Syntax {
            line: place.map_or(1, |place| place.line),
            column: place.map_or(1, |place| place.column),
            message: fault.map_or(String::new(), |fault| fault.message.clone()),
        }
    })?;
    if document.root().kind() == Kind::Object {
        return Ok(document);
    }
    Err(wrong(document.root(), "an object"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> DaemonTls {
        DaemonTls::in_directory("/etc/docker/tls")
    }

    #[test]
    fn no_file_and_an_empty_file_become_the_whole_of_it() {
        let expected = r#"{
    "tlsverify": true,
    "tlscacert": "/etc/docker/tls/ca.pem",
    "tlscert": "/etc/docker/tls/server-cert.pem",
    "tlskey": "/etc/docker/tls/server-key.pem",
    "hosts": [
        "unix:///var/run/docker.sock",
        "tcp://0.0.0.0:2376"
    ]
}
"#;
        for current in [None, Some(""), Some("\n"), Some("{}\n")] {
            let merged = merge(current, &wanted()).unwrap();
            assert_eq!(merged.text, expected);
            assert!(merged.changed && merged.notes.is_empty());
        }
    }

    #[test]
    fn what_is_unknown_survives_in_its_place_and_a_second_merge_changes_nothing() {
        let current = r#"{
    "storage-driver": "overlay2",
    "tls": false,
    "log-opts": {"max-size": "10m", "a": [1, 2.5, null]},
    "hosts": ["tcp://0.0.0.0:2375", "unix:///run/docker.sock"],
    "tlscert": "/etc/docker/self-signed.pem"
}"#;
        let merged = merge(Some(current), &wanted()).unwrap();
        let expected = current
            .replace("\"tls\": false", "\"tls\": true")
            .replace(
                r#"["tcp://0.0.0.0:2375", "unix:///run/docker.sock"]"#,
                r#"["unix:///run/docker.sock", "tcp://0.0.0.0:2376"]"#,
            )
            .replace(
                "\"/etc/docker/self-signed.pem\"",
                "\"/etc/docker/tls/server-cert.pem\",\n    \"tlsverify\": true,\n    \"tlscacert\": \"/etc/docker/tls/ca.pem\",\n    \"tlskey\": \"/etc/docker/tls/server-key.pem\"",
            );
        assert_eq!(merged.text, expected);
        assert_eq!(merged.notes.len(), 3, "{:?}", merged.notes);
        let again = merge(Some(&merged.text), &wanted()).unwrap();
        assert_eq!((again.changed, &again.text), (false, &merged.text));
    }

    #[test]
    fn a_file_that_means_the_same_keeps_its_bytes() {
        let current = r#"{"hosts":["tcp://0.0.0.0:2376","unix://"], "tlskey":"/etc/docker/tls/server-key.pem",
            "tlscert":"/etc/docker/tls/server-cert.pem","tlscacert":"/etc/docker/tls/ca.pem",  "tlsverify":true, "tls":true}"#;
        let merged = merge(Some(current), &wanted()).unwrap();
        assert_eq!((merged.changed, merged.text.as_str()), (false, current));
    }

    #[test]
    fn hosts_stay_where_they_make_sense_beside_tls() {
        let hosts = |verified: bool, hosts: serde_json::Value| {
            let current = serde_json::json!({"tlsverify": verified, "hosts": hosts}).to_string();
            let merged = merge(Some(&current), &wanted()).unwrap();
            let value: serde_json::Value = serde_json::from_str(&merged.text).unwrap();
            let kept: Vec<String> = serde_json::from_value(value["hosts"].clone()).unwrap();
            kept.join(" ")
        };
        let both = "unix:///var/run/docker.sock tcp://0.0.0.0:2376";
        for (found, verified, expected) in [
            (serde_json::json!(["fd://"]), false, both.to_owned()),
            (
                serde_json::json!(["fd://3"]),
                false,
                format!("fd://3 {both}"),
            ),
            (
                serde_json::json!(["unix:///srv/docker.sock", "tcp://127.0.0.1:4243"]),
                false,
                format!("unix:///srv/docker.sock tcp://127.0.0.1:4243 {both}"),
            ),
            (
                serde_json::json!(["0.0.0.0:4243", "tcp://10.0.0.111"]),
                false,
                both.to_owned(),
            ),
            (
                serde_json::json!(["tcp://127.0.0.1:2375"]),
                true,
                both.to_owned(),
            ),
            (
                serde_json::json!(["tcp://10.0.0.111:4243"]),
                true,
                format!("tcp://10.0.0.111:4243 {both}"),
            ),
            (
                serde_json::json!(["tcp://[::]:2376", "tcp://0.0.0.0:2376"]),
                true,
                "tcp://0.0.0.0:2376 unix:///var/run/docker.sock".to_owned(),
            ),
        ] {
            assert_eq!(hosts(verified, found.clone()), expected, "{found}");
        }
    }

    #[test]
    fn a_file_that_dockerd_would_refuse_is_refused_here_with_its_place() {
        let message = |text: &str| merge(Some(text), &wanted()).unwrap_err().to_string();
        assert!(message("{\"a\": 1,}").contains("line 1, column 9"));
        assert_eq!(
            message("[]"),
            "found an array at the top, expected an object"
        );
        assert!(message(r#"{"hosts": "fd://"}"#).contains("an array of strings"));
        assert!(message(r#"{"hosts": ["fd://", 3]}"#).contains("found a number at `/hosts/1`"));
        assert!(message(r#"{"tlsverify": "yes"}"#).contains("found a string at `/tlsverify`"));
        assert!(message(&"[".repeat(100_000)).contains("could not read"));
    }

    #[test]
    fn live_restore_is_refused_in_a_swarm_only() {
        let current = r#"{"live-restore": true}"#;
        assert_eq!(
            merge(Some(current), &wanted()),
            Err(DaemonFault::LiveRestoreInSwarm)
        );
        let alone = DaemonTls {
            swarm_active: false,
            ..wanted()
        };
        assert!(
            merge(Some(current), &alone)
                .unwrap()
                .text
                .contains("\"live-restore\": true")
        );
    }
}
