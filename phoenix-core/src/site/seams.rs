//! What a site is worked on with: the host's own programs and sockets, or those of a copy.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::ca::Authority;
use crate::guests::Guests;
use crate::names::{GuestId, GuestKind, SshDestination};
use crate::settings::{Reach, Settings};
use crate::system::{Commands, Dial, HostCommands, HostDial, NoDial, Root, WouldRunCommands};
use crate::time::{Clock, SystemClock};
use crate::transport::{GuestTransport, Local, Pct, Qm, Ssh, SshCommands, SshFiles};

/// Makes the ways into a site's guests.
pub type Transports =
    Arc<dyn Fn(&Guests, &Settings) -> BTreeMap<GuestId, Arc<dyn GuestTransport>> + Send + Sync>;

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
    /// A CA of the program's own, instead of the one that the site names. Default: none.
    pub authority: Option<Arc<dyn Authority>>,
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
            transports: Arc::new(move |guests, settings| {
                guests
                    .iter()
                    .filter(|guest| !guest.is_template)
                    .map(|guest| (guest.id, way(&for_guests, guest.id, settings)))
                    .collect()
            }),
            authority: None,
        }
    }

    /// Those of a copy of a host (`--root`): guests are directories, nothing is run.
    pub fn copy(root: &Path) -> Self {
        let root = root.to_owned();
        Self {
            clock: Arc::new(SystemClock),
            commands: Arc::new(WouldRunCommands),
            dial: Arc::new(NoDial),
            transports: Arc::new(move |guests, _| {
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
            authority: None,
        }
    }
}

/// The way into a guest: this host's own tools, unless the settings say where it lives.
fn way(host: &Arc<dyn Commands>, guest: GuestId, settings: &Settings) -> Arc<dyn GuestTransport> {
    let over = |destination: &SshDestination, files| {
        SshCommands::new(Arc::clone(host), destination.clone(), files)
    };
    let files = SshFiles {
        identity: settings.ssh.identity.clone(),
        known_hosts: settings.ssh.known_hosts.clone(),
        host_key_alias: None,
    };
    let (commands, elsewhere): (Arc<dyn Commands>, bool) = match settings.reach.get(&guest) {
        Some(Reach::Ssh(destination)) => {
            return Arc::new(Ssh::new(guest, over(destination, files)));
        }
        Some(Reach::Node(node)) => {
            let files = of_cluster(node, files);
            (Arc::new(over(node, files)), true)
        }
        _ => (Arc::clone(host), false),
    };
    match guest.kind {
        GuestKind::Lxc if elsewhere => Arc::new(Pct::new(commands, guest.id).elsewhere()),
        GuestKind::Lxc => Arc::new(Pct::new(commands, guest.id)),
        GuestKind::Vm => Arc::new(Qm::new(commands, guest.id)),
    }
}

/// Proxmox keeps each node's host key in a file of its own, under the node's name.
fn of_cluster(node: &SshDestination, mut files: SshFiles) -> SshFiles {
    let known = PathBuf::from(format!("/etc/pve/nodes/{}/ssh_known_hosts", node.host()));
    if files.known_hosts.is_none() && matches!(Root::host().stat(&known), Ok(Some(_))) {
        files.known_hosts = Some(known);
        files.host_key_alias = Some(node.host().to_owned());
    }
    files
}
