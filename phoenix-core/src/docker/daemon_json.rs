//! `daemon.json`: the operator's file, with TLS as it should be merged into it.
//!
//! TLS is daemon-wide: with `tlsverify` every TCP host demands a client certificate, so there is no way to keep a plain
//! one beside it.

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

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
    #[error("found {found} at `{pointer}`, expected {expected}")]
    Type {
        /// JSON pointer of the value.
        pointer: String,
        /// The type that was found.
        found: &'static str,
        /// The type that was expected.
        expected: &'static str,
    },
}

/// Merges TLS into the current file; `None` and an empty file are one. Unknown keys survive in their order.
pub fn merge(current: Option<&str>, wanted: &DaemonTls) -> Result<Merged, DaemonFault> {
    let text = current.unwrap_or("");
    let before = read(text)?;
    let mut members = before.clone();
    let mut notes = Vec::new();

    let was_verified = boolean(&members, "tlsverify")? == Some(true);
    if boolean(&members, "live-restore")? == Some(true) && wanted.swarm_active {
        return Err(DaemonFault::LiveRestoreInSwarm);
    }
    if boolean(&members, "tls")? == Some(false) {
        set(&mut members, "tls", Json::Bool(true));
        notes.push("`tls` was false, which contradicts `tlsverify`: now true".to_owned());
    }
    if boolean(&members, "tlsverify")? == Some(false) {
        notes.push("`tlsverify` was false: now true".to_owned());
    }
    set(&mut members, "tlsverify", Json::Bool(true));
    for (key, path) in [
        ("tlscacert", &wanted.ca),
        ("tlscert", &wanted.cert),
        ("tlskey", &wanted.key),
    ] {
        if let Some(found) = string(&members, key)?
            && found != path
        {
            notes.push(format!("`{key}` was `{found}`: now `{path}`"));
        }
        set(&mut members, key, Json::String(path.clone()));
    }
    let found = hosts(&members)?;
    let merged = merged_hosts(&found, &wanted.hosts, was_verified, &mut notes);
    if merged != found {
        let merged = merged.into_iter().map(Json::String).collect();
        set(&mut members, "hosts", Json::Array(merged));
    }

    if members == before {
        return Ok(Merged {
            text: text.to_owned(),
            changed: false,
            notes,
        });
    }
    Ok(Merged {
        text: write(text, &members),
        changed: true,
        notes,
    })
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

/// The hosts that are there and make sense beside the wanted ones, and the wanted ones.
fn merged_hosts(
    found: &[String],
    wanted: &[String],
    was_verified: bool,
    notes: &mut Vec<String>,
) -> Vec<String> {
    let socket = wanted.iter().any(|w| matches!(Host::of(w), Host::Unix(_)));
    let ports: Vec<u16> = wanted
        .iter()
        .filter_map(|w| match Host::of(w) {
            Host::Tcp { port, .. } => port,
            _ => None,
        })
        .collect();
    let mut merged: Vec<String> = Vec::new();
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
        match why {
            Some(why) => notes.push(format!("`{text}` removed from `hosts`: {why}")),
            None => merged.push(text.clone()),
        }
    }
    for text in wanted {
        let host = Host::of(text);
        if !merged.iter().any(|m| m == text || Host::of(m) == host) {
            merged.push(text.clone());
        }
    }
    merged
}

fn is_loopback(address: &str) -> bool {
    // An empty address means localhost to dockerd.
    matches!(address, "" | "localhost" | "::1") || address.starts_with("127.")
}

fn find<'m>(members: &'m [(String, Json)], key: &str) -> Option<&'m Json> {
    // Of members with one key the last counts, as for dockerd.
    members.iter().rev().find(|(k, _)| k == key).map(|(_, v)| v)
}

fn set(members: &mut Vec<(String, Json)>, key: &str, value: Json) {
    match members.iter_mut().rev().find(|(k, _)| k == key) {
        Some((_, old)) => *old = value,
        None => members.push((key.to_owned(), value)),
    }
}

fn boolean(members: &[(String, Json)], key: &'static str) -> Result<Option<bool>, DaemonFault> {
    match find(members, key) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::Bool(value)) => Ok(Some(*value)),
        Some(other) => Err(other.wrong(key, "true or false")),
    }
}

fn string<'m>(
    members: &'m [(String, Json)],
    key: &'static str,
) -> Result<Option<&'m str>, DaemonFault> {
    match find(members, key) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(value)) => Ok(Some(value)),
        Some(other) => Err(other.wrong(key, "a string")),
    }
}

fn hosts(members: &[(String, Json)]) -> Result<Vec<String>, DaemonFault> {
    match find(members, "hosts") {
        None | Some(Json::Null) => Ok(Vec::new()),
        Some(Json::Array(items)) => items
            .iter()
            .enumerate()
            .map(|(at, item)| match item {
                Json::String(host) => Ok(host.clone()),
                other => Err(other.wrong(&format!("hosts/{at}"), "a string")),
            })
            .collect(),
        Some(other) => Err(other.wrong("hosts", "an array of strings")),
    }
}

/// The members of the file's object.
fn read(text: &str) -> Result<Vec<(String, Json)>, DaemonFault> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    match serde_json::from_str(text) {
        Ok(Json::Object(members)) => Ok(members),
        Ok(other) => Err(other.wrong("", "an object")),
        Err(error) => Err(DaemonFault::Syntax {
            line: error.line(),
            column: error.column(),
            message: error.to_string(),
        }),
    }
}

/// The text of the members, in the manner of the text they came from: its indent, its line end or none at the end.
fn write(like: &str, members: &[(String, Json)]) -> String {
    let indent: String = like
        .lines()
        .skip(1)
        .map(|line| {
            line.chars()
                .take_while(|c| c.is_whitespace())
                .collect::<String>()
        })
        .find(|indent| !indent.is_empty())
        .unwrap_or_else(|| "  ".to_owned());
    let mut bytes = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(indent.as_bytes());
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
    let written = Json::Object(members.to_vec()).serialize(&mut serializer);
    // Strings, numbers and lists in memory: nothing there can fail.
    debug_assert!(written.is_ok());
    let mut text = String::from_utf8(bytes).unwrap_or_default();
    if like.trim().is_empty() || like.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// JSON that keeps the order of members, and members of one name.
#[derive(Debug, Clone, PartialEq)]
enum Json {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    String(String),
    Array(Vec<Self>),
    Object(Vec<(String, Self)>),
}

impl Json {
    fn wrong(&self, pointer: &str, expected: &'static str) -> DaemonFault {
        DaemonFault::Type {
            pointer: format!("/{pointer}"),
            found: match self {
                Self::Null => "null",
                Self::Bool(_) => "a boolean",
                Self::Number(_) => "a number",
                Self::String(_) => "a string",
                Self::Array(_) => "an array",
                Self::Object(_) => "an object",
            },
            expected,
        }
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(value) => value.serialize(serializer),
            Self::String(value) => serializer.serialize_str(value),
            Self::Array(items) => {
                let mut out = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    out.serialize_element(item)?;
                }
                out.end()
            }
            Self::Object(members) => {
                let mut out = serializer.serialize_map(Some(members.len()))?;
                for (key, value) in members {
                    out.serialize_entry(key, value)?;
                }
                out.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Json;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON value")
            }

            fn visit_unit<E>(self) -> Result<Json, E> {
                Ok(Json::Null)
            }

            fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
                Ok(Json::Bool(value))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
                Ok(Json::Number(value.into()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
                Ok(Json::Number(value.into()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
                let number = serde_json::Number::from_f64(value);
                Ok(number.map_or(Json::Null, Json::Number))
            }

            fn visit_str<E>(self, value: &str) -> Result<Json, E> {
                Ok(Json::String(value.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
                let mut array = Vec::new();
                while let Some(item) = items.next_element()? {
                    array.push(item);
                }
                Ok(Json::Array(array))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = entries.next_entry()? {
                    members.push(member);
                }
                Ok(Json::Object(members))
            }
        }
        deserializer.deserialize_any(Any)
    }
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
        assert!(merged.text.starts_with(
            "{\n    \"storage-driver\": \"overlay2\",\n    \"tls\": true,\n    \"log-opts\": {\n"
        ));
        assert!(!merged.text.ends_with('\n'));
        let value: serde_json::Value = serde_json::from_str(&merged.text).unwrap();
        assert_eq!(
            value,
            serde_json::json!({
                "storage-driver": "overlay2",
                "tls": true,
                "log-opts": {"max-size": "10m", "a": [1, 2.5, null]},
                "hosts": ["unix:///run/docker.sock", "tcp://0.0.0.0:2376"],
                "tlsverify": true,
                "tlscacert": "/etc/docker/tls/ca.pem",
                "tlscert": "/etc/docker/tls/server-cert.pem",
                "tlskey": "/etc/docker/tls/server-key.pem",
            })
        );
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
        assert_eq!(message("[]"), "found an array at `/`, expected an object");
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
