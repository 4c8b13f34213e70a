//! What the firewall admits, and rules put in force on trial.

use std::path::PathBuf;
use std::time::Duration;

use phoenix_core::firewall::{self as core, End, Protocol};
use phoenix_core::store::TrialEnd;
use phoenix_core::system::leave_session;
use pyo3::prelude::*;
use pyo3::types::PyModule;

use crate::call::{self, LOCK_TIMEOUT, Word, detached, word};
use crate::change::{ChangeReport, FileChange};
use crate::record::{self, record, sequence};
use crate::rule::ListedRule;
use crate::site::Site;
use crate::value::{Aside, Plain, Time, Tuple};

record! {
    /// A verdict about one connection, and what decided.
    struct FirewallVerdict {
        /// From whom.
        #[serde(rename = "from")]
        from_: String,
        /// The source address.
        source: String,
        /// To whom.
        to: String,
        /// The destination address.
        dest: String,
        /// Protocol.
        proto: String,
        /// Port, where the protocol has ports.
        port: Option<u16>,
        /// `ACCEPT`, `DROP` or `REJECT`.
        verdict: String,
        /// What decided: `rule`, `policy`, `implicit` or `off`, with its values.
        decision: Plain,
        /// Whose list the deciding rule stands in.
        list: Option<String>,
        /// The deciding rule, where it was one.
        rule: Option<ListedRule>,
        @text text,
    }
}

#[pymethods]
impl FirewallVerdict {
    /// Whether the connection is admitted.
    #[getter]
    fn admitted(&self) -> bool {
        self.verdict == "ACCEPT"
    }

    /// The source address, as `ipaddress` has it.
    #[getter]
    fn source_address<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let address: std::net::IpAddr = word(py, "source", &self.source)?;
        Ok(address.into_pyobject(py)?.into_any())
    }

    /// The destination address, as `ipaddress` has it.
    #[getter]
    fn dest_address<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let address: std::net::IpAddr = word(py, "dest", &self.dest)?;
        Ok(address.into_pyobject(py)?.into_any())
    }
}

record! {
    /// What one end reaches of another.
    struct MatrixCell {
        /// From whom.
        #[serde(rename = "from")]
        from_: String,
        /// To whom.
        to: String,
        /// TCP ports, in Proxmox's words.
        tcp: String,
        /// UDP ports.
        udp: String,
        /// Whether a ping comes through.
        ping: bool,
    }
}

record! {
    /// What differs from what Proxmox's files admit now.
    struct MatrixChange {
        /// From whom.
        #[serde(rename = "from")]
        from_: String,
        /// To whom.
        to: String,
        /// Now.
        before: Option<MatrixCell>,
        /// By the site's files.
        after: Option<MatrixCell>,
    }
}

record! {
    /// Who reaches what: a sequence of cells.
    struct Matrix {
        /// Each pair of ends between which something is admitted.
        cells: Tuple<MatrixCell>,
        /// What differs from what Proxmox's files admit now; `None` where there are none.
        changes: Option<Tuple<MatrixChange>>,
        @text text,
    }
}

sequence!(Matrix, cells, MatrixCell);

impl MatrixCell {
    fn of(cell: &core::MatrixCell) -> Self {
        Self {
            from_: cell.from.clone(),
            to: cell.to.clone(),
            tcp: cell.tcp.to_string(),
            udp: cell.udp.to_string(),
            ping: cell.ping,
        }
    }
}

impl Matrix {
    fn of(report: &core::MatrixReport) -> Self {
        let changes = report.changes.as_ref().map(|changes| {
            let shown = changes.iter().map(|change| MatrixChange {
                from_: change.from.clone(),
                to: change.to.clone(),
                before: change.before.as_ref().map(MatrixCell::of),
                after: change.after.as_ref().map(MatrixCell::of),
            });
            Tuple(shown.collect())
        });
        Self {
            cells: Tuple(report.matrix.cells().iter().map(MatrixCell::of).collect()),
            changes,
            text: Aside(Some(phoenix_core::present::matrix(report))),
        }
    }
}

record! {
    /// Rules put in force until they are confirmed or taken back.
    struct FirewallTrial {
        /// The files that change.
        files: Tuple<FileChange>,
        /// Whether they were written.
        written: bool,
        /// Until when they wait for their confirmation; `None` where nothing had to change.
        until: Option<Time>,
        /// How Proxmox took them, in words.
        in_force: Option<String>,
        /// What is worth knowing.
        warnings: Tuple<String>,
        /// `confirmed` or `reverted`, where it has ended.
        end: Option<String>,
    }
}

fn end_word(end: Option<TrialEnd>) -> Option<&'static str> {
    end.map(|end| match end {
        TrialEnd::Confirmed => "confirmed",
        _ => "reverted",
    })
}

#[pymethods]
impl Site {
    /// Whether one end reaches another: `lxc:102`, `vm:1001`, `host`, `outside` or an address; and what decides.
    #[pyo3(signature = (from_, to, *, port = None, proto = "tcp", installed = false))]
    fn firewall_test(
        &self,
        py: Python<'_>,
        from_: Word,
        to: Word,
        port: Option<u16>,
        proto: &str,
        installed: bool,
    ) -> PyResult<FirewallVerdict> {
        let from: End = from_.read(py, "from_")?;
        let to: End = to.read(py, "to")?;
        let proto: Protocol = word(py, "proto", proto)?;
        let report = detached(py, || {
            self.site.test_firewall(from, to, &proto, port, installed)
        })?;
        let decision = serde_json::to_value(&report.decision).unwrap_or_default();
        Ok(FirewallVerdict {
            from_: report.from.clone(),
            source: report.source.to_string(),
            to: report.to.clone(),
            dest: report.dest.to_string(),
            proto: report.proto.to_string(),
            port: report.port,
            verdict: report.verdict.to_string(),
            decision: Plain(decision),
            list: report.list.map(|target| target.to_string()),
            rule: report.rule.as_ref().map(ListedRule::of).transpose()?,
            text: Aside(Some(phoenix_core::present::test(&report))),
        })
    }

    /// Who reaches what, by the site's files or by Proxmox's.
    #[pyo3(signature = (*, installed = false))]
    fn firewall_matrix(&self, py: Python<'_>, installed: bool) -> PyResult<Matrix> {
        let report = detached(py, || self.site.firewall_matrix(installed))?;
        Ok(Matrix::of(&report))
    }

    /// Write the rules into Proxmox's files; what is not ours keeps every byte.
    #[pyo3(signature = (*, dry_run = false, allow_lockout = false, lock_timeout = LOCK_TIMEOUT))]
    fn firewall_render(
        &self,
        py: Python<'_>,
        dry_run: bool,
        allow_lockout: bool,
        lock_timeout: Duration,
    ) -> PyResult<ChangeReport> {
        let options = call::firewall(dry_run, lock_timeout, allow_lockout);
        let report = detached(py, || self.site.render_firewall(options))?;
        ChangeReport::of(&report)
    }

    /// Put the rules in force, to be taken back unless they are confirmed in time. Before a byte is written a process is
    /// started that takes them back when this one dies; `watch` is called instead where it is given.
    #[pyo3(signature = (within = Duration::from_secs(60), *, dry_run = false, allow_lockout = false,
        lock_timeout = LOCK_TIMEOUT, watch = None))]
    fn firewall_try(
        slf: Bound<'_, Self>,
        within: Duration,
        dry_run: bool,
        allow_lockout: bool,
        lock_timeout: Duration,
        watch: Option<Py<PyAny>>,
    ) -> PyResult<FirewallTrial> {
        let py = slf.py();
        let watch = match watch {
            Some(watch) => watch,
            None => py.import("phoenix_py._watch")?.getattr("start")?.unbind(),
        };
        let site = slf.clone().unbind();
        let options = call::firewall(dry_run, lock_timeout, allow_lockout);
        let core = std::sync::Arc::clone(&slf.get().site);
        let report = detached(py, || {
            core.try_firewall(options, within, || {
                Python::attach(|py| watch.call1(py, (site,)).map(drop)).map_err(|error| {
                    phoenix_core::Error::Spawn {
                        what: "what takes the change back when this program dies",
                        source: std::io::Error::other(error),
                    }
                })
            })
        })?;
        record::of(&report)
    }

    /// Wait until the change on trial is confirmed, and take it back when its time is over or `give_up` says so.
    /// `confirmed`, `reverted`, or `None` where none waits. On Ctrl-C the change is taken back.
    #[pyo3(signature = (give_up = None))]
    fn firewall_await(
        &self,
        py: Python<'_>,
        give_up: Option<Py<PyAny>>,
    ) -> PyResult<Option<&'static str>> {
        let stop = std::sync::Mutex::new(None);
        let wants_to_stop = || {
            let asked = Python::attach(|py| {
                py.check_signals()?;
                match &give_up {
                    Some(give_up) => give_up.call0(py)?.is_truthy(py),
                    None => Ok(false),
                }
            });
            asked.unwrap_or_else(|error: PyErr| {
                *stop
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(error);
                true
            })
        };
        let end = detached(py, || self.site.await_firewall(&wants_to_stop))?;
        let stop = stop
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        stop.map_or_else(|| Ok(end_word(end)), Err)
    }

    /// Keep the rules that are on trial; their files.
    #[pyo3(signature = (*, lock_timeout = LOCK_TIMEOUT))]
    fn firewall_confirm(&self, py: Python<'_>, lock_timeout: Duration) -> PyResult<Tuple<PathBuf>> {
        let trial = detached(py, || self.site.confirm_firewall(lock_timeout))?;
        Ok(Tuple(
            trial.files.into_iter().map(|file| file.path).collect(),
        ))
    }

    /// In the process that outlives its starter: leave its session, say so, and wait.
    fn _watch_firewall(&self, py: Python<'_>, ready: Py<PyAny>) -> PyResult<Option<&'static str>> {
        leave_session()?;
        ready.call0(py)?;
        let end = detached(py, || self.site.await_firewall(&|| false))?;
        Ok(end_word(end))
    }
}

pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<FirewallVerdict>()?;
    module.add_class::<MatrixCell>()?;
    module.add_class::<MatrixChange>()?;
    module.add_class::<Matrix>()?;
    module.add_class::<FirewallTrial>()
}
