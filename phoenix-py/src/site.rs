//! A site: plan, sync, apply, verify, status, and what earlier runs left.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use phoenix_core::site::{RollbackOptions, Seams, Site as CoreSite, SitePaths, SyncOptions};
use pyo3::prelude::*;
use pyo3::types::{PyModule, PyString};

use crate::authority::authority as own_authority;
use crate::call::{LOCK_TIMEOUT, RunWords, detached, word};
use crate::manifest::Manifest;
use crate::plan::{self, Plan};
use crate::progress::run;
use crate::record::{self, record};
use crate::report::{Pending, Report, SiteStatus};
use crate::transport::with_own;
use crate::value::{Time, Tuple};

/// A site: the operator's files and Phoenix's state. Its files are read by each method anew.
#[pyclass(frozen, module = "phoenix_py")]
pub(crate) struct Site {
    pub(crate) site: Arc<CoreSite>,
}

#[pymethods]
impl Site {
    /// Open a site; its files are read by each method anew.
    #[staticmethod]
    #[pyo3(signature = (site = PathBuf::from("/usr/local/phoenix_hypervisor"), *, root = None, state = None,
        authority = None, transports = None))]
    fn open(
        py: Python<'_>,
        site: PathBuf,
        root: Option<PathBuf>,
        state: Option<PathBuf>,
        authority: Option<&Bound<'_, PyAny>>,
        transports: Option<HashMap<String, Py<PyAny>>>,
    ) -> PyResult<Self> {
        let mut seams = match &root {
            Some(root) => Seams::copy(root),
            None => Seams::host(&std::env::var_os("PATH").unwrap_or_default()),
        };
        seams.authority = authority.map(own_authority).transpose()?;
        if let Some(own) = transports {
            seams = with_own(py, seams, own)?;
        }
        let mut paths = SitePaths {
            site,
            root,
            ..SitePaths::default()
        };
        if let Some(state) = state {
            paths.state = state;
        }
        let site = detached(py, || CoreSite::open(paths, seams))?;
        Ok(Self {
            site: Arc::new(site),
        })
    }

    /// Where its files are.
    #[getter]
    fn path(&self) -> PathBuf {
        self.site.paths().site.clone()
    }

    /// Where its state is.
    #[getter]
    fn state(&self) -> PathBuf {
        self.site.paths().state.clone()
    }

    /// The copy of a whole host that is worked on; `None` for the host itself.
    #[getter]
    fn root(&self) -> Option<PathBuf> {
        self.site.paths().root.clone()
    }

    /// The manifest, with the rest of the site read and found sound.
    fn manifest(&self, py: Python<'_>) -> PyResult<Manifest> {
        let model = detached(py, || self.site.model())?;
        Ok(Manifest::of(&model.manifest))
    }

    /// Decide what a run would do; writes nothing.
    #[pyo3(signature = (*, scope = "all", only = Vec::new(), force = false))]
    fn plan(&self, py: Python<'_>, scope: &str, only: Vec<String>, force: bool) -> PyResult<Plan> {
        let words = RunWords {
            scope,
            only: &only,
            force,
            unattended: false,
            dry_run: false,
            lock_timeout: LOCK_TIMEOUT,
            deadline: None,
        };
        let options = words.options(py)?;
        let plan = detached(py, || self.site.plan(&options))?;
        Plan::of(&plan)
    }

    /// Do it: issue, deliver, reconfigure, verify.
    #[pyo3(signature = (*, scope = "all", only = Vec::new(), force = false, unattended = false, dry_run = false,
        lock_timeout = LOCK_TIMEOUT, deadline = None, progress = None))]
    #[expect(clippy::too_many_arguments, reason = "keywords of one Python method")]
    fn sync(
        &self,
        py: Python<'_>,
        scope: &str,
        only: Vec<String>,
        force: bool,
        unattended: bool,
        dry_run: bool,
        lock_timeout: Duration,
        deadline: Option<Duration>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Report> {
        let words = RunWords {
            scope,
            only: &only,
            force,
            unattended,
            dry_run,
            lock_timeout,
            deadline,
        };
        let options = words.options(py)?;
        run(py, progress, |observer| self.site.sync(&options, observer))
    }

    /// Do exactly what a plan says; `PlanChangedError` when other steps come out now.
    #[pyo3(signature = (plan, *, lock_timeout = LOCK_TIMEOUT, deadline = None, progress = None))]
    fn apply(
        &self,
        py: Python<'_>,
        plan: &Bound<'_, PyAny>,
        lock_timeout: Duration,
        deadline: Option<Duration>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Report> {
        let given = plan::given_of(plan)?;
        let options = SyncOptions {
            lock_timeout,
            deadline,
            ..SyncOptions::default()
        };
        run(py, progress, |observer| {
            self.site.apply(&given, &options, observer)
        })
    }

    /// Look at what is really served; changes nothing.
    #[pyo3(signature = (*, progress = None))]
    fn verify(&self, py: Python<'_>, progress: Option<Py<PyAny>>) -> PyResult<Report> {
        run(py, progress, |observer| self.site.verify(observer))
    }

    /// How the site stands, at a glance; writes nothing.
    fn status(&self, py: Python<'_>) -> PyResult<SiteStatus> {
        let status = detached(py, || self.site.status())?;
        SiteStatus::of(&status)
    }

    /// What is not proved yet, the oldest first.
    fn pending(&self, py: Python<'_>) -> PyResult<Tuple<Pending>> {
        let items = detached(py, || self.site.pending())?;
        Ok(Tuple(
            items.iter().map(Pending::of).collect::<PyResult<_>>()?,
        ))
    }

    /// Try pending items now, whatever their pause is; all of them when no id is given.
    #[pyo3(signature = (ids = Vec::new(), *, progress = None))]
    fn retry_pending(
        &self,
        py: Python<'_>,
        ids: Vec<String>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Report> {
        run(py, progress, |observer| {
            self.site.retry_pending(&ids, observer)
        })
    }

    /// Forget pending items; all of them when no id is given.
    #[pyo3(signature = (ids = Vec::new(), *, lock_timeout = LOCK_TIMEOUT))]
    fn drop_pending(
        &self,
        py: Python<'_>,
        ids: Vec<String>,
        lock_timeout: Duration,
    ) -> PyResult<Tuple<Pending>> {
        let items = detached(py, || self.site.drop_pending(&ids, lock_timeout))?;
        Ok(Tuple(
            items.iter().map(Pending::of).collect::<PyResult<_>>()?,
        ))
    }

    /// Bring an earlier pair of a certificate back, in all its places.
    #[pyo3(signature = (name, *, to = None, force = false, dry_run = false, lock_timeout = LOCK_TIMEOUT, progress = None))]
    #[expect(clippy::too_many_arguments, reason = "keywords of one Python method")]
    fn rollback(
        &self,
        py: Python<'_>,
        name: &str,
        to: Option<String>,
        force: bool,
        dry_run: bool,
        lock_timeout: Duration,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Report> {
        let name = word(py, "name", name)?;
        let options = RollbackOptions {
            to,
            force,
            dry_run,
            lock_timeout,
        };
        run(py, progress, |observer| {
            self.site.rollback(&name, &options, observer)
        })
    }

    /// Settle what a run left that did not end.
    #[pyo3(signature = (*, lock_timeout = LOCK_TIMEOUT))]
    fn recover(&self, py: Python<'_>, lock_timeout: Duration) -> PyResult<Recovery> {
        let recovery = detached(py, || self.site.recover(lock_timeout))?;
        record::of(&recovery)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let path = self.site.paths().site.to_string_lossy();
        Ok(format!("Site({})", PyString::new(py, &path).repr()?))
    }
}

record! {
    /// A change of several files that an earlier run left unfinished.
    struct RecoveredTransaction {
        /// `completed` or `rolled-back`.
        outcome: String,
        /// The files.
        paths: Tuple<PathBuf>,
        /// Files that somebody else has changed since: left alone.
        foreign: Tuple<PathBuf>,
    }
}

record! {
    /// A change of the firewall that was taken back.
    struct TakenBack {
        /// Its files.
        files: Tuple<PathBuf>,
        /// Files that somebody else has changed since: left alone.
        foreign: Tuple<PathBuf>,
        /// What is worth knowing.
        warnings: Tuple<String>,
    }
}

record! {
    /// What was found and done about an earlier run's remains.
    struct Recovery {
        /// Changes of several files.
        transactions: Tuple<RecoveredTransaction>,
        /// A change of the firewall that nobody confirmed.
        firewall: Option<TakenBack>,
        /// Until when a change of the firewall waits for its confirmation.
        waits_until: Option<Time>,
    }
}

pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Site>()?;
    module.add_class::<RecoveredTransaction>()?;
    module.add_class::<TakenBack>()?;
    module.add_class::<Recovery>()
}
