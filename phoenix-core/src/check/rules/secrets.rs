//! Passwords and tokens: in configuration, and in files that everybody reads.

use std::path::{Path, PathBuf};

use super::{Found, View};
use crate::diagnostic::Place;
use crate::document::{Cursor, Document, Entry};
use crate::model::Model;

pub(in crate::check) fn check<'m>(view: &View<'m>, found: &mut Found<'m>) {
    for (path, at) in secret_files(view.model) {
        let Some(mode) = view
            .facts
            .modes
            .get(&path)
            .filter(|mode| mode.open_to_others())
        else {
            continue;
        };
        let open = found.add(
            "PX051",
            format!(
                "found mode {mode} of {}, expected one that others cannot read",
                path.display()
            ),
        );
        open.place(Place::file(&path));
        if let Some(at) = at {
            open.and_value(at, "named here");
        }
        open.help(format!("chmod 600 {}", path.display()));
    }
    for path in &view.facts.scripts {
        found
            .add(
                "PX049",
                "found an old script that writes over what Phoenix did when it is run",
            )
            .place(Place::file(path));
    }
    for file in &view.facts.cron {
        let text = String::from_utf8_lossy(&file.bytes);
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            let bare = line.trim();
            if !bare.starts_with('#') && bare.contains(OLD_MANAGER) {
                found
                    .add("PX049", "found a cron line that runs the old renewal manager, which writes over what Phoenix did")
                    .place(Place::new(&file.path, &text, start..start + line.trim_end().len()))
                    .help("phoenix migrate docker-tls --disarm");
            }
            start += line.len();
        }
    }
}

/// A member that holds a secret.
pub(super) fn value<'m>(document: &'m Document, entry: &Entry<'m>, found: &mut Found<'m>) {
    if is_secret(entry) {
        found
            .add(
                "PX050",
                format!(
                    "found a value for `{}`, expected it in a file that only root reads",
                    entry.key
                ),
            )
            .at_secret(document, entry.value.node());
    }
}

/// Every member of every object, in the order of the file.
fn walk<'m>(document: &'m Document, see: &mut impl FnMut(Entry<'m>)) {
    let mut open = vec![document.root()];
    while let Some(cursor) = open.pop() {
        let first = open.len();
        for entry in cursor.entries() {
            open.push(entry.value);
            see(entry);
        }
        open.extend(cursor.items());
        open[first..].reverse();
    }
}

/// Whether a member holds a password or token itself, and not where it lies.
fn is_secret(entry: &Entry<'_>) -> bool {
    if !may_name_secret(&entry.key) || !names_secret(&entry.key) {
        return false;
    }
    let Some(value) = entry.value.as_str() else {
        return false;
    };
    let value = value.trim();
    !(value.is_empty()
        || PLACEHOLDERS.iter().any(|word| value.eq_ignore_ascii_case(word))
        // A path, or a value that is filled in elsewhere.
        || value.starts_with(['/', '$', '<'])
        || value.contains("{{"))
}

/// A quick look by the end of the name: most names are none.
fn may_name_secret(key: &str) -> bool {
    let key = key.as_bytes();
    let ends = |word: &[u8]| {
        key.len() >= word.len() && key[key.len() - word.len()..].eq_ignore_ascii_case(word)
    };
    match key.last().map(u8::to_ascii_lowercase) {
        Some(b'd') => ends(b"password") || ends(b"passwd"),
        Some(b'e') => ends(b"passphrase"),
        Some(b't') => ends(b"secret"),
        Some(b'n') => ends(b"token"),
        Some(b'y') => ends(b"key"),
        _ => false,
    }
}

fn names_secret(key: &str) -> bool {
    let words = words(key);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let Some(last) = words.last() else {
        return false;
    };
    let secret = |word: &str| {
        matches!(
            word,
            "password" | "passwd" | "passphrase" | "secret" | "token" | "apikey"
        )
    };
    let pair = |a: &str, b: &str| words.windows(2).any(|pair| pair == [a, b]);
    let keys = pair("api", "key")
        || pair("private", "key")
        || pair("access", "key")
        || pair("secret", "key");
    secret(last) || keys && *last == "key"
}

/// The words of `admin_password`, `adminPassword` and `admin-password`, in lower case.
fn words(key: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut lower = false;
    for c in key.chars() {
        if !c.is_alphanumeric() || lower && c.is_uppercase() {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        lower = c.is_lowercase() || c.is_numeric();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Files of the host that hold secrets, with what names them.
pub(in crate::check) fn secret_files(model: &Model) -> Vec<(PathBuf, Option<Cursor<'_>>)> {
    let mut files: Vec<(PathBuf, Option<Cursor<'_>>)> = Vec::new();
    walk(&model.documents.host, &mut |entry| {
        let path = entry.value.as_str();
        let Some(path) = path.filter(|path| path.starts_with('/')) else {
            return;
        };
        let name = entry
            .key
            .strip_suffix("_file")
            .or_else(|| entry.key.strip_suffix("_path"));
        if name.is_some_and(names_secret) {
            files.push((PathBuf::from(path.as_ref()), Some(entry.value)));
        }
    });
    let settings = &model.settings;
    let stated = [&settings.ca.password_file, &settings.portainer_api_key_file];
    files.extend(
        stated
            .into_iter()
            .flatten()
            .map(|path| (path.clone(), None)),
    );
    for located in &model.manifest.entries {
        let cursor = model.documents.manifest.cursor(located.node);
        files.push((located.value.key_path.clone(), cursor.get("key_path")));
    }
    let ca = model.ca_hints().ca_mounts;
    files.extend(ca.iter().map(|dir| (dir.join(Path::new(PASSWORD)), None)));
    files
}

/// What stands where a value is still to come.
const PLACEHOLDERS: &[&str] = &["NOT_SET", "none", "null", "todo", "unset", "-"];
/// The old manager, as the cron file calls it.
const OLD_MANAGER: &str = "certificate-renewal-manager.sh";
/// Where the old scripts keep the provisioner's password, in a directory of the CA.
const PASSWORD: &str = "provisioner_password.txt";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_told_from_names_like_them() {
        for key in [
            "password",
            "admin_password",
            "apiKey",
            "hf_token",
            "PORTAINER-TOKEN",
            "privateKey",
        ] {
            assert!(may_name_secret(key) && names_secret(key), "{key}");
        }
        for key in [
            "password_file",
            "tokenizer",
            "max_tokens",
            "password_hash",
            "key_path",
            "ssh_public_key",
            "key",
            "secrets",
        ] {
            assert!(!names_secret(key), "{key}");
        }
    }
}
