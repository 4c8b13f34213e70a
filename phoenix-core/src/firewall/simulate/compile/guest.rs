//! What a guest's interface lets in and out.

use std::sync::Arc;

use super::{Compiler, Scope, dhcp, icmp6, implicit, ndp, option, policy};
use crate::firewall::simulate::chain::{Addresses, Chain, Set, Test};
use crate::firewall::simulate::{
    Action, Both, GuestConfig, GuestInterface, Interface, RuleSource, Sides,
};
use crate::firewall::{Direction, Family, Network};

impl Compiler<'_> {
    pub(super) fn guest(&mut self, id: u32, guest: &GuestConfig) -> Vec<Interface> {
        let on = option(&guest.file, "enable") == Some("1");
        guest
            .interfaces
            .iter()
            .map(|interface| Interface {
                bridge: interface.bridge.clone(),
                firewall: interface.firewall,
                sides: on.then(|| {
                    Both::make(|family| Sides {
                        inbound: self.guest_in(id, guest, interface, family),
                        outbound: self.guest_out(id, guest, interface, family),
                    })
                }),
            })
            .collect()
    }

    fn guest_in(
        &mut self,
        id: u32,
        guest: &GuestConfig,
        interface: &GuestInterface,
        family: Family,
    ) -> Chain {
        let source = RuleSource::Guest(id);
        let mut chain = Chain::default();
        let (from, to) = match family {
            Family::V4 => (67, 68),
            Family::V6 => (547, 546),
        };
        dhcp(&mut chain, &guest.file, &source, from, to);
        ndp(&mut chain, &guest.file, &source, family, true);
        let scope = Scope {
            source: &source,
            own: Some(&guest.file),
            family,
            direction: Direction::In,
        };
        self.rules(&mut chain, &guest.file.rules, scope, Some(&interface.key));
        policy(&mut chain, &guest.file, &source, "policy_in", Action::Drop);
        chain
    }

    fn guest_out(
        &mut self,
        id: u32,
        guest: &GuestConfig,
        interface: &GuestInterface,
        family: Family,
    ) -> Chain {
        let source = RuleSource::Guest(id);
        let file = &guest.file;
        let mut chain = Chain::default();
        let (from, to) = match family {
            Family::V4 => (68, 67),
            Family::V6 => (546, 547),
        };
        dhcp(&mut chain, file, &source, from, to);
        if family == Family::V6 && option(file, "radv") != Some("1") {
            let test = icmp6(134);
            chain.push(
                test,
                Action::Drop,
                implicit(&source, "router advertisements (radv)"),
            );
        }
        let name = format!("ipfilter-{}", interface.key);
        let stated = file.sets.get(&name);
        if stated.is_some() || option(file, "ipfilter") == Some("1") {
            let mut members = self.members(stated.map_or(&[], Vec::as_slice), Some(file));
            if interface.filtered {
                let own = interface.addresses.iter();
                members.extend(own.map(|ip| (Network::host(*ip), true)));
            }
            let test = Test {
                source: Addresses::Unlike(Arc::new(Set::new(members))),
                ..Test::default()
            };
            chain.push(
                test,
                Action::Drop,
                implicit(&source, "not the guest's own address (ipfilter)"),
            );
        }
        ndp(
            &mut chain,
            file,
            &source,
            family,
            option(file, "radv") == Some("1"),
        );
        let scope = Scope {
            source: &source,
            own: Some(file),
            family,
            direction: Direction::Out,
        };
        self.rules(&mut chain, &file.rules, scope, Some(&interface.key));
        policy(&mut chain, file, &source, "policy_out", Action::Accept);
        chain
    }
}
