//! The link on the sample site, whose Docker and Traefik are the demonstration's: Docker's clients get a CA of their own.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use phoenix_core::check::Selection;
use phoenix_core::diagnostic::Fault;
use phoenix_core::migrate::DockerTlsOptions;
use phoenix_core::names::Slug;
use phoenix_core::observe::Silent;
use phoenix_core::plan::Scope;
use phoenix_core::probe::{Probe, Verdict};
use phoenix_core::report::{Report, Status};
use phoenix_core::secret::Secret;
use phoenix_core::settings::ClientCa;
use phoenix_core::site::{
    ChangeOptions, CheckOptions, MigrateOptions, Site, SitePaths, SyncOptions,
};
use phoenix_core::store::PendingItem;
use phoenix_core::time::Clock;
use phoenix_core::x509::Chain;

use super::guests::World;
use super::site::Sample;

struct Demo {
    sample: Sample,
    world: Arc<World>,
    site: Site,
}

/// Waits for nothing: who sleeps is told that the time has passed.
#[derive(Default)]
struct Hurried(Mutex<Duration>);

impl Clock for Hurried {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn monotonic(&self) -> Instant {
        Instant::now() + *self.0.lock().unwrap()
    }

    fn sleep(&self, duration: Duration) {
        *self.0.lock().unwrap() += duration;
    }
}

impl Demo {
    /// The link as mutual TLS, with a client of the site's CA that has nothing to do with it.
    fn migrated() -> Self {
        let demo = Self::plain();
        demo.migrate(None);
        demo.sync();
        assert!(demo.world.link_holds());
        demo.world.let_in();
        demo
    }

    /// The link in the clear.
    fn plain() -> Self {
        let sample = Sample::build(false).unwrap();
        let world = World::start(&sample.dir).unwrap();
        let paths = SitePaths {
            root: Some(sample.dir.clone()),
            ..SitePaths::default()
        };
        let mut seams = world.seams();
        seams.clock = Arc::new(Hurried::default());
        let site = Site::open(paths, seams).unwrap();
        let demo = Self {
            sample,
            world,
            site,
        };
        let manifest = demo
            .sample
            .dir
            .join("usr/local/phoenix_hypervisor/etc/certificate-manifest.json");
        let text = std::fs::read_to_string(&manifest).unwrap();
        let other = r#"[
    {
        "common_name": "backup.internal.example",
        "cert_type": "client",
        "cert_path": "/etc/docker/certs.d/backup.pem",
        "key_path": "/etc/docker/certs.d/backup-key.pem",
        "owner": "root:root",
        "permissions": "600"
    },"#;
        std::fs::write(&manifest, text.replacen('[', other, 1)).unwrap();
        demo
    }

    fn migrate(&self, client_ca: Option<ClientCa>) -> Vec<String> {
        let report = self
            .site
            .migrate_docker_tls(MigrateOptions {
                edits: DockerTlsOptions {
                    client_ca,
                    ..DockerTlsOptions::default()
                },
                disarm: true,
                ..MigrateOptions::default()
            })
            .unwrap();
        report
            .files
            .iter()
            .map(|file| {
                file.path
                    .file_name()
                    .unwrap()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect()
    }

    fn run(&self) -> Report {
        self.stage(Scope::All)
    }

    fn stage(&self, scope: Scope) -> Report {
        let options = SyncOptions {
            scope,
            ..SyncOptions::default()
        };
        self.site.sync(&options, &Silent).unwrap()
    }

    fn sync(&self) -> Report {
        let report = self.run();
        assert!(report.ok(), "{report:#?}");
        report
    }

    fn steps(&self) -> Vec<String> {
        let plan = self.site.plan(&SyncOptions::default()).unwrap();
        plan.steps
            .iter()
            .filter(|step| step.action.changes())
            .map(|step| step.id.to_string())
            .collect()
    }

    /// What the probe with another leaf of the site's CA saw.
    fn same_ca(&self) -> Probe {
        let report = self.site.verify(&Silent).unwrap();
        let mut probes = report
            .outcomes
            .into_iter()
            .flat_map(|outcome| outcome.probes);
        probes.find(|probe| probe.name == "docker/same-ca").unwrap()
    }

    fn issuer_of_client(&self) -> String {
        let path = self
            .sample
            .dir
            .join("guests/lxc-102/etc/traefik/certs/client-cert.pem");
        let chain = Chain::from_pem(&std::fs::read(path).unwrap()).unwrap();
        chain.leaf().issuer.clone()
    }
}

#[test]
fn dockers_clients_get_a_ca_of_their_own_and_the_shared_one_back_with_one_restart_each() {
    let demo = Demo::migrated();
    assert_eq!(demo.same_ca().verdict, Verdict::Noted);
    assert!(demo.issuer_of_client().contains("Phoenix Intermediate CA"));

    assert_eq!(demo.migrate(Some(ClientCa::Dedicated)), ["phoenix.toml"]);
    // What is wanted is not done yet, and verification says so.
    let seen = demo.same_ca();
    assert_eq!(seen.verdict, Verdict::Failed, "{seen}");
    let expected = [
        "issue traefik-client.internal.example",
        "deploy docker-daemon.internal.example to vm:1001:/etc/docker/tls/server-cert.pem",
        "deploy traefik-client.internal.example to /mnt/pve/tank/lxc-persistent-data/102/traefik/certs/client-cert.pem",
        "deploy traefik-client.internal.example to lxc:102:/etc/traefik/certs/client-cert.pem",
        "configure docker vm:1001",
    ];
    assert_eq!(demo.steps(), expected);
    let report = demo.sync();
    assert!(report.with_status(Status::Done).count() > 5);
    assert_eq!(
        demo.world.let_in(),
        [true],
        "one restart, and Traefik gets in at once"
    );
    assert!(demo.issuer_of_client().contains("Phoenix Docker Client"));
    let seen = demo.same_ca();
    assert_eq!(seen.verdict, Verdict::Passed, "{seen}");
    assert_eq!(demo.steps(), [""; 0], "nothing is left to do");

    assert_eq!(demo.migrate(Some(ClientCa::Shared)), ["phoenix.toml"]);
    assert_eq!(demo.steps(), expected);
    demo.sync();
    assert_eq!(demo.world.let_in(), [true]);
    assert!(demo.issuer_of_client().contains("Phoenix Intermediate CA"));
    assert_eq!(demo.same_ca().verdict, Verdict::Noted);
    assert_eq!(demo.steps(), [""; 0]);
}

#[test]
fn traefik_never_moves_before_docker_also_by_itself() {
    let demo = Demo::plain();
    demo.migrate(None);
    let file = demo
        .sample
        .dir
        .join("guests/lxc-102/etc/traefik/traefik.yml");
    let before = std::fs::read(&file).unwrap();
    let alone = demo.stage(Scope::Traefik);
    assert!(!alone.ok());
    let why = &alone.blocked[0].reason;
    assert!(why.contains("does not serve TLS on 2376 yet"), "{why}");
    assert_eq!(
        std::fs::read(&file).unwrap(),
        before,
        "Traefik keeps its link"
    );
    let docker = demo.stage(Scope::Docker);
    assert!(docker.ok(), "{docker:#?}");
    let traefik = demo.stage(Scope::Traefik);
    assert!(traefik.ok(), "{traefik:#?}");
    assert!(demo.world.link_holds());
}

#[test]
fn a_docker_that_does_not_start_with_the_new_root_leaves_the_link_as_it_was() {
    let demo = Demo::migrated();
    let before = demo.issuer_of_client();
    demo.migrate(Some(ClientCa::Dedicated));
    demo.world.docker_refuses_once();
    let report = demo.run();
    assert!(!report.ok());
    assert!(demo.world.link_holds(), "{report:#?}");
    assert_eq!(demo.issuer_of_client(), before);
    demo.sync();
    assert!(demo.world.link_holds());
    assert_ne!(demo.issuer_of_client(), before);
}

#[test]
fn a_docker_that_a_killed_run_did_not_restart_is_restarted_by_the_next() {
    let demo = Demo::migrated();
    assert_eq!(demo.steps(), [""; 0]);
    demo.world.docker_is_old();
    assert_eq!(demo.steps(), ["configure docker vm:1001"]);
    demo.sync();
    assert_eq!(demo.world.let_in(), [true]);
    assert_eq!(demo.steps(), [""; 0]);
}

#[test]
fn a_pair_of_the_other_ca_that_still_waits_is_not_taken() {
    let demo = Demo::migrated();
    let dir = demo
        .sample
        .dir
        .join("mnt/pve/tank/lxc-persistent-data/102/traefik/certs");
    let chain = std::fs::read(dir.join("client-cert.pem")).unwrap();
    let key = Secret::new(std::fs::read(dir.join("client-key.pem")).unwrap());
    let slug = Slug::of("traefik-client.internal.example");
    demo.site
        .store()
        .keep_candidates([(&slug, &chain[..], &key)])
        .unwrap();
    demo.migrate(Some(ClientCa::Dedicated));
    assert_eq!(demo.steps()[0], "issue traefik-client.internal.example");
    demo.sync();
    assert!(demo.world.link_holds());
}

#[test]
fn one_end_alone_is_not_moved_to_another_ca() {
    let demo = Demo::migrated();
    demo.migrate(Some(ClientCa::Dedicated));
    for name in [
        "traefik-client.internal.example",
        "docker-daemon.internal.example",
    ] {
        let mut options = SyncOptions::default();
        options.policy.only = vec![name.parse().unwrap()];
        let report = demo.site.sync(&options, &Silent).unwrap();
        assert!(!report.ok(), "{name}");
        assert!(
            report
                .blocked
                .iter()
                .any(|blocked| blocked.reason.contains("is not part of this run")),
            "{:?}",
            report.blocked
        );
        assert!(demo.world.link_holds(), "{name}");
        assert_eq!(demo.world.let_in(), [false; 0], "{name}: nothing restarts");
    }
    demo.sync();
    assert!(demo.world.link_holds());
}

#[test]
fn a_renewal_asks_the_ca_that_issued() {
    let demo = Demo::migrated();
    demo.migrate(Some(ClientCa::Dedicated));
    demo.sync();
    demo.world.let_in();
    let mut options = SyncOptions::default();
    options.policy.force = true;
    let report = demo.site.sync(&options, &Silent).unwrap();
    assert!(report.ok(), "{report:#?}");
    assert!(
        report
            .outcomes
            .iter()
            .all(|outcome| outcome.warnings.is_empty()),
        "no renewal fell back"
    );
    assert!(demo.issuer_of_client().contains("Phoenix Docker Client"));
    assert_eq!(demo.world.let_in(), [true]);
}

#[test]
fn a_new_leaf_counts_only_when_it_was_seen_where_it_is_served() {
    let demo = Demo::migrated();
    let set = |assignment: &str| {
        demo.site
            .manifest_set(
                &"portainer.internal.example".parse().unwrap(),
                &[assignment.parse().unwrap()],
                ChangeOptions::default(),
            )
            .unwrap();
    };
    let forced = || {
        let mut options = SyncOptions::default();
        options.policy.force = true;
        options.policy.only = vec!["portainer.internal.example".parse().unwrap()];
        demo.site.sync(&options, &Silent).unwrap()
    };
    let probes = |report: &Report| -> Vec<(Status, String)> {
        report
            .outcomes
            .iter()
            .filter(|outcome| outcome.step.0 == "verify portainer.internal.example")
            .flat_map(|outcome| {
                outcome
                    .probes
                    .iter()
                    .map(|probe| (outcome.status, probe.seen.clone()))
            })
            .collect()
    };
    set("verify={\"address\": \"10.0.0.111:9443\"}");
    assert_eq!(demo.steps(), [""; 0], "nothing new, nothing to look at");
    let report = forced();
    assert!(report.ok(), "{report:#?}");
    assert_eq!(
        probes(&report),
        [(Status::Done, "served the deployed leaf".to_owned())]
    );
    assert!(demo.site.pending().unwrap().is_empty());
    // `phoenix verify` looks at all of them.
    let seen = demo.site.verify(&Silent).unwrap();
    assert_eq!(probes(&seen).len(), 1);

    // Without its hook Portainer goes on with the old leaf.
    set("post_renewal_command=");
    let report = forced();
    assert!(!report.ok());
    let [(status, words)] = &probes(&report)[..] else {
        panic!("{report:#?}");
    };
    assert_eq!(*status, Status::Failed);
    assert!(words.starts_with("served leaf "), "{words}");
    let pending = demo.site.pending().unwrap();
    let kinds: Vec<String> = pending.iter().map(|item| item.kind.to_string()).collect();
    assert_eq!(kinds, ["verify portainer.internal.example"]);
    assert_eq!(pending[0].tries, 1);
    // Each later run looks again, until somebody has had the service load it.
    assert!(!demo.run().ok());
    let retried = demo.site.retry_pending(&[], &Silent).unwrap();
    assert_eq!((retried.ok(), probes(&retried).len()), (false, 1));
    demo.world.restart_portainer().unwrap();
    let report = demo.sync();
    assert_eq!(probes(&report).len(), 1);
    assert!(demo.site.pending().unwrap().is_empty());
    assert_eq!(probes(&demo.sync()), []);

    // A hook that was to have it loaded, and did not: the new pair goes back and waits.
    let pair = demo
        .sample
        .dir
        .join("mnt/pve/tank/vm-persistent-data/1001/portainer/certs/portainer.crt");
    let before = std::fs::read(&pair).unwrap();
    set("post_renewal_command=qm guest exec 1001 -- true");
    let report = forced();
    let verified = |(status, _): &(Status, String)| *status == Status::Failed;
    assert!(probes(&report).iter().any(verified), "{report:#?}");
    assert_eq!(std::fs::read(&pair).unwrap(), before);
    let pending = demo.site.pending().unwrap();
    let waits = |item: &PendingItem| item.kind.to_string() == "pair portainer.internal.example";
    assert!(pending.iter().any(waits), "{pending:#?}");
    // With the right hook the pair that waits arrives.
    set(
        "post_renewal_command=qm guest exec 1001 -- docker service update --force prod_portainer_service_portainer",
    );
    demo.sync();
    assert_ne!(std::fs::read(&pair).unwrap(), before);
    assert!(demo.site.pending().unwrap().is_empty());
}

/// Whether a finding is about the connection between Traefik and Docker: by its rule, its words, or the line that it stands in.
fn of_the_link(fault: &Fault) -> bool {
    let rules = [
        "PX001", "PX002", "PX003", "PX004", "PX005", "PX006", "PX007", "PX008", "PX020", "PX045",
        "PX046", "PX047", "PX048", "PX053", "PX055",
    ];
    let speaks = |text: &str| {
        let words = [
            "docker-daemon",
            "traefik-client",
            "2375",
            "2376",
            "tlscacert",
        ];
        words.iter().any(|word| text.contains(word))
    };
    let place = fault.places.first();
    rules.contains(&fault.code)
        || speaks(&fault.message)
        || place.is_some_and(|place| speaks(&place.line_text))
}

#[test]
fn after_migration_and_run_only_what_is_still_true_of_the_link_is_found() {
    let demo = Demo::migrated();
    let left = || -> Vec<(String, String)> {
        let checked = demo.site.check(&CheckOptions::default()).unwrap();
        let faults = checked.findings.faults().filter(|fault| of_the_link(fault));
        faults
            .map(|fault| (fault.code.to_owned(), fault.message.clone()))
            .collect()
    };
    // What guests tell is that of after the run.
    let facts = demo.sample.dir.join("var/lib/phoenix/sites");
    let facts = std::fs::read_dir(facts).unwrap().next().unwrap().unwrap();
    let facts = std::fs::read_to_string(facts.path().join("facts.json")).unwrap();
    assert!(facts.contains("tcp://0.0.0.0:2376"), "{facts}");
    let found = left();
    let codes: Vec<&str> = found.iter().map(|(code, _)| code.as_str()).collect();
    assert_eq!(codes, ["PX029", "PX053"], "{found:#?}");
    assert!(found[0].1.contains("key of docker-daemon"), "{found:#?}");
    let options = CheckOptions {
        selection: Selection {
            select: vec!["PX029".parse().unwrap()],
            ..Selection::default()
        },
        ..CheckOptions::default()
    };
    let (report, _) = demo
        .site
        .check_fix(&options, ChangeOptions::default())
        .unwrap();
    assert_eq!(report.files.len(), 1, "{report:#?}");
    let pairs = demo.sample.dir.join("etc/phoenix/pairs");
    assert!(
        report.files[0]
            .diff
            .contains("/etc/phoenix/pairs/docker-daemon")
    );
    demo.sync();
    assert!(demo.world.link_holds());
    let found = left();
    assert!(found.iter().all(|(code, _)| code == "PX053"), "{found:#?}");
    let dirs: Vec<_> = std::fs::read_dir(&pairs).unwrap().collect();
    let [Ok(dir)] = dirs.as_slice() else {
        panic!("{dirs:?}");
    };
    let key = std::fs::metadata(dir.path().join("server-key.pem")).unwrap();
    assert_eq!(key.permissions().mode() & 0o7777, 0o600);
    assert_eq!(
        key.uid(),
        std::fs::metadata(&demo.sample.dir).unwrap().uid()
    );
}
