use std::collections::BTreeSet;

use crate::inventory::{
    CertificateFacts, DockerFacts, GuestFacts, Inventory, PairFacts, PairState, PlacementState,
    TraefikFacts, docker_commands,
};
use crate::manifest::CertType;
use crate::migrate::{DockerTlsOptions, docker_tls};
use crate::model::{Model, SourceFile};
use crate::names::GuestId;
use crate::plan::{Plan, Policy, Scope, Step, docker_wanted, plan};
use crate::store::{PendingItem, PendingKind};
use crate::test_sites::{self, sample_site};
use crate::transport::Sha256;
use crate::x509::testing::{Authority, DAY, Leafing, now};

/// The sample site after its migration.
fn model() -> Model {
    let site = sample_site();
    let read = |name: &str| {
        let path = site.join("etc").join(name);
        let bytes = std::fs::read(&path).unwrap();
        SourceFile { path, bytes }
    };
    let before = test_sites::model(read);
    let migrated = docker_tls(&before, DockerTlsOptions::default()).unwrap();
    test_sites::model(|name| {
        let mut file = read(name);
        let edits = &migrated.files;
        if let Some(edit) = edits.iter().find(|edit| edit.before.path() == file.path) {
            file.bytes = edit.after.text().as_bytes().to_vec();
        }
        file
    })
}

const DOCKER: GuestId = GuestId::vm(1001);
const TRAEFIK: GuestId = GuestId::lxc(102);

/// Everything in place, with leaves that end `left` from now.
fn settled(model: &Model, authority: &Authority, left: std::time::Duration) -> Inventory {
    let mut inventory = Inventory::default();
    for located in &model.manifest.entries {
        let entry = &located.value;
        let chain = authority.chain(&Leafing {
            sans: entry.names.clone(),
            not_before: now() - 10 * DAY,
            not_after: now() + left,
            server: entry.cert_type == CertType::Server,
            ..Leafing::default()
        });
        let served = chain.leaf().fingerprint;
        let facts = CertificateFacts {
            primary: PairFacts {
                state: PairState::Present {
                    chain: Box::new(chain),
                    key_matches: true,
                    cert_sha256: Sha256::of(b""),
                    key_sha256: Sha256::of(b""),
                },
            },
            untrusted: None,
            key_since: None,
            candidate: None,
            candidate_untrusted: None,
            held: None,
            placements: vec![PlacementState::Right; model.placements(entry).len()],
        };
        inventory
            .certificates
            .insert(entry.common_name.clone(), facts);
        let docker = model.docker_entry(DOCKER).unwrap().0;
        if docker.common_name == entry.common_name {
            let guest = GuestFacts {
                down: None,
                docker: Some(docker_facts(model)),
                traefik: None,
                trust: None,
                served: Some(served),
                trusts_others: false,
            };
            inventory.guests.insert(DOCKER, guest);
        }
    }
    let traefik = GuestFacts {
        down: None,
        docker: None,
        traefik: Some(TraefikFacts {
            dynamic_file: None,
            static_file: Some(model.static_file().unwrap().unwrap().0.into_bytes()),
            active_state: "active".to_owned(),
            version: None,
            started_before_file: false,
        }),
        trust: None,
        served: None,
        trusts_others: false,
    };
    inventory.guests.insert(TRAEFIK, traefik);
    inventory
}

fn docker_facts(model: &Model) -> DockerFacts {
    assert!(!docker_commands("").is_empty());
    let mut facts = DockerFacts {
        daemon_json: None,
        active_state: "active".to_owned(),
        unit: "# /lib/systemd/system/docker.service\n[Service]\nExecStart=/usr/bin/dockerd\n"
            .to_owned(),
        version: None,
        server_version: None,
        swarm_active: true,
        started_before_root: false,
        sockets: Vec::new(),
    };
    let target = model.docker_entry(DOCKER).unwrap().1;
    facts.daemon_json = Some(
        docker_wanted(model, target, &facts)
            .unwrap()
            .daemon_json
            .into(),
    );
    facts
}

fn decided(model: &Model, inventory: &Inventory) -> Plan {
    let policy = Policy {
        force: true,
        ..Policy::default()
    };
    plan(model, inventory, "a CA", Scope::All, &policy, now()).unwrap()
}

fn step<'p>(plan: &'p Plan, id: &str) -> &'p Step {
    let step = plan.steps.iter().find(|step| step.id.0 == id);
    step.unwrap_or_else(|| panic!("no `{id}` in {:#?}", plan.steps))
}

#[test]
fn what_is_seen_of_a_renewed_link_takes_the_pairs_back_and_what_was_told_is_told_again() {
    let (model, authority) = (model(), Authority::new());
    let plan = decided(&model, &settled(&model, &authority, 20 * DAY));
    let (docker, traefik) = ("docker vm:1001".to_owned(), "traefik lxc:102".to_owned());
    let verify = step(&plan, "verify docker vm:1001");
    assert_eq!(verify.judges, [docker.clone(), traefik.clone()]);
    assert_eq!(step(&plan, "verify traefik lxc:102").judges, [traefik]);
    let configure = step(&plan, "configure docker vm:1001");
    assert_eq!(configure.repeats.as_slice(), std::slice::from_ref(&docker));
    let units: BTreeSet<&str> = plan
        .steps
        .iter()
        .filter(|step| step.id.0.starts_with("deploy docker-daemon"))
        .filter_map(|step| step.unit.as_deref())
        .collect();
    assert_eq!(units, [docker.as_str()].into());
    let nginx = step(&plan, "hook pct exec 101 -- systemctl reload nginx");
    assert_eq!(nginx.repeats, ["pair nginx.internal.example"]);
}

#[test]
fn docker_stays_with_its_new_pair_while_it_moves_to_tls() {
    let (model, authority) = (model(), Authority::new());
    let mut inventory = settled(&model, &authority, 20 * DAY);
    let guest = inventory.guests.get_mut(&DOCKER).unwrap();
    guest.docker.as_mut().unwrap().daemon_json = Some(b"{}".to_vec());
    let plan = decided(&model, &inventory);
    assert_eq!(step(&plan, "verify docker vm:1001").judges, [""; 0]);
    assert_eq!(step(&plan, "verify traefik lxc:102").judges, [""; 0]);
}

#[test]
fn docker_goes_back_only_to_the_pair_that_it_served() {
    let (model, authority) = (model(), Authority::new());
    let mut inventory = settled(&model, &authority, 20 * DAY);
    inventory.guests.get_mut(&DOCKER).unwrap().served = None;
    let plan = decided(&model, &inventory);
    assert_eq!(
        step(&plan, "verify docker vm:1001").judges,
        ["traefik lxc:102"]
    );
}

#[test]
fn nothing_goes_back_to_a_pair_that_is_about_to_end() {
    let (model, authority) = (model(), Authority::new());
    let plan = decided(&model, &settled(&model, &authority, DAY));
    for step in &plan.steps {
        assert!(
            step.judges.is_empty() && step.repeats.is_empty(),
            "{step:?}"
        );
        let single = step
            .unit
            .as_deref()
            .is_some_and(|unit| unit.starts_with("pair "));
        assert!(!single, "{step:?}");
    }
}

#[test]
fn a_pair_of_docker_that_is_put_right_restarts_nothing() {
    let (model, authority) = (model(), Authority::new());
    let mut inventory = settled(&model, &authority, 20 * DAY);
    let docker = model.docker_entry(DOCKER).unwrap().0;
    let facts = inventory.certificates.get_mut(&docker.common_name).unwrap();
    for place in &mut facts.placements {
        *place = PlacementState::Differs("the key has mode 644, wanted 600".to_owned());
    }
    let policy = Policy::default();
    let plan = plan(&model, &inventory, "a CA", Scope::All, &policy, now()).unwrap();
    let ids: Vec<&str> = plan.steps.iter().map(|step| step.id.0.as_str()).collect();
    let deployed = |id: &&&str| id.starts_with("deploy docker-daemon");
    assert!(ids.iter().filter(deployed).count() > 0, "{ids:?}");
    assert!(!ids.iter().any(|id| id.starts_with("configure")), "{ids:?}");
}

/// A forced renewal was taken back: its pair waits, tried a moment ago.
fn rejected(model: &Model, authority: &Authority, left: std::time::Duration) -> Inventory {
    let mut inventory = settled(model, authority, left);
    let entry = &model.manifest.entries[0].value;
    let chain = authority.chain(&Leafing {
        sans: entry.names.clone(),
        not_after: now() + 20 * DAY,
        ..Leafing::default()
    });
    let facts = inventory.certificates.get_mut(&entry.common_name).unwrap();
    facts.candidate = Some(PairFacts {
        state: PairState::Present {
            chain: Box::new(chain),
            key_matches: true,
            cert_sha256: Sha256::of(b""),
            key_sha256: Sha256::of(b""),
        },
    });
    inventory.pending.push(PendingItem {
        kind: PendingKind::Pair {
            certificate: entry.common_name.clone(),
            interrupts: false,
        },
        since: now(),
        tries: 3,
        last_try: Some(now()),
        last_error: Some("it served another leaf".to_owned()),
    });
    inventory
}

/// What is planned for the first certificate: its blocks, and its steps with their units.
fn of_first(model: &Model, inventory: &Inventory, unattended: bool) -> (usize, Vec<String>) {
    let name = &model.manifest.entries[0].value.common_name;
    let policy = Policy {
        only: vec![name.clone()],
        unattended,
        ..Policy::default()
    };
    let plan = plan(model, inventory, "a CA", Scope::Certs, &policy, now()).unwrap();
    let steps = plan
        .steps
        .iter()
        .filter(|step| step.action.certificate() == Some(name));
    let words = steps
        .map(|step| format!("{} {:?}", step.reasons[0], step.unit))
        .collect();
    (plan.blocked.len(), words)
}

#[test]
fn a_rejected_pair_pauses_in_unattended_runs_until_the_one_before_is_about_to_end() {
    let (model, authority) = (model(), Authority::new());
    let early = rejected(&model, &authority, 20 * DAY);
    assert_eq!(of_first(&model, &early, true), (1, Vec::new()));
    let (blocked, steps) = of_first(&model, &early, false);
    assert_eq!((blocked, steps.len()), (0, 1));
    assert!(
        steps[0].contains("last: it served another leaf Some(\"pair "),
        "{steps:?}"
    );
    // In the last tenth of its life the old one is worth nothing any more: the new one goes, and stays.
    let late = rejected(&model, &authority, DAY);
    let (blocked, steps) = of_first(&model, &late, true);
    assert_eq!((blocked, steps.len()), (0, 1));
    assert!(steps[0].ends_with("None"), "{steps:?}");
}

#[test]
fn a_rejected_pair_that_is_no_longer_wanted_is_got_anew() {
    let (model, authority) = (model(), Authority::new());
    let mut inventory = rejected(&model, &authority, 20 * DAY);
    let name = &model.manifest.entries[0].value.common_name;
    let facts = inventory.certificates.get_mut(name).unwrap();
    facts.candidate_untrusted = Some("another root".to_owned());
    // The installed one is right as it is: nothing waits for the candidate.
    assert_eq!(of_first(&model, &inventory, true), (0, Vec::new()));
    let facts = inventory.certificates.get_mut(name).unwrap();
    facts.untrusted = Some("another root".to_owned());
    let (blocked, steps) = of_first(&model, &inventory, true);
    assert_eq!(blocked, 0);
    assert!(
        steps[0].starts_with("does not chain to the CA's root"),
        "{steps:?}"
    );
}
