use std::fmt::Write as _;
use std::net::TcpStream;
use std::time::Duration;

use super::*;
use crate::probe::testing::{
    Ca, Direct, NAME, Void, reply, serve_plain, serve_silence, serve_tls, server_config, view,
};
use crate::system::Dial;

/// Leads the API's port and the entry points' to test servers.
struct Ports {
    api: u16,
    web: u16,
    websecure: u16,
}

impl Dial for Ports {
    fn dial(&self, host: &str, port: u16, timeout: Duration) -> std::io::Result<TcpStream> {
        let port = match port {
            8080 => self.api,
            80 => self.web,
            443 => self.websecure,
            _ => return Err(std::io::ErrorKind::ConnectionRefused.into()),
        };
        Direct.dial(host, port, timeout)
    }
}

fn service(name: &str) -> Service {
    Service {
        id: format!("id-{name}"),
        name: name.to_owned(),
        labels: [("traefik.enable".to_owned(), "true".to_owned())].into(),
        running_tasks: Some(1),
    }
}

fn target(services: Option<&[Service]>) -> Target<'_> {
    Target {
        host: "127.0.0.1",
        api_port: Some(8080),
        provider: "swarm",
        services,
        connected: Some(true),
        log: None,
        since: None,
    }
}

fn router(name: &str, more: &str) -> String {
    format!(
        r#"{{"name":"{name}@swarm","rule":"Host(`{name}.example`)","status":"enabled","using":["web"]{more}}}"#
    )
}

/// Traefik's API with these routers, two a page.
fn api(routers: Vec<String>) -> impl Fn(&str) -> String + Send + Sync {
    move |request| {
        let path = request.split(' ').nth(1).unwrap_or("");
        match path.split('?').next().unwrap_or("") {
            "/api/version" => reply("200 OK", "", r#"{"Version":"3.7.15"}"#),
            "/api/overview" => reply("200 OK", "", r#"{"providers":["Swarm","File"]}"#),
            "/api/entrypoints" => reply(
                "200 OK",
                "",
                r#"[{"name":"web","address":":80"},{"name":"websecure","address":":443"}]"#,
            ),
            "/api/http/routers" => {
                let page: usize = path.rsplit('=').next().unwrap().parse().unwrap();
                let from = (page - 1) * 2;
                let some: Vec<&str> = routers
                    .iter()
                    .skip(from)
                    .take(2)
                    .map(String::as_str)
                    .collect();
                let next = if from + 2 < routers.len() {
                    page + 1
                } else {
                    1
                };
                let mut header = String::new();
                write!(header, "X-Next-Page: {next}\r\n").unwrap();
                reply("200 OK", &header, &format!("[{}]", some.join(",")))
            }
            _ => reply("404 Not Found", "", "404 page not found\n"),
        }
    }
}

fn web(request: &str) -> String {
    match request {
        r if r.contains("Host: dead.example") => reply("502 Bad Gateway", "", "Bad Gateway"),
        r if r.contains("Host: lost.example") => reply("404 Not Found", "", "404 page not found\n"),
        _ => reply("200 OK", "", "hello"),
    }
}

fn outcome<'p>(probes: &'p [Probe], name: &str) -> Vec<&'p str> {
    let named = probes.iter().filter(|probe| probe.name == name);
    named.map(|probe| probe.verdict.as_str()).collect()
}

#[test]
fn routers_on_every_page_prove_the_provider_and_each_gets_one_request() {
    let ca = Ca::new();
    let routers = ["a", "b", "dead", "lost"].map(|name| router(name, ""));
    let mut routers = routers.to_vec();
    routers.push(
        router("secure", r#","tls":{"options":"default"}"#).replace("[\"web\"]", "[\"websecure\"]"),
    );
    let tls = server_config(&ca.leaf(NAME), None, rustls::DEFAULT_VERSIONS);
    let ports = Ports {
        api: serve_plain(api(routers)),
        web: serve_plain(web),
        websecure: serve_tls(tls, web),
    };
    let services = ["a", "b", "dead", "lost", "secure"].map(service);
    let probes = probe(&view(&ports), &target(Some(&services)));
    for name in [
        "traefik/api",
        "traefik/provider",
        "traefik/routers",
        "traefik/connection",
    ] {
        assert_eq!(outcome(&probes, name), ["passed"], "{probes:#?}");
    }
    assert_eq!(outcome(&probes, "traefik/log"), ["skipped"]);
    assert_eq!(
        outcome(&probes, "traefik/backend"),
        ["passed", "passed", "noted", "failed", "passed"],
        "{probes:#?}"
    );
}

#[test]
fn a_service_without_its_router_fails_although_the_overview_names_the_provider() {
    let disabled = router("b", "").replace("enabled", "disabled");
    let ports = Ports {
        api: serve_plain(api(vec![disabled])),
        web: serve_plain(web),
        websecure: 0,
    };
    let services = ["a", "b"].map(service);
    let mut target = target(Some(&services));
    target.connected = Some(false);
    let probes = probe(&view(&ports), &target);
    assert_eq!(outcome(&probes, "traefik/provider"), ["passed"]);
    assert_eq!(outcome(&probes, "traefik/routers"), ["failed"]);
    assert_eq!(outcome(&probes, "traefik/connection"), ["failed"]);
    let routers = probes.iter().find(|p| p.name == "traefik/routers").unwrap();
    assert_eq!(
        routers.seen,
        "service `a` has no router `a@swarm`; router `b@swarm` is disabled: none"
    );
    // A router of another provider of the same name is none.
    let probes = probe(
        &view(&ports),
        &Target {
            provider: "docker",
            ..target
        },
    );
    assert_eq!(outcome(&probes, "traefik/provider"), ["failed"]);
}

#[test]
fn a_service_without_a_running_task_needs_no_router() {
    let routers = parse_routers(format!("[{}]", router("a", "")).as_bytes()).unwrap();
    let idle = Service {
        running_tasks: Some(0),
        ..service("idle")
    };
    let seen = routed(&routers, &[service("a"), idle.clone()], "swarm");
    assert_eq!(seen.verdict, Verdict::Noted);
    assert_eq!(seen.seen, "a@swarm; without a running task: idle");
    let alone = routed(&routers, &[idle], "swarm");
    assert_eq!(alone.verdict.as_str(), "skipped");
}

#[test]
fn an_api_that_is_away_silent_or_something_else_is_told_apart() {
    let services = [service("a")];
    let target = target(Some(&services));
    let verdicts = |ports: &dyn Dial| {
        let probes = probe(&view(ports), &target);
        ["traefik/api", "traefik/provider", "traefik/routers"]
            .map(|name| outcome(&probes, name)[0].to_owned())
    };
    let ports = |api| Ports {
        api,
        web: 0,
        websecure: 0,
    };
    assert_eq!(verdicts(&Void), ["unreachable"; 3]);
    assert_eq!(verdicts(&ports(serve_silence())), ["unreachable"; 3]);
    let other = serve_plain(|_| reply("200 OK", "", "<html>"));
    assert_eq!(verdicts(&ports(other)), ["failed"; 3]);
    let missing = serve_plain(|_| reply("404 Not Found", "", "404 page not found\n"));
    assert_eq!(verdicts(&ports(missing)), ["failed"; 3]);
}

#[test]
fn errors_of_the_log_are_noted_and_fail_nothing() {
    let log = "2026-11-24T03:00:00Z ERR Provider error, retrying in 1s error=\"x\"\n";
    let seen = |since| {
        let target = Target {
            log: Some(log),
            since,
            ..target(None)
        };
        explained(&target).verdict
    };
    assert_eq!(seen(None), Verdict::Noted);
    let later = crate::time::parse_rfc3339("2026-11-24T03:00:05Z");
    assert_eq!(seen(later), Verdict::Passed);
}

#[test]
fn of_a_closed_api_the_connection_to_docker_is_what_counts() {
    let look = |connected| {
        let target = Target {
            api_port: None,
            connected,
            ..target(None)
        };
        let probes = probe(&view(&Void), &target);
        assert!(
            matches!(probes[0].verdict, Verdict::Skipped { .. }),
            "{probes:?}"
        );
        probes.iter().all(|probe| probe.verdict.holds())
    };
    assert!(look(Some(true)));
    assert!(!look(Some(false)));
}
