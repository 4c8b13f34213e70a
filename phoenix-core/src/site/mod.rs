//! The one way in for programs: a site, and one method per command.

mod authority;
mod bootstrap;
mod ca;
mod certs;
mod change;
mod check;
mod edit;
mod firewall;
mod inspect;
mod manifest;
mod migrate;
mod pending;
mod run;
mod status;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::diagnostic::Faults;
use crate::error::Error;
use crate::guests::Guests;
use crate::model::{Model, SiteFiles, SourceFile};
use crate::names::GuestId;
use crate::observe::Observer;
use crate::plan::{Action, Blocked, Given, Plan, Policy, Scope, Step, Subject};
use crate::report::Report;
use crate::settings::Settings;
use crate::store::Store;
use crate::system::{
    Commands, Dial, HostCommands, HostDial, Links, NoDial, Recovered, RecoveryOutcome, Root,
    SiteLock, WouldRunCommands, recover,
};
use crate::time::{Clock, SystemClock};
use crate::transport::{GuestTransport, Local, Pct, Qm};

pub use authority::{AnyAuthority, CaOverrides};
pub use bootstrap::BootstrapOptions;
pub use ca::CaInitOptions;
pub use certs::{
    CsrOptions, IssueKey, IssueOptions, PairFiles, RekeyOptions, RenewBy, RenewOptions, Target,
    TokenOptions,
};
pub use change::ChangeOptions;
pub use firewall::FirewallOptions;
pub use inspect::InspectSource;
pub use migrate::MigrateOptions;

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

/// Makes the ways into a site's guests.
pub type Transports =
    Arc<dyn Fn(&Guests) -> BTreeMap<GuestId, Arc<dyn GuestTransport>> + Send + Sync>;

/// What a site is worked on with; everything that reaches out goes through here.
#[derive(Clone)]
pub struct Seams {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Commands of the host.
    pub commands: Arc<dyn Commands>,
    /// Sockets of the host.
    pub dial: Arc<dyn Dial>,
    /// Ways into guests.
    pub transports: Transports,
}

impl Seams {
    /// The real ones: the host's programs found on `search_path`.
    pub fn host(search_path: &std::ffi::OsStr) -> Self {
        let commands: Arc<dyn Commands> = Arc::new(HostCommands::new(search_path.to_owned()));
        let for_guests = Arc::clone(&commands);
        Self {
            clock: Arc::new(SystemClock),
            commands,
            dial: Arc::new(HostDial),
            transports: Arc::new(move |guests| {
                guests
                    .iter()
                    .filter(|guest| !guest.is_template)
                    .map(|guest| {
                        let transport: Arc<dyn GuestTransport> = match guest.id.kind {
                            crate::names::GuestKind::Lxc => {
                                Arc::new(Pct::new(Arc::clone(&for_guests), guest.id.id))
                            }
                            crate::names::GuestKind::Vm => {
                                Arc::new(Qm::new(Arc::clone(&for_guests), guest.id.id))
                            }
                        };
                        (guest.id, transport)
                    })
                    .collect()
            }),
        }
    }

    /// Those of a copy of a host (`--root`): guests are directories, nothing is run.
    pub fn copy(root: &Path) -> Self {
        let root = root.to_owned();
        Self {
            clock: Arc::new(SystemClock),
            commands: Arc::new(WouldRunCommands),
            dial: Arc::new(NoDial),
            transports: Arc::new(move |guests| {
                guests
                    .iter()
                    .filter(|guest| !guest.is_template)
                    .map(|guest| {
                        let transport: Arc<dyn GuestTransport> =
                            Arc::new(Local::beneath(&root, guest.id));
                        (guest.id, transport)
                    })
                    .collect()
            }),
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
        // The template's place is a setting; a faulty settings file is reported with all the others below.
        let template = settings
            .as_ref()
            .and_then(|file| {
                let document = crate::document::Document::parse(
                    &file.path,
                    file.bytes.clone(),
                    crate::document::Format::Toml,
                );
                Settings::decode(&document.ok()?).ok()
            })
            .unwrap_or_default()
            .traefik
            .template;
        let files = SiteFiles {
            manifest: self.required(manifest::MANIFEST)?,
            vms: self.optional("etc/phoenix_vm_configs.json")?,
            lxcs: self.optional("etc/phoenix_lxc_configs.json")?,
            host: self.required("etc/phoenix_hypervisor_config.json")?,
            settings,
            template: self.optional(&template.to_string_lossy())?,
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
            return self.dry_run(&self.model()?, options);
        }
        self.locked_run(options, observer, |_| Ok(()))
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
            dry_run: false,
            ..*options
        };
        self.locked_run(&options, observer, |plan| {
            let differences = given.differences(plan);
            if differences.is_empty() {
                Ok(())
            } else {
                Err(Error::PlanChanged { differences })
            }
        })
    }

    /// Looks at what is really served, and changes nothing.
    pub fn verify(&self, observer: &dyn Observer) -> Result<Report, Error> {
        let model = self.model()?;
        let mut options = SyncOptions::default();
        options.policy.look = true;
        let mut work = self.work(&model, &options, false)?;
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
    pub fn recover(&self, lock_timeout: Duration) -> Result<Recovered, Error> {
        let _lock = self.lock(lock_timeout)?;
        Ok(recover(&self.root, &self.store().journal_dir())?)
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
