use std::cell::RefCell;
use std::time::SystemTime;

use crate::execute::{Done, Perform, StepError, run};
use crate::firewall::{ProxmoxFacts, Rendering};
use crate::inventory::{
    CertificateFacts, DockerFacts, GuestFacts, Inventory, PairFacts, PairState, PlacementState,
    ProxmoxSeen, TraefikFacts,
};
use crate::migrate::{DockerTlsOptions, docker_tls};
use crate::model::{Model, SourceFile};
use crate::names::GuestId;
use crate::observe::Silent;
use crate::plan::{Action, Plan, Policy, Scope, Step, plan};
use crate::report::Status;
use crate::store::Trial;
use crate::test_sites::{self, sample_site};

/// The sample site, before its link moves or after its files were edited for that.
fn model(migrated: bool) -> Model {
    let file = |name: &str| {
        let path = sample_site().join("etc").join(name);
        let bytes = std::fs::read(&path).unwrap();
        SourceFile { path, bytes }
    };
    let before = test_sites::model(file);
    if !migrated {
        return before;
    }
    let migration = docker_tls(&before, DockerTlsOptions::default()).unwrap();
    test_sites::model(|name| {
        let mut file = file(name);
        let edit = migration
            .files
            .iter()
            .find(|edit| edit.before.path() == file.path);
        if let Some(edit) = edit {
            file.bytes = edit.after.text().as_bytes().to_vec();
        }
        file
    })
}

/// Proxmox's files as they are when a site was rendered.
fn proxmox(site: &Model) -> ProxmoxFacts {
    let mut facts = ProxmoxFacts::default();
    let rendering = Rendering::new(&site.site_rules(), &facts).unwrap();
    for file in rendering.finish().unwrap().files {
        facts.files.insert(file.path, file.text.into_bytes());
    }
    facts
}

/// Guests that run, with Docker and Traefik as they were; no pair is there yet.
fn inventory(site: &Model, proxmox: ProxmoxFacts) -> Inventory {
    let facts = |docker, traefik| GuestFacts {
        down: None,
        docker,
        traefik,
        trust: None,
        served: None,
        trusts_others: false,
    };
    let docker = DockerFacts {
        daemon_json: None,
        active_state: "active".to_owned(),
        unit: "[Service]\nExecStart=/usr/bin/dockerd -H fd://\n".to_owned(),
        version: None,
        server_version: None,
        swarm_active: true,
        started_before_root: false,
        sockets: Vec::new(),
    };
    let traefik = TraefikFacts {
        static_file: None,
        dynamic_file: None,
        active_state: "active".to_owned(),
        version: None,
        started_before_file: false,
    };
    let certificates = site.manifest.entries.iter().map(|located| {
        let entry = &located.value;
        let places = site.placements(entry).len();
        let facts = CertificateFacts {
            primary: PairFacts {
                state: PairState::Missing,
            },
            untrusted: None,
            key_since: None,
            candidate: None,
            candidate_untrusted: None,
            held: None,
            placements: vec![PlacementState::Missing; places],
        };
        (entry.common_name.clone(), facts)
    });
    Inventory {
        certificates: certificates.collect(),
        guests: [
            (id("vm:1001"), facts(Some(docker), None)),
            (id("lxc:102"), facts(None, Some(traefik))),
        ]
        .into(),
        proxmox: ProxmoxSeen::Seen(Box::new(proxmox)),
        ..Inventory::default()
    }
}

fn id(text: &str) -> GuestId {
    text.parse().unwrap()
}

fn planned(site: &Model, inventory: &Inventory, scope: Scope) -> Plan {
    let now = SystemTime::UNIX_EPOCH;
    plan(site, inventory, "a CA", scope, &Policy::default(), now).unwrap()
}

fn needs<'p>(plan: &'p Plan, step: &str) -> Vec<&'p str> {
    let step = plan.steps.iter().find(|planned| planned.id.0 == step);
    let step = step.unwrap_or_else(|| panic!("{:#?}", plan.blocked));
    step.needs.iter().map(|id| id.0.as_str()).collect()
}

/// Does everything but what fails.
struct Script<'a> {
    fails: &'a str,
    done: RefCell<Vec<String>>,
}

impl<'a> Perform<'a> for Script<'_> {
    fn perform(&self, step: &Step) -> Result<Done<'a>, StepError> {
        if step.id.0 == self.fails {
            return Err(StepError::new("no"));
        }
        self.done.borrow_mut().push(step.id.0.clone());
        Ok(Done::default())
    }
}

#[test]
fn what_opens_waits_for_the_pairs_and_what_closes_for_the_proof() {
    let site = model(true);
    let plan = planned(&site, &inventory(&site, proxmox(&model(false))), Scope::All);
    let opens = needs(&plan, "open firewall");
    for pair in [
        "deploy docker-daemon.internal.example to vm:1001:/etc/docker/tls/server-cert.pem",
        "deploy traefik-client.internal.example to lxc:102:/etc/traefik/certs/client-cert.pem",
    ] {
        assert!(opens.contains(&pair), "{opens:?}");
    }
    for waits in [
        "configure docker vm:1001",
        "verify docker vm:1001",
        "verify traefik lxc:102",
    ] {
        assert!(needs(&plan, waits).contains(&"open firewall"), "{waits}");
    }
    assert_eq!(
        needs(&plan, "render firewall"),
        [
            "open firewall",
            "verify docker vm:1001",
            "verify traefik lxc:102"
        ]
    );
    assert_eq!(needs(&plan, "verify firewall"), ["render firewall"]);
}

#[test]
fn the_plain_port_stays_open_when_something_before_it_fails() {
    let site = model(true);
    let plan = planned(&site, &inventory(&site, proxmox(&model(false))), Scope::All);
    for (fails, opened) in [
        (
            "deploy docker-daemon.internal.example to vm:1001:/etc/docker/tls/server-cert.pem",
            false,
        ),
        ("open firewall", false),
        ("configure docker vm:1001", true),
        ("verify docker vm:1001", true),
        ("verify traefik lxc:102", true),
    ] {
        let script = Script {
            fails,
            done: RefCell::default(),
        };
        let outcomes = run(&plan, &script, &Silent);
        let done = script.done.into_inner();
        let is_done = |step: &str| done.iter().any(|done| done == step);
        assert_eq!(is_done("open firewall"), opened, "{fails}");
        assert!(!is_done("render firewall"), "{fails}");
        let closing = outcomes
            .iter()
            .find(|outcome| outcome.step.0 == "render firewall");
        assert_eq!(closing.map(|outcome| outcome.status), Some(Status::Skipped));
        // Where the port could not be opened nothing moves.
        assert!(opened || !is_done("configure docker vm:1001"), "{fails}");
    }
}

#[test]
fn one_step_does_where_the_link_stays_as_it_is() {
    let site = model(true);
    let mut facts = proxmox(&site);
    // Somebody emptied the file of a guest that is no end of the link.
    let path = "/etc/pve/firewall/1002.fw".into();
    let drifted = b"[OPTIONS]\n\nenable: 1\n".to_vec();
    assert!(facts.files.insert(path, drifted).is_some());
    let plan = planned(&site, &inventory(&site, facts), Scope::All);
    assert_eq!(needs(&plan, "render firewall"), [""; 0]);
    assert!(
        !plan
            .steps
            .iter()
            .any(|step| matches!(step.action, Action::OpenFirewall { .. }))
    );
}

#[test]
fn a_run_about_the_firewall_alone_looks_at_the_link_before_it_closes_it() {
    let site = model(true);
    let mut inventory = inventory(&site, proxmox(&model(false)));
    let plan = planned(&site, &inventory, Scope::Firewall);
    assert!(plan.steps.is_empty());
    assert!(
        plan.blocked[0].reason.contains("is not deployed"),
        "{:?}",
        plan.blocked
    );
    for facts in inventory.certificates.values_mut() {
        facts.placements.fill(PlacementState::Right);
    }
    let plan = planned(&site, &inventory, Scope::Firewall);
    let steps: Vec<&str> = plan.steps.iter().map(|step| step.id.0.as_str()).collect();
    assert_eq!(
        steps,
        [
            "open firewall",
            "verify docker vm:1001",
            "verify traefik lxc:102",
            "render firewall",
            "verify firewall"
        ]
    );
    if let Some(facts) = inventory.guests.get_mut(&id("lxc:102")) {
        facts.down = Some("the guest is stopped".to_owned());
    }
    let plan = planned(&site, &inventory, Scope::Firewall);
    assert!(!plan.steps.iter().any(|step| step.id.0 == "render firewall"));
    assert_eq!(
        plan.blocked[0].reason,
        "what closes the plain port waits until traefik lxc:102 can be verified"
    );
}

#[test]
fn the_link_is_left_alone_while_its_rules_must_not_be_written() {
    let site = model(true);
    // Proxmox's files admit nothing of the encrypted port: it must be opened, and a change is on trial.
    let mut inventory = inventory(&site, closed());
    let plan = planned(&site, &inventory, Scope::All);
    assert!(needs(&plan, "configure docker vm:1001").contains(&"open firewall"));
    inventory.trial = Some(Trial {
        made: SystemTime::UNIX_EPOCH,
        until: SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(60),
        end: None,
        files: Vec::new(),
    });
    let plan = planned(&site, &inventory, Scope::All);
    let moves = |plan: &Plan| {
        plan.steps
            .iter()
            .any(|step| step.id.0.starts_with("configure"))
    };
    assert!(!moves(&plan));
    let reasons: Vec<&str> = plan
        .blocked
        .iter()
        .map(|blocked| blocked.reason.as_str())
        .collect();
    assert!(
        reasons.contains(&"Proxmox's firewall does not admit Traefik to Docker (10.0.0.12 -> 10.0.0.111 port 2376): missing is IN ACCEPT -source 10.0.0.12 -p tcp -dport 2376")
            && reasons.contains(&"a change waits for `phoenix firewall confirm` until 1970-01-01T00:01:00Z"),
        "{reasons:#?}"
    );
    // A run that does not write those files looks at them as they are.
    assert!(!moves(&planned(&site, &inventory, Scope::Docker)));
    inventory.trial = None;
    inventory.proxmox = ProxmoxSeen::Seen(Box::new(proxmox(&site)));
    assert!(moves(&planned(&site, &inventory, Scope::Docker)));
}

/// Proxmox's files with the plain port alone.
fn closed() -> ProxmoxFacts {
    let mut facts = proxmox(&model(false));
    for file in facts.files.values_mut() {
        let text = String::from_utf8(file.clone()).unwrap();
        let kept = text
            .split_inclusive('\n')
            .filter(|line| !line.contains("2376"));
        *file = kept.collect::<String>().into_bytes();
    }
    facts
}
