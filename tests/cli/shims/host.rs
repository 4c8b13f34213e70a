//! The scripts that run on the host: certificates, firewall, routes, the host's trust store.

use phoenix_testkit::{Need, need};

use super::*;

const MANAGER: &str = "managers/certificate-renewal-manager.sh";

#[test]
fn the_renewal_manager_brings_certificates_in_every_way_it_is_called() {
    for by in WAYS {
        let host =
            Host::new(r#"["sh", "-c", "echo ran >> \"$(dirname \"$PHOENIX_CERT_PATH\")/hooks\""]"#);
        let script = host.replaced(MANAGER);
        let called = host.call(by, &script, &[]);
        assert_eq!(called.status, 0, "{by:?}: {}", called.text);
        assert!(host.path("pair/a.crt").exists(), "{by:?}");
        // Nothing is due: nothing is restarted, and without a terminal nothing is said.
        let again = host.call(by, &script, &[]);
        assert_eq!(again.status, 0, "{}", again.text);
        assert!(!again.text.contains("issue"), "{}", again.text);
        assert!(
            matches!(by, By::Source) || again.text.is_empty(),
            "{}",
            again.text
        );
        assert_eq!(host.read("pair/hooks"), "ran\n", "{by:?}");
        let forced = host.call(by, &script, &["--force"]);
        assert_eq!(forced.status, 0, "{}", forced.text);
        assert_eq!(host.read("pair/hooks"), "ran\nran\n", "{by:?}");
    }
}

#[test]
fn a_failure_is_1_and_wrong_arguments_are_2_in_every_way() {
    let host = Host::new(r#""false""#);
    let script = host.replaced(MANAGER);
    for by in WAYS {
        let wrong = host.call(by, &script, &["--froce"]);
        assert_eq!(wrong.status, 2, "{by:?}: {}", wrong.text);
        assert!(
            wrong.text.contains("usage: certificate-renewal-manager.sh"),
            "{}",
            wrong.text
        );
        assert!(!host.path("pair/a.crt").exists());
    }
    for by in WAYS {
        let failed = host.call(by, &script, &["--force"]);
        assert_eq!(failed.status, 1, "{by:?}: {}", failed.text);
        assert!(
            failed.text.contains("ended with status 1, expected 0"),
            "{}",
            failed.text
        );
    }
}

#[test]
fn cron_gets_the_true_status_and_certificates_that_stop_short_of_their_hooks_are_on_record() {
    let host =
        Host::new(r#"["sh", "-c", "echo ran >> \"$(dirname \"$PHOENIX_CERT_PATH\")/hooks\""]"#);
    let script = host.replaced(MANAGER);
    let generated = host.call(By::File, &script, &["--generate-only"]);
    assert_eq!(generated.status, 0, "{}", generated.text);
    assert!(host.path("pair/a.crt").exists());
    assert_eq!(host.read("pair/hooks"), "");
    let pending = host.phoenix(&["pending", "list"]);
    assert!(stdout(&pending).contains("hook"), "{}", said(&pending));
    // Cron's own environment, and its own way to call a line.
    let line = format!(
        "{} >'{}' 2>&1",
        script.display(),
        host.path("mail").display()
    );
    let cron = [
        "env",
        "-i",
        "HOME=/root",
        "LOGNAME=root",
        "SHELL=/bin/sh",
        "PATH=/usr/bin:/bin",
    ];
    let output = host.run(&[&cron[..], &["/bin/sh", "-c", &line]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", host.read("mail"));
    assert_eq!(host.read("pair/hooks"), "ran\n");
    fs::remove_file(host.path("pair/a.crt")).unwrap();
    fs::write(host.path("site/etc/certificate-manifest.json"), "[{").unwrap();
    let output = host.run(&[&cron[..], &["/bin/sh", "-c", &line]].concat());
    assert_eq!(output.status.code(), Some(2));
    assert!(
        host.read("mail").contains("certificate-manifest.json"),
        "{}",
        host.read("mail")
    );
}

#[test]
fn without_the_program_or_with_the_ca_away_the_caller_sees_1_and_why() {
    let host = Host::new("\"true\"");
    let script = host.replaced_by(MANAGER, "/nonexistent/phoenix");
    for by in WAYS {
        let called = host.call(by, &script, &[]);
        assert_eq!(called.status, 1, "{by:?}: {}", called.text);
        assert!(
            called
                .text
                .contains("there is no program at /nonexistent/phoenix"),
            "{}",
            called.text
        );
    }
    // A CA that nobody answers for: a port of loopback that is closed.
    let host = Host::new("\"true\"");
    let made = host.phoenix(&["ca", "init"]);
    assert_eq!(made.status.code(), Some(0), "{}", said(&made));
    let list = host.phoenix(&["sync", "certs"]);
    assert_eq!(list.status.code(), Some(0), "{}", said(&list));
    let away = Host::new("\"true\"");
    let root = Command::new("sh")
        .args([
            "-c",
            "cat \"$0\"/state/sites/*/ca/root*.crt \"$0\"/state/sites/*/ca/root*.pem 2>/dev/null",
        ])
        .arg(&host.0.0)
        .output()
        .unwrap();
    fs::write(away.path("root.pem"), root.stdout).unwrap();
    let dir = away.0.0.display();
    away.write(
        "site/etc/phoenix.toml",
        &format!("[ca]\nurl = \"https://127.0.0.1:9\"\nroot = \"{dir}/root.pem\"\nprovisioner = \"x\"\nprovisioner_password_file = \"{dir}/root.pem\"\n"),
    );
    let script = away.replaced(MANAGER);
    let called = away.call(By::File, &script, &["--force"]);
    assert_eq!(called.status, 1, "{}", called.text);
    assert!(called.text.contains("127.0.0.1:9"), "{}", called.text);
    assert!(!away.path("pair/a.crt").exists());
    // No network at all.
    if need(Need::Unshare).is_some() {
        let settings = away.read("site/etc/phoenix.toml");
        away.write(
            "site/etc/phoenix.toml",
            &settings.replace("127.0.0.1:9", "10.0.0.10:9000"),
        );
        let output = away.run(&["unshare", "-rn", script.to_str().unwrap(), "--force"]);
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert!(
            said(&output).contains("10.0.0.10:9000"),
            "{}",
            said(&output)
        );
    }
}

#[test]
fn the_firewall_script_takes_the_sites_own_configuration_and_no_other() {
    let host = Host::new("\"true\"");
    let script = host.replaced("hypervisor_setup/hypervisor_feature_setup_firewall.sh");
    let config = host.path("site/etc/phoenix_hypervisor_config.json");
    for by in WAYS {
        for words in [&[][..], &[config.to_str().unwrap()]] {
            let called = host.call(by, &script, words);
            assert_eq!(called.status, 0, "{by:?} {words:?}: {}", called.text);
        }
        let other = host.call(by, &script, &["/etc/passwd"]);
        assert_eq!(other.status, 2, "{}", other.text);
        assert!(other.text.contains("is not"), "{}", other.text);
        assert_eq!(host.call(by, &script, &["a", "b"]).status, 2);
    }
}

#[test]
fn the_routes_are_made_in_the_same_place_and_a_copy_in_the_container_is_harmless() {
    let host = Host::new("\"true\"");
    for name in [
        "phoenix_lxc_configs.json",
        "phoenix_vm_configs.json",
        "traefik/traefik.yml.template",
    ] {
        let from = repository().join("tests/sample-site/etc").join(name);
        host.write(
            &format!("site/etc/{name}"),
            &fs::read_to_string(from).unwrap(),
        );
    }
    let script = host.replaced("generate_traefik_config.sh");
    let made = host.path("site/etc/traefik/dynamic_conf.yml");
    for by in WAYS {
        let _ = fs::remove_file(&made);
        let called = host.call(by, &script, &[]);
        assert_eq!(called.status, 0, "{by:?}: {}", called.text);
        let text = fs::read_to_string(&made).unwrap();
        assert!(text.contains("nginx-router"), "{text}");
        assert_eq!(host.call(by, &script, &["x"]).status, 2);
    }
    // In the container there is neither our program nor `pct`; the file is where the host writes it.
    let words = [
        "scripts",
        "replace",
        "generate_traefik_config",
        "--program",
        "/nonexistent",
    ];
    host.phoenix(&words);
    let alone = |prefix: &str| {
        let copy = fs::read_to_string(&script).unwrap();
        let copy = copy.replace("/etc/traefik/dynamic/", prefix);
        let output = host.run(&["bash", "-c", &copy]);
        (output.status.code(), said(&output))
    };
    let (status, text) = alone("/nonexistent/");
    assert_eq!(status, Some(1), "{text}");
    host.write("dynamic/dynamic_conf.yml", "http:\n");
    let (status, text) = alone(&format!("{}/", host.path("dynamic").display()));
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains("the host makes"), "{text}");
}
