//! After an edit: is the new document what was intended?

use std::collections::{HashMap, VecDeque};

use super::edit::{Child, Intent, children};
use super::{Cursor, Document, Format, Kind, NodeId, Value};

/// The first node of `old` whose counterpart in `new` is not what `intent` says.
pub(super) fn differs(old: &Document, new: &Document, intent: &Intent) -> Option<NodeId> {
    let mut pairs = vec![(old.root(), new.root())];
    while let Some((before, after)) = pairs.pop() {
        let node = before.node();
        if let Some(value) = intent.sets.get(&node) {
            if !is_value(after, value) {
                return Some(node);
            }
        } else if intent.dirty.contains(&node) {
            if before.kind() != after.kind() || !pair_children(before, after, intent, &mut pairs) {
                return Some(node);
            }
        } else if !is_same(before, after) {
            return Some(node);
        }
    }
    None
}

/// Whether the elements are in number and name as intended; what is to be compared goes to `pairs`.
fn pair_children<'d>(
    before: Cursor<'d>,
    after: Cursor<'d>,
    intent: &Intent,
    pairs: &mut Vec<(Cursor<'d>, Cursor<'d>)>,
) -> bool {
    let old = before.document();
    let untouched: Vec<Child>;
    let wanted = if let Some(list) = intent.children.get(&before.node()) {
        list
    } else {
        untouched = children(before).map(Child::Kept).collect();
        &untouched
    };
    let mut old_names = HashMap::new();
    for entry in before.entries() {
        old_names.insert(entry.value.node(), entry.key);
    }
    let mut found: VecDeque<_> = after
        .entries()
        .map(|entry| (Some(entry.key), entry.value))
        .collect();
    found.extend(after.items().map(|item| (None, item)));
    for child in wanted {
        let name = match child {
            Child::Gone(_) => continue,
            Child::Kept(node) | Child::Moved(node) => {
                let name = intent.renames.get(node).map(String::as_str);
                name.or_else(|| old_names.get(node).map(AsRef::as_ref))
            }
            Child::New { key, .. } => key.as_deref(),
        };
        // In TOML a new line cannot stand behind the table of a header, so the order of members is not ours to choose.
        let at = match before.document().format() {
            Format::Toml => found.iter().position(|(key, _)| key.as_deref() == name),
            _ => Some(0),
        };
        let Some((key, value)) = at.and_then(|at| found.remove(at)) else {
            return false;
        };
        if key.as_deref() != name {
            return false;
        }
        match child {
            Child::Kept(node) | Child::Moved(node) => pairs.push((old.cursor(*node), value)),
            Child::New { value: wanted, .. } if !is_value(value, wanted) => return false,
            _ => {}
        }
    }
    found.is_empty()
}

/// Whether two values of documents are the same to the literal. JSON means the same wherever it stands; in the
/// others the surroundings count, so the trees are compared.
fn is_same(before: Cursor<'_>, after: Cursor<'_>) -> bool {
    if before.document().format() == Format::Json {
        return before.literal() == after.literal();
    }
    let mut pairs = vec![(before, after)];
    while let Some((a, b)) = pairs.pop() {
        if a.kind() != b.kind() || a.is_alias() != b.is_alias() {
            return false;
        }
        if a.is_alias() {
            if a.literal() != b.literal() {
                return false;
            }
            continue;
        }
        match a.kind() {
            Kind::Array | Kind::Object => {
                let keys =
                    |c: Cursor<'_>| c.entries().map(|e| e.key.into_owned()).collect::<Vec<_>>();
                let values = |c: Cursor<'_>| children(c).collect::<Vec<_>>();
                let (x, y) = (values(a), values(b));
                if x.len() != y.len() || keys(a) != keys(b) {
                    return false;
                }
                let cursors = x.into_iter().zip(y);
                pairs.extend(
                    cursors.map(|(x, y)| (before.document().cursor(x), after.document().cursor(y))),
                );
            }
            Kind::String if a.as_str() != b.as_str() => return false,
            Kind::String => {}
            _ if a.literal() != b.literal() => return false,
            _ => {}
        }
    }
    true
}

/// Whether a value of the document is `value`; members in any order, because a new object takes its neighbours'.
fn is_value(cursor: Cursor<'_>, value: &Value) -> bool {
    if cursor.is_alias() {
        return false;
    }
    cursor.to_value().is_some_and(|found| found == *value)
}
