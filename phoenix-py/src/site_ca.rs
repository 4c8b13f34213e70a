//! The CA of a site: which it is, what it says, how it is made or taken in; and another one for a single call.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use phoenix_core::ca::CaUrl;
use phoenix_core::settings::AcmeChallenge;
use phoenix_core::site::{
    AcmeOverrides, AnyAuthority, BootstrapOptions, CaInitOptions, CaOverrides, MigrateOptions,
};
use phoenix_core::system::Proxy;
use phoenix_core::time::SystemClock;
use phoenix_core::x509::Fingerprint;
use pyo3::prelude::*;
use pyo3::types::PyModule;

use crate::authority::authority;
use crate::ca::{Health, Provisioner, password};
use crate::call::{LOCK_TIMEOUT, all_words, detached, some_word, word};
use crate::change::FileChange;
use crate::error::argument;
use crate::record::{self, record};
use crate::site::Site;
use crate::value::{Plain, Time, Tuple};
use crate::x509::{Anchor, Crl};

/// Another CA for a single call; what it does not say, the site says.
#[pyclass(frozen, module = "phoenix_py")]
pub(crate) struct Ca {
    urls: Vec<CaUrl>,
    server_name: Option<String>,
    proxy: Option<Proxy>,
    root: Option<PathBuf>,
    fingerprint: Option<Fingerprint>,
    provisioner: Option<String>,
    password: Option<Py<PyAny>>,
    acme: Option<AcmeOverrides>,
}

#[pymethods]
impl Ca {
    #[new]
    #[pyo3(signature = (urls = Vec::new(), *, server_name = None, proxy = None, root_path = None, fingerprint = None,
        provisioner = None, password = None, acme_directory = None, acme_listen = None, acme_dns_hook = None))]
    #[expect(clippy::too_many_arguments, reason = "keywords of one Python class")]
    fn new(
        py: Python<'_>,
        urls: Vec<String>,
        server_name: Option<String>,
        proxy: Option<&str>,
        root_path: Option<PathBuf>,
        fingerprint: Option<&str>,
        provisioner: Option<String>,
        password: Option<&Bound<'_, PyAny>>,
        acme_directory: Option<&str>,
        acme_listen: Option<&str>,
        acme_dns_hook: Option<Vec<String>>,
    ) -> PyResult<Self> {
        // A password that cannot be one is an error here, not later.
        self::password(password)?;
        let challenge = match (acme_dns_hook, acme_listen) {
            (Some(hook), None) => AcmeChallenge::Dns01 { hook },
            (None, Some(listen)) => AcmeChallenge::Http01 {
                listen: word(py, "acme_listen", listen)?,
            },
            (None, None) => AcmeChallenge::Http01 {
                listen: AcmeChallenge::LISTEN,
            },
            (Some(_), Some(_)) => {
                let what = "found `acme_listen` too, expected one of them";
                return Err(argument(py, "acme_dns_hook", what));
            }
        };
        let directory = some_word(py, "acme_directory", acme_directory)?;
        Ok(Self {
            urls: all_words(py, "urls", &urls)?,
            server_name,
            proxy: some_word(py, "proxy", proxy)?,
            root: root_path,
            fingerprint: some_word(py, "fingerprint", fingerprint)?,
            provisioner,
            password: password.map(|password| password.clone().unbind()),
            acme: directory.map(|directory| AcmeOverrides {
                directory,
                challenge,
            }),
        })
    }

    fn __repr__(&self) -> String {
        let urls: Vec<String> = self.urls.iter().map(ToString::to_string).collect();
        match &self.acme {
            Some(acme) => format!("<Ca ACME at {}>", acme.directory),
            None => format!("<Ca {}>", urls.join(", ")),
        }
    }
}

impl Ca {
    fn overrides(&self, py: Python<'_>) -> PyResult<CaOverrides> {
        let password = self.password.as_ref();
        Ok(CaOverrides {
            urls: self.urls.clone(),
            server_name: self.server_name.clone(),
            proxy: self.proxy.clone(),
            root: self.root.clone(),
            fingerprint: self.fingerprint,
            provisioner: self.provisioner.clone(),
            password: password
                .map(|given| self::password(Some(given.bind(py))))
                .transpose()?,
            acme: self.acme.clone(),
        })
    }
}

/// The CA that a call speaks to: the site's, one that is described, or one that the program brings.
pub(crate) fn open(
    py: Python<'_>,
    site: &Site,
    ca: Option<&Bound<'_, PyAny>>,
    writes: bool,
) -> PyResult<AnyAuthority> {
    let overrides = match ca {
        None => CaOverrides::default(),
        Some(given) => {
            if let Ok(ca) = given.cast::<Ca>() {
                ca.get().overrides(py)?
            } else {
                let own = authority(given)?;
                return detached(py, || AnyAuthority::own(own, Arc::new(SystemClock)));
            }
        }
    };
    detached(py, || site.site.authority(overrides, writes))
}

record! {
    /// A root in few words.
    struct CaRoot {
        /// Its subject.
        subject: String,
        /// SHA-256 of it, hexadecimal.
        fingerprint: String,
        /// When it ends.
        not_after: Time,
    }
}

record! {
    /// The CA that Docker's clients have to themselves.
    struct ClientCa {
        /// Its directory.
        dir: PathBuf,
        /// Whether the settings ask for it.
        used: bool,
        /// Its root; `None` before the first run.
        root: Option<CaRoot>,
    }
}

record! {
    /// What a CA says about itself.
    struct CaOnline {
        /// Its health.
        health: Health,
        /// Its provisioners.
        provisioners: Tuple<Provisioner>,
        /// Its roots.
        roots: Tuple<CaRoot>,
        /// Its intermediates.
        intermediates: Tuple<CaRoot>,
        /// What it may issue for, where it is one of ours.
        permitted: Plain,
        /// How many certificates it has revoked; `None` where it keeps no list.
        revoked: Option<usize>,
        /// Single answers that it did not give.
        notes: Tuple<String>,
    }
}

record! {
    /// Which CA a site has.
    struct CaView {
        /// `step-ca`, `acme`, `embedded` or `own`.
        kind: String,
        /// Its addresses, or its directory.
        at: Tuple<String>,
        /// Where that is said.
        said_by: Option<String>,
        /// The name on its certificate, where the address is another.
        server_name: Option<String>,
        /// The proxy through which it is reached, where one is named.
        proxy: Option<String>,
        /// The provisioner.
        provisioner: Option<String>,
        /// How names are proved to a CA that speaks ACME.
        challenge: Option<String>,
        /// Files with the provisioner's password, and whether they are there.
        password_files: Tuple<(PathBuf, bool)>,
        /// Files with its root, and whether they are there.
        root_files: Tuple<(PathBuf, bool)>,
        /// The root that is trusted; `None` before the first run.
        pinned: Option<CaRoot>,
        /// The CA that Docker's clients have to themselves.
        docker_clients: Option<ClientCa>,
        /// What it said itself, where it was asked.
        online: Option<CaOnline>,
    }
}

record! {
    /// What making a CA of our own came to.
    struct CaInit {
        /// `site` or `docker-client`.
        kind: String,
        /// Its directory.
        dir: PathBuf,
        /// Its root; `None` where it was only shown.
        root: Option<CaRoot>,
        /// What it may issue for.
        permitted: Plain,
        /// Where the one before lies now.
        replaced: Option<PathBuf>,
        /// Whether the site uses it.
        used: bool,
        /// Whether it was made.
        made: bool,
    }
}

record! {
    /// What taking a step-ca in came to.
    struct BootstrapReport {
        /// Its root.
        root: CaRoot,
        /// The root that was trusted before.
        instead_of: Option<String>,
        /// The provisioner.
        provisioner: Option<String>,
        /// The files that change.
        files: Tuple<FileChange>,
        /// What is worth knowing.
        notes: Tuple<String>,
        /// Whether they were written.
        written: bool,
    }
}

record! {
    /// A file that is moved aside, so that the old renewal manager does not run.
    struct DisarmedFile {
        /// Where it was.
        #[serde(rename = "from")]
        from_: PathBuf,
        /// Where it is.
        to: PathBuf,
    }
}

record! {
    /// What a migration changed.
    struct MigrateReport {
        /// The files that change.
        files: Tuple<FileChange>,
        /// Files that are moved aside.
        disarmed: Tuple<DisarmedFile>,
        /// Whether they were written.
        written: bool,
        /// What is worth knowing.
        notes: Tuple<String>,
    }
}

#[pymethods]
impl Site {
    /// Which CA the site has; with `online` what it says about itself.
    #[pyo3(signature = (*, online = false))]
    fn ca_view(&self, py: Python<'_>, online: bool) -> PyResult<CaView> {
        record::of(&detached(py, || self.site.ca_view(online))?)
    }

    /// Ask a CA whether it is there.
    #[pyo3(signature = (*, ca = None))]
    fn ca_health(&self, py: Python<'_>, ca: Option<&Bound<'_, PyAny>>) -> PyResult<Health> {
        let authority = open(py, self, ca, false)?;
        record::of(&detached(py, || self.site.ca_health(&authority))?)
    }

    /// The CA's revocation list; `None` where it keeps none. With `out` it is written there as PEM.
    #[pyo3(signature = (*, ca = None, out = None, force = false))]
    fn ca_crl(
        &self,
        py: Python<'_>,
        ca: Option<&Bound<'_, PyAny>>,
        out: Option<PathBuf>,
        force: bool,
    ) -> PyResult<Option<Crl>> {
        let authority = open(py, self, ca, false)?;
        let list = detached(py, || self.site.ca_crl(&authority, out.as_deref(), force))?;
        Ok(list.map(|list| Crl::of(&list)))
    }

    /// Make a CA of our own: `site`, or `docker-client` for Docker's clients.
    #[pyo3(signature = (kind = "site", *, replace = false, dry_run = false, lock_timeout = LOCK_TIMEOUT))]
    fn ca_init(
        &self,
        py: Python<'_>,
        kind: &str,
        replace: bool,
        dry_run: bool,
        lock_timeout: Duration,
    ) -> PyResult<CaInit> {
        let what = match kind {
            "site" => phoenix_core::answers::CaKind::Site,
            "docker-client" => phoenix_core::answers::CaKind::DockerClient,
            other => {
                let what = format!("found `{other}`, expected `site` or `docker-client`");
                return Err(argument(py, "kind", &what));
            }
        };
        let options = CaInitOptions {
            what,
            replace,
            dry_run,
            lock_timeout,
        };
        record::of(&detached(py, || self.site.ca_init(options))?)
    }

    /// Take a step-ca into the site, by its root's fingerprint.
    #[pyo3(signature = (url, fingerprint, *, server_name = None, proxy = None, provisioner = None, password_path = None,
        root_path = None, dry_run = false, lock_timeout = LOCK_TIMEOUT))]
    #[expect(clippy::too_many_arguments, reason = "keywords of one Python method")]
    fn ca_bootstrap(
        &self,
        py: Python<'_>,
        url: &str,
        fingerprint: &str,
        server_name: Option<String>,
        proxy: Option<&str>,
        provisioner: Option<String>,
        password_path: Option<PathBuf>,
        root_path: Option<PathBuf>,
        dry_run: bool,
        lock_timeout: Duration,
    ) -> PyResult<BootstrapReport> {
        let url = word(py, "url", url)?;
        let fingerprint = word(py, "fingerprint", fingerprint)?;
        let options = BootstrapOptions {
            server_name,
            proxy: some_word(py, "proxy", proxy)?,
            provisioner,
            password_file: password_path,
            root_file: root_path,
            dry_run,
            lock_timeout,
            ..BootstrapOptions::new(url, fingerprint)
        };
        record::of(&detached(py, || self.site.ca_bootstrap(&options))?)
    }

    /// Trust the root on the host's disk from now on, if it has this fingerprint.
    fn trust_root(&self, py: Python<'_>, fingerprint: &str) -> PyResult<Anchor> {
        let said = word(py, "fingerprint", fingerprint)?;
        let inner = detached(py, || self.site.trust_root(said))?;
        Ok(Anchor { inner })
    }

    /// Edit manifest, template and firewall rules so that the link to Docker uses mutual TLS; all files or none.
    #[pyo3(signature = (*, provider = "swarm", client_ca = None, disarm = false, allow_lockout = false,
        dry_run = false))]
    fn migrate_docker_tls(
        &self,
        py: Python<'_>,
        provider: &str,
        client_ca: Option<&str>,
        disarm: bool,
        allow_lockout: bool,
        dry_run: bool,
    ) -> PyResult<MigrateReport> {
        let provider = match provider {
            "docker" => phoenix_core::migrate::ProviderName::Docker,
            "swarm" => phoenix_core::migrate::ProviderName::Swarm,
            other => {
                let what = format!("found `{other}`, expected `swarm` or `docker`");
                return Err(argument(py, "provider", &what));
            }
        };
        let client_ca = client_ca.map(str::parse).transpose().map_err(
            |error: <phoenix_core::settings::ClientCa as std::str::FromStr>::Err| {
                argument(py, "client_ca", &error.to_string())
            },
        )?;
        let options = MigrateOptions {
            edits: phoenix_core::migrate::DockerTlsOptions {
                provider,
                client_ca,
            },
            dry_run,
            disarm,
            allow_lockout,
        };
        record::of(&detached(py, || self.site.migrate_docker_tls(options))?)
    }
}

pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Ca>()?;
    module.add_class::<CaRoot>()?;
    module.add_class::<ClientCa>()?;
    module.add_class::<CaOnline>()?;
    module.add_class::<CaView>()?;
    module.add_class::<CaInit>()?;
    module.add_class::<BootstrapReport>()?;
    module.add_class::<DisarmedFile>()?;
    module.add_class::<MigrateReport>()
}
