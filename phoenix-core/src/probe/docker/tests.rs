use rustls::version::{TLS12, TLS13};

use super::*;
use crate::probe::testing::{
    Ca, ClosedPort, Direct, NAME, Pair, Void, reply, serve, serve_plain, serve_silence, serve_tls,
    server_config, view,
};

const VERSION: &str = r#"{"Version":"20.10.24+dfsg1","ApiVersion":"1.41","MinAPIVersion":"1.12"}"#;
const SERVICES: &str = r#"[{"ID":"b2","Spec":{"Name":"web","Labels":{"traefik.enable":"true"}},"ServiceStatus":{"RunningTasks":2,"DesiredTasks":2}},
    {"ID":"a1","Spec":{"Name":"agent","Labels":null}}]"#;

struct World {
    ca: Ca,
    roots: Vec<CertificateDer<'static>>,
    server: Pair,
    client: Pair,
    closed: ClosedPort,
}

impl World {
    fn new() -> Self {
        let ca = Ca::new();
        Self {
            roots: vec![ca.root()],
            server: ca.leaf(NAME),
            client: ca.leaf("traefik-client.internal.example"),
            closed: ClosedPort::new(),
            ca,
        }
    }

    fn target(&self, port: u16) -> Target<'_> {
        Target {
            host: "127.0.0.1",
            port,
            server_name: NAME,
            roots: &self.roots,
            identity: self.client.identity(),
            deployed_leaf: Some(&self.server.der),
            same_ca: None,
            plain_port: self.closed.number(),
            plain_listener: Some(false),
        }
    }
}

fn docker(request: &str) -> String {
    match request.split(' ').nth(1) {
        Some("/_ping") => reply("200 OK", "", "OK"),
        Some("/version") => reply("200 OK", "", VERSION),
        Some("/services?status=true") => reply("200 OK", "", SERVICES),
        _ => reply("404 Not Found", "", "{}"),
    }
}

fn verdicts(seen: &DockerSeen) -> Vec<(&str, &str)> {
    seen.probes
        .iter()
        .map(|probe| (probe.name, probe.verdict.as_str()))
        .collect()
}

#[test]
fn a_daemon_as_it_should_be_passes_every_probe_in_both_protocols() {
    let world = World::new();
    for version in [&TLS12, &TLS13] {
        let config = server_config(&world.server, Some(&world.ca), &[version]);
        let seen = probe(&view(&Direct), &world.target(serve_tls(config, docker)));
        let expected = [
            ("docker/plain-http", "passed"),
            ("docker/no-certificate", "passed"),
            ("docker/foreign-ca", "passed"),
            ("docker/same-ca", "skipped"),
            ("docker/accepts-ours", "passed"),
            ("docker/version", "passed"),
            ("docker/services", "passed"),
            ("docker/served-leaf", "passed"),
            ("docker/plain-port", "passed"),
        ];
        assert_eq!(verdicts(&seen), expected, "{:#?}", seen.probes);
        assert_eq!(
            seen.version.unwrap().to_string(),
            "Docker 20.10.24+dfsg1 (API 1.41, minimum 1.12)"
        );
        let services = seen.services.unwrap();
        assert_eq!(
            (services[0].name.as_str(), services[1].name.as_str()),
            ("agent", "web")
        );
        assert_eq!(services[1].labels["traefik.enable"], "true");
        assert_eq!(
            (services[0].running_tasks, services[1].running_tasks),
            (None, Some(2))
        );
    }
}

#[test]
fn a_daemon_that_lets_anybody_in_fails_both_refusals() {
    let world = World::new();
    let config = server_config(&world.server, None, &[&TLS13]);
    let target = world.target(serve_tls(config, docker));
    for probe in [
        no_certificate(&view(&Direct), &target),
        foreign_ca(&view(&Direct), &target),
    ] {
        assert_eq!(probe.verdict, Verdict::Failed, "{probe}");
        assert!(probe.seen.starts_with("was let in and got 200"), "{probe}");
    }
}

#[test]
fn refusals_are_seen_behind_a_certificate_that_we_do_not_trust_and_ours_is_not_shown_around() {
    let mut world = World::new();
    let config = server_config(&world.server, Some(&world.ca), &[&TLS13]);
    let port = serve_tls(config, docker);
    world.roots = vec![Ca::new().root()];
    let target = world.target(port);
    assert_eq!(
        no_certificate(&view(&Direct), &target).verdict,
        Verdict::Passed
    );
    let (probes, version, _) = ours(&view(&Direct), &target);
    assert_eq!(probes[0].verdict, Verdict::Failed);
    assert!(probes[0].seen.contains("does not chain"), "{}", probes[0]);
    assert_eq!((probes[1].verdict.as_str(), version), ("skipped", None));
}

#[test]
fn another_leaf_of_the_clients_ca_is_noted_if_shared_and_refused_if_dedicated() {
    let world = World::new();
    let (other, dedicated) = (world.ca.leaf("web.internal.example"), Ca::new());
    let with = |clients: &Ca, dedicated| {
        let config = server_config(&world.server, Some(clients), &[&TLS13]);
        let mut target = world.target(serve_tls(config, docker));
        target.same_ca = Some(SameCa {
            identity: other.identity(),
            dedicated,
        });
        same_ca(&view(&Direct), &target).verdict
    };
    assert_eq!(with(&world.ca, false), Verdict::Noted);
    assert_eq!(with(&world.ca, true), Verdict::Failed);
    assert_eq!(with(&dedicated, true), Verdict::Passed);
}

#[test]
fn our_client_refused_is_a_failure_with_the_alert() {
    let world = World::new();
    let config = server_config(&world.server, Some(&Ca::new()), &[&TLS13]);
    let (probes, ..) = ours(&view(&Direct), &world.target(serve_tls(config, docker)));
    assert_eq!(probes[0].verdict, Verdict::Failed);
    assert!(probes[0].seen.contains("TLS alert"), "{}", probes[0]);
}

#[test]
fn a_plain_daemon_on_the_tls_port_fails_and_a_400_passes() {
    let world = World::new();
    let open = plain_http(&view(&Direct), &world.target(serve_plain(docker)));
    assert_eq!(open.verdict, Verdict::Failed, "{open}");
    let go = |_: &str| {
        "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"
            .to_owned()
    };
    let refused = plain_http(&view(&Direct), &world.target(serve_plain(go)));
    assert_eq!(refused.verdict, Verdict::Passed);
    assert_eq!(
        refused.seen,
        "refused with 400: Client sent an HTTP request to an HTTPS server."
    );
    let hung_up = plain_http(&view(&Direct), &world.target(serve(drop)));
    assert_eq!(hung_up.verdict, Verdict::Passed, "{hung_up}");
}

#[test]
fn another_leaf_than_the_deployed_one_is_a_failure() {
    let world = World::new();
    let other = world.ca.leaf(NAME);
    let config = server_config(&other, Some(&world.ca), &[&TLS13]);
    let seen = leaf(&view(&Direct), &world.target(serve_tls(config, docker)));
    assert_eq!(seen.verdict, Verdict::Failed);
    assert!(seen.seen.starts_with("served another leaf, "), "{seen}");
}

#[test]
fn answers_that_are_no_docker_answers_are_failures() {
    let world = World::new();
    let seen = |answer: fn(&str) -> String| {
        let config = server_config(&world.server, Some(&world.ca), &[&TLS13]);
        let (probes, ..) = ours(&view(&Direct), &world.target(serve_tls(config, answer)));
        probes
            .iter()
            .map(|p| p.verdict.as_str())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        seen(|_| reply("200 OK", "", "OK")),
        ["passed", "failed", "failed"]
    );
    assert_eq!(
        seen(|request| {
            if request.contains("/services") {
                let body = r#"{"message":"This node is not a swarm manager."}"#;
                reply("503 Service Unavailable", "", body)
            } else {
                docker(request)
            }
        }),
        ["passed", "passed", "failed"]
    );
    assert_eq!(seen(|_| String::new()), ["failed", "skipped", "skipped"]);
}

#[test]
fn silence_is_unreachable_and_nothing_listening_is_a_failure_but_never_a_refusal() {
    let world = World::new();
    let nowhere = Target {
        plain_listener: None,
        ..world.target(1)
    };
    let void = probe(&view(&Void), &nowhere);
    let silent = probe(&view(&Direct), &world.target(serve_silence()));
    for (seen, plain_port) in [(void, "unreachable"), (silent, "passed")] {
        for (name, verdict) in verdicts(&seen) {
            let expected = match name {
                "docker/same-ca" | "docker/version" | "docker/services" => "skipped",
                "docker/plain-port" => plain_port,
                _ => "unreachable",
            };
            assert_eq!((name, verdict), (name, expected));
        }
    }
    let absent = probe(&view(&Direct), &world.target(world.closed.number()));
    for (name, verdict) in verdicts(&absent) {
        let held = matches!(name, "docker/plain-port") || verdict == "skipped";
        assert!(held || verdict == "failed", "{name} {verdict}");
    }
}

#[test]
fn the_plain_port_is_closed_only_if_the_guest_agrees() {
    let world = World::new();
    let open = serve_plain(docker);
    let closed = world.closed.number();
    let seen = |dial: &dyn crate::system::Dial, port, listener| {
        let target = Target {
            plain_port: port,
            plain_listener: listener,
            ..world.target(1)
        };
        plain_port(&view(dial), &target).verdict
    };
    assert_eq!(seen(&Direct, open, Some(false)), Verdict::Failed);
    assert_eq!(seen(&Direct, closed, None), Verdict::Passed);
    assert_eq!(seen(&Direct, closed, Some(true)), Verdict::Failed);
    assert_eq!(seen(&Void, closed, Some(true)), Verdict::Failed);
    assert_eq!(seen(&Void, closed, Some(false)), Verdict::Passed);
    assert_eq!(seen(&Void, closed, None), Verdict::Unreachable);
}
