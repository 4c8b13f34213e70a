//! The scripts of guests: run in a machine as a copy, or on the host for a guest.

use phoenix_testkit::{Need, need};

use super::*;

const PROXY: &str = "vm_features/feature_install_docker_proxy.sh";

/// A machine with sockets of its own, in which a process listens on `ports`.
fn in_machine(host: &Host, ports: &str, argv: &[&str]) -> (i32, String) {
    let view = "ip link set lo up\nports=$1; shift\npython3 -c '
import socket, sys, time
kept = [socket.create_server((\"127.0.0.1\", int(port))) for port in sys.argv[1:]]
open(\"ready\", \"w\").close()
time.sleep(60)' $ports &\nserver=$!\nn=0; while [ ! -e ready ] && [ $n -lt 200 ]; do sleep 0.05; n=$((n + 1)); done; rm ready\n\"$@\"; status=$?; kill $server; exit $status";
    let dir = host.path("machine").display().to_string();
    fs::create_dir_all(&dir).unwrap();
    let view = format!("cd {dir} && {view}");
    let mut words = vec!["unshare", "-rn", "sh", "-c", &view, "sh", ports];
    words.extend(argv);
    let output = host.run(&words);
    (output.status.code().unwrap(), said(&output))
}

/// The shim as a machine would have it, with the machine's own files in the test's directory.
fn proxy(host: &Host) -> String {
    let script = host.replaced_by(PROXY, "/nonexistent/phoenix");
    let text = fs::read_to_string(script).unwrap();
    let config = host.path("docker/daemon.json");
    text.replace(
        "config=/etc/docker/daemon.json",
        &format!("config={}", config.display()),
    )
}

fn tls(host: &Host) {
    let dir = host.path("docker").display().to_string();
    for name in ["ca.pem", "cert.pem", "key.pem"] {
        host.write(&format!("docker/{name}"), "x");
    }
    fs::set_permissions(
        host.path("docker/key.pem"),
        fs::Permissions::from_mode(0o600),
    )
    .unwrap();
    host.write("docker/pid", &std::process::id().to_string());
    host.write(
        "docker/daemon.json",
        &format!(
            "{{\n  \"hosts\": [\"unix:///var/run/docker.sock\", \"tcp://0.0.0.0:2376\"],\n  \"pidfile\": \"{dir}/pid\",\n  \
             \"tlsverify\": true,\n  \"tlscacert\": \"{dir}/ca.pem\",\n  \"tlscert\": \"{dir}/cert.pem\",\n  \"tlskey\": \"{dir}/key.pem\"\n}}\n"
        ),
    );
}

#[test]
fn in_the_machine_the_docker_script_only_looks_with_tools_that_every_system_has() {
    if need(Need::Unshare).is_none() {
        return;
    }
    let host = Host::new("\"true\"");
    let text = proxy(&host);
    let copy = host.path("copy.sh");
    fs::create_dir(host.path("docker")).unwrap();
    Host::old(&copy, &text);
    let copy = copy.to_str().unwrap();
    let ways: [&[&str]; 4] = [
        &[copy],
        &["dash", copy],
        &["bash", "-c", &text],
        &["bash", "-c", ". \"$0\"", copy],
    ];
    let expect = |ports: &str, status: i32, words: &str| {
        for way in ways {
            let (found, text) = in_machine(&host, ports, way);
            assert_eq!(found, status, "{way:?}: {text}");
            assert!(text.contains(words), "{text}");
        }
    };
    expect("", 0, "not set up yet");
    tls(&host);
    let before = fs::read(host.path("docker/daemon.json")).unwrap();
    expect(
        "2376",
        0,
        "Docker serves TLS on port 2376 and nothing in plain",
    );
    expect("", 1, "nothing listens on port 2376");
    expect("2375 2376", 1, "something listens on the plain port 2375");
    assert_eq!(fs::read(host.path("docker/daemon.json")).unwrap(), before);
    fs::set_permissions(
        host.path("docker/key.pem"),
        fs::Permissions::from_mode(0o644),
    )
    .unwrap();
    expect("2376", 1, "can be read by others");
    fs::set_permissions(
        host.path("docker/key.pem"),
        fs::Permissions::from_mode(0o600),
    )
    .unwrap();
    fs::remove_file(host.path("docker/cert.pem")).unwrap();
    expect("2376", 1, "cert.pem (tlscert) is missing");
    tls(&host);
    host.write("docker/pid", "");
    expect("2376", 1, "dockerd does not run");
    // As the old script left it.
    host.write(
        "docker/daemon.json",
        "{\"hosts\": [\"tcp://0.0.0.0:2375\"]}",
    );
    expect("2375", 1, "\"tlsverify\" is not true");
}

#[test]
fn on_the_host_the_docker_script_is_about_one_machine() {
    let host = Host::new("\"true\"");
    host.write(
        "site/etc/phoenix_vm_configs.json",
        r#"{"vms": [{"vmid": 5, "name": "a", "features": []}]}"#,
    );
    let script = host.replaced(PROXY);
    for by in WAYS {
        let called = host.call(by, &script, &["5"]);
        assert_eq!(called.status, 0, "{by:?}: {}", called.text);
        assert!(
            !host.path("pair/a.crt").exists(),
            "certificates of others were issued"
        );
        assert_eq!(host.call(by, &script, &["6"]).status, 2);
        assert_eq!(host.call(by, &script, &["five"]).status, 2);
        assert_eq!(host.call(by, &script, &["5", "6"]).status, 2);
    }
}

/// The stores of host, container and machine are files of the test, made by a stand-in of `update-ca-certificates`.
fn stores() -> Host {
    let host = Host::new("\"true\"");
    let dir = host.0.0.display().to_string();
    host.write(
        "site/etc/phoenix_lxc_configs.json",
        r#"{"lxc_configs": {"7": {"name": "a", "features": []}}}"#,
    );
    host.write(
        "site/etc/phoenix_vm_configs.json",
        r#"{"vms": [{"vmid": 5, "name": "b", "features": []}]}"#,
    );
    host.write(
        "site/etc/phoenix.toml",
        &format!("[trust]\nhost_file = \"{dir}/host/ours.crt\"\nguest_file = \"{dir}/guest/ours.crt\"\nbundle = \"{dir}/bundle.crt\"\n"),
    );
    for name in ["host", "guest"] {
        fs::create_dir(host.path(name)).unwrap();
    }
    host.tool("update-ca-certificates", &format!("echo ran >>{dir}/updates; cat {dir}/host/*.crt {dir}/guest/*.crt >{dir}/bundle.crt 2>/dev/null; exit 0"));
    host.tool(
        "pct",
        "case $1 in status) echo 'status: running' ;; exec) shift 3; exec \"$@\" ;; esac",
    );
    let made = host.phoenix(&["ca", "init"]);
    assert_eq!(made.status.code(), Some(0), "{}", said(&made));
    host
}

#[test]
fn the_root_goes_into_the_store_that_the_script_is_for_and_into_no_other() {
    let host = stores();
    let lxc = host.replaced("lxc_setup/phoenix_hypervisor_feature_install_trusted_ca.sh");
    let own = host.replaced("hypervisor_setup/hypervisor_feature_install_trusted_ca.sh");
    for by in WAYS {
        let called = host.call(by, &lxc, &["7"]);
        assert_eq!(called.status, 0, "{by:?}: {}", called.text);
        assert!(
            host.read("guest/ours.crt")
                .starts_with("-----BEGIN CERTIFICATE-----")
        );
        assert!(!host.path("host/ours.crt").exists());
    }
    assert_eq!(
        host.read("updates"),
        "ran\n",
        "the store was made more than once"
    );
    for by in WAYS {
        assert_eq!(host.call(by, &lxc, &[]).status, 2);
        assert_eq!(host.call(by, &lxc, &["seven"]).status, 2);
        assert_eq!(host.call(by, &lxc, &["8"]).status, 2);
        let called = host.call(by, &own, &[]);
        assert_eq!(called.status, 0, "{by:?}: {}", called.text);
        assert!(host.path("host/ours.crt").exists());
        assert_eq!(host.call(by, &own, &["x"]).status, 2);
    }
    fs::remove_file(host.path("guest/ours.crt")).unwrap();
    host.tool("update-ca-certificates", "echo 'no room' >&2; exit 1");
    let failed = host.call(By::File, &lxc, &["7"]);
    assert_eq!(failed.status, 1, "{}", failed.text);
    assert!(failed.text.contains("no room"), "{}", failed.text);
    host.tool("pct", "echo 'status: stopped'");
    let stopped = host.call(By::File, &lxc, &["7"]);
    assert_eq!(stopped.status, 1, "{}", stopped.text);
}

#[test]
fn in_the_machine_the_root_comes_with_the_script_and_docker_restarts_only_for_a_new_one() {
    let host = stores();
    let place = "vm_features/feature_install_trusted_ca.sh";
    let script = host.replaced_by(place, "/nonexistent/phoenix");
    let log = host.path("restarts").display().to_string();
    host.tool(
        "systemctl",
        &format!("case $1 in restart) echo \"$*\" >>{log} ;; esac"),
    );
    let text = fs::read_to_string(&script).unwrap();
    let copy = host.path("copy.sh");
    Host::old(&copy, &text);
    let copy = copy.to_str().unwrap();
    for way in [
        &[copy][..],
        &["dash", copy],
        &["bash", "-c", &text],
        &["bash", "-c", ". \"$0\"", copy],
    ] {
        let output = host.run(way);
        assert_eq!(output.status.code(), Some(0), "{way:?}: {}", said(&output));
    }
    assert!(host.read("bundle.crt").contains("BEGIN CERTIFICATE"));
    assert_eq!(host.read("restarts"), "restart docker\n");
    assert_eq!(host.read("updates"), "ran\n");
    let names: Vec<_> = fs::read_dir(host.path("guest")).unwrap().collect();
    assert_eq!(names.len(), 1, "{names:?}");
    assert_eq!(host.run(&[copy, "1001", "x"]).status.code(), Some(2));
    host.tool("update-ca-certificates", "exit 1");
    fs::write(host.path("guest/ours.crt"), "another").unwrap();
    assert_eq!(host.run(&[copy, "1001"]).status.code(), Some(1));
}

/// A container that is a view of the machine with directories of the test in place of a few.
fn container() -> Option<Host> {
    need(Need::Unshare)?;
    let host = Host::new("\"true\"");
    let dir = host.0.0.display().to_string();
    for name in ["units", "logs", "g"] {
        fs::create_dir(host.path(name)).unwrap();
    }
    host.write("site/etc/certificate-manifest.json", "[]");
    host.write(
        "site/etc/phoenix_lxc_configs.json",
        r#"{"lxc_configs": {"102": {"name": "a", "features": ["traefik"]}}}"#,
    );
    host.write(
        "site/etc/traefik/traefik.yml.template",
        "entryPoints:\n  web:\n    address: \":80\"\n",
    );
    settings(&host, &format!("source = \"{dir}/traefik-of-ours\"\n"));
    host.write("traefik-of-ours", "the program");
    let view = format!(
        "unshare -rm sh -c 'mount --bind {dir}/units /etc/systemd/system && mount --bind {dir}/logs /var/log && exec \"$@\"' sh"
    );
    host.tool(
        "pct",
        &format!(
            "case $1 in status) echo 'status: running' ;; exec) shift 3; exec {view} \"$@\" ;;\n\
             push) shift 2; cp \"$1\" \"$2\" && chmod 755 \"$2\" ;; esac"
        ),
    );
    host.tool("systemctl", &format!("echo \"$*\" >>{dir}/told"));
    Some(host)
}

fn settings(host: &Host, more: &str) {
    let dir = host.0.0.display();
    host.write(
        "site/etc/phoenix.toml",
        &format!("[traefik]\nstatic_file = \"{dir}/g/traefik/traefik.yml\"\nbinary = \"{dir}/g/traefik-program\"\ncerts_dir = \"{dir}/g/traefik/certs\"\n{more}"),
    );
}

const TRAEFIK: &str = "lxc_setup/phoenix_hypervisor_feature_install_traefik.sh";

/// In the shape of the old one: its download step is a function of its own.
const DOWNLOADS: &str = r#"#!/bin/bash
TRAEFIK_VERSION="v3.0.0"
TRAEFIK_DOWNLOAD_URL="https://example.invalid/${TRAEFIK_VERSION}/traefik.tar.gz"
install_traefik_binary() {
    log_info "downloading $TRAEFIK_DOWNLOAD_URL"
    if ! pct exec "$CTID" -- fetch "$TRAEFIK_DOWNLOAD_URL" "${TRAEFIK_INSTALL_DIR}/traefik"; then
        log_fatal "could not download"
    fi
}
"#;

#[test]
fn traefik_is_installed_from_a_file_with_its_directories_unit_and_static_file() {
    let Some(host) = container() else { return };
    let script = host.replaced(TRAEFIK);
    for by in WAYS {
        let called = host.call(by, &script, &["102", "https://10.0.0.10:9000"]);
        assert_eq!(called.status, 0, "{by:?}: {}", called.text);
    }
    assert_eq!(host.read("g/traefik-program"), "the program");
    assert!(host.path("g/traefik/dynamic").is_dir() && host.path("g/traefik/certs").is_dir());
    assert!(host.path("logs/traefik").is_dir());
    let unit = host.read("units/traefik.service");
    let line = format!(
        "ExecStart={0}/g/traefik-program --configfile={0}/g/traefik/traefik.yml\n",
        host.0.0.display()
    );
    assert!(unit.contains(&line), "{unit}");
    assert!(
        host.read("g/traefik/traefik.yml")
            .starts_with("entryPoints:")
    );
    // An unchanged unit is no reason to have systemd read it again.
    assert_eq!(
        host.read("told").matches("daemon-reload").count(),
        1,
        "{}",
        host.read("told")
    );
    for words in [&[][..], &["x"], &["102", "url", "more"]] {
        assert_eq!(host.call(By::File, &script, words).status, 2, "{words:?}");
    }
    host.tool("pct", "echo \"container '102' not running!\" >&2; exit 255");
    let stopped = host.call(By::File, &script, &["102"]);
    assert_eq!(stopped.status, 1, "{}", stopped.text);
    assert!(
        stopped.text.contains("its directories cannot be made"),
        "{}",
        stopped.text
    );
}

#[test]
fn what_the_old_download_brings_is_installed_only_with_the_stated_digest() {
    let Some(host) = container() else { return };
    host.tool(
        "fetch",
        &format!(
            "echo \"$1\" >>{}/fetched; printf downloaded >\"$2\"",
            host.0.0.display()
        ),
    );
    let path = host.path("site/bin").join(TRAEFIK);
    Host::old(&path, DOWNLOADS);
    settings(&host, "");
    let script = host.replaced(TRAEFIK);
    let neither = host.call(By::File, &script, &["102"]);
    assert_eq!(neither.status, 1, "{}", neither.text);
    assert!(
        neither
            .text
            .contains("neither `source` nor `version` and `sha256`"),
        "{}",
        neither.text
    );
    settings(
        &host,
        &format!("version = \"v3.7.15\"\nsha256 = \"{}\"\n", "0".repeat(64)),
    );
    host.replaced(TRAEFIK);
    let other = host.call(By::File, &script, &["102"]);
    assert_eq!(other.status, 1, "{}", other.text);
    assert!(other.text.contains("expected 000"), "{}", other.text);
    assert!(!host.path("g/traefik-program").exists());
    let found = other
        .text
        .split("has SHA-256 ")
        .nth(1)
        .unwrap()
        .split(',')
        .next()
        .unwrap();
    settings(
        &host,
        &format!("version = \"v3.7.15\"\nsha256 = \"{found}\"\n"),
    );
    host.replaced(TRAEFIK);
    let right = host.call(By::Text, &script, &["102"]);
    assert_eq!(right.status, 0, "{}", right.text);
    assert_eq!(host.read("g/traefik-program"), "downloaded");
    assert!(
        host.read("fetched")
            .ends_with("https://example.invalid/v3.7.15/traefik.tar.gz\n"),
        "{}",
        host.read("fetched")
    );
}
