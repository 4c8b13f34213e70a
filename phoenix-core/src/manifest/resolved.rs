//! Entries with every default resolved, in the words of the file: what is shown can be read as a manifest again.

use serde::Serialize;

use super::{CertType, Entry, HookCommand, Manifest, ManifestEditError, Target, Verification};
use crate::document::Value;
use crate::names::{CommonName, FileMode, Owner};
use crate::time::{GoDuration, RenewBefore};

/// Entries as they would be written with every default stated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ResolvedManifest {
    /// The entries, in the file's order.
    pub entries: Vec<Value>,
}

impl ResolvedManifest {
    /// All entries; `renew_before` and `keep` are the site's.
    pub fn of(manifest: &Manifest, renew_before: RenewBefore, keep: usize) -> Self {
        let entries = manifest.entries.iter();
        Self {
            entries: entries
                .map(|entry| entry.value.resolved(renew_before, keep))
                .collect(),
        }
    }

    /// The entry of this name alone, case aside.
    ///
    /// # Errors
    ///
    /// [`ManifestEditError::Unknown`] when there is none.
    pub fn only(mut self, name: &CommonName) -> Result<Self, ManifestEditError> {
        let name_of = |entry: &Value| match entry.member("common_name") {
            Some(Value::String(found)) => Some(found.clone()),
            _ => None,
        };
        let known: Vec<String> = self.entries.iter().filter_map(name_of).collect();
        self.entries.retain(|entry| {
            name_of(entry).is_some_and(|found| found.eq_ignore_ascii_case(name.as_str()))
        });
        if self.entries.is_empty() {
            return Err(ManifestEditError::unknown(name, known));
        }
        Ok(self)
    }
}

impl Entry {
    /// The entry as it would be written with every default stated; `renew_before` and `keep` are the site's.
    ///
    /// Fields that mean nothing when they are absent stay so.
    pub fn resolved(&self, renew_before: RenewBefore, keep: usize) -> Value {
        let mut members: Vec<(&str, Value)> = vec![
            ("common_name", self.common_name.as_str().into()),
            ("sans", texts(&self.names)),
            ("cert_type", self.cert_type.as_str().into()),
            ("cert_path", path(&self.cert_path)),
            ("key_path", path(&self.key_path)),
        ];
        let mut add = |name, value: Option<Value>| members.extend(value.map(|value| (name, value)));
        add("ca_path", self.ca_path.as_deref().map(path));
        for (name, value) in access(&self.owner, self.cert_mode, self.key_mode) {
            add(name, Some(value));
        }
        add("hook", self.hook.as_ref().map(hook));
        if let Some(old) = &self.old_delivery {
            add("guest_id", Some(old.guest.id.into()));
            add("guest_type", Some(old.guest.kind.as_str().into()));
            add("include_ca", Some(old.include_ca.into()));
        }
        add("validity", self.validity.map(|v| v.to_string().into()));
        let due = self.renew_before.unwrap_or(renew_before);
        add("renew_before", Some(due.to_string().into()));
        add("key_type", Some(self.key_type.to_string().into()));
        add(
            "deploy",
            Some(Value::Array(self.deploy.iter().map(target).collect())),
        );
        add("after", Some(texts(&self.after)));
        add("keep", Some(self.keep.unwrap_or(keep).into()));
        add("rekey", Some(self.rekey.to_string().into()));
        add("verify", self.verify.as_ref().map(verification));
        Value::object(members)
    }
}

impl CertType {
    /// `client` or `server`, as the manifest has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

fn hook(hook: &super::Hook) -> Value {
    let command = match &hook.command {
        HookCommand::Argv(words) => Value::from(words.clone()),
        HookCommand::Shell(line) => line.as_str().into(),
    };
    Value::object([
        ("command", command),
        ("timeout", GoDuration(hook.timeout).to_string().into()),
        ("only_if_running", hook.only_if_running.into()),
    ])
}

fn verification(verify: &Verification) -> Value {
    let mut members = vec![
        ("address", verify.address.to_string().into()),
        ("server_name", verify.name().into()),
    ];
    let client = verify.client.as_ref();
    members.extend(client.map(|client| ("client", client.as_str().into())));
    Value::object(members)
}

fn target(target: &Target) -> Value {
    let mut members = vec![
        ("guest", target.guest.to_string().into()),
        ("cert", path(&target.cert)),
        ("key", path(&target.key)),
    ];
    members.extend(target.ca.as_deref().map(|ca| ("ca", path(ca))));
    members.extend(access(&target.owner, target.cert_mode, target.key_mode));
    Value::object(members)
}

fn access(owner: &Owner, cert: FileMode, key: FileMode) -> [(&'static str, Value); 3] {
    [
        ("owner", owner.to_string().into()),
        ("permissions", cert.to_string().into()),
        ("key_permissions", key.to_string().into()),
    ]
}

fn path(path: &std::path::Path) -> Value {
    path.to_string_lossy().into_owned().into()
}

fn texts<T: ToString>(items: impl IntoIterator<Item = T>) -> Value {
    Value::Array(
        items
            .into_iter()
            .map(|item| item.to_string().into())
            .collect(),
    )
}
