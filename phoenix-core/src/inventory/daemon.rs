//! dockerd and Traefik of a guest: versions, state and configuration, as commands of the guest tell them.

use std::time::{Duration, SystemTime};

use crate::transport::sockets::Socket;
use crate::transport::{Answer, Exec, StepResult};

/// dockerd of a guest.
#[derive(Debug, Clone)]
pub struct DockerFacts {
    /// `daemon.json`; `None` when there is none.
    pub daemon_json: Option<Vec<u8>>,
    /// systemd's state of the unit: `active`, `failed`, ...
    pub active_state: String,
    /// The unit with its drop-ins, as `systemctl cat` prints it.
    pub unit: String,
    /// What `dockerd --version` says.
    pub version: Option<String>,
    /// What the running daemon answers to `docker version`, as JSON.
    pub server_version: Option<String>,
    /// Whether the daemon is in an active Swarm.
    pub swarm_active: bool,
    /// Whether the process runs since before its file of trusted clients was written.
    pub started_before_root: bool,
    /// The guest's TCP sockets.
    pub sockets: Vec<Socket>,
}

/// Traefik of a guest.
#[derive(Debug, Clone)]
pub struct TraefikFacts {
    /// The static file; `None` when there is none.
    pub static_file: Option<Vec<u8>>,
    /// systemd's state of the unit.
    pub active_state: String,
    /// What `traefik version` says.
    pub version: Option<String>,
    /// Whether the process runs since before the static file was written.
    pub started_before_file: bool,
}

/// The commands that tell about dockerd, each optional: a guest that lacks one still answers the rest.
///
/// `root` is its file of trusted clients.
pub fn docker_commands(root: &str) -> Vec<Exec> {
    [
        &[
            "systemctl",
            "show",
            "docker.service",
            "-p",
            "ActiveState",
            "--value",
        ][..],
        &["systemctl", "cat", "docker.service"],
        &["dockerd", "--version"],
        &["docker", "version", "--format", "{{json .}}"],
        &["docker", "info", "--format", "{{.Swarm.LocalNodeState}}"],
        &started("docker.service"),
        &["stat", "-L", "-c", "%Y", root],
    ]
    .into_iter()
    .map(quick)
    .collect()
}

/// The commands that tell about Traefik.
pub fn traefik_commands(binary: &str, static_file: &str) -> Vec<Exec> {
    [
        &[
            "systemctl",
            "show",
            "traefik.service",
            "-p",
            "ActiveState",
            "--value",
        ][..],
        &[binary, "version"],
        &started("traefik.service"),
        &["stat", "-L", "-c", "%Y", static_file],
    ]
    .into_iter()
    .map(quick)
    .collect()
}

fn started(unit: &str) -> [&str; 7] {
    [
        "systemctl",
        "show",
        unit,
        "-p",
        "ExecMainStartTimestamp",
        "--value",
        "--timestamp=unix",
    ]
}

fn quick(argv: &[&str]) -> Exec {
    Exec::new(argv.iter().copied())
        .timeout(Duration::from_secs(10))
        .optional()
}

/// Reads systemd's `@1764000000`.
pub(super) fn unix_time(text: &str) -> Option<SystemTime> {
    let seconds = text.trim().trim_start_matches('@').parse().ok()?;
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

pub(super) fn docker_facts(answer: &Answer, at: usize) -> DockerFacts {
    let said = |offset: usize| said(answer, at + 1 + offset);
    let started = said(5).as_deref().and_then(unix_time);
    let written = said(6).as_deref().and_then(unix_time);
    DockerFacts {
        daemon_json: content(answer, at),
        active_state: said(0).unwrap_or_else(|| "unknown".to_owned()),
        unit: said(1).unwrap_or_default(),
        version: said(2),
        server_version: said(3),
        swarm_active: said(4).as_deref() == Some("active"),
        started_before_root: started
            .zip(written)
            .is_some_and(|(started, written)| started < written),
        sockets: match answer.results.get(at + 1 + docker_commands("").len()) {
            Some(StepResult::Sockets(sockets)) => sockets.clone(),
            _ => Vec::new(),
        },
    }
}

pub(super) fn traefik_facts(answer: &Answer, at: usize) -> TraefikFacts {
    let said = |offset: usize| said(answer, at + 1 + offset);
    let started = said(2).as_deref().and_then(unix_time);
    let written = said(3).as_deref().and_then(unix_time);
    TraefikFacts {
        static_file: content(answer, at),
        active_state: said(0).unwrap_or_else(|| "unknown".to_owned()),
        version: said(1),
        started_before_file: started
            .zip(written)
            .is_some_and(|(started, written)| started < written),
    }
}

fn content(answer: &Answer, at: usize) -> Option<Vec<u8>> {
    match answer.results.get(at) {
        Some(StepResult::Inspected(Some(entry))) => entry
            .whole_content()
            .map(|bytes| bytes.expose_secret().to_vec()),
        _ => None,
    }
}

/// What a command printed, if it ended with 0.
fn said(answer: &Answer, at: usize) -> Option<String> {
    match answer.results.get(at) {
        Some(StepResult::Exec(run)) if run.succeeded() && !run.stdout.is_empty() => {
            Some(String::from_utf8_lossy(&run.stdout).trim().to_owned())
        }
        _ => None,
    }
}
