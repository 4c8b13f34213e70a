//! Tests: operations on generated files, against the same operation on plain values.
//!
//! The files have what an operator's have: comments, every kind of quotes, brackets, anchors, both line ends, a missing
//! last newline.

use proptest::prelude::*;
use proptest::sample::Index;

use super::derived::{json_text, value};
use super::yaml::generated::yaml;
use super::{Beside, Cursor, Document, Format, Kind, Operation, Value, operate};

/// An operation before it is known what there is to choose from.
#[derive(Debug, Clone)]
struct Draft {
    verb: u8,
    node: Index,
    beside: Index,
    is_after: bool,
    value: Value,
}

fn draft() -> impl Strategy<Value = Draft> {
    (
        0u8..4,
        any::<Index>(),
        any::<Index>(),
        any::<bool>(),
        value(),
    )
        .prop_map(|(verb, node, beside, is_after, value)| Draft {
            verb,
            node,
            beside,
            is_after,
            value,
        })
}

impl Draft {
    /// The operation on `document`; `None` where it has nothing of that kind.
    fn on(&self, document: &Document) -> Option<Operation> {
        let mut all = vec![document.root()];
        let mut at = 0;
        while at < all.len() {
            if !all[at].is_alias() {
                let below: Vec<_> = children(all[at]);
                all.extend(below);
            }
            at += 1;
        }
        let pick = |from: &[Cursor<'_>]| (!from.is_empty()).then(|| self.node.get(from).pointer());
        let is_unique = |container: &Cursor<'_>| {
            let mut keys: Vec<_> = container.entries().map(|entry| entry.key).collect();
            let count = keys.len();
            keys.sort();
            keys.dedup();
            keys.len() == count
        };
        all.retain(|cursor| {
            let above: Vec<_> = cursor
                .steps()
                .iter()
                .map(|step| document.cursor(step.container))
                .collect();
            above.iter().all(is_unique) && is_unique(cursor)
        });
        match self.verb {
            0 => Some(Operation::Set {
                pointer: pick(&all)?,
                value: self.value.clone(),
            }),
            1 => Some(Operation::Remove {
                pointer: pick(&all[1..])?,
            }),
            2 => {
                let pointer = pick(&all[1..])?;
                let (above, _) = pointer.rsplit_once('/')?;
                let beside = self.beside(document.root().at(above)?)?;
                Some(Operation::Move { pointer, beside })
            }
            _ => {
                all.retain(|cursor| {
                    matches!(cursor.kind(), Kind::Array | Kind::Object) && !cursor.is_alias()
                });
                let above = pick(&all)?;
                let container = document.root().at(&above)?;
                let last = if container.kind() == Kind::Array {
                    "-"
                } else {
                    "new key"
                };
                Some(Operation::Insert {
                    pointer: format!("{above}/{last}"),
                    value: self.value.clone(),
                    beside: self.beside(container),
                })
            }
        }
    }

    fn beside(&self, container: Cursor<'_>) -> Option<Beside> {
        let keys = names(container);
        let key = (!keys.is_empty()).then(|| self.beside.get(&keys).clone())?;
        Some(if self.is_after {
            Beside::After(key)
        } else {
            Beside::Before(key)
        })
    }
}

fn children(container: Cursor<'_>) -> Vec<Cursor<'_>> {
    let members = container.entries().map(|entry| entry.value);
    container.items().chain(members).collect()
}

fn names(container: Cursor<'_>) -> Vec<String> {
    match container.kind() {
        Kind::Array => (0..container.items().count())
            .map(|i| i.to_string())
            .collect(),
        _ => container
            .entries()
            .map(|entry| entry.key.into_owned())
            .collect(),
    }
}

/// The operation on a plain value.
fn model(root: &mut Value, operation: &Operation) {
    let pointer = operation.pointer();
    let Some((above, leaf)) = pointer.rsplit_once('/') else {
        if let Operation::Set { value, .. } = operation {
            *root = value.clone();
        }
        return;
    };
    let unescaped = |part: &str| part.replace("~1", "/").replace("~0", "~");
    let mut container = root;
    for part in above.split('/').skip(1) {
        container = match container {
            Value::Array(items) => &mut items[part.parse::<usize>().unwrap()],
            Value::Object(members) => {
                let key = unescaped(part);
                &mut members
                    .iter_mut()
                    .rfind(|(name, _)| *name == key)
                    .unwrap()
                    .1
            }
            _ => unreachable!(),
        };
    }
    let mut list: Vec<(String, Value)> = match container {
        Value::Array(items) => items
            .drain(..)
            .enumerate()
            .map(|(i, v)| (i.to_string(), v))
            .collect(),
        Value::Object(members) => std::mem::take(members),
        _ => unreachable!(),
    };
    let key = unescaped(leaf);
    let seat_of =
        |list: &[(String, Value)], key: &str| list.iter().rposition(|(name, _)| name == key);
    let place = |list: &mut Vec<(String, Value)>, beside: Option<&Beside>, element| {
        let index = match beside {
            None => list.len(),
            Some(Beside::Before(key)) => seat_of(list, key).unwrap(),
            Some(Beside::After(key)) => seat_of(list, key).unwrap() + 1,
        };
        list.insert(index, element);
    };
    match operation {
        Operation::Set { value, .. } => {
            let index = seat_of(&list, &key).unwrap();
            list[index].1 = value.clone();
        }
        Operation::Remove { .. } => {
            list.remove(seat_of(&list, &key).unwrap());
        }
        Operation::Move { beside, .. } => {
            let (Beside::Before(neighbour) | Beside::After(neighbour)) = beside;
            if *neighbour != key {
                let element = list.remove(seat_of(&list, &key).unwrap());
                place(&mut list, Some(beside), element);
            }
        }
        Operation::Insert { value, beside, .. } => {
            if seat_of(&list, &key).is_none() {
                place(&mut list, beside.as_ref(), (key, value.clone()));
            }
        }
    }
    match container {
        Value::Array(items) => *items = list.into_iter().map(|(_, value)| value).collect(),
        Value::Object(members) => *members = list,
        _ => unreachable!(),
    }
}

fn parse(text: &str, format: Format) -> Document {
    Document::parse("t".as_ref(), text.into(), format).unwrap_or_else(|f| panic!("{f}\n{text}"))
}

/// Members in their order count here, those of what was written anew do not: it takes its neighbours' order.
fn names_in_order(document: &Document, pointer: &str) -> Vec<String> {
    let above = pointer.rsplit_once('/').map_or("", |(above, _)| above);
    document.root().at(above).map(names).unwrap_or_default()
}

fn model_names(value: &Value, pointer: &str) -> Vec<String> {
    let text = value.to_json();
    let document = parse(&text, Format::Json);
    names_in_order(&document, pointer)
}

/// Makes the operation and compares; `None` where it was refused.
fn checked(text: &str, format: Format, draft: &Draft) -> Option<(Operation, String)> {
    let before = parse(text, format);
    let operation = draft.on(&before)?;
    let wanted = before.root().to_value().map(|mut value| {
        model(&mut value, &operation);
        value
    });
    let made = match operate(&before, std::slice::from_ref(&operation)) {
        Ok((made, _)) => made,
        Err(faults) => {
            // A refusal is a judgement beforehand; an edit that came out wrong is a mistake of ours.
            let said = faults.to_string();
            assert!(
                !said.contains("would not read as intended"),
                "{said}\n{operation:?}\n{text:?}"
            );
            return None;
        }
    };
    if let Some(wanted) = wanted {
        assert_eq!(
            made.root().to_value().as_ref(),
            Some(&wanted),
            "{operation:?}\n{text:?}\n{:?}",
            made.text()
        );
        assert_eq!(
            names_in_order(&made, operation.pointer()),
            model_names(&wanted, operation.pointer()),
            "{operation:?}\n{text:?}\n{:?}",
            made.text()
        );
    }
    Some((operation, made.text().to_owned()))
}

/// The comments of a text, by their numbers.
fn comments(text: &str) -> Vec<&str> {
    let numbers = text.match_indices("# c").filter_map(|(at, found)| {
        let (number, _) = text[at + found.len()..].split_once('.')?;
        number.parse::<usize>().ok().map(|_| number)
    });
    numbers.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_operation_on_json_is_what_it_is_on_a_value(value in value(), layout in 0u8..4, draft in draft()) {
        let text = json_text(&value, layout);
        let document = parse(&text, Format::Json);
        let has_operation = draft.on(&document).is_some();
        prop_assert_eq!(checked(&text, Format::Json, &draft).is_some(), has_operation);
    }

    #[test]
    fn an_operation_on_yaml_is_what_it_is_on_a_value_or_is_refused(yaml in yaml(), draft in draft()) {
        let text = yaml.text();
        let Some((operation, made)) = checked(&text, Format::Yaml, &draft) else {
            return Ok(());
        };
        let kept = comments(&made);
        let lost: Vec<_> = comments(&text).into_iter().filter(|comment| !kept.contains(comment)).collect();
        // A comment goes only with the entry on whose lines it stands.
        if let Operation::Remove { pointer } = &operation {
            let before = parse(&text, Format::Yaml);
            let span = before.root().at(pointer).unwrap().span();
            let end = text[span.end..].find('\n').map_or(text.len(), |at| span.end + at);
            let start = text[..span.start].rfind(':').unwrap_or(0).min(text[..span.start].rfind('-').unwrap_or(0));
            let own = comments(&text[start..end]);
            prop_assert!(lost.iter().all(|comment| own.contains(comment)), "{:?}\n{:?}\n{:?}", operation, text, made);
        } else {
            prop_assert!(lost.is_empty(), "{:?} lost {:?}\n{:?}\n{:?}", operation, lost, text, made);
        }
        prop_assert!(!text.contains("\r\n") || !made.replace("\r\n", "").contains('\n'), "{:?}\n{:?}", text, made);
        prop_assert_eq!(made.ends_with('\n'), text.ends_with('\n'), "{:?}\n{:?}\n{:?}", operation, text, made);
    }

    #[test]
    fn disjoint_operations_commute(value in prop::collection::vec(value(), 2..5), layout in 0u8..4, one in draft(), two in draft()) {
        let text = json_text(&Value::Array(value), layout);
        let document = parse(&text, Format::Json);
        let (Some(one), Some(two)) = (one.on(&document), two.on(&document)) else {
            return Ok(());
        };
        let both = operate(&document, &[one.clone(), two.clone()]);
        let back = operate(&document, &[two.clone(), one.clone()]);
        let container = |operation: &Operation| operation.pointer().rsplit_once('/').map(|(above, _)| above.to_owned());
        // Two insertions at one place come in the order in which they are said.
        if container(&one) != container(&two) {
            prop_assert_eq!(both.is_ok(), back.is_ok());
            if let (Ok((both, _)), Ok((back, _))) = (both, back) {
                prop_assert_eq!(both.text(), back.text());
            }
        }
    }
}
