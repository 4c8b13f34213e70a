//! What the notation allows and nobody means: a name twice in one object, host-wide rules that nothing reads.

use std::collections::HashMap;

use crate::check::Findings;
use crate::diagnostic::Fault;
use crate::document::{Cursor, Document};
use crate::model::Model;

pub(crate) fn check(model: &Model, findings: &mut Findings) {
    let documents = [
        Some(&model.documents.manifest),
        model.documents.vms.as_ref(),
        model.documents.lxcs.as_ref(),
        Some(&model.documents.host),
    ];
    for document in documents.into_iter().flatten() {
        names_twice(document, findings);
    }
    let host = &model.documents.host;
    if let (Some(read), Some(ignored)) = (model.host.rules, model.host.ignored_rules) {
        findings.push(
            Fault::warning(
                "PX018",
                "found host-wide firewall rules at both of their places; those of `shared_volumes.firewall` are ignored",
            )
            .at(host.cursor(ignored).start_place())
            .at(host.cursor(read).start_place().with_label("these count"))
            .help("move what is still wanted to `firewall.global_firewall_rules`"),
        );
    }
}

fn names_twice(document: &Document, findings: &mut Findings) {
    // Not recursive: a document may be nested deeper than the stack.
    let mut open = vec![document.root()];
    while let Some(cursor) = open.pop() {
        let mut seen: HashMap<_, _> = HashMap::new();
        for entry in cursor.entries() {
            // A place is looked for only when it is needed: it counts the lines above.
            if let Some(earlier) = seen.insert(entry.key.clone(), entry.clone()) {
                findings.push(
                    Fault::warning(
                        "PX017",
                        format!("found `{}` twice, the last one counts", entry.key),
                    )
                    .at(entry.key_place())
                    .at(earlier.key_place().with_label("ignored")),
                );
            }
        }
        let first = open.len();
        open.extend(cursor.entries().map(|entry| entry.value).filter(holds));
        open.extend(cursor.items().filter(holds));
        // In the order of the file.
        open[first..].reverse();
    }
}

fn holds(cursor: &Cursor<'_>) -> bool {
    cursor.entries().next().is_some() || cursor.items().next().is_some()
}
