//! The fields of the manifest: what decoding, help, `manifest set` and the JSON Schema know of them.

use crate::document::{FieldInfo, FieldKind, TextForm};

/// The fields of a manifest entry, in the order of a new one.
pub const ENTRY_FIELDS: &[FieldInfo] = &[
    required(
        "common_name",
        FieldKind::Text(&COMMON_NAME),
        "Identity of the entry; always requested as a DNS SAN too when it is a valid DNS name.",
    ),
    optional(
        "sans",
        FieldKind::TextOrTexts(&NAME),
        "none",
        "Further names of the certificate.",
    ),
    optional(
        "cert_type",
        FieldKind::Choice(&["server", "client"]),
        "server",
        "The extended key usage that the leaf must contain.",
    ),
    required(
        "cert_path",
        FieldKind::Text(&PATH),
        "The chain, leaf first, on the host.",
    ),
    required(
        "key_path",
        FieldKind::Text(&PATH),
        "The private key on the host.",
    ),
    optional(
        "ca_path",
        FieldKind::Text(&PATH),
        "none",
        "Where the root is written on the host, too.",
    ),
    optional(
        "owner",
        FieldKind::Text(&OWNER),
        "root:root",
        "Owner of the files.",
    ),
    optional(
        "permissions",
        FieldKind::Text(&MODE),
        "644",
        "Mode of the certificate; of the key too, unless it opens it to group or others.",
    ),
    optional(
        "key_permissions",
        FieldKind::Text(&KEY_MODE),
        "derived from `permissions`; 600 without it",
        "Mode of the key.",
    ),
    optional(
        "post_renewal_command",
        FieldKind::TextOrTexts(&COMMAND),
        "none",
        "What is run after a deployment; an array is executed as it is.",
    ),
    optional(
        "hook",
        FieldKind::Object(HOOK_FIELDS),
        "none",
        "What is run after a deployment, with its limits; instead of `post_renewal_command`.",
    ),
    optional(
        "guest_id",
        FieldKind::Number,
        "none",
        "Old delivery into `/tmp` of a guest: its number.",
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
        "validity",
        FieldKind::Text(&DURATION),
        "the CA's default",
        "How long the leaf shall live.",
    ),
    optional(
        "renew_before",
        FieldKind::Text(&WINDOW),
        "the site's `renewal.before`; 1/3 without it",
        "When the certificate becomes due.",
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
        "none",
        "Further places of the pair, inside guests.",
    ),
    optional(
        "after",
        FieldKind::Texts(&COMMON_NAME),
        "none",
        "Entries that must have been deployed before.",
    ),
    optional(
        "keep",
        FieldKind::Integer { min: 1, max: 100 },
        "the site's `deploy.keep`; 1 without it",
        "How many previous versions are kept.",
    ),
    optional(
        "rekey",
        FieldKind::Text(&REKEY),
        "never",
        "When the key is replaced: `never`, `always` (with each new certificate), or when it is this old.",
    ),
    optional(
        "verify",
        FieldKind::Object(VERIFY_FIELDS),
        "none",
        "Where the served leaf can be seen: a deployment counts only when the new one was seen there.",
    ),
];

/// The fields of `verify`.
pub(super) const VERIFY_FIELDS: &[FieldInfo] = &[
    required(
        "address",
        FieldKind::Text(&ADDRESS),
        "Where it is served, as the host reaches it.",
    ),
    optional(
        "server_name",
        FieldKind::Text(&HOST),
        "the host of `address`",
        "The name that is asked for.",
    ),
    optional(
        "client",
        FieldKind::Text(&COMMON_NAME),
        "none",
        "The entry whose pair is shown, where the server asks for a client certificate.",
    ),
];

/// The fields of one place in `deploy`.
pub(super) const TARGET_FIELDS: &[FieldInfo] = &[
    required("guest", FieldKind::Text(&GUEST), "The guest."),
    required(
        "cert",
        FieldKind::Text(&PATH),
        "The chain, leaf first, in the guest.",
    ),
    required(
        "key",
        FieldKind::Text(&PATH),
        "The private key in the guest.",
    ),
    optional(
        "ca",
        FieldKind::Text(&PATH),
        "none",
        "Where the root is written in the guest, too.",
    ),
    optional(
        "owner",
        FieldKind::Text(&OWNER),
        "root:root",
        "Owner, by the guest's names.",
    ),
    optional(
        "permissions",
        FieldKind::Text(&MODE),
        "644",
        "Mode of certificate and root.",
    ),
    optional(
        "key_permissions",
        FieldKind::Text(&KEY_MODE),
        "derived from `permissions`; 600 without it",
        "Mode of the key.",
    ),
];

/// The fields of `hook`.
pub(super) const HOOK_FIELDS: &[FieldInfo] = &[
    required(
        "command",
        FieldKind::TextOrTexts(&COMMAND),
        "What is run; an array is executed as it is.",
    ),
    optional(
        "timeout",
        FieldKind::Text(&DURATION),
        "2m",
        "How long it may take.",
    ),
    optional(
        "only_if_running",
        FieldKind::Bool,
        "false",
        "Whether it is left out while its guest does not run.",
    ),
];

const ADDRESS: TextForm = TextForm {
    what: "a host and a port such as `10.0.0.111:443`",
    pattern: r"^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+):[0-9]+$",
};

const COMMAND: TextForm = TextForm {
    what: "a command line",
    pattern: r"^[^\u0000]*$",
};

const COMMON_NAME: TextForm = TextForm {
    what: "a name of 1 to 64 characters",
    pattern: r"^[^\s\u0000-\u001f\u007f-\u009f](?:[^\u0000-\u001f\u007f-\u009f]{0,62}[^\s\u0000-\u001f\u007f-\u009f])?$",
};

const DURATION: TextForm = TextForm {
    what: "a duration such as `720h`",
    pattern: r"^(?=.*[1-9])(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:ns|us|µs|ms|s|m|h|d))+$",
};

const GUEST: TextForm = TextForm {
    what: "a guest such as `lxc:102`",
    pattern: r"^(?:lxc|vm):\+?[0-9]+$",
};

const HOST: TextForm = TextForm {
    what: "a DNS name or an IP address",
    pattern: r"^[A-Za-z0-9_.:-]+$",
};

const KEY_MODE: TextForm = TextForm {
    what: "an octal mode that closes the key to others, such as `600`",
    pattern: r"^(?:0o)?0?[0-7]{2,3}0$",
};

const MODE: TextForm = TextForm {
    what: "an octal mode such as `640`",
    pattern: r"^(?:0o)?0?[0-7]{3,4}$",
};

const NAME: TextForm = TextForm {
    what: "a DNS name, a wildcard, an IP address, an e-mail address or a URI",
    pattern: r"^(?:|(?:\*\.)?(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*(?![0-9]+$)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?|[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*|[!-?A-~]+@[A-Za-z0-9_][A-Za-z0-9_.-]*|[A-Za-z][A-Za-z0-9+.-]*://[!-~]+)$",
};

const OWNER: TextForm = TextForm {
    what: "an owner such as `root:www-data`",
    pattern: r"^[A-Za-z0-9_.$][A-Za-z0-9_.$-]*:[A-Za-z0-9_.$][A-Za-z0-9_.$-]*$",
};

const PATH: TextForm = TextForm {
    what: "an absolute path",
    pattern: r"^/(?!(?:[^\u0000]*/)?\.\.(?:/|$))[^\u0000]*[^/\u0000]$",
};

const REKEY: TextForm = TextForm {
    what: "`never`, `always` or an age such as `90d`",
    pattern: r"^(?:never|always|(?=.*[1-9])(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:ns|us|µs|ms|s|m|h|d))+)$",
};

const WINDOW: TextForm = TextForm {
    what: "a duration such as `8h`, or a fraction of the lifetime such as `1/3` or `33%`",
    pattern: r"^(?:(?=.*[1-9])(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:ns|us|µs|ms|s|m|h|d))+|\+?[0-9]+/\+?[0-9]+|\+?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?%?)$",
};

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
