//! Hooks: whom they reach, and whether they do what they say.

use std::collections::HashMap;

use super::{Found, View};
use crate::document::{Cursor, Located};
use crate::manifest::{CertType, Entry, HookCommand};
use crate::names::{GuestId, GuestKind};

pub(in crate::check) fn check<'m>(view: &View<'m>, found: &mut Found<'m>) {
    for located in &view.model.manifest.entries {
        let entry = &located.value;
        let object = view.manifest().cursor(located.node);
        let field = ["post_renewal_command", "hook"]
            .into_iter()
            .find_map(|name| object.get(name))
            .map(|field| field.get("command").unwrap_or(field));
        let (Some(hook), Some(field)) = (&entry.hook, field) else {
            unreached(view, entry, object, found);
            continue;
        };
        reach(view, entry, &hook.command, field, found);
        deeds(entry, &hook.command, field, found);
    }
}

/// Every guest that uses the entry's files: it mounts their directory, or gets them delivered.
pub(super) fn consumers(view: &View<'_>, entry: &Entry) -> Vec<GuestId> {
    let mounted = view.seen_by(&entry.cert_path);
    let mut all: Vec<GuestId> = mounted
        .into_iter()
        .map(|mounted| mounted.guest.id)
        .chain(entry.deploy.iter().map(|target| target.guest))
        .chain(entry.old_delivery.as_ref().map(|old| old.guest))
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// The server certificates that each guest may serve, Docker's own left out.
pub(super) fn served<'m>(view: &View<'m>) -> HashMap<GuestId, Vec<&'m Located<Entry>>> {
    let mut served: HashMap<GuestId, Vec<&'m Located<Entry>>> = HashMap::new();
    for located in &view.model.manifest.entries {
        let entry = &located.value;
        let of_docker = |guest: &GuestId| {
            let found = view.model.docker_entry(*guest);
            found.is_some_and(|(docker, _)| docker.common_name == entry.common_name)
        };
        if entry.cert_type == CertType::Server {
            for guest in consumers(view, entry)
                .into_iter()
                .filter(|guest| !of_docker(guest))
            {
                served.entry(guest).or_default().push(located);
            }
        }
    }
    served
}

/// An entry without a hook, whose consumer nothing else restarts.
fn unreached<'m>(view: &View<'m>, entry: &Entry, object: Cursor<'m>, found: &mut Found<'m>) {
    let consumers = consumers(view, entry);
    let managed = |guest: GuestId| {
        let is_it = |found: Option<(&Entry, &crate::manifest::Target)>| {
            found.is_some_and(|(other, _)| other.common_name == entry.common_name)
        };
        is_it(view.model.docker_entry(guest)) || is_it(view.model.traefik_entry(guest))
    };
    let Some(guest) = consumers.iter().find(|guest| !managed(**guest)) else {
        return;
    };
    if consumers.iter().any(|guest| managed(*guest)) {
        return;
    }
    let open = found.add(
        "PX032",
        format!(
            "found no hook of {}, expected one that reloads what uses its files in {guest}",
            entry.common_name
        ),
    );
    open.start(object.get("common_name").unwrap_or(object));
}

fn reach<'m>(
    view: &View<'m>,
    entry: &Entry,
    command: &HookCommand,
    field: Cursor<'m>,
    found: &mut Found<'m>,
) {
    let named = named(command);
    for guest in named.iter().filter(|guest| view.guest(**guest).is_none()) {
        found
            .add(
                "PX011",
                format!(
                    "found {guest} in the hook of {}, expected a guest of the site",
                    entry.common_name
                ),
            )
            .value(field);
    }
    let consumers = consumers(view, entry);
    let Some(spoken_to) = named.iter().find(|guest| view.guest(**guest).is_some()) else {
        // On the host itself a script may do anything; a plain reload reaches the host's own programs.
        let words = words(command);
        let plain = matches!(
            words.first().map(String::as_str),
            Some("systemctl" | "service")
        );
        if let (true, Some(guest)) = (plain && named.is_empty(), consumers.first()) {
            found
                .add(
                    "PX032",
                    format!("found a hook of {} that speaks to the host, expected {guest}, which uses the files", entry.common_name),
                )
                .value(field);
        }
        return;
    };
    if consumers.iter().any(|guest| named.contains(guest)) {
        return;
    }
    let open = match consumers.first() {
        Some(consumer) => found.add(
            "PX032",
            format!(
                "found a hook of {} that speaks to {spoken_to}, expected {consumer}, which uses the files",
                entry.common_name
            ),
        ),
        None => found.add(
            "PX032",
            format!(
                "found a hook of {} that speaks to {spoken_to}, which never gets the files: they stay on the host",
                entry.common_name
            ),
        ),
    };
    open.value(field);
}

fn deeds<'m>(entry: &Entry, command: &HookCommand, field: Cursor<'m>, found: &mut Found<'m>) {
    let text = command.to_string();
    let tokens: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || "'\";()".contains(c))
        .filter(|token| !token.is_empty())
        .collect();
    let name = &entry.common_name;
    let reloads = tokens.windows(3).any(|words| {
        words[0].ends_with("systemctl")
            && words[1].starts_with("reload")
            && !words[1].contains("restart")
            && matches!(words[2], "docker" | "docker.service")
    });
    if reloads {
        found
            .add(
                "PX036",
                format!("found a hook of {name} that reloads docker, expected a restart"),
            )
            .value(field);
    }
    if waits(&tokens) {
        found
            .add(
                "PX033",
                format!("found a loop without end in the hook of {name}, expected no waiting"),
            )
            .value(field);
    }
    if let Some(what) = talk(command) {
        found
            .add("PX034", format!("found a hook of {name} that {what}"))
            .value(field);
    } else if matches!(command, HookCommand::Shell(_)) {
        found
            .add(
                "PX035",
                format!("found a hook of {name} that only a shell can read, expected plain words"),
            )
            .value(field);
    }
}

/// A loop that nothing ends but what it waits for.
fn waits(tokens: &[&str]) -> bool {
    let has = |words: &[&str]| tokens.iter().any(|token| words.contains(token));
    let loops = has(&["while", "until"]) && has(&["do"]);
    let counts = has(&[
        "timeout", "-lt", "-le", "-gt", "-ge", "break", "seq", "read", "SECONDS",
    ]) || tokens
        .iter()
        .any(|token| token.contains("((") || token.contains("SECONDS"));
    let follows = tokens
        .windows(2)
        .any(|pair| pair[0] == "tail" && pair[1].starts_with("-f"));
    loops && !counts || follows
}

/// What a hook does that does nothing but print.
fn talk(command: &HookCommand) -> Option<&'static str> {
    let words = words(command);
    let inner = inner(&words);
    let line = match inner {
        [shell, flag, script, ..]
            if is_shell(shell) && flag.starts_with('-') && flag.ends_with('c') =>
        {
            script.clone()
        }
        _ => shell_words::join(inner),
    };
    let line = match command {
        HookCommand::Shell(line) => line.clone(),
        HookCommand::Argv(_) => line,
    };
    let mut parts = line
        .split([';', '&', '|', '\n'])
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .peekable();
    parts.peek()?;
    let prints = |part: &str| {
        let first = part.split_whitespace().next().unwrap_or("");
        matches!(
            first.rsplit('/').next().unwrap_or(first),
            "echo" | "printf" | "true" | ":" | "logger"
        )
    };
    if !parts.all(prints) {
        return None;
    }
    Some(if line.contains('>') {
        "writes a file with `echo`"
    } else {
        "only prints"
    })
}

/// The command that runs inside a guest, or the whole where it runs on the host.
fn inner(words: &[String]) -> &[String] {
    let in_guest = matches!(words.first().map(|word| program(word)), Some("pct" | "qm"));
    match words.iter().position(|word| word == "--") {
        Some(at) if in_guest => &words[at + 1..],
        _ => words,
    }
}

fn is_shell(word: &str) -> bool {
    matches!(program(word), "sh" | "bash" | "dash")
}

fn program(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

fn words(command: &HookCommand) -> Vec<String> {
    match command {
        HookCommand::Argv(words) => words.clone(),
        HookCommand::Shell(line) => line.split_whitespace().map(str::to_owned).collect(),
    }
}

/// The guests that `pct VERB ID` and `qm [guest] VERB ID` name.
fn named(command: &HookCommand) -> Vec<GuestId> {
    let words = words(command);
    let id = |kind: GuestKind, index: usize| {
        let word = words.get(index)?;
        let id = word.trim_end_matches(';').parse::<u32>().ok()?;
        Some(GuestId { kind, id })
    };
    let mut found = Vec::new();
    for (index, word) in words.iter().enumerate() {
        match program(word) {
            "pct" => found.extend(id(GuestKind::Lxc, index + 2)),
            "qm" if words.get(index + 1).is_some_and(|word| word == "guest") => {
                found.extend(id(GuestKind::Vm, index + 3));
            }
            "qm" => found.extend(id(GuestKind::Vm, index + 2)),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(line: &str) -> HookCommand {
        HookCommand::of_line(line).unwrap()
    }

    #[test]
    fn a_hook_that_only_prints_is_seen_through_guests_and_shells() {
        for (line, expected) in [
            ("echo done", Some("only prints")),
            ("pct exec 101 -- /bin/echo done", Some("only prints")),
            (
                "qm guest exec 1001 -- bash -c 'echo a; true'",
                Some("only prints"),
            ),
            (
                "pct exec 101 -- sh -c 'echo x > /etc/y'",
                Some("writes a file with `echo`"),
            ),
            ("echo a && systemctl reload nginx", None),
            ("systemctl reload nginx", None),
        ] {
            assert_eq!(talk(&command(line)), expected, "{line}");
        }
    }

    #[test]
    fn only_loops_that_nothing_ends_wait_for_ever() {
        let waits = |line: &str| {
            let text = command(line).to_string();
            let tokens: Vec<&str> = text
                .split(|c: char| c.is_whitespace() || "'\";()".contains(c))
                .filter(|token| !token.is_empty())
                .collect();
            waits(&tokens)
        };
        assert!(waits("bash -c 'while [ ! -f /x ]; do sleep 1; done'"));
        assert!(waits(
            "bash -c 'until curl -s http://x; do sleep 1; done; systemctl reload y'"
        ));
        assert!(!waits(
            "bash -c 'n=0; while [ $n -lt 10 ]; do n=$((n+1)); sleep 1; done'"
        ));
        assert!(!waits(
            "timeout 60 bash -c 'while ! test -f /x; do sleep 1; done'"
        ));
        assert!(!waits("bash -c 'for f in a b; do cp $f /x; done'"));
    }

    #[test]
    fn guests_are_named_by_pct_and_qm() {
        assert_eq!(
            named(&command(
                "pct exec 101 -- true && /usr/sbin/qm guest exec 1001 -- true; qm reboot 7"
            )),
            [GuestId::lxc(101), GuestId::vm(1001), GuestId::vm(7)]
        );
    }
}
