//! Guests of the host, written `vm:1001` and `lxc:102`.

use std::fmt;
use std::str::FromStr;

use super::{NameError, text_serde};

/// A virtual machine or a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum GuestKind {
    /// A container, reached by `pct`.
    Lxc,
    /// A virtual machine, reached by `qm`.
    Vm,
}

impl GuestKind {
    /// `lxc` or `vm`, as the manifest's `guest_type` has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lxc => "lxc",
            Self::Vm => "vm",
        }
    }
}

impl fmt::Display for GuestKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One guest of the host.
///
/// ```
/// use phoenix_core::names::{GuestId, GuestKind};
///
/// let manager: GuestId = "vm:1001".parse().unwrap();
/// assert_eq!(manager.kind, GuestKind::Vm);
/// assert_eq!(manager.to_string(), "vm:1001");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GuestId {
    /// Container or virtual machine.
    pub kind: GuestKind,
    /// Proxmox's number of it; unique over both kinds.
    pub id: u32,
}

impl GuestId {
    /// The container with this number.
    pub const fn lxc(id: u32) -> Self {
        Self {
            kind: GuestKind::Lxc,
            id,
        }
    }

    /// The virtual machine with this number.
    pub const fn vm(id: u32) -> Self {
        Self {
            kind: GuestKind::Vm,
            id,
        }
    }
}

impl fmt::Display for GuestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.id)
    }
}

impl FromStr for GuestId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let error = || NameError::new(text, "a guest such as `vm:1001` or `lxc:102`");
        let (kind, id) = text.split_once(':').ok_or_else(error)?;
        let kind = match kind {
            "lxc" => GuestKind::Lxc,
            "vm" => GuestKind::Vm,
            _ => return Err(error()),
        };
        let id = id.parse().map_err(|_| error())?;
        Ok(Self { kind, id })
    }
}

text_serde!(GuestId);
