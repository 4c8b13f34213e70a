//! What lies beneath `/etc/pve`.

use std::path::{Path, PathBuf};

use crate::firewall::{
    CLUSTER, FIREWALL_DIR, ProxmoxFacts, SiteRules, Target, corosync, interfaces,
};
use crate::names::GuestKind;
use crate::system::{FileError, Root};

/// Whether this is a host with Proxmox on it at all.
///
/// # Errors
///
/// When that cannot be looked at.
pub fn is_there(root: &Root) -> Result<bool, FileError> {
    Ok(root.stat(Path::new(PVE_DIR))?.is_some())
}

/// Reads what concerns the site's guests.
///
/// # Errors
///
/// When a file that is there cannot be read.
pub fn read(root: &Root, rules: &SiteRules) -> Result<ProxmoxFacts, FileError> {
    let mut facts = ProxmoxFacts {
        node: node_dir(root)?,
        ..ProxmoxFacts::default()
    };
    let mut paths = vec![Path::new(FIREWALL_DIR).join(CLUSTER)];
    paths.extend(facts.node.iter().map(|node| node.join("host.fw")));
    for target in rules.targets() {
        let Target::Guest(id) = target else {
            continue;
        };
        paths.push(Path::new(FIREWALL_DIR).join(format!("{}.fw", id.id)));
        let dir = match id.kind {
            GuestKind::Lxc => "lxc",
            GuestKind::Vm => "qemu-server",
        };
        let path = Path::new(PVE_DIR).join(dir).join(format!("{}.conf", id.id));
        if let Some(bytes) = root.read_optional(&path)? {
            let text = String::from_utf8_lossy(&bytes);
            facts.interfaces.insert(id.id, interfaces(&text, id.kind));
        }
    }
    for path in paths {
        if let Some(bytes) = root.read_optional(&path)? {
            facts.files.insert(path, bytes);
        }
    }
    let name = facts.node.as_ref().and_then(|node| node.file_name());
    if let Some(name) = name.and_then(|name| name.to_str())
        && let Some(bytes) = root.read_optional(&Path::new(PVE_DIR).join("corosync.conf"))?
    {
        facts.corosync = Some(corosync(&String::from_utf8_lossy(&bytes), name));
    }
    Ok(facts)
}

/// The node's directory; nothing where it cannot be told which of several it is.
fn node_dir(root: &Root) -> Result<Option<PathBuf>, FileError> {
    let dir = Path::new(PVE_DIR).join("nodes");
    let mut nodes = Vec::new();
    if root.stat(&dir)?.is_some() {
        nodes = root.list(&dir)?;
    }
    if let [node] = nodes.as_slice() {
        return Ok(Some(dir.join(node)));
    }
    let name = root.read_optional(Path::new("/etc/hostname"))?;
    let name = name.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
    let name = name.as_deref().and_then(|name| name.split('.').next());
    Ok(name
        .filter(|name| !name.is_empty())
        .map(|name| dir.join(name)))
}

/// Where Proxmox keeps what all nodes share.
const PVE_DIR: &str = "/etc/pve";
