//! What is to change, said in nodes; the notations turn it into splices.

use std::collections::{BTreeMap, BTreeSet};

use super::{Cursor, Document, Format, Kind, NodeId, Patch, Value, json, toml, yaml};
use crate::diagnostic::{Fault, Faults, Place};

/// Where an element goes among those of its container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is no other place in a list")]
pub enum Position {
    /// Before all others.
    First,
    /// Behind all others.
    Last,
    /// Before this element or member value.
    Before(NodeId),
    /// Behind this element or member value.
    After(NodeId),
}

/// Why an edit was not made; nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// An object has a member of that name already.
    #[error("{place}: could not add `{key}`: the object has a member of that name")]
    KeyExists {
        /// The name.
        key: String,
        /// The object.
        place: Box<Place>,
    },
    /// An element has no name, a member needs one.
    #[error("{place}: could not edit the element: found {found}, expected {expected}")]
    KeyMismatch {
        /// What was given.
        found: &'static str,
        /// What the container takes.
        expected: &'static str,
        /// The container.
        place: Box<Place>,
    },
    /// The node cannot hold elements.
    #[error("{place}: could not insert an element: found {found}, expected an array or an object")]
    NotContainer {
        /// What it is.
        found: &'static str,
        /// The node.
        place: Box<Place>,
    },
    /// The sibling that gives the position stands in another container.
    #[error("{place}: could not place the element: its neighbour is not in the same container")]
    NotSibling {
        /// The neighbour.
        place: Box<Place>,
    },
    /// Two edits concern the same bytes.
    #[error("{place}: could not make two edits at once: one lies inside the other")]
    Overlap {
        /// The inner one.
        place: Box<Place>,
    },
    /// The outermost value can be set, not removed or moved.
    #[error("{place}: could not remove or move the outermost value")]
    Root {
        /// The value.
        place: Box<Place>,
    },
    /// No edit of this text is certain to change only what was asked for.
    #[error("{place}: could not edit this safely: {reason}")]
    Unsafe {
        /// What stands in the way.
        reason: String,
        /// Where.
        place: Box<Place>,
    },
    /// The new value cannot be written.
    #[error("{place}: could not write the new value: found {reason}")]
    Unwritable {
        /// What is wrong with it.
        reason: &'static str,
        /// Where it was to go.
        place: Box<Place>,
    },
}

impl EditError {
    /// Where in the file.
    pub fn place(&self) -> &Place {
        match self {
            Self::KeyExists { place, .. }
            | Self::KeyMismatch { place, .. }
            | Self::NotContainer { place, .. }
            | Self::NotSibling { place }
            | Self::Overlap { place }
            | Self::Root { place }
            | Self::Unsafe { place, .. }
            | Self::Unwritable { place, .. } => place,
        }
    }

    pub(super) fn unsafe_at(cursor: Cursor<'_>, reason: impl Into<String>) -> Self {
        Self::Unsafe {
            reason: reason.into(),
            place: Box::new(cursor.start_place()),
        }
    }
}

/// Edits of one document, gathered until [`Edit::finish`].
#[derive(Debug, Clone)]
pub struct Edit<'d> {
    document: &'d Document,
    requests: Vec<Request>,
}

#[derive(Debug, Clone)]
enum Request {
    Insert {
        container: NodeId,
        position: Position,
        key: Option<String>,
        value: Value,
    },
    Move(NodeId, Position),
    Remove(NodeId),
    Rename(NodeId, String),
    Set(NodeId, Value),
}

impl<'d> Edit<'d> {
    /// No edit yet.
    pub fn new(document: &'d Document) -> Self {
        Self {
            document,
            requests: Vec::new(),
        }
    }

    /// Replaces a value; a scalar that has the same meaning keeps its literal.
    pub fn set(&mut self, node: NodeId, value: Value) -> &mut Self {
        self.requests.push(Request::Set(node, value));
        self
    }

    /// Replaces a value by a string; in YAML and TOML a quoted one keeps its kind of quotes.
    pub fn set_text(&mut self, node: NodeId, text: &str) -> &mut Self {
        self.set(node, text.into())
    }

    /// Adds an element to an array, or a member called `key` to an object. Several at one place come in the order of
    /// the calls.
    pub fn insert(
        &mut self,
        container: NodeId,
        position: Position,
        key: Option<&str>,
        value: Value,
    ) -> &mut Self {
        self.requests.push(Request::Insert {
            container,
            position,
            key: key.map(str::to_owned),
            value,
        });
        self
    }

    /// Removes an element, or a member by its value.
    pub fn remove(&mut self, node: NodeId) -> &mut Self {
        self.requests.push(Request::Remove(node));
        self
    }

    /// Moves an element or member within its container.
    pub fn move_to(&mut self, node: NodeId, position: Position) -> &mut Self {
        self.requests.push(Request::Move(node, position));
        self
    }

    /// Gives a member, named by its value, another name.
    pub fn rename_key(&mut self, node: NodeId, key: &str) -> &mut Self {
        self.requests.push(Request::Rename(node, key.to_owned()));
        self
    }

    /// Turns the edits into a patch, which is empty when nothing would change.
    pub fn finish(&self) -> Result<Patch, EditError> {
        let mut intent = Intent::default();
        for request in &self.requests {
            intent.add(self.document, request)?;
        }
        intent.check(self.document)?;
        let splices = match self.document.format() {
            Format::Json => json::edit(self.document, &intent),
            Format::Toml => toml::edit(self.document, &intent),
            Format::Yaml => yaml::edit(self.document, &intent),
        }?;
        Patch::planned(self.document, splices, intent)
    }
}

/// An element of a container after the edit.
#[derive(Debug, Clone)]
pub(super) enum Child {
    /// Removed, or moved elsewhere; kept in the list because neighbours may be named by it.
    Gone(NodeId),
    /// Where it was.
    Kept(NodeId),
    /// Another place, same bytes.
    Moved(NodeId),
    /// New.
    New { key: Option<String>, value: Value },
}

impl Child {
    fn old(&self) -> Option<NodeId> {
        match self {
            Self::Gone(node) | Self::Kept(node) => Some(*node),
            Self::Moved(_) | Self::New { .. } => None,
        }
    }
}

/// What the edited document shall be; the patch carries it to be checked after applying.
#[derive(Debug, Clone, Default)]
pub(super) struct Intent {
    pub(super) sets: BTreeMap<NodeId, Value>,
    pub(super) renames: BTreeMap<NodeId, String>,
    pub(super) children: BTreeMap<NodeId, Vec<Child>>,
    /// Containers with a change somewhere inside.
    pub(super) dirty: BTreeSet<NodeId>,
    /// Nodes whose bytes go away or are replaced as a whole.
    owned: BTreeSet<NodeId>,
    /// Nodes that an operation named, to be outside of the owned ones.
    named: Vec<NodeId>,
}

impl Intent {
    fn add(&mut self, document: &Document, request: &Request) -> Result<(), EditError> {
        match request {
            Request::Set(node, value) => {
                let cursor = document.cursor(*node);
                writable(value, cursor)?;
                if unchanged(cursor, value) {
                    return Ok(());
                }
                self.own(cursor)?;
                self.sets.insert(*node, value.clone());
            }
            Request::Remove(node) => {
                let (container, index) = self.child(document, *node)?;
                self.own(document.cursor(*node))?;
                self.list(document, container)[index] = Child::Gone(*node);
            }
            Request::Move(node, position) => {
                let (container, index) = self.child(document, *node)?;
                if matches!(position, Position::Before(n) | Position::After(n) if n == node) {
                    return Ok(());
                }
                self.own(document.cursor(*node))?;
                let list = self.list(document, container);
                list[index] = Child::Gone(*node);
                let at = index_of(document, list, *position)?;
                list.insert(at, Child::Moved(*node));
            }
            Request::Rename(node, key) => {
                let cursor = document.cursor(*node);
                if cursor.name().is_none() {
                    return Err(EditError::KeyMismatch {
                        found: "an element without a name",
                        expected: "a member of an object",
                        place: Box::new(cursor.start_place()),
                    });
                }
                if cursor.name().as_deref() != Some(key) {
                    self.name(cursor);
                    self.renames.insert(*node, key.clone());
                }
            }
            Request::Insert {
                container,
                position,
                key,
                value,
            } => {
                let cursor = document.cursor(*container);
                writable(value, cursor)?;
                let (found, expected) = match (cursor.kind(), key) {
                    (Kind::Array, None) | (Kind::Object, Some(_)) => ("", ""),
                    (Kind::Array, Some(_)) => ("a name", "none in an array"),
                    (Kind::Object, None) => ("no name", "one in an object"),
                    (kind, _) => {
                        return Err(EditError::NotContainer {
                            found: kind.noun(),
                            place: Box::new(cursor.place()),
                        });
                    }
                };
                let place = || Box::new(cursor.start_place());
                if !found.is_empty() {
                    return Err(EditError::KeyMismatch {
                        found,
                        expected,
                        place: place(),
                    });
                }
                if cursor.is_alias() {
                    return Err(EditError::unsafe_at(
                        cursor,
                        "it is an alias of another value",
                    ));
                }
                self.name(cursor);
                self.named.push(*container);
                self.dirty.insert(*container);
                let list = self.list(document, *container);
                let at = index_of(document, list, *position)?;
                let new = Child::New {
                    key: key.clone(),
                    value: value.clone(),
                };
                list.insert(at, new);
            }
        }
        Ok(())
    }

    fn own(&mut self, cursor: Cursor<'_>) -> Result<(), EditError> {
        self.name(cursor);
        if self.owned.insert(cursor.node()) {
            return Ok(());
        }
        Err(EditError::Overlap {
            place: Box::new(cursor.start_place()),
        })
    }

    fn name(&mut self, cursor: Cursor<'_>) {
        for step in cursor.steps() {
            self.dirty.insert(step.container);
            self.named.push(step.container);
        }
    }

    /// The container of `node` and its place in the list.
    fn child(&mut self, document: &Document, node: NodeId) -> Result<(NodeId, usize), EditError> {
        let cursor = document.cursor(node);
        let Some(step) = cursor.steps().pop() else {
            return Err(EditError::Root {
                place: Box::new(cursor.start_place()),
            });
        };
        let list = self.list(document, step.container);
        let index = list.iter().position(|child| child.old() == Some(node));
        Ok((step.container, index.unwrap_or(step.index)))
    }

    fn list(&mut self, document: &Document, container: NodeId) -> &mut Vec<Child> {
        self.children.entry(container).or_insert_with(|| {
            children(document.cursor(container))
                .map(Child::Kept)
                .collect()
        })
    }

    /// Nothing inside of what is replaced, no name twice.
    fn check(&self, document: &Document) -> Result<(), EditError> {
        for node in self.named.iter().chain(self.renames.keys()) {
            let gone = self.owned.contains(node)
                && !(self.renames.contains_key(node) && self.sets.contains_key(node));
            if gone {
                return Err(EditError::Overlap {
                    place: Box::new(document.cursor(*node).start_place()),
                });
            }
        }
        let mut containers: BTreeSet<NodeId> = self.children.keys().copied().collect();
        for node in self.renames.keys() {
            containers.extend(
                document
                    .cursor(*node)
                    .steps()
                    .last()
                    .map(|step| step.container),
            );
        }
        for container in containers {
            self.check_names(document.cursor(container))?;
        }
        Ok(())
    }

    /// Duplicates that stand in the file already are not ours to judge.
    fn check_names(&self, container: Cursor<'_>) -> Result<(), EditError> {
        if container.kind() != Kind::Object {
            return Ok(());
        }
        let mut kept = BTreeSet::new();
        let mut added = Vec::new();
        for entry in container.entries() {
            let node = entry.value.node();
            if let Some(key) = self.renames.get(&node) {
                added.push(key.clone());
            } else if self.sets.contains_key(&node) || !self.is_removed(container.node(), node) {
                kept.insert(entry.key.into_owned());
            }
        }
        for child in self.children.get(&container.node()).into_iter().flatten() {
            if let Child::New { key: Some(key), .. } = child {
                added.push(key.clone());
            }
        }
        for key in added {
            if !kept.insert(key.clone()) {
                return Err(EditError::KeyExists {
                    key,
                    place: Box::new(container.start_place()),
                });
            }
        }
        Ok(())
    }

    fn is_removed(&self, container: NodeId, node: NodeId) -> bool {
        self.owned.contains(&node)
            && !self.children.get(&container).is_some_and(|list| {
                list.iter()
                    .any(|child| matches!(child, Child::Moved(moved) if *moved == node))
            })
    }
}

/// The values of a container's elements or members.
pub(super) fn children(container: Cursor<'_>) -> impl Iterator<Item = NodeId> {
    container
        .items()
        .chain(container.entries().map(|entry| entry.value))
        .map(Cursor::node)
}

fn index_of(document: &Document, list: &[Child], position: Position) -> Result<usize, EditError> {
    let find = |node: NodeId| {
        list.iter()
            .position(|child| child.old() == Some(node))
            .ok_or_else(|| EditError::NotSibling {
                place: Box::new(document.cursor(node).start_place()),
            })
    };
    let is_added = |child: &Child| child.old().is_none();
    Ok(match position {
        // Behind those that were added there before.
        Position::First => list
            .iter()
            .position(|child| !is_added(child))
            .unwrap_or(list.len()),
        Position::Last => list.len(),
        Position::Before(node) => find(node)?,
        Position::After(node) => {
            let behind = find(node)? + 1;
            let added = list[behind..]
                .iter()
                .take_while(|child| is_added(child))
                .count();
            behind + added
        }
    })
}

fn writable(value: &Value, cursor: Cursor<'_>) -> Result<(), EditError> {
    if value.is_writable(Value::DEPTH_LIMIT) {
        return Ok(());
    }
    Err(EditError::Unwritable {
        reason: "more than 256 levels or a number that JSON does not have",
        place: Box::new(cursor.start_place()),
    })
}

/// Whether `value` is what stands there, literals of numbers included.
pub(super) fn unchanged(cursor: Cursor<'_>, value: &Value) -> bool {
    match value {
        Value::Number(literal) => cursor.kind() == Kind::Number && cursor.literal() == literal,
        Value::Array(_) | Value::Object(_) => false,
        _ => cursor.to_value().as_ref() == Some(value),
    }
}

/// An edit that was not made, as a fault of the file.
impl From<EditError> for Faults {
    fn from(error: EditError) -> Self {
        let place = error.place().clone();
        let words = error.to_string();
        let message = words
            .strip_prefix(&format!("{place}: "))
            .unwrap_or(&words)
            .to_owned();
        Self::from(Fault::error("edit", message).at(place))
    }
}
