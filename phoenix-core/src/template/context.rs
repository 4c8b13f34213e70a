//! The names that templates may use, as a table: from it come the documentation and `template vars`.

use std::collections::BTreeMap;

/// The values that a template may use, by name.
pub type Context = BTreeMap<String, serde_json::Value>;

/// A name that templates may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Named {
    /// The name; `guests.ID.address` stands for one of each guest.
    pub name: &'static str,
    /// What it is, with a shape.
    pub what: &'static str,
    /// Where its value comes from.
    pub from: &'static str,
}

/// Every name of a site's context.
pub const NAMES: &[Named] = &[
    named(
        "ca_url",
        "the CA's address, `https://10.0.0.10:9000`",
        "`[ca] url` of phoenix.toml, else a guest's `bootstrap_ca_url`",
    ),
    named(
        "docker_address",
        "the Swarm manager's address, `10.0.0.111`",
        "the guest with `swarm_role: manager`",
    ),
    named(
        "docker_port",
        "Docker's encrypted port, `2376`",
        "`[docker] port` of phoenix.toml",
    ),
    named(
        "domain",
        "the internal domain, `internal.example`",
        "`domain_name` of phoenix_hypervisor_config.json",
    ),
    named(
        "guests.ID.address",
        "a guest's address, `10.0.0.12`; null where DHCP gives it",
        "the guest's `network_config.ip`",
    ),
    named(
        "guests.ID.cidr",
        "the same with the length of its network, `10.0.0.12/24`",
        "the guest's `network_config.ip`",
    ),
    named(
        "guests.ID.kind",
        "`vm` or `lxc`",
        "the file that the guest stands in",
    ),
    named("guests.ID.name", "a guest's name", "the guest's `name`"),
    named(
        "host_address",
        "the host's address, `10.0.0.13`",
        "`network.interfaces.address` of phoenix_hypervisor_config.json",
    ),
    named(
        "traefik_certs",
        "the directory of the client's files in Traefik's guest, `/etc/traefik/certs`",
        "`[traefik] certs_dir` of phoenix.toml",
    ),
];

/// Every filter beside Jinja's own.
pub const FILTERS: &[Named] = &[
    named(
        "host",
        "an address without the length of its network",
        "`{{ guests[\"102\"].cidr | host }}`",
    ),
    named(
        "hostport(PORT)",
        "address and port, an IPv6 address in brackets",
        "`{{ docker_address | hostport(docker_port) }}`",
    ),
    named(
        "indent(N)",
        "every line but the first moved N spaces to the right (Jinja's own)",
        "`{{ text | indent(4) }}`",
    ),
    named(
        "json",
        "the value as JSON; text in quotes, with escapes",
        "`{{ domain | json }}`",
    ),
    named(
        "yaml",
        "the same: JSON is YAML too",
        "`{{ domain | yaml }}`",
    ),
];

const fn named(name: &'static str, what: &'static str, from: &'static str) -> Named {
    Named { name, what, from }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fmt::Write as _;

    use super::*;
    use crate::test_sites;

    /// The page of the documentation, as the tables say it.
    fn page() -> String {
        let mut text =
            String::from("\n| name | what it is | where it comes from |\n|---|---|---|\n");
        for row in NAMES {
            let _ = writeln!(text, "| `{}` | {} | {} |", row.name, row.what, row.from);
        }
        text.push_str("\n| filter | what it makes | example |\n|---|---|---|\n");
        for row in FILTERS {
            let _ = writeln!(text, "| `{}` | {} | {} |", row.name, row.what, row.from);
        }
        text
    }

    #[test]
    fn the_page_in_the_documentation_is_that_of_the_tables() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/template/names.md");
        if std::env::var_os("UPDATE_PAGES").is_some() {
            std::fs::write(path, page()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), page());
    }

    #[test]
    fn a_sites_context_holds_the_names_of_the_table_and_no_others() {
        let context = test_sites::model_of(&test_sites::sample_site()).context();
        let mut found = BTreeSet::new();
        for (name, value) in &context {
            if name == "guests" {
                for guest in value.as_object().unwrap().values() {
                    let fields = guest.as_object().unwrap().keys();
                    found.extend(fields.map(|field| format!("guests.ID.{field}")));
                }
            } else {
                found.insert(name.clone());
            }
        }
        let table: BTreeSet<String> = NAMES.iter().map(|row| row.name.to_owned()).collect();
        assert_eq!(found, table);
    }
}
