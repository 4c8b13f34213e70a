//! A failed verification with the real performer: the previous pair is back on the host and in the guest, and the hook has
//! run again for it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use super::*;
use crate::ca::{Authority as _, CaDesign, EmbeddedCa, Request};
use crate::inventory::Inventory;
use crate::model::{Model, SourceFile};
use crate::names::{CommonName, GuestId};
use crate::observe::Silent;
use crate::plan::{Action, Reason, Subject, endpoint};
use crate::store::Store;
use crate::system::scratch::Scratch;
use crate::system::{Command, CommandError, Commands, Dial, Ended, NoDial, Output, Root};
use crate::test_sites::{self, MANIFEST, sample_site};
use crate::time::SystemClock;
use crate::transport::{GuestTransport, Local};
use crate::x509::{KeyType, Permitted, PrivateKey};

/// Remembers what hooks were told.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Commands for Told {
    fn run(&self, command: &Command) -> Result<Output, CommandError> {
        let leaf = command
            .env
            .iter()
            .find(|(name, _)| name == "PHOENIX_FINGERPRINTS");
        let leaf = leaf.unwrap().1.to_string_lossy().into_owned();
        self.0.lock().unwrap().push(leaf);
        Ok(Output {
            ended: Ended::Exit(0),
            stdout: Vec::new(),
            stderr: Vec::new(),
        })
    }
}

/// The real performer, but for a verification that fails when it is told to.
struct Failing<'p, 'a>(&'p Performer<'a>, bool);

impl<'a> Perform<'a> for Failing<'_, 'a> {
    fn perform(&self, step: &Step) -> Result<Done<'a>, StepError> {
        match &step.action {
            Action::Verify { .. } if self.1 => Err(StepError::new("another leaf is served")),
            Action::Verify { .. } => Ok(Done::default()),
            _ => self.0.perform(step),
        }
    }

    fn repeat(&self, step: &Step) -> Result<Done<'a>, StepError> {
        self.0.repeat(step)
    }

    fn together(&self, step: &Step) -> Option<String> {
        self.0.together(step)
    }

    fn perform_all(&self, steps: &[&Step]) -> Vec<Result<Done<'a>, StepError>> {
        self.0.perform_all(steps)
    }
}

fn model() -> Model {
    let me = format!(
        "{}:{}",
        rustix::process::geteuid().as_raw(),
        rustix::process::getegid().as_raw()
    );
    test_sites::model(|name| {
        let path = sample_site().join("etc").join(name);
        let bytes = if name == MANIFEST {
            format!(
                r#"[{{"common_name": "a.test", "cert_path": "/tls/a.crt", "key_path": "/tls/a.key", "owner": "{me}",
                    "deploy": [{{"guest": "lxc:102", "cert": "/tls/a.crt", "key": "/tls/a.key", "owner": "{me}"}}],
                    "post_renewal_command": ["reload", "a"]}}]"#
            )
            .into_bytes()
        } else {
            fs::read(&path).unwrap()
        };
        SourceFile { path, bytes }
    })
}

fn plan_of(model: &Model, name: &CommonName) -> Plan {
    let entry = model.manifest.entry(name).unwrap();
    let unit = "pair a.test".to_owned();
    let mut plan = Plan::empty(SystemTime::UNIX_EPOCH, "");
    for placement in model.placements(entry) {
        let action = Action::Deploy {
            certificate: name.clone(),
            to: endpoint(&placement),
        };
        plan.steps
            .push(Step::new(action, vec![Reason::NewPair]).unit(unit.clone()));
    }
    let deployed: Vec<StepId> = plan.steps.iter().map(|step| step.id.clone()).collect();
    let hook = Action::Hook {
        command: "reload a".to_owned(),
        certificates: vec![name.clone()],
    };
    let hook = Step::new(hook, Vec::new())
        .after(deployed)
        .repeats([unit.clone()]);
    let subject = Subject::Service("a.test".to_owned());
    let verify = Step::new(Action::Verify { subject }, Vec::new())
        .after([hook.id.clone()])
        .judges([unit]);
    plan.steps.extend([hook, verify]);
    plan
}

#[test]
fn a_failed_verification_brings_the_previous_pair_back_everywhere_and_repeats_the_hook() {
    let scratch = Scratch::new();
    for dir in ["host", "guest", "ca"] {
        fs::create_dir(scratch.path().join(dir)).unwrap();
    }
    fs::create_dir(scratch.path().join("host/etc")).unwrap();
    fs::write(scratch.path().join("host/etc/passwd"), "").unwrap();
    fs::write(scratch.path().join("host/etc/group"), "").unwrap();
    let root = Root::at(&scratch.path().join("host")).unwrap();
    let model = model();
    let store = Store::new(root.clone(), "/state".as_ref(), "/site".as_ref());
    let authority = EmbeddedCa::open_or_init(
        &Root::host(),
        &scratch.path().join("ca"),
        "the CA",
        &CaDesign::site(Permitted::default()),
        Arc::new(SystemClock),
    )
    .unwrap();
    let guest = GuestId::lxc(102);
    let local = Local::new(guest, scratch.path().join("guest"));
    let transports: BTreeMap<GuestId, Arc<dyn GuestTransport>> =
        [(guest, Arc::new(local) as Arc<dyn GuestTransport>)].into();
    let told = Told::default();
    let dial = |_: Option<GuestId>| -> Arc<dyn Dial> { Arc::new(NoDial) };
    let inventory = Inventory::default();
    let context = Context {
        root: &root,
        model: &model,
        store: &store,
        inventory: &inventory,
        authority: &authority,
        client_ca: None,
        anchors: &[authority.anchor().clone()],
        transports: &transports,
        dial_from: &dial,
        commands: &told,
        clock: &SystemClock,
        portainer_key: None,
    };
    let name: CommonName = "a.test".parse().unwrap();
    let slug = model.manifest.entry(&name).unwrap().slug();
    let sans = BTreeSet::from_iter(name.as_dns());
    let next = || {
        let key = PrivateKey::generate(KeyType::EcP256).unwrap();
        let issued = authority.enroll(&Request::new(&name, &sans, &key)).unwrap();
        store
            .keep_candidates([(&slug, &issued.chain.to_pem()[..], &key.to_pem())])
            .unwrap();
        issued.chain
    };
    let served = || {
        ["host", "guest"].map(|place| {
            let read = |file| fs::read(scratch.path().join(place).join("tls").join(file)).unwrap();
            (read("a.crt"), read("a.key"))
        })
    };
    let plan = plan_of(&model, &name);
    let first = next();
    let performer = Performer::new(&context);
    let outcomes = run(&plan, &Failing(&performer, false), &Silent);
    assert!(
        outcomes
            .iter()
            .all(|outcome| outcome.status == Status::Done),
        "{outcomes:#?}"
    );
    let before = served();
    assert_eq!(before[0], before[1]);
    let second = next();
    let performer = Performer::new(&context);
    let outcomes = run(&plan, &Failing(&performer, true), &Silent);
    let statuses: Vec<Status> = outcomes.iter().map(|outcome| outcome.status).collect();
    assert_eq!(
        statuses,
        [Status::Undone, Status::Undone, Status::Done, Status::Failed],
        "{outcomes:#?}"
    );
    assert_eq!(served(), before);
    let leaf = |chain: &crate::x509::Chain| chain.leaf().fingerprint.to_string();
    assert_eq!(
        *told.0.lock().unwrap(),
        [leaf(&first), leaf(&second), leaf(&first)]
    );
    // The rejected pair waits, and nothing else is left to do.
    let (chain, _) = store.candidate(&slug).unwrap().unwrap();
    assert_eq!(chain, second.to_pem());
    assert_eq!(store.pending().unwrap(), []);
}
