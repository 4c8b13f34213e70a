//! Rules as text.

use std::fmt::Write as _;

use super::count;
use crate::diagnostic::{Style, render_all};
use crate::firewall::ShownList;

/// Each list with its rules in Proxmox's words, their places in the list in front; the last line sums up.
pub fn rules(lists: &[ShownList], style: Style) -> String {
    let mut out = String::new();
    let several = lists.len() > 1;
    let mut total = 0;
    for list in lists {
        total += list.rules.len();
        // Whoever asked for all of them looks for rules, not for guests.
        if several && list.rules.is_empty() && list.faults.is_empty() {
            continue;
        }
        let switched = match list.enabled {
            Some(true) => "",
            Some(false) => "  (firewall switched off)",
            None => "  (no firewall)",
        };
        let _ = writeln!(out, "{}  {}{switched}", list.target, list.file.display());
        let width = list.rules.last().map_or(1, |rule| digits(rule.index));
        for shown in &list.rules {
            let _ = writeln!(
                out,
                "  {:>width$}  line {:<5} {}",
                shown.index, shown.place.line, shown.rule
            );
        }
        if !list.faults.is_empty() {
            let faults: Vec<_> = list.faults.iter().cloned().collect();
            let _ = writeln!(out, "\n{}", render_all(&faults, style));
        }
        out.push('\n');
    }
    let _ = writeln!(out, "{}", count(total, "rule"));
    out
}

fn digits(number: usize) -> usize {
    number.to_string().len()
}
