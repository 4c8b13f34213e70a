//! The manifest: modes that open a key, hooks that lead nowhere.

use crate::check::Findings;
use crate::diagnostic::Fault;
use crate::document::Cursor;
use crate::manifest::{Entry, HookCommand};
use crate::model::Model;
use crate::names::GuestId;

pub(crate) fn check(model: &Model, findings: &mut Findings) {
    for located in &model.manifest.entries {
        let entry = &located.value;
        let object = model.documents.manifest.cursor(located.node);
        if let (Some(stated), None) = (object.get("permissions"), object.get("key_permissions"))
            && entry.key_mode != entry.cert_mode
        {
            findings.push(
                Fault::warning(
                    "PX010",
                    format!(
                        "found permissions {} of {}, which would open the key; the key gets {}",
                        entry.cert_mode, entry.common_name, entry.key_mode
                    ),
                )
                .at(stated.place())
                .help(format!("\"key_permissions\": \"{}\"", entry.key_mode)),
            );
        }
        deliveries(model, entry, object, findings);
        let Some(hook) = &entry.hook else {
            continue;
        };
        for guest in named(&hook.command)
            .into_iter()
            .filter(|guest| model.guests.guest(*guest).is_none())
        {
            let field = ["post_renewal_command", "hook"]
                .into_iter()
                .find_map(|name| object.get(name));
            findings.push(
                Fault::error(
                    "PX011",
                    format!(
                        "found {guest} in the hook of {}, expected a guest of the site",
                        entry.common_name
                    ),
                )
                .at(field.unwrap_or(object).place()),
            );
        }
    }
}

/// Guests that get the pair must be there.
fn deliveries(model: &Model, entry: &Entry, object: Cursor<'_>, findings: &mut Findings) {
    let targets = object.get("deploy").into_iter().flat_map(Cursor::items);
    let named = targets.map(|target| target.get("guest").unwrap_or(target));
    let mut all: Vec<(GuestId, Cursor<'_>)> = entry
        .deploy
        .iter()
        .map(|target| target.guest)
        .zip(named)
        .collect();
    let old = entry.old_delivery.as_ref().map(|old| old.guest);
    all.extend(old.zip(object.get("guest_id")));
    for (guest, at) in all {
        if model.guests.guest(guest).is_none() {
            findings.push(
                Fault::error(
                    "PX015",
                    format!(
                        "found {guest} as a place of {}, expected a guest of the site",
                        entry.common_name
                    ),
                )
                .at(at.place()),
            );
        }
    }
}

/// The guests that `pct VERB ID` and `qm [guest] VERB ID` name.
fn named(command: &HookCommand) -> Vec<GuestId> {
    let words: Vec<&str> = match command {
        HookCommand::Argv(words) => words.iter().map(String::as_str).collect(),
        HookCommand::Shell(line) => line.split_whitespace().collect(),
    };
    let id = |index: usize| {
        words
            .get(index)
            .and_then(|word| word.trim_end_matches(';').parse::<u32>().ok())
    };
    let program = |word: &str| word.rsplit('/').next().unwrap_or(word).to_owned();
    let mut found = Vec::new();
    for (index, word) in words.iter().enumerate() {
        match program(word).as_str() {
            "pct" => found.extend(id(index + 2).map(GuestId::lxc)),
            "qm" if words.get(index + 1) == Some(&"guest") => {
                found.extend(id(index + 3).map(GuestId::vm));
            }
            "qm" => found.extend(id(index + 2).map(GuestId::vm)),
            _ => {}
        }
    }
    found
}
