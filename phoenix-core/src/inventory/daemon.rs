//! dockerd and Traefik of a guest: versions, state and configuration, as commands of the guest tell them.

use std::time::{Duration, SystemTime};

use crate::transport::Exec;
use crate::transport::sockets::Socket;

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
pub fn docker_commands() -> Vec<Exec> {
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
        &[
            "systemctl",
            "show",
            "traefik.service",
            "-p",
            "ExecMainStartTimestamp",
            "--value",
            "--timestamp=unix",
        ],
        &["stat", "-L", "-c", "%Y", static_file],
    ]
    .into_iter()
    .map(quick)
    .collect()
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
