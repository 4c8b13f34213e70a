//! Pointers that must lead somewhere: where one does not, how far it led and what stands there.

use super::super::edit::Position;
use super::super::{Cursor, Document, Kind};
use crate::diagnostic::{Fault, Place, nearest};

/// The value at `pointer`, or the fault that says how far it leads and what stands there.
pub(super) fn find<'d>(document: &'d Document, pointer: &str) -> Result<Cursor<'d>, Fault> {
    let mut cursor = document.root();
    if pointer.is_empty() {
        return Ok(cursor);
    }
    let parts = pointer
        .strip_prefix('/')
        .ok_or_else(|| syntax(document, pointer))?;
    for part in parts.split('/') {
        let key = unescaped(part).ok_or_else(|| syntax(document, pointer))?;
        cursor = child(cursor, &key).ok_or_else(|| missing(cursor, &key))?;
    }
    Ok(cursor)
}

pub(super) fn child<'d>(container: Cursor<'d>, key: &str) -> Option<Cursor<'d>> {
    match container.kind() {
        Kind::Object => container.get(key),
        Kind::Array => container.items().nth(index(key)?),
        _ => None,
    }
}

fn index(text: &str) -> Option<usize> {
    let is_canonical = text == "0" || !text.starts_with(['0', '+']);
    text.parse().ok().filter(|_| is_canonical)
}

/// Before the element that has the index; an index one beyond the last means behind it.
pub(super) fn at_index(array: Cursor<'_>, key: &str) -> Result<Position, Fault> {
    if key == "-" {
        return Ok(Position::Last);
    }
    let items: Vec<_> = array.items().map(Cursor::node).collect();
    match index(key) {
        Some(index) if index < items.len() => Ok(Position::Before(items[index])),
        Some(index) if index == items.len() => Ok(Position::Last),
        _ => Err(Fault::error(
            "pointer-target",
            format!(
                "found index `{key}`, expected one from 0 to {}, or `-`",
                items.len()
            ),
        )
        .at(array.start_place())),
    }
}

pub(super) fn two_places(array: Cursor<'_>, key: &str) -> Fault {
    let message = format!("found index `{key}` and a neighbour, expected one of them");
    Fault::error("pointer-target", message)
        .at(array.start_place())
        .help(format!("end the pointer with `/-` instead of `/{key}`"))
}

/// What `container` has no `key` of.
pub(super) fn missing(container: Cursor<'_>, key: &str) -> Fault {
    let place = match container.pointer() {
        pointer if pointer.is_empty() => "at the top".to_owned(),
        pointer => format!("in `{pointer}`"),
    };
    let (message, help) = match container.kind() {
        Kind::Object => {
            let names: Vec<_> = container.entries().map(|entry| entry.key).collect();
            let names = || names.iter().map(AsRef::as_ref);
            let help = match nearest(key, names()) {
                Some(near) => {
                    let pointer = format!("{}/{}", container.pointer(), escaped(near));
                    Some(format!("did you mean `{pointer}`?"))
                }
                None if names().len() == 0 => None,
                None => Some(format!("there are: {}", listed(names()))),
            };
            (format!("found no member `{key}` {place}"), help)
        }
        Kind::Array => {
            let expected = match container.items().count() {
                0 => "the array is empty".to_owned(),
                1 => "expected 0, the only element".to_owned(),
                count => format!("expected an index from 0 to {}", count - 1),
            };
            (
                format!("found no element `{key}` {place}, {expected}"),
                None,
            )
        }
        kind => {
            let message = format!(
                "found {}, expected one that has a member `{key}`",
                kind.noun()
            );
            (message, None)
        }
    };
    let mut fault = Fault::error("pointer-target", message).at(container.start_place());
    fault.help = help;
    fault
}

fn listed<'n>(names: impl ExactSizeIterator<Item = &'n str>) -> String {
    let more = if names.len() > MOST_NAMES {
        ", ..."
    } else {
        ""
    };
    let names: Vec<_> = names.take(MOST_NAMES).collect();
    names.join(", ") + more
}

const MOST_NAMES: usize = 12;

pub(super) fn syntax(document: &Document, pointer: &str) -> Fault {
    let like = if pointer.starts_with('/') {
        "`~` is written `~0`, and `/` inside a name `~1`".to_owned()
    } else {
        let parts: Vec<_> = pointer.split('.').map(escaped).collect();
        format!("did you mean `/{}`?", parts.join("/"))
    };
    Fault::error(
        "pointer-syntax",
        format!("found `{pointer}`, expected a JSON pointer such as `/a/0/b`"),
    )
    .at(Place::file(document.path()))
    .help(like)
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// A part of a pointer as a name; `None` for a `~` that stands for nothing.
pub(super) fn unescaped(part: &str) -> Option<String> {
    let is_valid = part
        .split('~')
        .skip(1)
        .all(|rest| rest.starts_with(['0', '1']));
    is_valid.then(|| part.replace("~1", "/").replace("~0", "~"))
}
