//! The one way in for programs: a site, and one method per command.

#[cfg(feature = "acme")]
mod acme;
mod adopt;
mod any_authority;
mod authority;
mod bootstrap;
mod by_hand;
mod ca;
mod certs;
mod change;
mod check;
mod edit;
mod firewall;
mod inspect;
mod lifetime;
mod manifest;
mod migrate;
mod narrow;
mod overrides;
mod pairs;
mod pending;
mod revocations;
mod rollback;
mod run;
mod scripts;
mod seams;
mod seen;
mod status;
mod step_files;
mod systemd;
mod template;

use std::path::PathBuf;
use std::time::Duration;

use crate::answers::{Recovery, TakenBack};
use crate::diagnostic::Faults;
use crate::document::{Document, Format};
use crate::error::Error;
use crate::model::{Model, SiteFiles, SourceFile};
use crate::names::GuestId;
use crate::observe::Observer;
use crate::plan::{Action, Blocked, Given, Plan, Policy, Scope, Step, Subject};
use crate::report::Report;
use crate::settings::Settings;
use crate::store::Store;
use crate::system::{Links, Recovered, RecoveryOutcome, Root, SiteLock};

pub use any_authority::AnyAuthority;
pub use bootstrap::BootstrapOptions;
pub use by_hand::{DeployOptions, GivenPair, PemSource};
pub use ca::CaInitOptions;
pub use certs::{
    CsrOptions, IssueKey, IssueOptions, PairFiles, RekeyOptions, RenewBy, RenewOptions, Target,
    TokenOptions,
};
pub use change::ChangeOptions;
pub use check::{CheckOptions, Checked};
pub use firewall::FirewallOptions;
pub use inspect::InspectSource;
pub use migrate::MigrateOptions;
#[cfg(feature = "acme")]
pub use overrides::AcmeOverrides;
pub use overrides::CaOverrides;
pub use rollback::RollbackOptions;
pub use scripts::ScriptOptions;
pub use seams::{Seams, Transports};
pub use systemd::UnitOptions;
pub use template::RenderOptions;

/// Where a site lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SitePaths {
    /// The operator's files. Default `/usr/local/phoenix_hypervisor`.
    pub site: PathBuf,
    /// Phoenix's state. Default `/var/lib/phoenix`.
    pub state: PathBuf,
    /// A copy of a whole host to work on; the host itself when absent.
    pub root: Option<PathBuf>,
}

impl Default for SitePaths {
    fn default() -> Self {
        Self {
            site: PathBuf::from("/usr/local/phoenix_hypervisor"),
            state: PathBuf::from("/var/lib/phoenix"),
            root: None,
        }
    }
}

/// What limits a run.
#[derive(Debug, Clone)]
pub struct SyncOptions {
    /// Which parts of the site.
    pub scope: Scope,
    /// Which certificates, and whether whatever their state is.
    pub policy: Policy,
    /// Only plan.
    pub dry_run: bool,
    /// Only what these guests need; all when empty. A trust store is made for them whether the site asks for it or not.
    pub guests: Vec<GuestId>,
    /// With [`Scope::Trust`]: the host's own store, whether the site asks for it or not.
    pub host: bool,
    /// Only get certificates and put them in place: hooks and restarts are on record for a later run.
    pub generate_only: bool,
    /// How long to wait for another run to end. Default 60 s.
    pub lock_timeout: Duration,
    /// After this long no further step is begun. Default: no limit.
    pub deadline: Option<Duration>,
}

impl Default for SyncOptions {
    fn default() -> Self {
        Self {
            scope: Scope::All,
            policy: Policy::default(),
            dry_run: false,
            guests: Vec::new(),
            host: false,
            generate_only: false,
            lock_timeout: Duration::from_secs(60),
            deadline: None,
        }
    }
}

/// A site.
///
/// ```no_run
/// use phoenix_core::observe::Silent;
/// use phoenix_core::site::{Seams, Site, SitePaths, SyncOptions};
///
/// let seams = Seams::host("/usr/sbin:/usr/bin:/sbin:/bin".as_ref());
/// let site = Site::open(SitePaths::default(), seams)?;
/// let report = site.sync(&SyncOptions::default(), &Silent)?;
/// std::process::exit(report.exit_status().into());
/// # Ok::<(), phoenix_core::Error>(())
/// ```
pub struct Site {
    paths: SitePaths,
    root: Root,
    seams: Seams,
}

impl Site {
    /// Opens a site; its files are read by each method anew.
    ///
    /// # Errors
    ///
    /// When the root directory cannot be opened.
    pub fn open(paths: SitePaths, seams: Seams) -> Result<Self, Error> {
        let root = match &paths.root {
            None => Root::host(),
            Some(dir) => Root::at(dir).map_err(|error| {
                let fault = crate::diagnostic::Fault::error(
                    "root",
                    format!("could not open the root directory: {error}"),
                );
                Error::Faults(Faults::from(fault.at(crate::diagnostic::Place::file(dir))))
            })?,
        };
        Ok(Self { paths, root, seams })
    }

    /// Where it lies.
    pub fn paths(&self) -> &SitePaths {
        &self.paths
    }

    /// Reads the site's files; the faults of all of them at once.
    pub fn model(&self) -> Result<Model, Error> {
        let settings = self.optional("etc/phoenix.toml")?;
        let template = self.optional(&template_place(settings.as_ref()).to_string_lossy())?;
        let beside_template = match &template {
            Some(file) => self.beside(file)?,
            None => Vec::new(),
        };
        let files = SiteFiles {
            manifest: self.required(manifest::MANIFEST)?,
            vms: self.optional("etc/phoenix_vm_configs.json")?,
            lxcs: self.optional("etc/phoenix_lxc_configs.json")?,
            host: self.required("etc/phoenix_hypervisor_config.json")?,
            settings,
            template,
            beside_template,
        };
        Ok(Model::read(files, self.root.is_host())?)
    }

    fn required(&self, name: &str) -> Result<SourceFile, Error> {
        let path = self.paths.site.join(name);
        let bytes = self.root.read(&path)?;
        Ok(SourceFile { path, bytes })
    }

    fn optional(&self, name: &str) -> Result<Option<SourceFile>, Error> {
        let path = self.paths.site.join(name);
        let bytes = self.root.read_optional(&path)?;
        Ok(bytes.map(|bytes| SourceFile { path, bytes }))
    }

    /// The site's state.
    pub fn store(&self) -> Store {
        Store::new(self.root.clone(), &self.paths.state, &self.paths.site)
    }

    /// What a run would do, and why. Writes nothing.
    pub fn plan(&self, options: &SyncOptions) -> Result<Plan, Error> {
        let model = self.model()?;
        Ok(self.work(&model, options, false)?.plan)
    }

    /// Does it: issues, delivers, reconfigures, verifies.
    pub fn sync(&self, options: &SyncOptions, observer: &dyn Observer) -> Result<Report, Error> {
        if options.dry_run {
            return self.dry_run(&self.model_for(options)?, options);
        }
        self.locked_run(options, observer, |_, _| Ok(()))
    }

    /// Does exactly what a plan says that was written down earlier.
    ///
    /// The plan is made again; only `lock_timeout` and `deadline` of `options` count.
    ///
    /// # Errors
    ///
    /// [`Error::PlanChanged`] when other steps come out now: nothing is done then.
    pub fn apply(
        &self,
        given: &Given,
        options: &SyncOptions,
        observer: &dyn Observer,
    ) -> Result<Report, Error> {
        let options = SyncOptions {
            scope: given.scope(),
            policy: given.policy()?,
            lock_timeout: options.lock_timeout,
            deadline: options.deadline,
            ..SyncOptions::default()
        };
        let agree = |_: &Model, work: &mut run::Work| {
            let differences = given.differences(&work.plan);
            if differences.is_empty() {
                Ok(())
            } else {
                Err(Error::PlanChanged { differences })
            }
        };
        self.locked_run(&options, observer, agree)
    }

    /// Looks at what is really served, and changes nothing.
    pub fn verify(&self, observer: &dyn Observer) -> Result<Report, Error> {
        let model = self.model()?;
        let mut options = SyncOptions::default();
        options.policy.look = true;
        let mut work = self.work(&model, &options, false)?;
        work.plan
            .blocked
            .extend(revocations::revoked_leaves(&work.plan));
        let verifications: Vec<Step> = std::mem::take(&mut work.plan.steps)
            .into_iter()
            .filter(|step| matches!(step.action, Action::Verify { .. }))
            .map(|mut step| {
                // Each is looked at by itself: nothing is done before it in this run.
                step.needs.clear();
                step.after.clear();
                step.unit = None;
                step
            })
            .collect();
        let unset = unset_services(&model, &work.plan, &verifications);
        work.plan.blocked.extend(unset);
        work.plan.steps = verifications;
        work.plan.kept.clear();
        self.run(&model, &work, observer)
    }

    /// Settles what a run left that did not end: all files of a change are then the old ones, or all the new ones.
    ///
    /// A change of the firewall that nobody confirmed in time is taken back.
    pub fn recover(&self, lock_timeout: Duration) -> Result<Recovery, Error> {
        let mut recovered = self.settle_written_pairs()?;
        let lock = self.lock(lock_timeout)?;
        recovered
            .transactions
            .extend(self.settle_journal(&lock)?.transactions);
        let firewall = self.settle_trial(&lock)?;
        Ok(Recovery {
            recovered,
            firewall,
            waits_until: self.store().trial()?.map(|trial| trial.until),
        })
    }

    /// One run at a time.
    fn lock(&self, timeout: Duration) -> Result<SiteLock, Error> {
        // A mistyped site is an error, not a directory to make.
        self.root.open_dir(&self.paths.site, Links::Follow)?;
        let path = self.paths.site.join(".phoenix/lock");
        Ok(SiteLock::acquire(
            &self.root,
            &path,
            timeout,
            self.seams.clock.as_ref(),
        )?)
    }
}

/// Daemons that the site has and that cannot be verified, since nothing of the link is described yet.
fn unset_services(model: &Model, plan: &Plan, verifications: &[Step]) -> Vec<Blocked> {
    let dockers = model
        .docker_managers()
        .map(|guest| Subject::Docker(guest.id));
    let traefiks = model.traefiks().map(|guest| Subject::Traefik(guest.id));
    dockers
        .chain(traefiks)
        .filter(|subject| {
            let action = Action::Verify {
                subject: subject.clone(),
            };
            let guest = match subject {
                Subject::Docker(guest) | Subject::Traefik(guest) => guest.to_string(),
                _ => String::new(),
            };
            !verifications.iter().any(|step| step.action == action)
                && !plan.blocked.iter().any(|blocked| blocked.subject == guest)
        })
        .map(|subject| Blocked {
            subject: subject.to_string(),
            reason: "cannot be verified: the site does not describe its mutual TLS yet".to_owned(),
            certificate: None,
        })
        .collect()
}

/// What recovery found and did, in words.
fn recovered_lines(recovered: &Recovered) -> Vec<String> {
    recovered
        .transactions
        .iter()
        .map(|transaction| {
            let paths: Vec<String> = transaction
                .paths
                .iter()
                .map(|path| path.display().to_string())
                .collect();
            let how = match transaction.outcome {
                RecoveryOutcome::Completed => "an earlier run had finished",
                _ => "an unfinished change was taken back",
            };
            format!("{how}: {}", paths.join(", "))
        })
        .collect()
}

/// A change of the firewall that was taken back, in words.
fn taken_back_lines(taken: &TakenBack) -> Vec<String> {
    let list = |paths: &[PathBuf]| {
        let paths: Vec<String> = paths
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        paths.join(", ")
    };
    let mut lines = vec![format!(
        "a change of the firewall that nobody confirmed was taken back: {}",
        list(&taken.files)
    )];
    if !taken.foreign.is_empty() {
        lines.push(format!(
            "changed by somebody else since, left alone: {}",
            list(&taken.foreign)
        ));
    }
    lines.extend(taken.warnings.iter().cloned());
    lines
}

/// Where Traefik's template lies, which is a setting; a faulty settings file is reported with all the others.
fn template_place(settings: Option<&SourceFile>) -> PathBuf {
    let decoded = settings.and_then(|file| {
        let document = Document::parse(&file.path, file.bytes.clone(), Format::Toml);
        Settings::decode(&document.ok()?).ok()
    });
    decoded.unwrap_or_default().traefik.template
}
