//! The service of a guest that Traefik routes to.

use super::text;
use crate::diagnostic::{Fault, Faults};
use crate::document::{Cursor, NodeId};

/// A service behind Traefik.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraefikService {
    /// Name of router and service.
    pub name: String,
    /// Port on the guest.
    pub port: u16,
    /// `http` or `https`.
    pub scheme: Option<Scheme>,
    /// Whether clients reach it over TLS only. Default no.
    pub tls: bool,
    /// Where the guest's file says so.
    pub node: NodeId,
}

/// How a service is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "Traefik's servers have these two")]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Over TLS.
    Https,
}

impl TraefikService {
    /// Reads `traefik_service`; what is not complete routes nowhere and is `None`.
    pub(super) fn decode(service: Cursor<'_>, faults: &mut Faults) -> Option<Self> {
        let port = service.get("port")?;
        let number = port.as_u64().or_else(|| port.as_str()?.parse().ok());
        let number = number
            .and_then(|n| u16::try_from(n).ok())
            .filter(|n| *n > 0);
        if number.is_none() {
            faults.push(
                Fault::error(
                    "port",
                    format!("found port {}, expected 1 to 65535", port.literal()),
                )
                .at(port.place()),
            );
        }
        let scheme = service.get("scheme").and_then(|node| {
            let scheme = match node.as_str().as_deref() {
                Some("http") => Some(Scheme::Http),
                Some("https") => Some(Scheme::Https),
                _ => None,
            };
            if scheme.is_none() {
                faults.push(
                    Fault::error(
                        "scheme",
                        format!("found {}, expected `http` or `https`", node.literal()),
                    )
                    .at(node.place()),
                );
            }
            scheme
        });
        let tls = service.get("tls").is_some_and(|node| {
            let tls = node.as_bool();
            if tls.is_none() {
                faults.push(
                    Fault::error(
                        "service-tls",
                        format!("found {}, expected true or false", node.literal()),
                    )
                    .at(node.place()),
                );
            }
            tls == Some(true)
        });
        Some(Self {
            name: text(service, "name")?,
            port: number?,
            scheme,
            tls,
            node: service.node(),
        })
    }
}

impl std::fmt::Display for Scheme {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::Https => "https",
        })
    }
}
