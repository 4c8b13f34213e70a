//! What is wrong with a site although each of its files can be read: pure, from the model to findings.
//!
//! A [`Rule`] is data: [`rules`] is the table from which `--explain`, the documentation page and the tests of the
//! examples come. What a rule looks at is the model and, where they are known, [`Facts`]; what it finds are nodes of
//! documents, and their places are looked up once for all findings.

mod baseline;
mod facts;
mod finding;
mod fix;
mod rule;
mod rules;
mod spread;
mod table;
mod view;

use std::path::{Path, PathBuf};

use crate::model::Model;

pub use baseline::{Baseline, BaselineError};
pub use facts::{Facts, KeptFacts, Missing, Told};
pub use finding::{Finding, Findings};
pub use fix::fix;
pub use rule::{Blocks, Example, Needs, Rule, RuleSelector, Selection, UnknownRule, rule, rules};

use finding::Found;
use view::View;

/// Looks at the whole site; a site that is right has no findings.
pub fn check(model: &Model, facts: &Facts, selection: &Selection) -> Findings {
    let mut found = Found::default();
    for fault in &facts.unread {
        found.read(fault);
    }
    let of_documents = || {
        let mut found = Found::default();
        rules::documents::check(model, facts, &mut found);
        found
    };
    let of_site = || {
        let view = View::new(model, facts);
        let mut found = Found::default();
        rules::guests::check(&view, &mut found);
        rules::addresses::check(&view, &mut found);
        rules::links::check(&view, &mut found);
        view.each_list(&mut found, |guest, list, found| {
            rules::firewall::check(&view, guest, list, found);
            rules::shadow::check(&view, guest, list, found);
        });
        rules::connections::check(&view, &mut found);
        rules::manifest::check(&view, &mut found);
        rules::hooks::check(&view, &mut found);
        rules::keys::check(&view, &mut found);
        rules::secrets::check(&view, &mut found);
        rules::traefik::check(&view, &mut found);
        rules::docker::check(&view, &mut found);
        found
    };
    let many = model.guests.0.len() >= spread::MANY;
    let (of_documents, of_site) = spread::both(many, of_documents, of_site);
    found.append(of_documents);
    found.append(of_site);
    let documents = &model.documents;
    let manifest = documents.manifest.path();
    let optional = [&documents.vms, &documents.lxcs];
    let files: Vec<&Path> = std::iter::once(manifest)
        .chain(
            optional
                .into_iter()
                .flatten()
                .map(crate::document::Document::path),
        )
        .chain([documents.host.path()])
        .chain(
            model
                .template
                .as_ref()
                .map(|template| template.path.as_path()),
        )
        .collect();
    let mut findings = found.finish(&files);
    findings
        .0
        .retain(|finding| selection.includes(finding.fault.code));
    findings
}

/// Files of the host that hold secrets, by what the site's files say: their modes are facts that rules ask for.
pub fn secret_files(model: &Model) -> Vec<PathBuf> {
    let files = rules::secrets::secret_files(model).into_iter();
    files.map(|(path, _)| path).collect()
}

#[cfg(test)]
mod example_tests;
#[cfg(test)]
mod tests;
