//! `check`: what is wrong with the site's files, and the repairs that are safe.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::run::Work;
use super::{ChangeOptions, Site, manifest, template_place};
use crate::change::{ChangeReport, FileEdit};
use crate::check::{
    Baseline, Blocks, Facts, Findings, KeptFacts, Missing, Selection, Told, check, fix, rule,
    rules, secret_files,
};
use crate::diagnostic::{Fault, Faults, Place, Severity};
use crate::error::Error;
use crate::inventory::{Collector, Inventory, collect};
use crate::model::{Model, SiteFiles, SourceFile};
use crate::plan::{Action, Plan};
use crate::time::GoDuration;

/// What `check` looks at.
#[derive(Debug, Clone, Default)]
pub struct CheckOptions {
    /// Which rules count.
    pub selection: Selection,
    /// Ask guests and the CA; without it nothing is contacted.
    pub online: bool,
    /// A file with findings that are known and left out.
    pub baseline: Option<PathBuf>,
}

/// What `check` found, and what it knew.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Checked {
    /// The findings.
    pub findings: Findings,
    /// What could not be asked, what is left out, and from when what guests told is.
    pub notes: Vec<String>,
}

impl Site {
    /// Looks at the site's files; a file that is missing or cannot be read is a finding like others.
    ///
    /// # Errors
    ///
    /// When the site's directory is not there, or the state cannot be read.
    pub fn check(&self, options: &CheckOptions) -> Result<Checked, Error> {
        let baseline = self.baseline(options)?;
        let (model, mut facts) = self.as_far()?;
        let mut notes = Vec::new();
        self.told(&model, options.online, &mut facts, &mut notes)?;
        let mut findings = check(&model, &facts, &options.selection);
        if let Some((path, baseline)) = baseline {
            let (known, gone) = baseline.subtract(&mut findings, &self.paths.site);
            if known > 0 {
                notes.push(format!("{known} known by {} left out", path.display()));
            }
            // What was not looked for cannot be missed.
            if gone > 0 && options.selection == Selection::default() {
                notes.push(format!(
                    "{gone} of {} no longer found: write it anew",
                    path.display()
                ));
            }
        }
        Ok(Checked { findings, notes })
    }

    /// Writes what is found as a baseline; how many findings it knows.
    ///
    /// # Errors
    ///
    /// Those of [`Site::check`], and [`Error::File`] when it cannot be written.
    pub fn write_baseline(&self, options: &CheckOptions, path: &Path) -> Result<usize, Error> {
        let checked = self.check(options)?;
        let baseline = Baseline::of(&checked.findings, &self.paths.site);
        self.write_public(path, baseline.to_text().as_bytes())?;
        Ok(baseline.len())
    }

    fn baseline<'o>(
        &self,
        options: &'o CheckOptions,
    ) -> Result<Option<(&'o Path, Baseline)>, Error> {
        let Some(path) = &options.baseline else {
            return Ok(None);
        };
        let bytes = self.root.read(path)?;
        let baseline =
            Baseline::parse(&String::from_utf8_lossy(&bytes)).map_err(|error| Error::BadFile {
                what: "baseline",
                path: path.clone(),
                detail: error.to_string(),
            })?;
        Ok(Some((path, baseline)))
    }

    /// Makes the safe repairs of what is found, as one change; what is left is found anew.
    ///
    /// # Errors
    ///
    /// Those of [`Site::check`] and [`Site::change`].
    pub fn check_fix(
        &self,
        options: &CheckOptions,
        change: ChangeOptions,
    ) -> Result<(ChangeReport, Checked), Error> {
        let baseline = self.baseline(options)?;
        let report = self.change("check --fix", change, |site| {
            let (mut model, mut facts) = site.as_far()?;
            let mut notes = Vec::new();
            site.told(&model, options.online, &mut facts, &mut notes)?;
            let mut done: Vec<FileEdit> = Vec::new();
            // One repair may uncover another, as the second copy of a rule does.
            for _ in 0..ROUNDS {
                let mut findings = check(&model, &facts, &options.selection);
                if let Some((_, baseline)) = &baseline {
                    baseline.subtract(&mut findings, &site.paths.site);
                }
                let edits = fix(&model, &findings)?;
                if edits.iter().all(|edit| !edit.changes()) {
                    break;
                }
                merge(&mut done, edits);
                model = site.with(&done);
            }
            Ok(done)
        })?;
        // What is left; after a dry run that is everything.
        let checked = self.check(options)?;
        Ok((report, checked))
    }

    /// The site as far as it can be read, and what is known beside it.
    fn as_far(&self) -> Result<(Model, Facts), Error> {
        // A mistyped site is an error, not a site without files.
        self.root
            .open_dir(&self.paths.site, crate::system::Links::Follow)?;
        let mut facts = Facts::default();
        let files = self.files_as_far(&mut facts);
        let mut faults = Faults::new();
        let model = Model::as_far(files, self.root.is_host(), &mut faults);
        facts.unread.extend(faults);
        self.look_beside(&model, &mut facts);
        Ok((model, facts))
    }

    /// The same site with some of its files edited.
    fn with(&self, edits: &[FileEdit]) -> Model {
        let mut files = self.files_as_far(&mut Facts::default());
        let texts = |file: &mut SourceFile| {
            if let Some(edit) = edits.iter().find(|edit| edit.before.path() == file.path) {
                file.bytes = edit.after.text().as_bytes().to_vec();
            }
        };
        texts(&mut files.manifest);
        texts(&mut files.host);
        [&mut files.vms, &mut files.lxcs, &mut files.template]
            .into_iter()
            .flatten()
            .for_each(texts);
        let mut faults = Faults::new();
        Model::as_far(files, self.root.is_host(), &mut faults)
    }

    fn files_as_far(&self, facts: &mut Facts) -> SiteFiles {
        let mut read = |name: &Path, what: &'static str| -> Option<SourceFile> {
            let path = self.paths.site.join(name);
            match self.root.read_optional(&path) {
                Ok(Some(bytes)) => Some(SourceFile { path, bytes }),
                Ok(None) => {
                    if !what.is_empty() {
                        facts.missing.push(Missing {
                            path,
                            what,
                            needed: NEEDED.iter().any(|needed| name == Path::new(needed)),
                        });
                    }
                    None
                }
                Err(error) => {
                    let message = crate::inventory::in_words(&error);
                    let fault = Fault::error("unreadable", message).at(Place::file(&path));
                    facts.unread.push(fault);
                    None
                }
            }
        };
        let settings = read(Path::new("etc/phoenix.toml"), "");
        let template = template_place(settings.as_ref());
        let manifest = read(
            Path::new(manifest::MANIFEST),
            "the certificates that are wanted",
        );
        let host = read(
            Path::new("etc/phoenix_hypervisor_config.json"),
            "the host-wide settings",
        );
        let empty = |name: &str, text: &str| SourceFile {
            path: self.paths.site.join(name),
            bytes: text.as_bytes().to_vec(),
        };
        let template = read(&template, "the template of Traefik's static file");
        // What it includes and cannot be read shows when it is rendered.
        let beside = template.as_ref().map(|template| self.beside(template));
        SiteFiles {
            beside_template: beside.and_then(Result::ok).unwrap_or_default(),
            vms: read(
                Path::new("etc/phoenix_vm_configs.json"),
                "the virtual machines",
            ),
            lxcs: read(Path::new("etc/phoenix_lxc_configs.json"), "the containers"),
            template,
            manifest: manifest.unwrap_or_else(|| empty(manifest::MANIFEST, "[]")),
            host: host.unwrap_or_else(|| empty("etc/phoenix_hypervisor_config.json", UNKNOWN_HOST)),
            settings,
        }
    }

    /// Files of the host that rules look at; what cannot be read is left out, since none of it is the site's.
    fn look_beside(&self, model: &Model, facts: &mut Facts) {
        facts.cron = self.cron_files().unwrap_or_default();
        facts.scripts = self.old_script_files().unwrap_or_default();
        for path in secret_files(model) {
            if let Ok((_, Some(found))) = self.root.follow(&path) {
                facts.modes.insert(path, found.mode);
            }
        }
        let dir = self.paths.site.join("etc/traefik");
        for dir in [dir.clone(), dir.join("dynamic")] {
            for name in self.root.list(&dir).unwrap_or_default() {
                let path = dir.join(&name);
                let text = name.to_string_lossy();
                let is_yaml = text.ends_with(".yml") || text.ends_with(".yaml");
                let is_static = text.starts_with("traefik.");
                if is_yaml
                    && !is_static
                    && let Ok(Some(bytes)) = self.root.read_optional(&path)
                {
                    facts.dynamic.push(SourceFile { path, bytes });
                }
            }
        }
        facts.dynamic.sort_by(|a, b| a.path.cmp(&b.path));
    }

    /// What guests and the CA tell now, or told the last run.
    fn told(
        &self,
        model: &Model,
        online: bool,
        facts: &mut Facts,
        notes: &mut Vec<String>,
    ) -> Result<(), Error> {
        if !online {
            let store = self.store();
            match store.kept_facts::<KeptFacts>() {
                Ok(kept) => kept.into_iter().for_each(|kept| kept.into_facts(facts)),
                // Nothing of the site's depends on it.
                Err(error) => notes.push(crate::inventory::in_words(&error)),
            }
            return Ok(());
        }
        let inventory = self.ask_guests(model)?;
        facts.guests = Told::of(&inventory);
        for (guest, found) in &inventory.guests {
            if let Some(why) = &found.down {
                notes.push(format!("{guest} was not asked: {why}"));
            }
        }
        match self.ca_maximum(model) {
            Ok(maximum) => facts.ca_maximum = maximum,
            Err(error) => notes.push(format!(
                "the CA was not asked: {}",
                crate::inventory::in_words(&error)
            )),
        }
        Ok(())
    }

    fn ask_guests(&self, model: &Model) -> Result<Inventory, Error> {
        let transports = (self.seams.transports)(&model.guests, &model.settings);
        let dial_from = |guest| self.dial_from(&transports, guest);
        Ok(collect(&Collector {
            root: &self.root,
            model,
            store: &self.store(),
            anchors: Vec::new(),
            client_anchors: Vec::new(),
            own_list: None,
            client_list: None,
            transports: &transports,
            dial_from: &dial_from,
            clock: self.seams.clock.as_ref(),
        })?)
    }

    /// Keeps for later looks what guests tell after a run that configured their daemons: what they told before it is over.
    pub(super) fn keep_new_facts(&self, model: &Model, plan: &Plan) -> Result<(), Error> {
        let configures = |action: &Action| {
            matches!(
                action,
                Action::ConfigureDocker { .. } | Action::ConfigureTraefik { .. }
            )
        };
        if plan.steps.iter().any(|step| configures(&step.action)) {
            let inventory = self.ask_guests(model)?;
            let facts = KeptFacts::of(&inventory, self.seams.clock.now());
            self.store().keep_facts(&facts)?;
        }
        Ok(())
    }

    /// The longest lifetime that the site's provisioner issues; unknown where it has no limit of its own.
    fn ca_maximum(&self, model: &Model) -> Result<Option<Duration>, Error> {
        let authority = self.authority(super::CaOverrides::default(), false)?;
        let Some(ca) = authority.step_ca() else {
            return Ok(None);
        };
        let all = ca.list_provisioners().map_err(|source| Error::Enroll {
            act: "read the CA's provisioners".to_owned(),
            source,
        })?;
        let named = model.settings.ca.provisioner.as_ref();
        let named = named.or(model.host.step_ca.provisioner.as_ref());
        let is_it = |info: &&crate::ca::ProvisionerInfo| match named {
            Some(name) => info.name == *name,
            None => info.kind == "JWK",
        };
        let claim = all
            .iter()
            .find(is_it)
            .and_then(|info| info.claims.get("maxTLSCertDuration")?.as_str());
        Ok(claim
            .and_then(|text| text.parse::<GoDuration>().ok())
            .map(|duration| duration.0))
    }

    /// Refuses a plan with a step that a finding stops.
    pub(super) fn unblocked(model: &Model, work: &Work) -> Result<(), Error> {
        let facts = Facts {
            guests: Told::of(&work.inventory),
            ..Facts::default()
        };
        stopped(model, &facts, &work.plan)
    }

    /// Refuses edits that bring in an error that was not there before them.
    pub(super) fn introduces_nothing(
        &self,
        model: &Model,
        edits: &[FileEdit],
        allow_lockout: bool,
    ) -> Result<(), Error> {
        let facts = Facts::default();
        let mut selection = Selection::default();
        if allow_lockout {
            let cuts = CUTS.iter().filter_map(|code| code.parse().ok());
            selection.ignore = cuts.collect();
        }
        let known = Baseline::of(&check(model, &facts, &selection), &self.paths.site);
        let mut after = check(&self.with(edits), &facts, &selection);
        known.subtract(&mut after, &self.paths.site);
        let mut faults = Faults::new();
        after
            .faults()
            .filter(|fault| fault.severity == Severity::Error)
            .for_each(|fault| faults.push(fault.clone()));
        if faults.is_empty() {
            Ok(())
        } else {
            Err(Error::Refused(faults))
        }
    }
}

/// What says that a link is cut by rules of the firewall: a lock-out that was allowed shows in each of them.
const CUTS: &[&str] = &["PX005", "PX020", "PX021"];

/// Looks with the rules that block steps, and refuses a plan that has such a step.
fn stopped(model: &Model, facts: &Facts, plan: &Plan) -> Result<(), Error> {
    let is_stopped = |blocks: &Blocks, action: &Action| match blocks {
        Blocks::ConfigureDocker => matches!(action, Action::ConfigureDocker { .. }),
        Blocks::ConfigureTraefik => matches!(action, Action::ConfigureTraefik { .. }),
    };
    let blocking = rules().iter().filter(|rule| !rule.blocks.is_empty());
    let selection = Selection {
        select: blocking.filter_map(|rule| rule.code.parse().ok()).collect(),
        ignore: Vec::new(),
    };
    let mut names: Vec<String> = Vec::new();
    let mut findings = Faults::new();
    for finding in &check(model, facts, &selection).0 {
        let Ok(rule) = rule(finding.fault.code) else {
            continue;
        };
        let of_rule = plan.steps.iter().filter(|step| {
            let mut blocks = rule.blocks.iter();
            blocks.any(|blocks| is_stopped(blocks, &step.action))
        });
        let of_rule: Vec<String> = of_rule.map(|step| format!("`{}`", step.id)).collect();
        if !of_rule.is_empty() {
            findings.push(finding.fault.clone());
            names.extend(of_rule);
        }
    }
    names.sort();
    names.dedup();
    if names.is_empty() {
        return Ok(());
    }
    Err(Error::Blocked {
        steps: names,
        findings,
    })
}

/// Edits of the same file become one, from its first text to its last.
fn merge(done: &mut Vec<FileEdit>, edits: Vec<FileEdit>) {
    for edit in edits {
        match done
            .iter_mut()
            .find(|earlier| earlier.before.path() == edit.before.path())
        {
            Some(earlier) => {
                earlier.after = edit.after;
                earlier.reasons.extend(edit.reasons);
            }
            None => done.push(edit),
        }
    }
}

/// Without these there is no site.
const NEEDED: [&str; 2] = [manifest::MANIFEST, "etc/phoenix_hypervisor_config.json"];
/// More rounds than any repair takes.
const ROUNDS: usize = 16;
/// A name that no site has: what depends on it finds nothing.
const UNKNOWN_HOST: &str = "{\"domain_name\": \"unknown.invalid\"}";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Document, Format};
    use crate::site::{Seams, SitePaths};
    use crate::test_sites::sample_site;

    #[test]
    fn a_finding_stops_the_steps_that_its_rule_names_and_no_others() {
        let site = SitePaths {
            site: sample_site(),
            state: "/nowhere".into(),
            root: None,
        };
        let site = Site::open(site, Seams::host("".as_ref())).unwrap();
        let model = site.model().unwrap();
        let manager = crate::names::GuestId::vm(1001);
        let docker = crate::inventory::DockerFacts {
            started_before_root: false,
            daemon_json: Some(b"{\"live-restore\": true}".to_vec()),
            active_state: "active".to_owned(),
            unit: String::new(),
            version: None,
            server_version: None,
            swarm_active: true,
            sockets: Vec::new(),
        };
        let mut facts = Facts::default();
        let told = Told {
            docker: Some(docker),
            traefik: None,
        };
        facts.guests.insert(manager, told);
        let changes = std::collections::BTreeSet::new();
        let mut plan = Plan::empty(std::time::SystemTime::UNIX_EPOCH, "none");
        let traefik = Action::ConfigureTraefik {
            guest: crate::names::GuestId::lxc(102),
            changes: changes.clone(),
        };
        plan.steps.push(crate::plan::Step::new(traefik, Vec::new()));
        assert!(stopped(&model, &facts, &plan).is_ok());
        let docker = Action::ConfigureDocker {
            guest: manager,
            changes,
        };
        plan.steps.push(crate::plan::Step::new(docker, Vec::new()));
        match stopped(&model, &facts, &plan) {
            Err(Error::Blocked { steps, findings }) => {
                assert_eq!(steps, ["`configure docker vm:1001`"]);
                let codes: Vec<&str> = findings.iter().map(|fault| fault.code).collect();
                assert_eq!(codes, ["PX047"]);
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_errors_that_an_edit_brings_in_are_refused() {
        let site = SitePaths {
            site: sample_site(),
            state: "/nowhere".into(),
            root: None,
        };
        let site = Site::open(site, Seams::host("".as_ref())).unwrap();
        let model = site.model().unwrap();
        let vms = model.documents.vms.clone().unwrap();
        let edit = |from: &str, to: &str| {
            assert!(vms.text().contains(from));
            let text = vms.text().replacen(from, to, 1);
            let after = Document::parse(vms.path(), text.into(), Format::Json).unwrap();
            vec![FileEdit {
                before: vms.clone(),
                after,
                reasons: Vec::new(),
            }]
        };
        // The site has errors already, and this one is none of them.
        let moved = edit("{\n", "{\n\n\n");
        assert!(site.introduces_nothing(&model, &moved, false).is_ok());
        let circle = edit("\"102\"", "\"1001\"");
        match site.introduces_nothing(&model, &circle, false) {
            Err(Error::Refused(faults)) => {
                let codes: Vec<&str> = faults.iter().map(|fault| fault.code).collect();
                assert_eq!(codes, ["PX014"]);
            }
            other => panic!("{other:?}"),
        }
    }
}
