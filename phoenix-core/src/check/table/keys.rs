//! Who can read keys and passwords.

use super::{HOST, LXCS, MANIFEST, Needs, Rule, Severity, example, rule};

pub(super) const RULES: &[Rule] = &[
    Rule {
        severity: Severity::Warning,
        why: "`permissions` are the certificate's; the key gets a narrower mode than they say.",
        mend: "State `key_permissions`.",
        example: example(
            MANIFEST,
            "\"permissions\": \"644\",\n        \"key_permissions\": \"640\"",
            "\"permissions\": \"644\"",
        ),
        fixable: true,
        ..rule(
            "PX010",
            "permissions-open-key",
            "permissions would open the key",
        )
    },
    Rule {
        severity: Severity::Warning,
        why: "Every program of that group reads the key, or may replace it.",
        mend: "State `key_permissions` 600, or a group that only the consumer is in and no right to write.",
        example: example(
            MANIFEST,
            r#""key_permissions": "640""#,
            r#""key_permissions": "660""#,
        ),
        fixable: true,
        ..rule(
            "PX027",
            "key-open-to-group",
            "the key is open to a group that it should not be open to",
        )
    },
    Rule {
        why: "Every guest that mounts the directory can read the key: unprivileged containers share their shifted ids.",
        mend: "Give the key a directory that only its consumer mounts.",
        example: example(
            LXCS,
            r#"{"host_path": "/mnt/pve/tank/lxc-persistent-data/103/ssl","#,
            r#"{"host_path": "/mnt/pve/tank/lxc-persistent-data", "container_path": "/mnt/all"}, {"host_path": "/mnt/pve/tank/lxc-persistent-data/103/ssl","#,
        ),
        ..rule(
            "PX028",
            "key-in-shared-directory",
            "a guest can read a key that is not for it",
        )
    },
    Rule {
        severity: Severity::Warning,
        why: "Whoever may mount the export, or poses as one of its clients, reads the key: NFS here knows addresses, not users.",
        mend: "Keep the pair in a directory of the host that only root reads, and deliver it with `deploy`.",
        example: example(
            MANIFEST,
            r#""key_path": "/etc/phoenix/pairs/docker-daemon/server-key.pem""#,
            r#""key_path": "/mnt/pve/tank/vm-persistent-data/1001/server-key.pem""#,
        ),
        fixable: true,
        ..rule(
            "PX029",
            "key-on-nfs-export",
            "a key lies on a file system exported by NFS",
        )
    },
    Rule {
        why: "Inside of an unprivileged container only ids from 0 to 65535 exist, beside those of `id_maps`: the files could not be given to this owner.",
        mend: "Name the owner by the container's own names or ids.",
        example: example(
            MANIFEST,
            r#""owner": "root:www-data""#,
            r#""owner": "100000:100033""#,
        ),
        ..rule(
            "PX030",
            "owner-not-in-container",
            "an owner does not exist inside of the container",
        )
    },
    Rule {
        severity: Severity::Warning,
        why: "The same directory under two names: rules about paths, backups and people see two, and one of them is forgotten at the next move.",
        mend: "Use one of them everywhere.",
        example: example(
            HOST,
            r#""path": "/mnt/pve/tank/vm-persistent-data""#,
            r#""path": "/tank/vm-persistent-data""#,
        ),
        ..rule(
            "PX031",
            "dataset-by-two-paths",
            "one dataset is named by two paths",
        )
    },
    Rule {
        severity: Severity::Warning,
        why: "Configuration is copied, shown and backed up; whoever sees it has the password.",
        mend: "Put it into a file that only root reads, and change it: it was readable.",
        example: example(
            HOST,
            r#""admin_password_file": "/etc/phoenix/portainer_password""#,
            r#""admin_password": "correct horse""#,
        ),
        ..rule(
            "PX050",
            "password-in-configuration",
            "a password or token stands in the configuration",
        )
    },
    Rule {
        needs: Needs::Host,
        why: "Every program of the host reads the secret.",
        mend: "`chmod 600`, and change the secret: it was readable.",
        example: example(
            "modes of files",
            "600 /usr/local/phoenix_hypervisor/etc/docker_token.conf",
            "644 /usr/local/phoenix_hypervisor/etc/docker_token.conf",
        ),
        ..rule(
            "PX051",
            "secret-file-readable",
            "a file with a secret is readable by everybody",
        )
    },
    Rule {
        why: "Root in such a guest reads the provisioner's password and gets any certificate, or replaces the root that others trust.",
        mend: "Mount only a copy of the root's certificate into other guests, or trust it by its fingerprint.",
        example: example(
            LXCS,
            r#"{"host_path": "/mnt/pve/tank/lxc-persistent-data/101/ssl","#,
            r#"{"host_path": "/mnt/pve/tank/lxc-persistent-data/103/ssl", "container_path": "/etc/step-ca/ssl"}, {"host_path": "/mnt/pve/tank/lxc-persistent-data/101/ssl","#,
        ),
        ..rule(
            "PX052",
            "ca-directory-shared",
            "other guests mount the CA's directory",
        )
    },
];
