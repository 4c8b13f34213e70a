//! What `adopt` found, as text.

use std::fmt::Write as _;
use std::time::SystemTime;

use super::{Paint, plan, word};
use crate::answers::Adoption;
use crate::diagnostic::Style;
use crate::time::human;

/// What is there, what the first run would do and why, what stands in its way, what comes first.
pub fn adoption(found: &Adoption, now: SystemTime, style: Style) -> String {
    let mut out = String::from("Found\n");
    for pair in &found.certificates {
        let ends = pair
            .not_after
            .map_or_else(String::new, |end| match end.duration_since(now) {
                Ok(left) => format!(", ends in {}", human(left)),
                Err(_) => ", has ended".to_owned(),
            });
        let _ = writeln!(
            out,
            "  {}  {}{ends}: {}\n    {}",
            pair.certificate,
            pair.found.words(),
            pair.becomes,
            pair.path.display()
        );
        for fault in &pair.faults {
            let _ = writeln!(out, "    {}{fault}", word("wrong", Paint::Bad, style));
        }
    }
    for daemon in &found.daemons {
        let version = daemon.version.as_deref().unwrap_or_default().trim();
        let version = version.lines().next().unwrap_or_default();
        let mut words = vec![daemon.state.clone()];
        words.extend((!version.is_empty()).then(|| version.to_owned()));
        words.extend(daemon.seen.iter().cloned());
        let _ = writeln!(
            out,
            "  {} {}  {}",
            daemon.service,
            daemon.guest,
            words.join(", ")
        );
    }
    let _ = writeln!(out, "\nThe first run (`phoenix sync all`) would do\n");
    out.push_str(&plan(&found.plan, style));
    if !found.in_the_way.is_empty() {
        let _ = writeln!(out, "\nIn the way");
        for line in &found.in_the_way {
            let _ = writeln!(out, "  {line}");
        }
    }
    let _ = writeln!(out, "\nFirst");
    for (number, line) in found.first.iter().enumerate() {
        let _ = writeln!(out, "  {}. {line}", number + 1);
    }
    let _ = writeln!(out, "nothing was changed");
    out
}
