//! What changed, as `diff -u` says it.

use std::fmt::Write as _;
use std::ops::Range;
use std::path::Path;

/// A unified diff with `context` lines around each change; empty when nothing changed.
///
/// The fewest lines that account for the change, unless more than two thousand changed: then everything between the
/// first and the last of them.
pub fn unified_diff(path: &Path, old: &str, new: &str, context: usize) -> String {
    diff_of_window(path, old, 0..old.len(), new, context)
}

/// The same for a text of which only `window`, whole lines, becomes `new`: its cost is that of the window.
pub(super) fn diff_of_window(
    path: &Path,
    old: &str,
    window: Range<usize>,
    new: &str,
    context: usize,
) -> String {
    if old[window.clone()] == *new {
        return String::new();
    }
    let skipped = common_front(&old[window.clone()], new);
    let front = window.start + skipped;
    let new = &new[skipped..];
    let back = common_back(&old[front..window.end], new);
    let new_lines = lines(&new[..new.len() - back]);
    let back = old.len() - window.end + back;
    let old_lines = lines(&old[front..old.len() - back]);
    let first_line = old[..front].matches('\n').count();
    let changes = changes(&old_lines, &new_lines);

    let before = last_lines(&old[..front], context);
    let behind = lines_of(&old[old.len() - back..], context);
    let name = path.display().to_string();
    let name = name.trim_start_matches('/');
    let mut out = format!("--- a/{name}\n+++ b/{name}\n");

    // Line `i` of the old text around the changed middle; negative ones lie in front of it.
    let middle = old_lines.len();
    let old_line = |i: usize| -> &str {
        if i < before.len() {
            before[i]
        } else if i - before.len() < middle {
            old_lines[i - before.len()]
        } else {
            behind[i - before.len() - middle]
        }
    };
    let total = before.len() + middle + behind.len();
    let mut at = 0;
    let mut shift = 0isize;
    while at < changes.len() {
        let mut last = at;
        while last + 1 < changes.len()
            && changes[last + 1].old.0 - changes[last].old.1 <= 2 * context
        {
            last += 1;
        }
        let start = (before.len() + changes[at].old.0).saturating_sub(context);
        let end = (before.len() + changes[last].old.1 + context).min(total);
        let grown: isize = changes[at..=last].iter().map(Change::growth).sum();
        let old_count = end - start;
        let new_count = old_count.saturating_add_signed(grown);
        let old_start = first_line + start - before.len().min(first_line);
        let new_start = old_start.saturating_add_signed(shift);
        let _ = writeln!(
            out,
            "@@ -{} +{} @@",
            range(old_start, old_count),
            range(new_start, new_count)
        );
        let mut line = start;
        for change in &changes[at..=last] {
            for i in line..before.len() + change.old.0 {
                push(&mut out, ' ', old_line(i));
            }
            for text in &old_lines[change.old.0..change.old.1] {
                push(&mut out, '-', text);
            }
            for text in &new_lines[change.new.0..change.new.1] {
                push(&mut out, '+', text);
            }
            line = before.len() + change.old.1;
        }
        for i in line..end {
            push(&mut out, ' ', old_line(i));
        }
        shift += grown;
        at = last + 1;
    }
    out
}

/// Lines of the old text that become lines of the new one.
#[derive(Debug, PartialEq, Eq)]
struct Change {
    old: (usize, usize),
    new: (usize, usize),
}

impl Change {
    fn growth(&self) -> isize {
        (self.new.1 - self.new.0).cast_signed() - (self.old.1 - self.old.0).cast_signed()
    }
}

const MOST_CHANGES: usize = 2000;

/// Myers' algorithm: the furthest reach on each diagonal, for a growing number of changed lines.
fn changes(old: &[&str], new: &[&str]) -> Vec<Change> {
    let most = (old.len() + new.len()).min(MOST_CHANGES);
    let offset = most + 1;
    let mut reach = vec![0usize; 2 * most + 3];
    let mut trace = Vec::new();
    for edits in 0..=most {
        for step in 0..=edits {
            let diagonal = offset + 2 * step - edits;
            let down = step == 0 || (step < edits && reach[diagonal - 1] < reach[diagonal + 1]);
            let mut x = if down {
                reach[diagonal + 1]
            } else {
                reach[diagonal - 1] + 1
            };
            // x is a line of the old text, y of the new one: x - y is the diagonal.
            let Some(mut y) = (x + offset).checked_sub(diagonal) else {
                continue;
            };
            while x < old.len() && y < new.len() && old[x] == new[y] {
                x += 1;
                y += 1;
            }
            reach[diagonal] = x;
            if x >= old.len() && y >= new.len() {
                trace.push(reach);
                return walk_back(&trace, old.len(), new.len());
            }
        }
        trace.push(reach[offset - edits - 1..=offset + edits + 1].to_vec());
    }
    vec![Change {
        old: (0, old.len()),
        new: (0, new.len()),
    }]
}

/// From the ends back to the beginning; trace `d` holds the diagonals from `-d-1` to `d+1`.
fn walk_back(trace: &[Vec<usize>], old: usize, new: usize) -> Vec<Change> {
    let (mut x, mut y) = (old, new);
    let mut changes: Vec<Change> = Vec::new();
    for edits in (1..trace.len()).rev() {
        let before = &trace[edits - 1];
        // Index of diagonal k in `before`: its own middle is k = 0.
        let middle = edits.cast_signed();
        let diagonal = x.cast_signed() - y.cast_signed();
        let reach = |k: isize| -> usize {
            usize::try_from(k + middle)
                .ok()
                .and_then(|i| before.get(i))
                .copied()
                .unwrap_or(0)
        };
        let down = diagonal == -(edits.cast_signed())
            || (diagonal != edits.cast_signed() && reach(diagonal - 1) < reach(diagonal + 1));
        let from = if down { diagonal + 1 } else { diagonal - 1 };
        let from_x = reach(from);
        let from_y = (from_x.cast_signed() - from).cast_unsigned();
        let (old_range, new_range) = if down {
            ((from_x, from_x), (from_y, from_y + 1))
        } else {
            ((from_x, from_x + 1), (from_y, from_y))
        };
        match changes.last_mut() {
            Some(change) if change.old.0 == old_range.1 && change.new.0 == new_range.1 => {
                change.old.0 = old_range.0;
                change.new.0 = new_range.0;
            }
            _ => changes.push(Change {
                old: old_range,
                new: new_range,
            }),
        }
        (x, y) = (from_x, from_y);
    }
    changes.reverse();
    changes
}

/// Bytes of whole lines that both begin with.
fn common_front(old: &str, new: &str) -> usize {
    const BLOCK: usize = 4096;
    let blocks = old
        .as_bytes()
        .chunks_exact(BLOCK)
        .zip(new.as_bytes().chunks_exact(BLOCK));
    let same = BLOCK * blocks.take_while(|(a, b)| a == b).count();
    let rest = old.as_bytes()[same..].iter().zip(&new.as_bytes()[same..]);
    let same = same + rest.take_while(|(a, b)| a == b).count();
    old.as_bytes()[..same]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1)
}

/// Bytes of whole lines that both end with.
fn common_back(old: &str, new: &str) -> usize {
    const BLOCK: usize = 4096;
    let blocks = old
        .as_bytes()
        .rchunks_exact(BLOCK)
        .zip(new.as_bytes().rchunks_exact(BLOCK));
    let same = BLOCK * blocks.take_while(|(a, b)| a == b).count();
    let ends = |text: &'_ str| text.len() - same;
    let rest = old.as_bytes()[..ends(old)]
        .iter()
        .rev()
        .zip(new.as_bytes()[..ends(new)].iter().rev());
    let same = same + rest.take_while(|(a, b)| a == b).count();
    let starts_line =
        |text: &str| same == text.len() || text.as_bytes()[text.len() - same - 1] == b'\n';
    if starts_line(old) && starts_line(new) {
        return same;
    }
    let tail = &old.as_bytes()[old.len() - same..];
    tail.iter()
        .position(|byte| *byte == b'\n')
        .map_or(0, |at| same - at - 1)
}

fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

fn lines_of(text: &str, most: usize) -> Vec<&str> {
    text.split_inclusive('\n').take(most).collect()
}

fn last_lines(text: &str, most: usize) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut end = text.len();
    while lines.len() < most && end > 0 {
        let start = text[..end - 1].rfind('\n').map_or(0, |at| at + 1);
        lines.push(&text[start..end]);
        end = start;
    }
    lines.reverse();
    lines
}

fn range(start: usize, count: usize) -> String {
    match count {
        0 => format!("{start},0"),
        1 => format!("{}", start + 1),
        _ => format!("{},{count}", start + 1),
    }
}

fn push(out: &mut String, sign: char, line: &str) {
    out.push(sign);
    out.push_str(line);
    if !line.ends_with('\n') {
        out.push_str("\n\\ No newline at end of file\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diff(old: &str, new: &str) -> String {
        unified_diff("x".as_ref(), old, new, 1)
    }

    #[test]
    fn only_changed_lines_and_their_context_are_shown() {
        let old = "a\nb\nc\nd\ne\nf\ng\nh\n";
        let new = "a\nB\nc\nd\ne\nf\nh\ni\n";
        assert_eq!(
            diff(old, new),
            "--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n@@ -6,3 +6,3 @@\n f\n-g\n h\n+i\n"
        );
        assert_eq!(diff(old, old), "");
    }

    #[test]
    fn a_missing_last_newline_is_said() {
        assert_eq!(
            diff("a\nb", "a\nb\nc"),
            "--- a/x\n+++ b/x\n@@ -1,2 +1,3 @@\n a\n-b\n\\ No newline at end of file\n+b\n+c\n\\ No newline at end of file\n"
        );
        assert_eq!(diff("", "a\n"), "--- a/x\n+++ b/x\n@@ -0,0 +1 @@\n+a\n");
        assert_eq!(
            diff("a\n", "a"),
            "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+a\n\\ No newline at end of file\n"
        );
    }

    proptest::proptest! {
        #[test]
        fn the_changes_make_the_new_lines_of_the_old(old in "[abc]{0,12}", new in "[abc]{0,12}") {
            let old: Vec<&str> = old.split("").collect();
            let new: Vec<&str> = new.split("").collect();
            let mut made: Vec<&str> = Vec::new();
            let mut at = 0;
            for change in changes(&old, &new) {
                made.extend(&old[at..change.old.0]);
                made.extend(&new[change.new.0..change.new.1]);
                at = change.old.1;
            }
            made.extend(&old[at..]);
            proptest::prop_assert_eq!(made, new);
        }
    }

    #[test]
    fn long_equal_parts_are_skipped_to_the_line() {
        let old: String = (0..4000).fold(String::new(), |text, i| text + &i.to_string() + "\n");
        let new = old.replace("\n2000\n", "\n2000x\n");
        assert_eq!(
            diff(&old, &new),
            "--- a/x\n+++ b/x\n@@ -2000,3 +2000,3 @@\n 1999\n-2000\n+2000x\n 2001\n"
        );
    }

    #[test]
    fn too_many_changes_are_shown_as_one() {
        let old = "o\n".repeat(3000);
        let new = "n\n".repeat(3000);
        let diff = unified_diff("x".as_ref(), &old, &new, 3);
        assert_eq!(diff.lines().count(), 6003);
    }
}
