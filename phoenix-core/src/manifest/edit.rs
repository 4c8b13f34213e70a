//! Edits of the manifest's entries: what is right already keeps its bytes.

use crate::change::FileEdit;
use crate::diagnostic::{Faults, nearest};
use crate::document::{
    Cursor, Decode as _, Document, Edit, FieldInfo, Kind, NodeId, Position, Value,
};
use crate::names::CommonName;

use super::assignment::{Assignment, AssignmentError};
use super::table::ENTRY_FIELDS;
use super::{Manifest, cross};

/// Why an edit of the manifest was refused; nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestEditError {
    /// A value does not fit the entry.
    #[error("could not edit the entry `{name}`")]
    Assignment {
        /// The entry.
        name: CommonName,
        /// Why.
        source: AssignmentError,
    },
    /// There is another entry of that name.
    #[error("the manifest has another entry `{name}`; nothing was written")]
    Exists {
        /// The name.
        name: CommonName,
    },
    /// The manifest would be at fault then.
    #[error("the manifest would be faulty; nothing was written")]
    Faulty(#[source] Faults),
    /// There is no entry of that name.
    #[error("the manifest has no entry `{name}`")]
    Unknown {
        /// The name.
        name: CommonName,
        /// The entry that was probably meant.
        near: Option<String>,
    },
}

impl ManifestEditError {
    /// There is no such entry; the nearest of those that there are was perhaps meant.
    pub(super) fn unknown(name: &CommonName, known: impl IntoIterator<Item = String>) -> Self {
        let known: Vec<String> = known.into_iter().collect();
        Self::Unknown {
            name: name.clone(),
            near: nearest(name.as_str(), known.iter().map(String::as_str)).map(str::to_owned),
        }
    }
}

/// A new entry; nothing when there is one that says all of this already.
pub fn add(
    document: &Document,
    name: &CommonName,
    fields: &[Assignment],
) -> Result<FileEdit, ManifestEditError> {
    let mut entries = EntriesEdit::new(document);
    if let Some(members) = entries
        .members(name.as_str())
        .map_err(ManifestEditError::Faulty)?
    {
        return if applied(name, &members, fields)? == Value::Object(members) {
            finish(entries)
        } else {
            Err(ManifestEditError::Exists { name: name.clone() })
        };
    }
    let members = vec![("common_name".to_owned(), Value::from(name.as_str()))];
    let Value::Object(members) = applied(name, &members, fields)? else {
        return finish(entries);
    };
    entries.put(name.as_str(), members);
    finish(entries)
}

/// Changes fields of an entry.
pub fn set(
    document: &Document,
    name: &CommonName,
    fields: &[Assignment],
) -> Result<FileEdit, ManifestEditError> {
    let mut entries = EntriesEdit::new(document);
    entries.known(name)?;
    let members = entries
        .members(name.as_str())
        .map_err(ManifestEditError::Faulty)?;
    if let Value::Object(members) = applied(name, &members.unwrap_or_default(), fields)? {
        entries.put(name.as_str(), members);
    }
    finish(entries)
}

/// Takes an entry out.
pub fn remove(document: &Document, name: &CommonName) -> Result<FileEdit, ManifestEditError> {
    let mut entries = EntriesEdit::new(document);
    let object = entries.known(name)?;
    entries.edit.remove(object.node());
    entries.reasons.push(format!("{name}: removed"));
    finish(entries)
}

fn applied(
    name: &CommonName,
    members: &[(String, Value)],
    fields: &[Assignment],
) -> Result<Value, ManifestEditError> {
    let mut members = members.to_vec();
    for field in fields {
        field
            .apply(&mut members)
            .map_err(|source| ManifestEditError::Assignment {
                name: name.clone(),
                source,
            })?;
    }
    Ok(Value::Object(members))
}

/// The edited file; refused when the edit brings a fault that was not there before.
fn finish(entries: EntriesEdit<'_>) -> Result<FileEdit, ManifestEditError> {
    let edit = entries.finish().map_err(ManifestEditError::Faulty)?;
    let faults = |document| match Manifest::decode(document) {
        Ok(_) => Faults::new(),
        Err(faults) => faults,
    };
    let mut known: Vec<_> = faults(&edit.before)
        .into_iter()
        .map(|fault| (fault.code, fault.message))
        .collect();
    let mut new = Faults::new();
    for fault in faults(&edit.after) {
        match known
            .iter()
            .position(|(code, message)| *code == fault.code && *message == fault.message)
        {
            Some(at) => {
                known.swap_remove(at);
            }
            None => new.push(fault),
        }
    }
    if new.is_empty() {
        return Ok(edit);
    }
    Err(ManifestEditError::Faulty(new))
}

/// Edits of several entries, gathered until they are one edit of the file.
#[derive(Debug)]
pub struct EntriesEdit<'d> {
    document: &'d Document,
    edit: Edit<'d>,
    reasons: Vec<String>,
}

impl<'d> EntriesEdit<'d> {
    /// No edit yet.
    pub fn new(document: &'d Document) -> Self {
        Self {
            document,
            edit: Edit::new(document),
            reasons: Vec::new(),
        }
    }

    /// The object of the entry of this name, case aside.
    pub fn entry(&self, name: &str) -> Option<Cursor<'d>> {
        self.document.root().items().find(|item| {
            cross::text(*item, "common_name")
                .is_some_and(|(found, _)| found.eq_ignore_ascii_case(name))
        })
    }

    /// The members of the entry of this name; of a member's name that stands twice only the last.
    ///
    /// # Errors
    ///
    /// When a member is something that no value can hold.
    pub fn members(&self, name: &str) -> Result<Option<Vec<(String, Value)>>, Faults> {
        let Some(object) = self.entry(name) else {
            return Ok(None);
        };
        let mut faults = Faults::new();
        let mut members: Vec<(String, Value)> = Vec::new();
        if let Some(Value::Object(all)) = Value::decode(object, &mut faults) {
            for (name, value) in all {
                members.retain(|(earlier, _)| *earlier != name);
                members.push((name, value));
            }
        }
        faults.into_result(Some(members))
    }

    /// Makes the entry have these members and no others; a new one stands behind all others.
    pub fn put(&mut self, name: &str, members: Vec<(String, Value)>) {
        let Some(object) = self.entry(name) else {
            let mut members = members;
            members.sort_by_key(|(name, _)| rank(ENTRY_FIELDS, name));
            self.edit.insert(
                self.document.root().node(),
                Position::Last,
                None,
                Value::Object(members),
            );
            self.reasons.push(format!("{name}: a new entry"));
            return;
        };
        let neighbours: Vec<Cursor<'_>> = self
            .document
            .root()
            .items()
            .filter(|item| item.node() != object.node())
            .collect();
        let mut reconcile = Reconcile {
            edit: &mut self.edit,
            reasons: &mut self.reasons,
            name,
            neighbours: &neighbours,
        };
        reconcile.object(object, &members, ENTRY_FIELDS, "");
    }

    /// The edit of the file.
    ///
    /// # Errors
    ///
    /// When it cannot be made safely.
    pub fn finish(self) -> Result<FileEdit, Faults> {
        Ok(FileEdit {
            before: self.document.clone(),
            after: self.edit.finish()?.apply(self.document)?,
            reasons: self.reasons,
        })
    }

    fn known(&self, name: &CommonName) -> Result<Cursor<'d>, ManifestEditError> {
        let names = || {
            let items = self.document.root().items();
            items.filter_map(|item| Some(cross::text(item, "common_name")?.0.into_owned()))
        };
        self.entry(name.as_str())
            .ok_or_else(|| ManifestEditError::unknown(name, names()))
    }
}

/// Brings what stands there to what shall stand there by the smallest edits, and says each of them.
struct Reconcile<'r, 'd> {
    edit: &'r mut Edit<'d>,
    reasons: &'r mut Vec<String>,
    name: &'r str,
    neighbours: &'r [Cursor<'d>],
}

impl<'d> Reconcile<'_, 'd> {
    fn object(
        &mut self,
        object: Cursor<'d>,
        wanted: &[(String, Value)],
        fields: &[FieldInfo],
        path: &str,
    ) {
        let wants = |key: &str| wanted.iter().find(|(name, _)| name == key);
        for entry in object.entries() {
            let key = joined(path, &entry.key);
            match wants(&entry.key) {
                None => {
                    self.edit.remove(entry.value.node());
                    self.say(&format!("`{key}` is gone"));
                }
                Some((_, value)) => {
                    // Of a name that stands twice the last one counts.
                    let counts = object
                        .get(&entry.key)
                        .is_some_and(|last| last.node() == entry.value.node());
                    if counts {
                        let inner = kind_of(fields, &entry.key);
                        self.value(entry.value, value, inner, &key);
                    }
                }
            }
        }
        let mut new: Vec<&(String, Value)> = wanted
            .iter()
            .filter(|(key, _)| object.get(key).is_none())
            .collect();
        new.sort_by_key(|(key, _)| rank(fields, key));
        for (key, value) in new {
            let position = self.position(object, key, wanted, fields, path);
            self.edit
                .insert(object.node(), position, Some(key), value.clone());
            self.say(&format!(
                "`{}` is new: {}",
                joined(path, key),
                value.to_json()
            ));
        }
    }

    fn value(&mut self, found: Cursor<'d>, wanted: &Value, fields: &[FieldInfo], path: &str) {
        if found.to_value().as_ref() == Some(wanted) {
            return;
        }
        match (found.kind(), wanted) {
            (Kind::Object, Value::Object(members)) => self.object(found, members, fields, path),
            (Kind::Array, Value::Array(items)) => self.array(found, items, fields, path),
            _ => {
                self.edit.set(found.node(), wanted.clone());
                self.say(&format!("`{path}` is now {}", wanted.to_json()));
            }
        }
    }

    fn array(&mut self, found: Cursor<'d>, wanted: &[Value], fields: &[FieldInfo], path: &str) {
        let items: Vec<Cursor<'d>> = found.items().collect();
        let records = items.iter().all(|item| item.kind() == Kind::Object);
        if records && items.len() == wanted.len() {
            for (index, (item, value)) in items.into_iter().zip(wanted).enumerate() {
                self.value(item, value, fields, &joined(path, &index.to_string()));
            }
            return;
        }
        // What is kept, in order; between them what is new.
        let mut next = 0;
        let mut last: Option<NodeId> = None;
        for item in items {
            let value = item.to_value();
            let at = wanted[next..]
                .iter()
                .position(|wanted| Some(wanted) == value.as_ref());
            let Some(at) = at else {
                self.edit.remove(item.node());
                self.say(&format!("`{path}` no longer has {}", item.literal()));
                continue;
            };
            for value in &wanted[next..next + at] {
                self.insert(found, Position::Before(item.node()), value, path);
            }
            next += at + 1;
            last = Some(item.node());
        }
        for value in &wanted[next..] {
            // Behind what is kept, so that what goes leaves no trace.
            let position = last.map_or(Position::Last, Position::After);
            self.insert(found, position, value, path);
        }
    }

    fn insert(&mut self, list: Cursor<'d>, position: Position, value: &Value, path: &str) {
        self.edit.insert(list.node(), position, None, value.clone());
        self.say(&format!("`{path}` also has {}", value.to_json()));
    }

    /// Where a new member goes: as the neighbours have it, else as the table has it.
    fn position(
        &self,
        object: Cursor<'d>,
        key: &str,
        wanted: &[(String, Value)],
        fields: &[FieldInfo],
        path: &str,
    ) -> Position {
        let stays = |key: &str| {
            let node = object.get(key)?.node();
            wanted.iter().any(|(name, _)| name == key).then_some(node)
        };
        let model = self
            .neighbours
            .iter()
            .rfind(|neighbour| path.is_empty() && neighbour.get(key).is_some());
        let order: Vec<String> = match model {
            Some(neighbour) => neighbour
                .entries()
                .map(|entry| entry.key.into_owned())
                .collect(),
            None => fields.iter().map(|field| field.name.to_owned()).collect(),
        };
        let at = order
            .iter()
            .position(|name| name == key)
            .unwrap_or(order.len());
        let before = order[..at].iter().rev().find_map(|name| stays(name));
        let behind = order.get(at + 1..).unwrap_or_default();
        let behind = behind.iter().find_map(|name| stays(name));
        match (before, behind) {
            (Some(node), _) => Position::After(node),
            (None, Some(node)) => Position::Before(node),
            (None, None) => Position::Last,
        }
    }

    fn say(&mut self, what: &str) {
        self.reasons.push(format!("{}: {what}", self.name));
    }
}

fn joined(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

fn kind_of<'f>(fields: &'f [FieldInfo], key: &str) -> &'f [FieldInfo] {
    fields
        .iter()
        .find(|field| field.name == key)
        .and_then(|field| field.kind.fields())
        .unwrap_or_default()
}

/// The field's place in the table; unknown ones come last.
fn rank(fields: &[FieldInfo], key: &str) -> usize {
    fields
        .iter()
        .position(|field| field.name == key)
        .unwrap_or(fields.len())
}
