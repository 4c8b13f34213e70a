//! The whole site in types: every document read once, every cross-reference resolved from what it says.

mod authority;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::diagnostic::{Fault, Faults, Place};
use crate::document::{Document, Format, Kind};
use crate::firewall::SiteRules;
use crate::guests::{Guest, Guests, HostConfig, decode_lxcs, decode_vms};
use crate::manifest::{CertType, Entry, Manifest, Target};
use crate::names::{CommonName, FileMode, GuestId, GuestKind, Owner, Slug};
use crate::settings::{ROOT_FILE, Settings};
use crate::system::FileDigest;
use crate::template::{Context, Template, render};
use crate::traefik::{DynamicFile, Routes, StaticFile};

/// The site's files, as read.
#[derive(Debug, Clone)]
pub struct SiteFiles {
    /// `etc/certificate-manifest.json`.
    pub manifest: SourceFile,
    /// `etc/phoenix_vm_configs.json`.
    pub vms: Option<SourceFile>,
    /// `etc/phoenix_lxc_configs.json`.
    pub lxcs: Option<SourceFile>,
    /// `etc/phoenix_hypervisor_config.json`.
    pub host: SourceFile,
    /// `etc/phoenix.toml`.
    pub settings: Option<SourceFile>,
    /// Traefik's template.
    pub template: Option<SourceFile>,
    /// What lies beside it, where it includes something.
    pub beside_template: Vec<SourceFile>,
}

/// One file: where it lies and what it holds.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Absolute path, as the site names it.
    pub path: PathBuf,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// The site.
#[derive(Debug, Clone)]
pub struct Model {
    /// The certificates wanted.
    pub manifest: Manifest,
    /// The guests.
    pub guests: Guests,
    /// Host-wide settings.
    pub host: HostConfig,
    /// Phoenix's own settings.
    pub settings: Settings,
    /// The documents behind them.
    pub documents: Documents,
    /// Traefik's template.
    pub template: Option<Template>,
    /// Whether container mounts are live, so that a pair under one is written through its guest (not under `--root`).
    pub live_mounts: bool,
}

/// The documents that edits are made of.
#[derive(Debug, Clone)]
pub struct Documents {
    /// The manifest.
    pub manifest: Document,
    /// Virtual machines.
    pub vms: Option<Document>,
    /// Containers.
    pub lxcs: Option<Document>,
    /// Host-wide settings.
    pub host: Document,
    /// Phoenix's own settings.
    pub settings: Option<Document>,
}

pub use authority::Issuer;

impl Documents {
    /// The one that describes guests of this kind.
    pub fn of(&self, kind: GuestKind) -> Option<&Document> {
        match kind {
            GuestKind::Lxc => self.lxcs.as_ref(),
            GuestKind::Vm => self.vms.as_ref(),
        }
    }
}

/// A place where an entry's pair belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// The guest that holds it; `None` on the host.
    pub guest: Option<GuestId>,
    /// The chain's path there.
    pub cert: PathBuf,
    /// The key's path there.
    pub key: PathBuf,
    /// The root's path there.
    pub ca: Option<PathBuf>,
    /// Whose root belongs at that path.
    pub ca_of: Issuer,
    /// Owner, by the names of the side that holds it.
    pub owner: Owner,
    /// Mode of certificate and root.
    pub cert_mode: FileMode,
    /// Mode of the key.
    pub key_mode: FileMode,
    /// Name of the version directory.
    pub slug: Slug,
    /// Previous versions that are kept.
    pub keep: usize,
    /// Whether a guest can write the directory, too.
    pub guest_writable: bool,
    /// Whether a program watches the directory: plain files stand in it, and the versions beside it.
    pub plain: bool,
}

impl Model {
    /// Reads the site; the faults of all files at once.
    pub fn read(files: SiteFiles, live_mounts: bool) -> Result<Self, Faults> {
        let mut faults = Faults::new();
        let model = Self::as_far(files, live_mounts, &mut faults);
        faults.into_result(model)
    }

    /// Reads as much of the site as can be read; what cannot is empty and reported.
    pub fn as_far(files: SiteFiles, live_mounts: bool, faults: &mut Faults) -> Self {
        let mut parse =
            |file: SourceFile, format| match Document::parse(&file.path, file.bytes, format) {
                Ok(document) => Some(document),
                Err(found) => {
                    faults.extend(found);
                    None
                }
            };
        let (manifest_path, host_path) = (files.manifest.path.clone(), files.host.path.clone());
        let manifest_document = parse(files.manifest, Format::Json);
        let vms = files.vms.and_then(|file| parse(file, Format::Json));
        let lxcs = files.lxcs.and_then(|file| parse(file, Format::Json));
        let host_document = parse(files.host, Format::Json);
        let settings_document = files.settings.and_then(|file| parse(file, Format::Toml));
        let template = files.template.and_then(|file| {
            let found = template_text(file, files.beside_template);
            found.map_err(|found| faults.extend(found)).ok()
        });
        let manifest = match &manifest_document {
            Some(document) => Manifest::as_far(document, faults),
            None => Manifest {
                entries: Vec::new(),
            },
        };
        let settings = match settings_document.as_ref().map(Settings::decode) {
            None => Settings::default(),
            Some(Ok(settings)) => settings,
            Some(Err(found)) => {
                faults.extend(found);
                Settings::default()
            }
        };
        let mut guests = vms
            .as_ref()
            .map_or_else(Vec::new, |document| decode_vms(document, faults));
        guests.extend(
            lxcs.as_ref()
                .map_or_else(Vec::new, |document| decode_lxcs(document, faults)),
        );
        let host = host_document
            .as_ref()
            .and_then(|document| HostConfig::decode(document, faults))
            .unwrap_or_else(HostConfig::unknown);
        Self {
            manifest,
            guests: Guests(guests),
            host,
            settings,
            documents: Documents {
                manifest: manifest_document
                    .unwrap_or_else(|| Document::empty(&manifest_path, Kind::Array)),
                vms,
                lxcs,
                host: host_document.unwrap_or_else(|| Document::empty(&host_path, Kind::Object)),
                settings: settings_document,
            },
            template,
            live_mounts,
        }
    }

    /// The files that the site was read from, by the SHA-256 of their content.
    pub fn digests(&self) -> BTreeMap<PathBuf, FileDigest> {
        let documents = &self.documents;
        let optional = [&documents.vms, &documents.lxcs, &documents.settings];
        let files = [&documents.manifest, &documents.host]
            .into_iter()
            .chain(optional.into_iter().flatten())
            .map(|document| (document.path(), document.text()));
        let templates = self.template.iter().flat_map(Template::files);
        files
            .map(|(path, text)| (path.to_owned(), text))
            .chain(templates)
            .map(|(path, text)| (path, FileDigest::of(text.as_bytes())))
            .collect()
    }

    /// The firewall rules of host and guests.
    pub fn site_rules(&self) -> SiteRules {
        let documents = &self.documents;
        SiteRules::new(
            Some(documents.host.clone()),
            documents.vms.clone(),
            documents.lxcs.clone(),
        )
    }

    /// The guests whose dockerd is commanded over the network.
    pub fn docker_managers(&self) -> impl Iterator<Item = &Guest> {
        self.guests.iter().filter(|guest| guest.is_docker_manager())
    }

    /// The guests that run Traefik.
    pub fn traefiks(&self) -> impl Iterator<Item = &Guest> {
        self.guests.iter().filter(|guest| guest.is_traefik())
    }

    /// The guest at this address.
    pub fn guest_at(&self, ip: IpAddr) -> Option<&Guest> {
        self.guests
            .iter()
            .find(|guest| !guest.is_template && guest.address.ip() == Some(ip))
    }

    /// Where an entry's pair belongs: its own paths first, then what `deploy` adds.
    ///
    /// Paths under a directory that a container mounts are written through that container, by its own ids.
    pub fn placements(&self, entry: &Entry) -> Vec<Placement> {
        let mut placements = vec![self.primary(entry)];
        placements.extend(entry.deploy.iter().map(|target| self.target(entry, target)));
        placements
    }

    /// Where an entry's own paths are written.
    pub fn primary(&self, entry: &Entry) -> Placement {
        // What a container of another node mounts lies on that node.
        let here = |guest: &Guest| !self.settings.reach.contains_key(&guest.id);
        let mounted = |path: &Path| {
            let found = self.guests.mounted(path);
            found.filter(|(guest, _)| self.live_mounts && here(guest))
        };
        let through = mounted(&entry.cert_path)
            .zip(mounted(&entry.key_path))
            .filter(|((a, _), (b, _))| a.id == b.id);
        let (guest, cert, key, ca) = match through {
            Some(((guest, cert), (_, key))) => {
                let ca = entry
                    .ca_path
                    .as_deref()
                    .and_then(mounted)
                    .map(|(_, path)| path);
                (Some(guest.id), cert, key, ca)
            }
            None => (
                None,
                entry.cert_path.clone(),
                entry.key_path.clone(),
                entry.ca_path.clone(),
            ),
        };
        Placement {
            guest,
            cert,
            key,
            ca,
            ca_of: Issuer::Site,
            owner: entry.owner.clone(),
            cert_mode: entry.cert_mode,
            key_mode: entry.key_mode,
            slug: entry.slug(),
            keep: entry.keep.unwrap_or(self.settings.keep.0),
            guest_writable: self.guest_writable(&entry.cert_path),
            plain: self
                .settings
                .watched
                .iter()
                .any(|dir| entry.cert_path.starts_with(dir) || entry.key_path.starts_with(dir)),
        }
    }

    fn target(&self, entry: &Entry, target: &Target) -> Placement {
        let placement = Placement {
            guest: Some(target.guest),
            cert: target.cert.clone(),
            key: target.key.clone(),
            ca: target.ca.clone(),
            ca_of: self.root_wanted_by(entry, target),
            owner: target.owner.clone(),
            cert_mode: target.cert_mode,
            key_mode: target.key_mode,
            slug: entry.slug(),
            keep: entry.keep.unwrap_or(self.settings.keep.0),
            guest_writable: true,
            plain: false,
        };
        Placement {
            plain: self.watched_in_guest(&placement).is_some(),
            ..placement
        }
    }

    /// The directory of a guest that its Traefik watches, where a placement lies in it: Traefik would load the versions
    /// below it, and does not notice a swapped link.
    pub fn watched_in_guest(&self, placement: &Placement) -> Option<PathBuf> {
        let guest = self.guests.guest(placement.guest?)?;
        let (_, file) = guest.is_traefik().then(|| self.static_file())??.ok()?;
        let dir = file.watched_dir()?;
        (placement.cert.starts_with(&dir) || placement.key.starts_with(&dir)).then_some(dir)
    }

    /// Whether a guest mounts the directory that holds this host path, or an NFS client may.
    fn guest_writable(&self, path: &Path) -> bool {
        let under = |dir: &Path| path.starts_with(dir) || path.starts_with(self.on_host(dir));
        self.guests
            .iter()
            .any(|guest| guest.mounts.iter().any(|mount| under(&mount.host_path)))
            || self.host.nfs_exports.iter().any(|(dir, _)| under(dir))
    }

    /// A dataset's path as the host mounts it: `/tank/x` lies at `/mnt/pve/tank/x` too.
    pub fn on_host(&self, path: &Path) -> PathBuf {
        if path.starts_with(&self.host.mount_base) {
            return path.to_owned();
        }
        self.host
            .mount_base
            .join(path.strip_prefix("/").unwrap_or(path))
    }

    /// The directory of the host that belongs to a guest: of its mounts, the part up to the directory named by its number.
    pub fn persistent_dir(&self, guest: &Guest) -> Option<PathBuf> {
        let id = guest.id.id.to_string();
        guest.mounts.iter().find_map(|mount| {
            let path = self.on_host(&mount.host_path);
            path.ancestors()
                .find(|dir| dir.file_name().is_some_and(|name| name == id.as_str()))
                .map(Path::to_owned)
        })
    }

    /// The common name of dockerd's certificate.
    pub fn docker_common_name(&self) -> Option<CommonName> {
        let of_domain = || format!("docker-daemon.{}", self.host.domain).parse().ok();
        self.settings.docker.common_name.clone().or_else(of_domain)
    }

    /// The common name of Traefik's client certificate.
    pub fn traefik_common_name(&self) -> Option<CommonName> {
        let of_domain = || format!("traefik-client.{}", self.host.domain).parse().ok();
        self.settings.traefik.common_name.clone().or_else(of_domain)
    }

    /// The entry whose pair a manager's dockerd serves, and its files there: what `deploy` puts into Docker's TLS directory.
    pub fn docker_entry(&self, guest: GuestId) -> Option<(&Entry, &Target)> {
        self.delivered(guest, CertType::Server, &self.settings.docker.tls_dir)
    }

    /// The entry whose pair Traefik shows to Docker, and its files there.
    pub fn traefik_entry(&self, guest: GuestId) -> Option<(&Entry, &Target)> {
        self.delivered(guest, CertType::Client, &self.settings.traefik.certs_dir)
    }

    fn delivered(&self, guest: GuestId, kind: CertType, dir: &Path) -> Option<(&Entry, &Target)> {
        self.manifest
            .entries
            .iter()
            .map(|located| &located.value)
            .filter(|entry| entry.cert_type == kind)
            .find_map(|entry| {
                let target = entry
                    .deploy
                    .iter()
                    .find(|target| target.guest == guest && target.cert.starts_with(dir))?;
                Some((entry, target))
            })
    }

    /// Traefik's static file, rendered and read.
    pub fn static_file(&self) -> Option<Result<(String, StaticFile), Faults>> {
        let template = self.template.as_ref()?;
        let rendered = match render(template, &self.context()) {
            Ok(text) => text,
            Err(fault) => return Some(Err(Faults::from(*fault))),
        };
        Some(StaticFile::parse(&template.path, &rendered).map(|file| (rendered, file)))
    }

    /// Where Traefik's dynamic file belongs in its guest, where one is wanted, by its static file.
    fn dynamic_place(&self) -> Option<(StaticFile, PathBuf)> {
        let asked = self.guests.iter().any(Guest::asks_for_a_route);
        if !asked || !self.settings.traefik.routes {
            return None;
        }
        let (_, file) = self.static_file()?.ok()?;
        let path = file.dynamic_file()?;
        Some((file, path))
    }

    /// Where Traefik's dynamic file belongs in its guest, where one is wanted.
    pub fn dynamic_path(&self) -> Option<PathBuf> {
        Some(self.dynamic_place()?.1)
    }

    /// Traefik's dynamic file and where it belongs in its guest; `None` where Traefik watches no such file, or nobody asks
    /// for a route.
    ///
    /// The places of its faults are those of the guests' files.
    pub fn dynamic_file(&self) -> Option<Result<(PathBuf, DynamicFile), Faults>> {
        let (file, path) = self.dynamic_place()?;
        let guests: Vec<(&Guest, &Document)> = self
            .guests
            .iter()
            .filter_map(|guest| Some((guest, self.documents.of(guest.id.kind)?)))
            .collect();
        let routes = Routes {
            guests: &guests,
            domain: &self.host.domain,
            static_file: &file,
            root: &self.root_in_traefik(),
        };
        Some(routes.file().map(|dynamic| (path, dynamic)))
    }

    /// The CA's root as Traefik's guest sees it: where the CA's own directory is mounted, else beside the client's files.
    fn root_in_traefik(&self) -> PathBuf {
        let mounted = self.traefiks().next().and_then(|traefik| {
            let roots = self.ca_hints().ca_mounts.into_iter();
            roots
                .map(|dir| dir.join(ROOT_FILE))
                .find_map(|root| traefik.mounts.iter().find_map(|mount| mount.inside(&root)))
        });
        mounted.unwrap_or_else(|| self.settings.traefik.certs_dir.join("ca.pem"))
    }

    /// What templates may use.
    pub fn context(&self) -> Context {
        let mut context = Context::new();
        let urls = self.settings.ca.urls.iter();
        let hint = self.ca_hints().bootstrap_url.map(|(url, _)| url);
        if let Some(url) = urls.cloned().chain(hint).next() {
            context.insert("ca_url".to_owned(), url.into());
        }
        context.insert("domain".to_owned(), self.host.domain.clone().into());
        if let Some(address) = self.host.address {
            context.insert("host_address".to_owned(), address.to_string().into());
        }
        if let Some(manager) = self.docker_managers().find_map(|guest| guest.address.ip()) {
            context.insert("docker_address".to_owned(), manager.to_string().into());
        }
        context.insert("docker_port".to_owned(), self.settings.docker.port.into());
        let certs = &self.settings.traefik.certs_dir;
        context.insert(
            "traefik_certs".to_owned(),
            certs.to_string_lossy().into_owned().into(),
        );
        let guests: serde_json::Map<String, serde_json::Value> = self
            .guests
            .iter()
            .map(|guest| {
                let value = serde_json::json!({
                    "name": guest.name,
                    "address": guest.address.ip().map(|ip| ip.to_string()),
                    "cidr": guest.address.cidr(),
                    "kind": guest.id.kind.to_string(),
                });
                (guest.id.id.to_string(), value)
            })
            .collect();
        context.insert("guests".to_owned(), guests.into());
        context
    }
}

/// A template from its bytes and those of the files beside it.
///
/// # Errors
///
/// When one of them is no text.
pub fn template_text(file: SourceFile, beside: Vec<SourceFile>) -> Result<Template, Faults> {
    let mut faults = Faults::new();
    let mut text = |file: SourceFile| match String::from_utf8(file.bytes) {
        Ok(text) => Some((file.path, text)),
        Err(error) => {
            faults.push(not_utf8(&file.path, &error));
            None
        }
    };
    let main = text(file);
    let beside = beside
        .into_iter()
        .filter_map(text)
        .filter_map(|(path, source)| {
            Some((path.file_name()?.to_string_lossy().into_owned(), source))
        })
        .collect();
    match main {
        Some((path, source)) if faults.is_empty() => {
            let mut template = Template::new(path, source);
            template.beside = beside;
            Ok(template)
        }
        _ => Err(faults),
    }
}

/// A template must be text: where the first byte stands that is none.
fn not_utf8(path: &Path, error: &std::string::FromUtf8Error) -> Fault {
    let valid = error.utf8_error().valid_up_to();
    let text = String::from_utf8_lossy(&error.as_bytes()[..valid]);
    Fault::error(
        "template-utf8",
        format!(
            "found the byte {:#04x}, expected UTF-8 text",
            error.as_bytes()[valid]
        ),
    )
    .at(Place::new(path, &text, valid..valid))
}
