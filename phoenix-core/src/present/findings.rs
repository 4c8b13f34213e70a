//! Findings and rules as text.

use std::fmt::Write as _;
use std::path::Path;

use crate::check::{Finding, Findings, Rule};
use crate::diagnostic::{Severity, Style, render_all};

/// Each finding with its places, the number of errors and warnings last.
pub fn findings(findings: &Findings, style: Style) -> String {
    if findings.is_empty() {
        return "nothing found\n".to_owned();
    }
    format!(
        "{}\n\n{}\n",
        render_all(findings.faults(), style),
        summary(findings)
    )
}

/// `9 errors, 2 warnings, 1 fixable with --fix`.
fn summary(findings: &Findings) -> String {
    let counted = |count: usize, what: &str| {
        let plural = if count == 1 { "" } else { "s" };
        format!("{count} {what}{plural}")
    };
    let mut parts = vec![
        counted(findings.count(Severity::Error), "error"),
        counted(findings.count(Severity::Warning), "warning"),
    ];
    let notes = findings.count(Severity::Note);
    if notes > 0 {
        parts.push(counted(notes, "note"));
    }
    let fixable = findings.0.iter().filter(|finding| finding.fixable).count();
    if fixable > 0 {
        parts.push(format!("`--fix` repairs {fixable}"));
    }
    parts.join(", ")
}

/// Findings as commands of GitHub's workflows, paths below `directory` relative to it.
pub fn findings_github(findings: &Findings, directory: &Path) -> String {
    let mut text = String::new();
    for finding in &findings.0 {
        let _ = writeln!(text, "{}", github(finding, directory));
    }
    text
}

fn github(finding: &Finding, directory: &Path) -> String {
    let fault = &finding.fault;
    let word = match fault.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let mut properties = Vec::new();
    if let Some(place) = fault.places.first() {
        let file = place.file.strip_prefix(directory).unwrap_or(&place.file);
        properties.push(("file", file.to_string_lossy().into_owned()));
        if place.line > 0 {
            properties.push(("line", place.line.to_string()));
            properties.push(("col", place.column.to_string()));
        }
    }
    let title = match finding.name {
        Some(name) => format!("{} {name}", fault.code),
        None => fault.code.to_owned(),
    };
    properties.push(("title", title));
    let properties: Vec<String> = properties
        .into_iter()
        .map(|(key, value)| {
            let value = escaped(&value).replace(':', "%3A").replace(',', "%2C");
            format!("{key}={value}")
        })
        .collect();
    let mut message = fault.message.clone();
    for place in fault.places.iter().skip(1) {
        let label = place.label.as_deref().unwrap_or("see also");
        let _ = write!(message, "\n{label}: {place}");
    }
    for more in fault.notes.iter().chain(&fault.help) {
        let _ = write!(message, "\n{more}");
    }
    format!("::{word} {}::{}", properties.join(","), escaped(&message))
}

fn escaped(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// A rule with its reason, its remedy and its example.
pub fn rule(rule: &Rule) -> String {
    let mut text = format!(
        "{} {}: {}\n\n{}\n\n",
        rule.code, rule.name, rule.summary, rule.why
    );
    let _ = writeln!(text, "What to do: {}", rule.mend);
    let _ = writeln!(
        text,
        "Severity: {}. Needs: {}.{}",
        rule.severity.as_str(),
        rule.needs.as_str(),
        tail(rule)
    );
    let shown = |text: &mut String, word: &str, example: &str| {
        let _ = writeln!(text, "\n{word}, in {}:", rule.example.file);
        for line in lines(example) {
            let _ = writeln!(text, "    {line}");
        }
    };
    shown(&mut text, "Found", rule.example.bad);
    shown(&mut text, "Right", rule.example.good);
    text
}

fn tail(rule: &Rule) -> String {
    let mut text = String::new();
    if rule.fixable {
        text.push_str(" `--fix` repairs it where that is safe.");
    }
    if !rule.blocks.is_empty() {
        let steps: Vec<&str> = rule.blocks.iter().map(|step| step.as_str()).collect();
        let _ = write!(text, " Stops the steps: {}.", steps.join(", "));
    }
    text
}

/// The lines of an example; of none a word that says so.
fn lines(example: &str) -> Vec<&str> {
    let lines: Vec<&str> = example.trim_end_matches('\n').lines().collect();
    if lines.is_empty() {
        vec!["(nothing)"]
    } else {
        lines
    }
}

/// All rules, one a line.
pub fn rules(all: &[&Rule]) -> String {
    let width = all.iter().map(|rule| rule.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for rule in all {
        let fixable = if rule.fixable { " (--fix)" } else { "" };
        let _ = writeln!(
            text,
            "{}  {:<7}  {:<width$}  {}{fixable}",
            rule.code,
            rule.severity.as_str(),
            rule.name,
            rule.summary
        );
    }
    text
}

/// The documentation of all rules.
pub fn rules_page(all: &[&Rule]) -> String {
    let mut text = PAGE.to_owned();
    for rule in all {
        let _ = writeln!(
            text,
            "| [{code}](#{anchor}) | {} | {} | {} |",
            rule.name,
            rule.severity.as_str(),
            rule.summary,
            code = rule.code,
            anchor = rule.code.to_lowercase()
        );
    }
    for rule in all {
        let _ = write!(
            text,
            "\n## {}\n\n`{}`, {}: {}.\n\n{}\n\n{} Looks at {}.{}\n",
            rule.code,
            rule.name,
            rule.severity.as_str(),
            rule.summary,
            rule.why,
            rule.mend,
            rule.needs.as_str(),
            tail(rule)
        );
        for (word, example) in [("Found", rule.example.bad), ("Right", rule.example.good)] {
            let _ = writeln!(text, "\n{word}, in {}:\n", rule.example.file);
            let _ = writeln!(text, "```text\n{}\n```", lines(example).join("\n"));
        }
    }
    text
}

const PAGE: &str = "\
# The rules of `phoenix check`

Written by `UPDATE_RULES=1 cargo test -p phoenix-core rules_page`; do not edit. Each rule's examples run as tests.

`phoenix check --select PX01 --ignore key-on-nfs-export` chooses rules by code, by the beginning of codes, or by name;
`--explain PX012` shows one. Severity decides the exit status of `check` and nothing else; a rule that stops steps of a
run names them.

| code | name | severity | finds that |
|---|---|---|---|
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{Selection, check};
    use crate::model::{Model, SiteFiles, SourceFile};

    fn found() -> Findings {
        let file = |name: &str, text: &str| SourceFile {
            path: format!("/site/etc/{name}").into(),
            bytes: text.as_bytes().to_vec(),
        };
        let rule = r#"{"type": "in", "action": "ACCEPT", "comment": "50%, all"}"#;
        let files = SiteFiles {
            beside_template: Vec::new(),
            manifest: file("certificate-manifest.json", "[]"),
            vms: None,
            lxcs: None,
            host: file(
                "h.json",
                &format!(
                    "{{\"domain_name\": \"a.test\", \"firewall\": {{\"enabled\": true, \"global_firewall_rules\": [\n{rule},\n{rule}]}}}}"
                ),
            ),
            settings: None,
            template: None,
        };
        let model = Model::read(files, true).unwrap();
        check(
            &model,
            &crate::check::Facts::default(),
            &Selection::default(),
        )
    }

    #[test]
    fn findings_are_shown_and_counted() {
        assert_eq!(
            findings(&Findings::default(), Style::Plain),
            "nothing found\n"
        );
        let shown = findings(&found(), Style::Plain);
        assert!(
            shown.starts_with("warning[PX009]: found the same firewall rule twice\n"),
            "{shown}"
        );
        assert!(
            shown.ends_with("\n\n0 errors, 1 warning, `--fix` repairs 1\n"),
            "{shown}"
        );
    }

    #[test]
    fn a_finding_is_a_command_of_githubs_workflows() {
        let mut found = found();
        found.0[0].fault.message = "50%, a\nb".to_owned();
        let shown = findings_github(&found, "/site".as_ref());
        assert_eq!(
            shown,
            "::warning file=etc/h.json,line=3,col=1,title=PX009 rule-twice::50%25, a%0Ab%0Afirst stated here: /site/etc/h.json:2:1\n"
        );
    }

    #[test]
    fn the_rules_page_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/check-rules.md");
        let page = rules_page(crate::check::rules());
        if std::env::var_os("UPDATE_RULES").is_some() {
            std::fs::write(path, &page).unwrap();
        }
        assert!(
            std::fs::read_to_string(path).unwrap_or_default() == page,
            "UPDATE_RULES=1 cargo test -p phoenix-core rules_page   writes it anew"
        );
    }
}
