//! Unit files of our own: a service that may write only where a run writes, its timer, and what says that it failed. Pure.

mod report;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

pub use report::{MovedFile, UnitFiles, UnitReport};

/// What the units are made from.
#[derive(Debug, Clone)]
#[expect(
    clippy::exhaustive_structs,
    reason = "every field is a fact that counts"
)]
pub struct UnitFacts<'a> {
    /// The program and its arguments.
    pub command: &'a [String],
    /// Where it may write; those that begin with `-` need not be there.
    pub writable: &'a [String],
    /// When it runs, as systemd writes it: `hourly`.
    pub on_calendar: &'a str,
    /// By how many seconds at most its start is put off, so that hosts do not ask the CA all at once.
    pub delay: u64,
    /// What is run when it failed; the journal and a letter to root when empty.
    pub notify: &'a [String],
    /// The cron file that the timer takes the place of.
    pub instead_of: Option<&'a Path>,
}

/// The unit files by their names, in the order in which they are shown.
pub fn units(facts: &UnitFacts<'_>) -> [(&'static str, String); 3] {
    [
        (SERVICE, service(facts)),
        (TIMER, timer(facts)),
        (FAILED, failed(facts)),
    ]
}

/// Whether a unit file was written here.
pub fn is_ours(text: &[u8]) -> bool {
    text.starts_with(MARK.as_bytes())
}

/// The cron file that a timer was put in the place of.
pub fn instead_of(timer: &[u8]) -> Option<PathBuf> {
    let text = std::str::from_utf8(timer).ok()?;
    let path = text.lines().find_map(|line| line.strip_prefix(INSTEAD))?;
    Some(PathBuf::from(path))
}

fn service(facts: &UnitFacts<'_>) -> String {
    let mut writable = String::new();
    for path in facts.writable {
        let (optional, path) = match path.strip_prefix('-') {
            Some(path) => ("-", path),
            None => ("", path.as_str()),
        };
        let _ = writeln!(writable, "ReadWritePaths={optional}{}", word(path));
    }
    format!(
        "{MARK}
[Unit]
Description=Phoenix: certificates of the site, their delivery and their services
Wants=network-online.target
After=network-online.target pve-cluster.service pve-guests.service
OnFailure={FAILED}

[Service]
Type=oneshot
ExecStart={}
Environment=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
TimeoutStartSec=2400
UMask=0077

# Only what a run writes can be written.
ProtectSystem=strict
{writable}ProtectHome=read-only
PrivateTmp=yes

# It enters guests (pct, qm, their network), so namespaces, devices of the console and the guests' processes stay in reach.
NoNewPrivileges=yes
CapabilityBoundingSet=~CAP_SYS_MODULE CAP_SYS_RAWIO CAP_SYS_BOOT CAP_SYS_TIME CAP_SYS_PACCT CAP_SYSLOG CAP_WAKE_ALARM CAP_BLOCK_SUSPEND CAP_BPF CAP_PERFMON CAP_MAC_ADMIN CAP_MAC_OVERRIDE CAP_AUDIT_CONTROL CAP_AUDIT_READ CAP_LINUX_IMMUTABLE CAP_IPC_LOCK CAP_LEASE CAP_NET_BROADCAST
DevicePolicy=closed
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
KeyringMode=private
LockPersonality=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictRealtime=yes
SystemCallArchitectures=native
SystemCallFilter=~@clock @cpu-emulation @debug @module @obsolete @raw-io @reboot @swap
SystemCallErrorNumber=EPERM
",
        line(facts.command)
    )
}

fn timer(facts: &UnitFacts<'_>) -> String {
    let instead = facts
        .instead_of
        .map(|path| format!("{INSTEAD}{}\n", path.display()))
        .unwrap_or_default();
    format!(
        "{MARK}
{instead}[Unit]
Description=Phoenix: when certificates are looked after

[Timer]
OnCalendar={}
RandomizedDelaySec={}
AccuracySec=1min
# What was missed while the host was off is made up for when it is on.
Persistent=yes
Unit={SERVICE}

[Install]
WantedBy=timers.target
",
        facts.on_calendar, facts.delay
    )
}

fn failed(facts: &UnitFacts<'_>) -> String {
    let notify = if facts.notify.is_empty() {
        line(&["/bin/sh", "-c", NOTICE].map(str::to_owned))
    } else {
        line(facts.notify)
    };
    format!(
        "{MARK}
[Unit]
Description=Phoenix: says that a run failed

[Service]
Type=oneshot
ExecStart={notify}
ProtectSystem=full
ProtectHome=yes
PrivateDevices=yes
PrivateTmp=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectClock=yes
RestrictRealtime=yes
SystemCallArchitectures=native
"
    )
}

/// A command as `ExecStart=` takes it.
fn line(words: &[String]) -> String {
    let words: Vec<String> = words
        .iter()
        .map(|text| word(&text.replace('$', "$$")))
        .collect();
    words.join(" ")
}

/// One word: `%` begins a specifier everywhere.
fn word(text: &str) -> String {
    let text = text.replace('%', "%%");
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-=:,@+%$".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text;
    }
    let escaped = text
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n");
    format!("\"{escaped}\"")
}

/// The service.
pub const SERVICE: &str = "phoenix-sync.service";
/// Its timer.
pub const TIMER: &str = "phoenix-sync.timer";
/// What is started when it failed.
pub const FAILED: &str = "phoenix-sync-failed.service";

const MARK: &str =
    "# Written by `phoenix systemd install`; changes belong into drop-ins (`systemctl edit`).";
const INSTEAD: &str = "# In place of ";
/// What the run said goes to the journal as an error, and to root as a letter where the host can send one, as cron did.
const NOTICE: &str = "text=$(journalctl -u phoenix-sync.service -n 60 --no-pager -o cat 2>/dev/null)
printf 'phoenix-sync failed\\n%s\\n' \"$text\" | logger -t phoenix-sync -p daemon.err
[ ! -x /usr/sbin/sendmail ] || printf 'To: root\\nSubject: phoenix-sync failed on %s\\n\\n%s\\n' \"$(uname -n)\" \"$text\" | /usr/sbin/sendmail root";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_reach_the_program_as_they_were() {
        assert_eq!(word("/usr/bin/phoenix"), "/usr/bin/phoenix");
        assert_eq!(word("/a b/50%"), "\"/a b/50%%\"");
        assert_eq!(
            line(&["a".to_owned(), "$x \"y\"\\".to_owned()]),
            r#"a "$$x \"y\"\\""#
        );
    }

    #[test]
    fn the_notice_says_what_the_run_said() {
        use std::os::unix::fs::PermissionsExt as _;

        let scratch = crate::system::scratch::Scratch::new();
        let tool = |name: &str, text: &str| {
            let path = scratch.path().join(name);
            std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        };
        let said = scratch.path().join("said");
        tool("journalctl", "echo \"50% of $*\"");
        tool(
            "logger",
            &format!("echo \"$*\" >{0}; cat >>{0}", said.display()),
        );
        // The host's own mail is not for tests.
        let notice = NOTICE.replace("/usr/sbin/sendmail", "/nonexistent/sendmail");
        let status = std::process::Command::new("/bin/sh")
            .args(["-c", &notice])
            .env(
                "PATH",
                format!("{}:/usr/bin:/bin", scratch.path().display()),
            )
            .status()
            .unwrap();
        assert!(status.success());
        assert_eq!(
            std::fs::read_to_string(said).unwrap(),
            "-t phoenix-sync -p daemon.err\nphoenix-sync failed\n50% of -u phoenix-sync.service -n 60 --no-pager -o cat\n"
        );
    }

    #[test]
    fn a_timer_remembers_the_cron_file_that_it_stands_for() {
        let mut facts = UnitFacts {
            command: &["/usr/bin/phoenix".to_owned()],
            writable: &[],
            on_calendar: "hourly",
            delay: 600,
            notify: &[],
            instead_of: None,
        };
        assert_eq!(instead_of(units(&facts)[1].1.as_bytes()), None);
        facts.instead_of = Some(Path::new("/etc/cron.d/x"));
        let timer = &units(&facts)[1].1;
        assert_eq!(
            instead_of(timer.as_bytes()),
            Some(PathBuf::from("/etc/cron.d/x"))
        );
        assert!(
            units(&facts)
                .iter()
                .all(|(_, text)| is_ours(text.as_bytes()))
        );
    }
}
