//! The script that sets up the step CLI, which others source.

use phoenix_testkit::stepca::{Server, Setup};

use super::*;

const BOOTSTRAP: &str = "hypervisor_setup/hypervisor_feature_bootstrap_step_cli.sh";

/// Callers rely on its variables and on the functions of the common utilities; nothing of theirs changes.
const CALLER: &str = r#"
OPTIONS
before="$- $(shopt; trap -p)"
HELPERS
source "$0" || echo "it returned $?"
[ "$before" = "$- $(shopt; trap -p)" ] && echo "options as before"
log_info "base $PHOENIX_BASE_DIR"
echo "url $CA_URL, root $ROOT_CA_CERT_PATH, dir $SCRIPT_DIR, config $STEP_CONFIG_DIR"
declare -F | grep _phoenix || :
echo "reached the end"
"#;

fn host(url: &str, root: &[u8]) -> Host {
    let host = Host::new("\"true\"");
    fs::write(host.path("root.pem"), root).unwrap();
    let dir = host.0.0.display();
    host.write(
        "site/etc/phoenix.toml",
        &format!("[ca]\nurl = \"{url}\"\nroot = \"{dir}/root.pem\"\n"),
    );
    host.write(
        "site/bin/phoenix_hypervisor_common_utils.sh",
        "set -e\nset -o pipefail\nlog_info() { echo \"info: $*\"; }\nlog_fatal() { exit 1; }\n",
    );
    host
}

fn sourced(host: &Host, script: &Path, options: &str, helpers: &str) -> String {
    let caller = CALLER
        .replace("OPTIONS", options)
        .replace("HELPERS", helpers);
    let step = format!("STEPPATH={}", host.path("step").display());
    let output = host.run(&[
        "env",
        &step,
        "bash",
        "-c",
        &caller,
        script.to_str().unwrap(),
    ]);
    said(&output)
}

#[test]
fn sourced_it_leaves_the_caller_as_it_was_and_gives_it_what_it_expects() {
    let Some(server) = Server::start(&Setup::default()) else {
        return;
    };
    let host = host(&server.url().to_string(), &server.anchor.to_pem());
    let script = host.replaced(BOOTSTRAP);
    let site = host.path("site").display().to_string();
    for options in ["", "set -euo pipefail", "set -u; IFS=$'\\n'"] {
        for helpers in ["", "log_info() { echo \"info: $*\"; }"] {
            let text = sourced(&host, &script, options, helpers);
            assert!(text.contains("options as before"), "{options}: {text}");
            assert!(text.contains(&format!("info: base {site}\n")), "{text}");
            assert!(
                text.contains(&format!("dir {site}/bin/hypervisor_setup, config")),
                "{text}"
            );
            assert!(text.contains(&format!("url {}", server.url())), "{text}");
            assert!(!text.contains("declare -f _phoenix"), "{text}");
            assert!(text.contains("reached the end"), "{options}: {text}");
        }
    }
    let defaults: serde_json::Value =
        serde_json::from_str(&host.read("step/config/defaults.json")).unwrap();
    assert_eq!(defaults["ca-url"], server.url().to_string());
    assert_eq!(
        defaults["fingerprint"],
        server.anchor.fingerprint.to_string()
    );
    let root = host.path("step/certs/root_ca.crt");
    assert_eq!(defaults["root"], root.display().to_string());
    assert_eq!(fs::read(root).unwrap(), server.anchor.to_pem());
    // The step CLI itself is content with them, where it is at hand.
    let step = format!("STEPPATH={}", host.path("step").display());
    let search = format!(
        "PATH={}:{}/go/bin",
        host.search(),
        std::env::var("HOME").unwrap_or_default()
    );
    let health = host.run(&[
        "env",
        &step,
        &search,
        "sh",
        "-c",
        "command -v step >/dev/null || { echo ok; exit; }; step ca health",
    ]);
    assert_eq!(stdout(&health).trim(), "ok", "{}", said(&health));
}

#[test]
fn executed_and_as_a_text_it_keeps_foreign_keys_and_needs_no_ca() {
    let Some(server) = Server::start(&Setup::default()) else {
        return;
    };
    // Nobody answers there: the files follow from the site alone.
    let host = host("https://127.0.0.1:9", &server.anchor.to_pem());
    let script = host.replaced(BOOTSTRAP);
    let step = format!("STEPPATH={}", host.path("step").display());
    host.write(
        "step/config/defaults.json",
        "{\n  \"ca-url\": \"https://old\",\n  \"ca-config\": \"mine\"\n}\n",
    );
    for by in ["exec \"$0\"", "bash -c \"$(cat \"$0\")\""] {
        let output = host.run(&["env", &step, "bash", "-c", by, script.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(0), "{by}: {}", said(&output));
        assert_eq!(stdout(&output), "");
    }
    let text = host.read("step/config/defaults.json");
    assert!(
        text.contains("\"ca-url\": \"https://127.0.0.1:9\""),
        "{text}"
    );
    assert!(text.contains("\"ca-config\": \"mine\""), "{text}");
}

#[test]
fn where_it_fails_the_caller_sees_it_and_goes_on() {
    let Some(server) = Server::start(&Setup::default()) else {
        return;
    };
    let host = host("https://127.0.0.1:9", &server.anchor.to_pem());
    let script = host.replaced(BOOTSTRAP);
    fs::remove_file(host.path("root.pem")).unwrap();
    for options in ["", "set -euo pipefail"] {
        let text = sourced(&host, &script, options, "");
        assert!(
            text.contains("found no root certificate of the CA"),
            "{text}"
        );
        assert!(text.contains("it returned 2"), "{text}");
        assert!(text.contains("options as before"), "{text}");
    }
    fs::write(host.path("root.pem"), server.anchor.to_pem()).unwrap();
    host.replaced_by(BOOTSTRAP, "/nonexistent/phoenix");
    let text = sourced(&host, &script, "", "");
    assert!(
        text.contains("it returned 1") && text.contains("reached the end"),
        "{text}"
    );
    // Another root than the pinned one is no root to hand on.
    host.replaced(BOOTSTRAP);
    assert!(sourced(&host, &script, "", "").contains("reached the end"));
    let Some(other) = Server::start(&Setup::default()) else {
        return;
    };
    fs::write(host.path("root.pem"), other.anchor.to_pem()).unwrap();
    let text = sourced(&host, &script, "", "");
    assert!(text.contains("the CA's root changed"), "{text}");
    assert_eq!(
        fs::read(host.path("step/certs/root_ca.crt")).unwrap(),
        server.anchor.to_pem()
    );
}
