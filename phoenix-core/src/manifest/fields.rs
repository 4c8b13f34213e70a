//! Decodes the manifest: every historic form, all faults at once.

use std::collections::BTreeSet;
use std::path::{Component, PathBuf};
use std::time::Duration;

use super::table::{ENTRY_FIELDS, HOOK_FIELDS, TARGET_FIELDS, VERIFY_FIELDS};
use super::{
    CertType, Entry, Hook, HookCommand, OldDelivery, Target, Verification, derived_key_mode,
};
use crate::diagnostic::{Fault, Faults};
use crate::document::{Cursor, Decode, Fields, Kind, Located, parsed, wrong_type};
use crate::names::{CommonName, FileMode, GuestId, GuestKind, Owner, SubjectAltName};
use crate::time::{GoDuration, RenewBefore};
use crate::x509::KeyType;

/// Reads all entries; a faulty one is left out and its faults reported.
pub(super) fn entries(root: Cursor<'_>, faults: &mut Faults) -> Vec<Located<Entry>> {
    if root.kind() != Kind::Array {
        faults.push(wrong_type(root, "an array of certificates"));
        return Vec::new();
    }
    root.items()
        .filter_map(|item| Located::<Entry>::decode(item, faults))
        .collect()
}

impl Decode for Entry {
    fn decode(cursor: Cursor<'_>, faults: &mut Faults) -> Option<Self> {
        let before = faults.len();
        let fields = Fields::open(cursor, faults)?;
        let common_name: Option<CommonName> = fields.required_with("common_name", faults, name);
        let sans = fields
            .optional_with("sans", faults, sans)
            .unwrap_or_default();
        let cert_path = fields.required_with("cert_path", faults, absolute);
        let key_path = fields.required_with("key_path", faults, absolute);
        let ca_path = fields.optional_with("ca_path", faults, absolute);
        let (owner, cert_mode, key_mode) = access(&fields, faults);
        let cert_type = fields
            .optional_with("cert_type", faults, cert_type)
            .unwrap_or_default();
        let validity = fields.optional_with("validity", faults, duration);
        let renew_before = fields.optional_with("renew_before", faults, window);
        let key_type: Option<KeyType> =
            fields.optional_with("key_type", faults, |c, f| parsed(c, "key-type", f));
        let deploy = fields
            .optional::<Vec<Target>>("deploy", faults)
            .unwrap_or_default();
        let hook = hook(&fields, faults);
        let old_delivery = old_delivery(&fields, faults);
        let after = fields
            .optional_with("after", faults, after)
            .unwrap_or_default();
        let keep = fields.optional_with("keep", faults, keep);
        let rekey = fields
            .optional_with("rekey", faults, |c, f| parsed(c, "rekey", f))
            .unwrap_or_default();
        let verify = fields.optional::<Verification>("verify", faults);
        fields.finish_table(ENTRY_FIELDS, faults);
        if faults
            .iter()
            .skip(before)
            .any(|fault| fault.severity == crate::diagnostic::Severity::Error)
        {
            return None;
        }
        let common_name = common_name?;
        let mut names = sans;
        names.extend(common_name.as_dns());
        Some(Self {
            common_name,
            names,
            cert_path: cert_path?,
            key_path: key_path?,
            ca_path,
            owner,
            cert_mode,
            key_mode,
            cert_type,
            validity,
            renew_before,
            key_type: key_type.unwrap_or_default(),
            deploy,
            hook,
            old_delivery,
            after,
            keep,
            rekey,
            verify,
        })
    }
}

impl Decode for Verification {
    fn decode(cursor: Cursor<'_>, faults: &mut Faults) -> Option<Self> {
        let fields = Fields::open(cursor, faults)?;
        let address = fields.required_with("address", faults, |c, f| parsed(c, "address", f));
        let server_name = fields.optional_with("server_name", faults, host);
        let client = fields.optional_with("client", faults, name);
        fields.finish_table(VERIFY_FIELDS, faults);
        Some(Self {
            address: address?,
            server_name,
            client,
        })
    }
}

impl Decode for Target {
    fn decode(cursor: Cursor<'_>, faults: &mut Faults) -> Option<Self> {
        let fields = Fields::open(cursor, faults)?;
        let guest: Option<GuestId> =
            fields.required_with("guest", faults, |c, f| parsed(c, "guest", f));
        let cert = fields.required_with("cert", faults, absolute);
        let key = fields.required_with("key", faults, absolute);
        let ca = fields.optional_with("ca", faults, absolute);
        let (owner, cert_mode, key_mode) = access(&fields, faults);
        fields.finish_table(TARGET_FIELDS, faults);
        Some(Self {
            guest: guest?,
            cert: cert?,
            key: key?,
            ca,
            owner,
            cert_mode,
            key_mode,
        })
    }
}

/// `owner`, `permissions` and `key_permissions`.
fn access(fields: &Fields<'_>, faults: &mut Faults) -> (Owner, FileMode, FileMode) {
    let owner = fields
        .optional_with("owner", faults, |c, f| parsed(c, "owner", f))
        .unwrap_or_else(Owner::root);
    let stated: Option<FileMode> =
        fields.optional_with("permissions", faults, |c, f| parsed(c, "mode", f));
    let key: Option<FileMode> =
        fields.optional_with("key_permissions", faults, |c, f| parsed(c, "mode", f));
    if let (Some(mode), Some(at)) = (key, fields.value("key_permissions"))
        && mode.open_to_others()
    {
        faults.push(
            Fault::error(
                "key-mode",
                format!("found key_permissions {mode}, which opens the key to everybody"),
            )
            .at(at.place())
            .help("600, or 640 with a group of its own"),
        );
    }
    let key = key
        .unwrap_or_else(|| stated.map_or(FileMode::PRIVATE, |mode| derived_key_mode(mode, &owner)));
    (owner, stated.unwrap_or(FileMode::PUBLIC), key)
}

fn name(cursor: Cursor<'_>, faults: &mut Faults) -> Option<CommonName> {
    parsed(cursor, "common-name", faults)
}

/// A text or an array of texts; the old manager wrote an empty text for "none".
#[expect(
    clippy::unnecessary_wraps,
    reason = "has the form of every field's reader"
)]
fn sans(cursor: Cursor<'_>, faults: &mut Faults) -> Option<BTreeSet<SubjectAltName>> {
    let single = [cursor];
    let items: Vec<Cursor<'_>> = if cursor.kind() == Kind::Array {
        cursor.items().collect()
    } else {
        single.into()
    };
    let mut names = BTreeSet::new();
    for item in items {
        if item.as_str().is_some_and(|text| text.is_empty()) {
            continue;
        }
        names.extend(parsed::<SubjectAltName>(item, "san", faults));
    }
    Some(names)
}

/// A DNS name without `*`, or an address.
fn host(cursor: Cursor<'_>, faults: &mut Faults) -> Option<SubjectAltName> {
    let name: SubjectAltName = parsed(cursor, "san", faults)?;
    match &name {
        SubjectAltName::Ip(_) => return Some(name),
        SubjectAltName::Dns(text) if !text.starts_with('*') => return Some(name),
        _ => {}
    }
    let message = format!("found {name}, expected a DNS name without `*` or an address");
    faults.push(Fault::error("server-name", message).at(cursor.place()));
    None
}

/// An absolute path without `..`.
fn absolute(cursor: Cursor<'_>, faults: &mut Faults) -> Option<PathBuf> {
    let text = String::decode(cursor, faults)?;
    let path = PathBuf::from(&text);
    let plain = path
        .components()
        .all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    if path.is_absolute()
        && plain
        && path.file_name().is_some()
        && !text.ends_with('/')
        && !text.contains('\0')
    {
        return Some(path);
    }
    faults.push(
        Fault::error(
            "path",
            format!("found the path {text:?}, expected an absolute one to a file, without `..`"),
        )
        .at(cursor.place()),
    );
    None
}

/// A duration that is longer than none.
fn duration(cursor: Cursor<'_>, faults: &mut Faults) -> Option<GoDuration> {
    let duration: GoDuration = parsed(cursor, "duration", faults)?;
    if duration.0.is_zero() {
        faults.push(zero(cursor));
        return None;
    }
    Some(duration)
}

fn window(cursor: Cursor<'_>, faults: &mut Faults) -> Option<RenewBefore> {
    let window = parsed(cursor, "duration", faults)?;
    if matches!(window, RenewBefore::Duration(duration) if duration.0.is_zero()) {
        faults.push(zero(cursor));
        return None;
    }
    Some(window)
}

fn zero(cursor: Cursor<'_>) -> Fault {
    Fault::error(
        "duration",
        format!("found {}, expected a longer time", cursor.literal()),
    )
    .at(cursor.place())
}

fn cert_type(cursor: Cursor<'_>, faults: &mut Faults) -> Option<CertType> {
    match String::decode(cursor, faults)?.as_str() {
        "server" => Some(CertType::Server),
        "client" => Some(CertType::Client),
        other => {
            faults.push(
                Fault::error(
                    "cert-type",
                    format!("found cert_type {other:?}, expected `server` or `client`"),
                )
                .at(cursor.place()),
            );
            None
        }
    }
}

fn after(cursor: Cursor<'_>, faults: &mut Faults) -> Option<Vec<CommonName>> {
    if cursor.kind() != Kind::Array {
        faults.push(wrong_type(cursor, "an array of names"));
        return None;
    }
    Some(
        cursor
            .items()
            .filter_map(|item| name(item, faults))
            .collect(),
    )
}

fn keep(cursor: Cursor<'_>, faults: &mut Faults) -> Option<usize> {
    let count = cursor
        .as_u64()
        .and_then(|count| usize::try_from(count).ok())
        .filter(|count| (1..=100).contains(count));
    if count.is_none() {
        let message = format!(
            "found keep {}, expected a whole number from 1 to 100",
            cursor.literal()
        );
        faults.push(Fault::error("keep", message).at(cursor.start_place()));
    }
    count
}

/// `hook`, or the older `post_renewal_command`; both together are a fault.
fn hook(fields: &Fields<'_>, faults: &mut Faults) -> Option<Hook> {
    let old = fields.optional_with("post_renewal_command", faults, command);
    let Some(value) = fields.value("hook") else {
        return old.flatten().map(|command| Hook {
            command,
            timeout: Hook::TIMEOUT,
            only_if_running: false,
        });
    };
    if fields.value("post_renewal_command").is_some() {
        faults.push(
            Fault::error(
                "two-hooks",
                "found both `hook` and `post_renewal_command`, expected one",
            )
            .at(value.start_place()),
        );
    }
    let inner = Fields::open(value, faults)?;
    let command = inner.required_with("command", faults, command);
    let timeout = inner.optional_with("timeout", faults, duration);
    let only_if_running = inner
        .optional::<bool>("only_if_running", faults)
        .unwrap_or(false);
    inner.finish_table(HOOK_FIELDS, faults);
    Some(Hook {
        command: command.flatten()?,
        timeout: timeout.map_or(Hook::TIMEOUT, |duration| {
            duration.0.max(Duration::from_secs(1))
        }),
        only_if_running,
    })
}

/// A line or an argument vector; empty ones mean no hook.
#[expect(
    clippy::option_option,
    reason = "faulty, or read and empty: two things"
)]
fn command(cursor: Cursor<'_>, faults: &mut Faults) -> Option<Option<HookCommand>> {
    if cursor.kind() == Kind::Array {
        let words = Vec::<String>::decode(cursor, faults)?;
        let program = cursor.items().next().zip(words.first());
        if let Some((at, _)) = program.filter(|(_, word)| word.trim().is_empty()) {
            faults.push(
                Fault::error("hook-program", "found no program, expected its name first")
                    .at(at.place()),
            );
            return None;
        }
        if no_nul(cursor, words.iter(), faults) {
            return Some((!words.is_empty()).then_some(HookCommand::Argv(words)));
        }
        return None;
    }
    let line = String::decode(cursor, faults)?;
    if !no_nul(cursor, [&line], faults) {
        return None;
    }
    if line.trim().is_empty() {
        return Some(None);
    }
    let command = HookCommand::of_line(&line);
    if command.is_none() {
        faults.push(
            Fault::error(
                "hook-quotes",
                "found a command with an open quote, expected one that a shell can read",
            )
            .at(cursor.place()),
        );
    }
    Some(command)
}

/// No program can be given one.
fn no_nul<'t>(
    cursor: Cursor<'_>,
    words: impl IntoIterator<Item = &'t String>,
    faults: &mut Faults,
) -> bool {
    let clean = words.into_iter().all(|word| !word.contains('\0'));
    if !clean {
        faults.push(
            Fault::error(
                "hook-nul",
                "found a NUL character in a command, expected none",
            )
            .at(cursor.start_place()),
        );
    }
    clean
}

/// `guest_id` with `guest_type`.
fn old_delivery(fields: &Fields<'_>, faults: &mut Faults) -> Option<OldDelivery> {
    let include_ca = fields
        .optional::<bool>("include_ca", faults)
        .unwrap_or(false);
    let kind = fields.optional_with("guest_type", faults, |cursor, faults| match String::decode(
        cursor, faults,
    )?
    .as_str()
    {
        "lxc" => Some(GuestKind::Lxc),
        "vm" => Some(GuestKind::Vm),
        other => {
            faults.push(
                Fault::error(
                    "guest-type",
                    format!("found guest_type {other:?}, expected `lxc` or `vm`"),
                )
                .at(cursor.place()),
            );
            None
        }
    });
    let id = fields.optional_with("guest_id", faults, |cursor, faults| {
        let id = cursor
            .as_u64()
            .and_then(|id| u32::try_from(id).ok())
            .or_else(|| cursor.as_str()?.parse::<u32>().ok());
        if id.is_none() {
            faults.push(
                Fault::error(
                    "guest-id",
                    format!(
                        "found guest_id {}, expected a whole number",
                        cursor.literal()
                    ),
                )
                .at(cursor.place()),
            );
        }
        id
    });
    match (kind, id) {
        (Some(kind), Some(id)) => Some(OldDelivery {
            guest: GuestId { kind, id },
            include_ca,
        }),
        (None, None) => None,
        _ => {
            let lonely = fields
                .value("guest_id")
                .or_else(|| fields.value("guest_type"));
            // A half that is there and faulty was reported already.
            if fields.value("guest_id").is_none() || fields.value("guest_type").is_none() {
                let at = lonely.unwrap_or_else(|| fields.cursor());
                faults.push(
                    Fault::error(
                        "old-delivery",
                        "found one of `guest_id` and `guest_type`, expected both or none",
                    )
                    .at(at.place()),
                );
            }
            None
        }
    }
}
