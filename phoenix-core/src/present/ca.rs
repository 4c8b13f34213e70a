//! Which CA there is, and what it says, as text.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::SystemTime;

use super::change::files;
use super::{COLUMN, Paint, count, word};
use crate::answers::{BootstrapReport, CaInit, CaKind, CaOnline, CaRoot, CaView};
use crate::ca::Health;
use crate::diagnostic::Style;
use crate::time::{human, rfc3339};
use crate::x509::{Crl, NextUpdate};

/// Which CA the site has.
pub fn ca_view(view: &CaView, now: SystemTime, style: Style) -> String {
    let mut out = String::new();
    let said = view
        .said_by
        .as_ref()
        .map(|said| format!("  (from {said})"))
        .unwrap_or_default();
    let _ = writeln!(out, "{} at {}{said}", view.kind, view.at.join(", "));
    if let Some(name) = &view.server_name {
        let _ = writeln!(out, "{}its certificate is for {name}", label("name"));
    }
    if let Some(proxy) = &view.proxy {
        let _ = writeln!(out, "{}{proxy}", label("proxy"));
    }
    match &view.pinned {
        Some(pinned) => root(&mut out, "root", pinned, now),
        None => {
            let _ = writeln!(
                out,
                "{}none is trusted yet: the first run takes it",
                label("root")
            );
        }
    }
    paths(&mut out, "root in", &view.root_files, style);
    if let Some(name) = &view.provisioner {
        let _ = writeln!(out, "{}{name}", label("signs as"));
    }
    if let Some(challenge) = &view.challenge {
        let _ = writeln!(out, "{}{challenge}", label("proves"));
    }
    paths(&mut out, "password", &view.password_files, style);
    if let Some(clients) = &view.docker_clients {
        let _ = writeln!(
            out,
            "{}a CA of their own in {}{}",
            label("clients"),
            clients.dir.display(),
            match (clients.used, &clients.root) {
                (false, _) => ", which the settings do not use (docker.client_ca)",
                (true, None) => ", made by the first run",
                (true, Some(_)) => "",
            }
        );
        if let Some(anchor) = &clients.root {
            root(&mut out, "root", anchor, now);
        }
    }
    if let Some(online) = &view.online {
        out.push('\n');
        out.push_str(&ca_online(online, now, style));
    }
    out
}

/// What a CA says about itself.
pub fn ca_online(online: &CaOnline, now: SystemTime, style: Style) -> String {
    let mut out = health(&online.health, style);
    for one in &online.roots {
        root(&mut out, "root", one, now);
    }
    for one in &online.intermediates {
        root(&mut out, "issuer", one, now);
    }
    if let Some(permitted) = &online.permitted {
        let _ = writeln!(out, "{}{permitted}", label("names"));
    }
    for one in &online.provisioners {
        let key = one.key_type.as_deref().unwrap_or("no key");
        let _ = write!(out, "{}{} ({}, {key}", label("signs"), one.name, one.kind);
        for (claim, value) in &one.claims {
            let value = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            let _ = write!(out, ", {claim} {value}");
        }
        out.push_str(")\n");
    }
    let _ = match online.revoked {
        Some(number) => writeln!(
            out,
            "{}a list with {}",
            label("revoked"),
            count(number, "certificate")
        ),
        None => writeln!(out, "{}it keeps no list", label("revoked")),
    };
    for note in &online.notes {
        let _ = writeln!(out, "{}{note}", word("note", Paint::Warn, style));
    }
    out
}

/// That a CA answers.
pub fn health(health: &Health, style: Style) -> String {
    let mut out = format!("{}{}", word("ok", Paint::Good, style), health.at);
    if let Some(version) = &health.version {
        let _ = write!(out, "  version {version}");
    }
    match health.clock_skew {
        Some(0) | None => {}
        Some(skew) => {
            let direction = if skew > 0 { "ahead of" } else { "behind" };
            let _ = write!(
                out,
                "  its clock is {} s {direction} ours",
                skew.unsigned_abs()
            );
        }
    }
    out.push('\n');
    out
}

/// A revocation list.
pub fn crl(list: &Crl, now: SystemTime) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}{}", label("list of"), list.issuer);
    let _ = writeln!(out, "{}{}", label("made"), rfc3339(list.this_update));
    if let Some(NextUpdate(next)) = list.next_update {
        let left = next.duration_since(now).unwrap_or_default();
        let _ = writeln!(
            out,
            "{}{}, in {}",
            label("next"),
            rfc3339(next),
            human(left)
        );
    }
    if let Some(number) = &list.number {
        let _ = writeln!(out, "{}{number}", label("number"));
    }
    for (serial, revoked) in &list.revoked {
        let _ = writeln!(
            out,
            "{}serial {serial} (0x{}), {}, at {}",
            label("revoked"),
            serial.to_hex(),
            revoked.reason,
            rfc3339(revoked.at)
        );
    }
    let _ = writeln!(out, "{} revoked", count(list.revoked.len(), "certificate"));
    out
}

/// What became of a CA of our own.
pub fn ca_init(init: &CaInit, now: SystemTime, style: Style) -> String {
    let dir = init.dir.display();
    let what = match init.kind {
        CaKind::DockerClient => "the CA of Docker's clients",
        CaKind::Site => "the embedded CA",
    };
    let mut out = String::new();
    let _ = match (&init.root, init.made) {
        (None, _) => writeln!(
            out,
            "{}{what} in {dir} would be made",
            word("make", Paint::Good, style)
        ),
        (Some(_), true) => writeln!(out, "{}{what} in {dir}", word("made", Paint::Good, style)),
        (Some(_), false) => writeln!(
            out,
            "{}{what} in {dir} is there already",
            word("keep", Paint::Dim, style)
        ),
    };
    if let Some(anchor) = &init.root {
        root(&mut out, "root", anchor, now);
    }
    if let Some(permitted) = &init.permitted {
        let _ = writeln!(out, "{}{permitted}", label("names"));
    }
    let mut note = |words: &str| {
        let _ = writeln!(out, "{}{words}", word("note", Paint::Dim, style));
    };
    if let Some(aside) = &init.replaced {
        note(&format!(
            "the one of before lies in {}; what it issued is replaced by the next `phoenix sync all`",
            aside.display()
        ));
    }
    if !init.used {
        note("the site does not use it yet: `phoenix migrate docker-tls --client-ca dedicated`");
    }
    out
}

/// What a bootstrap did, or would do.
pub fn bootstrap(report: &BootstrapReport, now: SystemTime, style: Style) -> String {
    let mut out = String::new();
    files(&report.files, style, &mut out);
    root(&mut out, "root", &report.root, now);
    if let Some(before) = &report.instead_of {
        let _ = writeln!(out, "{}in place of {before}", label(""));
    }
    if let Some(name) = &report.provisioner {
        let _ = writeln!(out, "{}{name}", label("signs as"));
    }
    for note in &report.notes {
        let _ = writeln!(out, "{}{note}", word("note", Paint::Dim, style));
    }
    let changed = count(report.files.len(), "file");
    let _ = match (
        report.written,
        report.files.is_empty() && report.instead_of.is_none(),
    ) {
        (true, true) => writeln!(
            out,
            "the root is trusted now; the settings were as wanted already"
        ),
        (true, false) => writeln!(out, "{changed} changed, and the root is trusted now"),
        (false, true) => writeln!(out, "nothing to do: everything is as wanted already"),
        (false, false) => writeln!(out, "{changed} would change; nothing was written"),
    };
    out
}

fn root(out: &mut String, what: &str, root: &CaRoot, now: SystemTime) {
    let left = match root.not_after.duration_since(now) {
        Ok(left) => format!("ends in {}", human(left)),
        Err(ago) => format!(
            "ended {} ago, at {}",
            human(ago.duration()),
            rfc3339(root.not_after)
        ),
    };
    let _ = writeln!(out, "{}{}  {left}", label(what), root.subject);
    let _ = writeln!(out, "{}{}", label(""), root.fingerprint);
}

fn paths(out: &mut String, what: &str, paths: &[(PathBuf, bool)], style: Style) {
    for (path, there) in paths {
        let _ = write!(out, "{}{}", label(what), path.display());
        if !there {
            let _ = write!(out, "  {}", word("missing", Paint::Warn, style).trim_end());
        }
        out.push('\n');
    }
}

/// What opens a line that says something and judges nothing.
fn label(text: &str) -> String {
    format!("{text:<COLUMN$}")
}
