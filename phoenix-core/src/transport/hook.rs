//! Hooks that call into a guest by themselves: recognised, so that they run with the guest's true exit status.

use std::time::Duration;

use crate::names::GuestId;

/// A command for a guest, taken out of `pct exec ID -- ...` or `qm guest exec ID [OPTIONS] -- ...`.
///
/// ```
/// use phoenix_core::names::GuestId;
/// use phoenix_core::transport::GuestCommand;
///
/// let hook = ["qm", "guest", "exec", "1001", "--", "systemctl", "restart", "docker"];
/// let command = GuestCommand::recognise(&hook).unwrap();
/// assert_eq!(command.guest, GuestId::vm(1001));
/// assert_eq!(command.argv, ["systemctl", "restart", "docker"]);
/// assert!(GuestCommand::recognise(&["systemctl", "reload", "nginx"]).is_none());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuestCommand {
    /// The guest.
    pub guest: GuestId,
    /// Program and arguments in the guest.
    pub argv: Vec<String>,
    /// The hook's own `--timeout`.
    pub timeout: Option<Duration>,
}

impl GuestCommand {
    /// Reads an argument vector; `None`: it is an ordinary command of the host, or one with options unknown here.
    pub fn recognise<W: AsRef<str>>(argv: &[W]) -> Option<Self> {
        let words: Vec<&str> = argv.iter().map(AsRef::as_ref).collect();
        let (program, rest) = words.split_first()?;
        match (program.rsplit('/').next()?, rest) {
            ("pct", ["exec", rest @ ..]) => Self::read(GuestId::lxc, rest, &["keep-env"]),
            ("qm", ["guest", "exec", rest @ ..]) => {
                Self::read(GuestId::vm, rest, &["timeout", "synchronous", "pass-stdin"])
            }
            _ => None,
        }
    }

    /// The systemd service that it restarts and does nothing else, without `.service`.
    pub fn restarted_service(&self) -> Option<&str> {
        let words: Vec<&str> = self.argv.iter().map(String::as_str).collect();
        match words.as_slice() {
            [
                "systemctl",
                "restart" | "try-restart" | "reload-or-restart",
                unit,
            ] => Some(unit.strip_suffix(".service").unwrap_or(unit)),
            _ => None,
        }
    }

    fn read(kind: fn(u32) -> GuestId, words: &[&str], options: &[&str]) -> Option<Self> {
        let mut id = None;
        let mut timeout = None;
        let mut words = words.iter().copied();
        let first = loop {
            let word = words.next()?;
            if word == "--" {
                break words.next()?;
            }
            let Some(option) = word.strip_prefix("--").or_else(|| word.strip_prefix('-')) else {
                if id.is_none() {
                    id = Some(number(word)?);
                    continue;
                }
                break word;
            };
            let (name, value) = match option.split_once('=') {
                Some((name, value)) => (name, value),
                None => (option, words.next()?),
            };
            if !options.contains(&name) {
                return None;
            }
            match (name, value) {
                ("timeout", seconds) => {
                    timeout = Some(Duration::from_secs(number(seconds)?.into()));
                }
                // A hook that does not wait has no exit status to report.
                ("synchronous", "0") => return None,
                _ => {}
            }
        };
        Some(Self {
            guest: kind(id?),
            argv: std::iter::once(first)
                .chain(words)
                .map(str::to_owned)
                .collect(),
            timeout,
        })
    }
}

fn number(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recognise(line: &str) -> Option<GuestCommand> {
        GuestCommand::recognise(&shell_words::split(line).unwrap())
    }

    #[test]
    fn the_hooks_of_real_manifests_are_recognised() {
        let loops = "pct exec 102 -- /bin/bash -c 'while [ ! -f /x ]; do sleep 1; done; systemctl reload traefik'";
        let command = recognise(loops).unwrap();
        assert_eq!(command.guest, GuestId::lxc(102));
        assert_eq!(command.argv.len(), 3);
        assert!(command.argv[2].starts_with("while [ ! -f"));
        let update = "/usr/sbin/qm guest exec 1001 -- docker service update --force portainer";
        let command = recognise(update).unwrap();
        assert_eq!(command.guest, GuestId::vm(1001));
        assert_eq!(command.argv[3], "--force");
    }

    #[test]
    fn options_stand_before_or_behind_the_guest() {
        for line in [
            "qm guest exec 5 --timeout 60 -- true",
            "qm guest exec --timeout 60 5 -- true",
            "qm guest exec 5 -timeout=60 --synchronous 1 true",
        ] {
            let command = recognise(line).unwrap();
            assert_eq!(command.timeout, Some(Duration::from_secs(60)), "{line}");
            assert_eq!(command.argv, ["true"]);
            assert_eq!(command.guest, GuestId::vm(5));
        }
    }

    #[test]
    fn anything_else_is_a_command_of_the_host() {
        for line in [
            "",
            "true",
            "pct",
            "pct exec",
            "pct exec 102",
            "pct exec 102 --",
            "pct exec x -- true",
            "pct exec +5 -- true",
            "pct reboot 102",
            "qm guest exec 5 --synchronous 0 -- true",
            "qm guest exec 5 --unknown 1 -- true",
            "qm guest passwd 5",
            "env pct exec 102 -- true",
        ] {
            assert_eq!(recognise(line), None, "{line}");
        }
    }
}
