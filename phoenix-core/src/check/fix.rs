//! Repairs: what rules offer as safe edits, made all together.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use super::finding::{Deed, FixEdit};
use super::{Findings, finding::Finding};
use crate::change::FileEdit;
use crate::diagnostic::Faults;
use crate::document::{Document, Edit, NodeId, Position};
use crate::model::Model;

/// The edits that the findings offer, one per file; a second edit of the same place waits for the next round.
///
/// # Errors
/// When a file cannot be edited without changing more than is meant.
pub fn fix(model: &Model, findings: &Findings) -> Result<Vec<FileEdit>, Faults> {
    let mut by_file: BTreeMap<&Path, Vec<&FixEdit>> = BTreeMap::new();
    let mut touched: HashSet<(&Path, NodeId)> = HashSet::new();
    for Finding { fix, .. } in &findings.0 {
        let places = || {
            fix.iter()
                .map(|edit| (edit.file.as_path(), node(&edit.deed)))
        };
        // All of a finding's edits or none.
        if places().any(|place| touched.contains(&place)) {
            continue;
        }
        touched.extend(places());
        for edit in fix {
            by_file.entry(&edit.file).or_default().push(edit);
        }
    }
    let mut edits = Vec::new();
    for (path, fixes) in by_file {
        let Some(before) = document(model, path) else {
            continue;
        };
        let mut edit = Edit::new(&before);
        for fix in &fixes {
            match &fix.deed {
                Deed::Insert(object, key, value) => {
                    edit.insert(
                        *object,
                        position(&before, *object, key),
                        Some(key),
                        value.clone(),
                    );
                }
                Deed::Remove(node) => {
                    edit.remove(*node);
                }
                Deed::Set(node, value) => {
                    edit.set(*node, value.clone());
                }
            }
        }
        let after = edit.finish().map_err(Faults::from)?.apply(&before)?;
        edits.push(FileEdit {
            before,
            after,
            reasons: fixes.iter().map(|fix| fix.reason.clone()).collect(),
        });
    }
    Ok(edits)
}

fn node(deed: &Deed) -> NodeId {
    match deed {
        Deed::Insert(node, ..) | Deed::Remove(node) | Deed::Set(node, _) => *node,
    }
}

/// Beside what it belongs to.
fn position(document: &Document, object: NodeId, key: &str) -> Position {
    let neighbour = match key {
        "key_permissions" => "permissions",
        _ => "common_name",
    };
    document
        .cursor(object)
        .get(neighbour)
        .map_or(Position::Last, |cursor| Position::After(cursor.node()))
}

/// The document that a path names, the template read as it stands.
fn document(model: &Model, path: &Path) -> Option<Document> {
    let documents = &model.documents;
    let read = [
        Some(&documents.manifest),
        documents.vms.as_ref(),
        documents.lxcs.as_ref(),
        Some(&documents.host),
    ];
    let known = read
        .into_iter()
        .flatten()
        .find(|document| document.path() == path);
    known.cloned().or_else(|| {
        let template = model.template.as_ref().filter(|own| own.path == path)?;
        Document::parse(
            &template.path,
            template.source.as_bytes().to_vec(),
            crate::document::Format::Yaml,
        )
        .ok()
    })
}
