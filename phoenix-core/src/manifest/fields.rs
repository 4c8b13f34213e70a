//! Decodes the manifest from one table of fields: every historic form, all faults at once.

use std::collections::BTreeSet;
use std::path::{Component, PathBuf};
use std::time::Duration;

use super::{CertType, Entry, Hook, HookCommand, OldDelivery, Target, derived_key_mode};
use crate::diagnostic::{Fault, Faults};
use crate::document::{
    Cursor, Decode, FieldInfo, FieldKind, Fields, Kind, Located, parsed, wrong_type,
};
use crate::names::{CommonName, FileMode, GuestId, GuestKind, Owner, SubjectAltName};
use crate::time::GoDuration;
use crate::x509::KeyType;

/// The fields of a manifest entry.
pub const ENTRY_FIELDS: &[FieldInfo] = &[
    required(
        "common_name",
        FieldKind::String,
        "Identity of the entry; always requested as a DNS SAN too when it is a valid DNS name.",
    ),
    optional(
        "sans",
        FieldKind::StringOrStrings,
        "[]",
        "DNS names, wildcards, IP addresses, e-mail addresses or URIs.",
    ),
    required(
        "cert_path",
        FieldKind::String,
        "Absolute path of the chain, leaf first.",
    ),
    required(
        "key_path",
        FieldKind::String,
        "Absolute path of the private key.",
    ),
    optional(
        "ca_path",
        FieldKind::String,
        "none",
        "Absolute path to which the root is written, too.",
    ),
    optional(
        "owner",
        FieldKind::String,
        "root:root",
        "Owner of the files, as `user:group`.",
    ),
    optional(
        "permissions",
        FieldKind::String,
        "644",
        "Octal mode of the certificate; of the key too, unless it opens it to group or others.",
    ),
    optional(
        "key_permissions",
        FieldKind::String,
        "600",
        "Octal mode of the key.",
    ),
    optional(
        "post_renewal_command",
        FieldKind::StringOrStrings,
        "none",
        "What is run after a deployment: a line, or an array that is executed as it is.",
    ),
    optional(
        "guest_id",
        FieldKind::Any,
        "none",
        "Old delivery: the guest's number.",
    ),
    optional(
        "guest_type",
        FieldKind::Choice(&["lxc", "vm"]),
        "none",
        "Old delivery: the guest's kind.",
    ),
    optional(
        "include_ca",
        FieldKind::Bool,
        "false",
        "Old delivery: whether the root is delivered, too.",
    ),
    optional(
        "cert_type",
        FieldKind::Choice(&["server", "client"]),
        "server",
        "The extended key usage that the leaf must contain.",
    ),
    optional(
        "validity",
        FieldKind::String,
        "the CA's default",
        "How long the leaf shall live, such as `720h`.",
    ),
    optional(
        "renew_before",
        FieldKind::String,
        "1/3",
        "When it becomes due: a duration or a fraction of its lifetime.",
    ),
    optional(
        "key_type",
        FieldKind::Choice(&[
            "ec-p256", "ec-p384", "rsa-2048", "rsa-3072", "rsa-4096", "ed25519",
        ]),
        "ec-p256",
        "Type of the private key.",
    ),
    optional(
        "deploy",
        FieldKind::Objects(TARGET_FIELDS),
        "[]",
        "Further places of the pair, inside guests.",
    ),
    optional(
        "hook",
        FieldKind::Object(HOOK_FIELDS),
        "none",
        "What is run after a deployment, with its limits.",
    ),
    optional(
        "after",
        FieldKind::Strings,
        "[]",
        "Names of entries that must have been deployed before.",
    ),
    optional(
        "keep",
        FieldKind::Integer { min: 1, max: 100 },
        "1",
        "Previous versions that are kept.",
    ),
];

/// The fields of one place in `deploy`.
const TARGET_FIELDS: &[FieldInfo] = &[
    required("guest", FieldKind::String, "The guest, such as `lxc:102`."),
    required(
        "cert",
        FieldKind::String,
        "Absolute path of the chain there.",
    ),
    required("key", FieldKind::String, "Absolute path of the key there."),
    optional(
        "ca",
        FieldKind::String,
        "none",
        "Absolute path of the root there.",
    ),
    optional(
        "owner",
        FieldKind::String,
        "root:root",
        "Owner, by the guest's names.",
    ),
    optional(
        "permissions",
        FieldKind::String,
        "644",
        "Octal mode of certificate and root.",
    ),
    optional(
        "key_permissions",
        FieldKind::String,
        "600",
        "Octal mode of the key.",
    ),
];

/// The fields of `hook`.
const HOOK_FIELDS: &[FieldInfo] = &[
    required(
        "command",
        FieldKind::StringOrStrings,
        "A line, or an array that is executed as it is.",
    ),
    optional("timeout", FieldKind::String, "2m", "How long it may take."),
    optional(
        "only_if_running",
        FieldKind::Bool,
        "false",
        "Whether it is left out while its guest does not run.",
    ),
];

const fn required(name: &'static str, kind: FieldKind, doc: &'static str) -> FieldInfo {
    FieldInfo {
        name,
        kind,
        required: true,
        default: None,
        doc,
    }
}

const fn optional(
    name: &'static str,
    kind: FieldKind,
    default: &'static str,
    doc: &'static str,
) -> FieldInfo {
    FieldInfo {
        name,
        kind,
        required: false,
        default: Some(default),
        doc,
    }
}

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
        if let (Some(cert), Some(key)) = (&cert_path, &key_path)
            && cert == key
        {
            let at = fields.value("key_path").unwrap_or(cursor);
            faults.push(
                Fault::error(
                    "manifest-same-path",
                    "found one path for certificate and key, expected two",
                )
                .at(at.place()),
            );
        }
        let ca_path = fields.optional_with("ca_path", faults, absolute);
        let (owner, cert_mode, key_mode) = access(&fields, faults);
        let cert_type = fields
            .optional_with("cert_type", faults, cert_type)
            .unwrap_or_default();
        let validity = fields.optional_with("validity", faults, |c, f| parsed(c, "duration", f));
        let renew_before =
            fields.optional_with("renew_before", faults, |c, f| parsed(c, "duration", f));
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
        let keep = fields.optional_with("keep", faults, keep).unwrap_or(1);
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
    let count = u8::decode(cursor, faults)?;
    if (1..=100).contains(&count) {
        return Some(usize::from(count));
    }
    faults.push(
        Fault::error("keep", format!("found keep {count}, expected 1 to 100")).at(cursor.place()),
    );
    None
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
    let timeout: Option<GoDuration> =
        inner.optional_with("timeout", faults, |c, f| parsed(c, "duration", f));
    let only_if_running = inner
        .optional::<bool>("only_if_running", faults)
        .unwrap_or(false);
    inner.finish_table(HOOK_FIELDS, faults);
    Some(Hook {
        command: command.flatten()?,
        timeout: timeout.map_or(Hook::TIMEOUT, |duration: GoDuration| {
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
        return Some((!words.is_empty()).then_some(HookCommand::Argv(words)));
    }
    let line = String::decode(cursor, faults)?;
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
