//! The sample site in a temporary directory: a host's files, and a directory for each guest.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use phoenix_core::Error;
use phoenix_core::document::{Document, Edit, Format};
use phoenix_core::names::GuestId;

use crate::exit::{FAILED, Failure};

/// The directory; gone when dropped, unless it is to be kept.
pub(super) struct Sample {
    /// Where it is.
    pub(super) dir: PathBuf,
    keep: bool,
}

impl Sample {
    /// Writes the site.
    pub(super) fn build(keep: bool) -> Result<Self, Failure> {
        let nonce = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |since| since.subsec_nanos());
        let dir = std::env::temp_dir().join(format!("phoenix-demo-{}-{nonce}", std::process::id()));
        // Nobody else's: an existing directory is an error.
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&dir)
            .map_err(|error| Failure::io(&format!("make {}", dir.display()), &error))?;
        let sample = Self { dir, keep };
        sample.fill()?;
        Ok(sample)
    }

    /// Removes it, where it is not to be kept; whether it is gone.
    pub(super) fn remove(&self) -> io::Result<bool> {
        if self.keep {
            return Ok(false);
        }
        fs::remove_dir_all(&self.dir).map(|()| true)
    }

    fn fill(&self) -> Result<(), Failure> {
        let etc = "usr/local/phoenix_hypervisor/etc";
        self.write(&format!("{etc}/certificate-manifest.json"), MANIFEST)?;
        self.write(&format!("{etc}/phoenix_vm_configs.json"), VMS)?;
        let lxcs = without(
            "phoenix_lxc_configs.json",
            LXCS,
            &[
                "/lxc_configs/102/bootstrap_ca_url",
                "/lxc_configs/103/features/1",
            ],
        )?;
        self.write(&format!("{etc}/phoenix_lxc_configs.json"), &lxcs)?;
        let host = without("phoenix_hypervisor_config.json", HOST, &["/step_ca"])?;
        self.write(&format!("{etc}/phoenix_hypervisor_config.json"), &host)?;
        self.write(&format!("{etc}/traefik/traefik.yml.template"), TEMPLATE)?;
        self.write("etc/cron.d/phoenix-certificates", CRON)?;
        for dir in [
            "var/lib",
            "etc/docker/certs.d",
            "etc/traefik/certs",
            "etc/pve/nodes/demo",
        ] {
            self.dir(dir)?;
        }
        for dir in [
            "lxc-persistent-data/101/ssl",
            "lxc-persistent-data/102/certs",
            "lxc-persistent-data/102/traefik/certs",
        ] {
            self.dir(&format!("mnt/pve/tank/{dir}"))?;
        }
        for dir in [
            "1001/portainer/certs",
            "1001/docker/certs",
            "1002/docker/certs",
        ] {
            self.dir(&format!("mnt/pve/tank/vm-persistent-data/{dir}"))?;
        }
        self.users("etc")?;
        for guest in ["lxc-101", "lxc-102", "lxc-103", "vm-1001", "vm-1002"] {
            self.users(&format!("guests/{guest}/etc"))?;
            for dir in ["run", "tmp"] {
                self.dir(&format!("guests/{guest}/{dir}"))?;
            }
        }
        self.write("guests/vm-1001/etc/docker/daemon.json", DAEMON_JSON)?;
        self.write(
            "guests/vm-1001/etc/systemd/system/docker.service.d/override.conf",
            DROP_IN,
        )?;
        self.dir("guests/lxc-102/etc/traefik/certs")?;
        self.write("guests/lxc-102/etc/traefik/traefik.yml", TEMPLATE)
    }

    /// Owners of the manifest. An ordinary user can only give files to itself, so there all names mean that user.
    fn users(&self, etc: &str) -> Result<(), Failure> {
        let facts = fs::metadata(&self.dir)
            .map_err(|error| Failure::io("look at the sample site", &error))?;
        let (uid, gid) = (facts.uid(), facts.gid());
        let number = |own: u32, of_root: u32| if uid == 0 { of_root } else { own };
        let mut passwd = String::new();
        for (name, of_root) in [("root", 0), ("www-data", 33), ("nobody", 65_534)] {
            let (uid, gid) = (number(uid, of_root), number(gid, of_root));
            let _ = writeln!(
                passwd,
                "{name}:x:{uid}:{gid}::/nonexistent:/usr/sbin/nologin"
            );
        }
        let mut group = String::new();
        for (name, of_root) in [("root", 0), ("www-data", 33), ("nogroup", 65_534)] {
            let _ = writeln!(group, "{name}:x:{}:", number(gid, of_root));
        }
        self.write(&format!("{etc}/passwd"), &passwd)?;
        self.write(&format!("{etc}/group"), &group)
    }

    fn dir(&self, path: &str) -> Result<(), Failure> {
        fs::create_dir_all(self.dir.join(path))
            .map_err(|error| Failure::io(&format!("make {path}"), &error))
    }

    fn write(&self, path: &str, text: &str) -> Result<(), Failure> {
        let path = self.dir.join(path);
        path.parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| fs::write(&path, text))
            .map_err(|error| Failure::io(&format!("write {}", path.display()), &error))
    }
}

impl Drop for Sample {
    fn drop(&mut self) {
        if !self.keep && self.dir.exists() {
            // Nothing is left to tell it to.
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

/// The directory that stands for a guest.
pub(super) fn guest_dir(root: &Path, guest: GuestId) -> PathBuf {
    root.join("guests")
        .join(format!("{}-{}", guest.kind, guest.id))
}

/// The file without these values: edits that leave every other byte as it is.
fn without(name: &str, text: &str, pointers: &[&str]) -> Result<String, Failure> {
    let document =
        Document::parse(Path::new(name), text.into(), Format::Json).map_err(Error::from)?;
    let mut edit = Edit::new(&document);
    for pointer in pointers {
        let node = document.root().at(pointer);
        let node = node.ok_or_else(|| {
            Failure::new(
                "demo",
                format!("the sample site's {name} has no {pointer}"),
                FAILED,
            )
        })?;
        edit.remove(node.node());
    }
    let patch = edit
        .finish()
        .map_err(|error| Failure::new("demo", error.to_string(), FAILED))?;
    let edited = patch.apply(&document).map_err(Error::from)?;
    Ok(edited.text().to_owned())
}

const MANIFEST: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../tests/sample-site/etc/certificate-manifest.json"
));
const VMS: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../tests/sample-site/etc/phoenix_vm_configs.json"
));
const LXCS: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../tests/sample-site/etc/phoenix_lxc_configs.json"
));
const HOST: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../tests/sample-site/etc/phoenix_hypervisor_config.json"
));
const TEMPLATE: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../tests/sample-site/etc/traefik/traefik.yml.template"
));
const CRON: &str =
    "0 * * * * root /usr/local/phoenix_hypervisor/bin/managers/certificate-renewal-manager.sh\n";
const DAEMON_JSON: &str = "{\n  \"log-driver\": \"journald\"\n}\n";
const DROP_IN: &str = "[Service]\nExecStart=\nExecStart=/usr/bin/dockerd -H fd:// -H tcp://0.0.0.0:2375 --containerd=/run/containerd/containerd.sock\n";
