//! Where a run writes on the host: what follows from the site's files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::site::Site;

impl Site {
    /// The paths that the service may write, and words on those that cannot be said yet.
    pub(super) fn writable(
        &self,
        further: &[PathBuf],
    ) -> Result<(Vec<String>, Vec<String>), Error> {
        let model = self.model()?;
        let mut wanted: BTreeSet<PathBuf> = further.iter().cloned().collect();
        for located in &model.manifest.entries {
            let placements = model.placements(&located.value);
            for placement in placements.iter().filter(|place| place.guest.is_none()) {
                let paths = [
                    Some(&placement.cert),
                    Some(&placement.key),
                    placement.ca.as_ref(),
                ];
                for path in paths.into_iter().flatten() {
                    wanted.extend(path.parent().map(Path::to_owned));
                }
            }
        }
        for dir in &model.settings.watched {
            // The versions stand beside a directory that is watched.
            wanted.extend(dir.parent().map(Path::to_owned));
        }
        let trust = &model.settings.trust;
        if trust.host {
            for file in [&trust.host_file, &trust.bundle] {
                wanted.extend(file.parent().map(Path::to_owned));
            }
        }
        let mut missing = Vec::new();
        let mut paths = vec![
            self.paths.state.to_string_lossy().into_owned(),
            self.paths
                .site
                .join(".phoenix")
                .to_string_lossy()
                .into_owned(),
        ];
        let mut found: Vec<PathBuf> = Vec::new();
        for dir in wanted {
            // One that is missing can be made in its parent, unless that opens half the host.
            let there = |path: &&Path| matches!(self.root.stat(path), Ok(Some(_)));
            let narrow = |path: &&Path| TOO_WIDE.iter().all(|wide| *path != Path::new(wide));
            let itself = Some(dir.as_path()).filter(there);
            let Some(at) = itself.or_else(|| dir.parent().filter(there).filter(narrow)) else {
                missing.push(dir.display().to_string());
                continue;
            };
            if !found.iter().any(|other| at.starts_with(other)) {
                found.push(at.to_owned());
            }
        }
        paths.extend(found.iter().map(|path| path.to_string_lossy().into_owned()));
        paths.extend(HOST.iter().map(|path| format!("-{path}")));
        let mut notes = Vec::new();
        if !missing.is_empty() {
            notes.push(format!(
                "not there yet, and the service may not make them: {}; run `phoenix sync` once by hand, then install the units again",
                missing.join(", ")
            ));
        }
        Ok((paths, notes))
    }
}

/// Too much to open for the sake of a directory that is missing below.
const TOO_WIDE: [&str; 10] = [
    "/", "/etc", "/home", "/mnt", "/mnt/pve", "/opt", "/root", "/srv", "/usr", "/var",
];
/// What Proxmox's tools write: its configuration (the firewall's files), their locks and logs.
const HOST: [&str; 8] = [
    "/etc/pve",
    "/run/lock",
    "/run/lxc",
    "/run/pve",
    "/run/qemu-server",
    "/run/xtables.lock",
    "/var/lib/pve-firewall",
    "/var/log/pve",
];
