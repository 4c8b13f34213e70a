//! `firewall test`: what would happen to a connection, and who reaches what.

use std::net::IpAddr;

use super::Site;
use super::installed::Installed;
use crate::diagnostic::{Fault, Faults};
use crate::error::Error;
use crate::firewall::{
    Decision, End, Firewall, FirewallConfig, Matrix, MatrixReport, Packet, Protocol, ProxmoxFacts,
    Rendering, RuleSource, ShownList, ShownRule, SiteRules, Target, TestReport, Zone,
};

impl Site {
    /// What would become of the first packet of a connection, by the site's files or by those that Proxmox has now.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] when one of the ends has no known address.
    pub fn test_firewall(
        &self,
        from: End,
        to: End,
        proto: &Protocol,
        port: Option<u16>,
        installed: bool,
    ) -> Result<TestReport, Error> {
        let files = self.site_rules()?;
        let facts = self.proxmox(&files)?;
        let mut config = files.config();
        facts.inform(&mut config);
        let found = if installed {
            Some(installed_in(&facts, &files)?)
        } else {
            None
        };
        if let Some(found) = &found {
            config = found.config(&config);
        }
        let mut faults = Faults::new();
        let mut end = |end: End| match resolve(&files, &config, end) {
            Ok(found) => Some(found),
            Err(fault) => {
                faults.push(*fault);
                None
            }
        };
        let (from, to) = (end(from), end(to));
        if proto.has_ports() && port.is_none() {
            faults.push(Fault::error(
                "test-port",
                format!("found no port for protocol `{proto}`, expected `--port`"),
            ));
        }
        let (Some((from, source)), Some((to, dest))) = (from, to) else {
            return Err(Error::Refused(faults));
        };
        faults.into_result(()).map_err(Error::Refused)?;
        let firewall = Firewall::new(&config);
        let packet = Packet::new(from, to, source, dest, proto.number(), port.unwrap_or(0));
        let verdict = firewall.verdict(&packet);
        let (list, rule) = match verdict.decision {
            Decision::Rule { list, line } => match &found {
                Some(found) => found.shown(&files, list, *line),
                None => shown(&files, list, *line),
            },
            _ => (None, None),
        };
        let name = |zone| match zone {
            Zone::Outside => "outside".to_owned(),
            Zone::Host => "host".to_owned(),
            zone => files.target(zone).to_string(),
        };
        Ok(TestReport {
            from: name(from),
            source,
            to: name(to),
            dest,
            proto: proto.clone(),
            port: port.filter(|_| proto.has_ports()),
            verdict: verdict.action.clone(),
            decision: verdict.decision.clone(),
            list,
            rule,
        })
    }

    /// Who reaches what among the guests, the host and the world outside. By the site's files it says too what rendering
    /// them would change of what Proxmox's files admit now; with `installed` it is Proxmox's files alone that count.
    ///
    /// # Errors
    ///
    /// When the files cannot be read, and [`Error::Refused`] when Proxmox has none and they were asked for.
    pub fn firewall_matrix(&self, installed: bool) -> Result<MatrixReport, Error> {
        let files = self.site_rules()?;
        let facts = self.proxmox(&files)?;
        let mut config = files.config();
        facts.inform(&mut config);
        if installed {
            config = installed_in(&facts, &files)?.config(&config);
        }
        let guests = config.guests.keys().map(|id| Zone::Guest(*id, 0));
        let ends: Vec<(String, Zone, IpAddr)> = [Zone::Outside, Zone::Host]
            .into_iter()
            .chain(guests)
            .filter_map(|zone| {
                let name = match zone {
                    Zone::Guest(..) => files.target(zone).to_string(),
                    other => other.to_string(),
                };
                Some((name, zone, config.address_of(zone)?))
            })
            .collect();
        let matrix = Matrix::new(&Firewall::new(&config), &ends);
        let changes = match Installed::of(&facts, &files)? {
            Some(now) if !installed => {
                let before = Firewall::new(&now.config(&config));
                let after = Firewall::new(&Rendering::new(&files, &facts)?.finish()?.config);
                let after = Matrix::new(&after, &ends);
                Some(Matrix::new(&before, &ends).changes(&after))
            }
            _ => None,
        };
        Ok(MatrixReport { matrix, changes })
    }
}

/// Proxmox's files; refused where it has none.
fn installed_in(facts: &ProxmoxFacts, files: &SiteRules) -> Result<Installed, Error> {
    Installed::of(facts, files)?.ok_or_else(|| {
        let fault = Fault::error(
            "not-installed",
            "found no /etc/pve/firewall/cluster.fw, expected Proxmox's files",
        );
        Error::Refused(fault.help("phoenix firewall render").into())
    })
}

fn resolve(
    files: &SiteRules,
    config: &FirewallConfig,
    end: End,
) -> Result<(Zone, IpAddr), Box<Fault>> {
    let zone = match end {
        End::Address(ip) => return Ok((config.zone_of(ip), ip)),
        End::Guest(id) => {
            files
                .list(Target::Guest(id))
                .map_err(|faults| match faults.into_iter().last() {
                    Some(fault) => Box::new(fault),
                    None => Box::new(Fault::error(
                        "unknown-guest",
                        format!("found no guest {id}"),
                    )),
                })?;
            Zone::Guest(id.id, 0)
        }
        End::Host => Zone::Host,
        End::Outside => Zone::Outside,
    };
    config.address_of(zone).map(|ip| (zone, ip)).ok_or_else(|| {
        Box::new(
            Fault::error(
                "test-address",
                format!("found no fixed address of {end}, expected one"),
            )
            .help("name an address instead"),
        )
    })
}

/// The rule that a decision names, in the site's files.
fn shown(
    files: &SiteRules,
    list: &RuleSource,
    index: usize,
) -> (Option<Target>, Option<ShownRule>) {
    let target = match list {
        RuleSource::Guest(id) => files.target(Zone::Guest(*id, 0)),
        RuleSource::Cluster => Target::Global,
        RuleSource::Host | RuleSource::Group(_) => return (None, None),
    };
    let Ok(list) = files.list(target) else {
        return (Some(target), None);
    };
    let selector = crate::firewall::Selector {
        index: Some(index),
        ..Default::default()
    };
    let rule = ShownList::of(&list, &selector).rules.into_iter().next();
    (Some(target), rule)
}
