//! Tests: the edits that turn one document into another are derived, made through the public interface, and the
//! result is compared byte for byte.

use super::{Cursor, Document, Edit, Format, Kind, Position};

/// Adds the edits that turn `old` into `new`.
pub(super) fn derive(edit: &mut Edit<'_>, old: Cursor<'_>, new: Cursor<'_>) {
    if old.to_value() == new.to_value() {
        return;
    }
    match (old.kind(), new.kind()) {
        (Kind::Array, Kind::Array) => array(edit, old, new),
        (Kind::Object, Kind::Object) => object(edit, old, new),
        _ => {
            edit.set(old.node(), new.to_value().unwrap());
        }
    }
}

fn object(edit: &mut Edit<'_>, old: Cursor<'_>, new: Cursor<'_>) {
    let olds: Vec<_> = old.entries().collect();
    let news: Vec<_> = new.entries().collect();
    let mut renamed = Vec::new();
    for (index, entry) in olds.iter().enumerate() {
        if let Some(value) = new.get(&entry.key) {
            derive(edit, entry.value, value);
        } else if let Some(other) = news
            .get(index)
            .filter(|other| old.get(&other.key).is_none())
        {
            edit.rename_key(entry.value.node(), &other.key);
            derive(edit, entry.value, other.value);
            renamed.push(other.key.clone());
        } else {
            edit.remove(entry.value.node());
        }
    }
    let mut position = Position::First;
    for entry in &news {
        if let Some(value) = old.get(&entry.key) {
            position = Position::After(value.node());
        } else if renamed.contains(&entry.key) {
            position = Position::After(
                olds[news.iter().position(|e| e.key == entry.key).unwrap()]
                    .value
                    .node(),
            );
        } else {
            edit.insert(
                old.node(),
                position,
                Some(&entry.key),
                entry.value.to_value().unwrap(),
            );
        }
    }
}

fn array(edit: &mut Edit<'_>, old: Cursor<'_>, new: Cursor<'_>) {
    let olds: Vec<_> = old.items().collect();
    let news: Vec<_> = new.items().collect();
    let same = |i: usize, j: usize| olds[i].to_value() == news[j].to_value();
    let (n, m) = (olds.len(), news.len());
    let mut best = vec![vec![0; m + 1]; n + 1];
    for i in (0..n).rev() {
        for j in (0..m).rev() {
            best[i][j] = if same(i, j) {
                best[i + 1][j + 1] + 1
            } else {
                best[i + 1][j].max(best[i][j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut position = Position::First;
    while i < n || j < m {
        let is_same = i < n && j < m && same(i, j);
        let keeps = |a: usize, b: usize| a <= n && b <= m && best[a][b] == best[i][j];
        if is_same || (i < n && j < m && keeps(i + 1, j + 1)) {
            derive(edit, olds[i], news[j]);
            position = Position::After(olds[i].node());
            (i, j) = (i + 1, j + 1);
        } else if i < n && keeps(i + 1, j) {
            edit.remove(olds[i].node());
            i += 1;
        } else {
            edit.insert(old.node(), position, None, news[j].to_value().unwrap());
            j += 1;
        }
    }
}

fn parse(text: &str, format: Format) -> Document {
    Document::parse("t".as_ref(), text.into(), format)
        .unwrap_or_else(|faults| panic!("{faults}\n{text}"))
}

/// The text that the derived edits make.
pub(super) fn edited(before: &str, after: &str, format: Format) -> String {
    let (old, new) = (parse(before, format), parse(after, format));
    let mut edit = Edit::new(&old);
    derive(&mut edit, old.root(), new.root());
    let patch = edit.finish().unwrap_or_else(|error| panic!("{error}"));
    patch
        .apply(&old)
        .unwrap_or_else(|faults| panic!("{faults}"))
        .text()
        .to_owned()
}

#[test]
fn real_edits_of_the_operators_files_come_out_byte_for_byte() {
    let near = [
        "/../../shared/corpus",
        "/../../../shared/corpus",
        "/../../../../shared/corpus",
    ]
    .map(|near| std::path::PathBuf::from(format!("{}{near}/pairs", env!("CARGO_MANIFEST_DIR"))));
    let Some(pairs) = near.into_iter().find(|path| path.is_dir()) else {
        #[expect(clippy::print_stderr, reason = "says what was left out")]
        {
            eprintln!("skipped: no corpus of real edits beside the repository");
        }
        return;
    };
    let mut count = 0;
    for pair in std::fs::read_dir(pairs).unwrap() {
        let pair = pair.unwrap().path();
        for (suffix, format) in [("json", Format::Json), ("yml.template", Format::Yaml)] {
            let read = |side: &str| std::fs::read_to_string(pair.join(format!("{side}.{suffix}")));
            let (Ok(before), Ok(after)) = (read("before"), read("after")) else {
                continue;
            };
            let made = edited(&before, &after, format);
            let diff = super::unified_diff(&pair, &after, &made, 3);
            assert!(made == after, "{diff}");
            count += 1;
        }
    }
    assert!(count >= 10, "found only {count} pairs");
}
