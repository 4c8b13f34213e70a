//! The examples, run.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Once;

use phoenix_testkit::Scratch;

/// Runs an example, built as it is now.
fn example(name: &str, words: &[&Path]) -> Output {
    static BUILT: Once = Once::new();
    BUILT.call_once(|| {
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--locked", "--examples"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status();
        assert!(built.unwrap().success(), "the examples do not build");
    });
    let test = std::env::current_exe().unwrap();
    let programs = test.parent().unwrap().parent().unwrap().join("examples");
    Command::new(programs.join(name))
        .args(words)
        .output()
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{errors}");
    text
}

/// A copy of a host with one entry.
fn host(scratch: &Scratch) -> PathBuf {
    let root = scratch.path().join("host");
    let etc = root.join("usr/local/phoenix_hypervisor/etc");
    std::fs::create_dir_all(&etc).unwrap();
    std::fs::create_dir_all(root.join("srv/tls")).unwrap();
    std::fs::create_dir_all(root.join("etc")).unwrap();
    let this = std::fs::metadata(&root).unwrap();
    let (uid, gid) = {
        use std::os::unix::fs::MetadataExt as _;
        (this.uid(), this.gid())
    };
    let write = |path: &str, text: String| std::fs::write(root.join(path), text).unwrap();
    write("etc/passwd", format!("root:x:{uid}:{gid}::/:/bin/sh\n"));
    write("etc/group", format!("root:x:{gid}:\n"));
    let manifest = r#"[{"common_name": "web.internal.example", "cert_path": "/srv/tls/web.crt", "key_path": "/srv/tls/web.key"}]"#;
    std::fs::write(etc.join("certificate-manifest.json"), manifest).unwrap();
    let settings = r#"{"domain_name": "internal.example"}"#;
    std::fs::write(etc.join("phoenix_hypervisor_config.json"), settings).unwrap();
    root
}

/// The sample site on a copy of a host; its CA is the embedded one.
fn sample(scratch: &Scratch) -> PathBuf {
    let root = scratch.path().join("sample");
    let etc = root.join("usr/local/phoenix_hypervisor/etc");
    std::fs::create_dir_all(&etc).unwrap();
    let from = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/sample-site/etc"
    ));
    for name in [
        "certificate-manifest.json",
        "phoenix_vm_configs.json",
        "phoenix_lxc_configs.json",
        "phoenix_hypervisor_config.json",
    ] {
        std::fs::copy(from.join(name), etc.join(name)).unwrap();
    }
    root
}

#[test]
fn one_certificate_is_enrolled_and_deployed() {
    let scratch = Scratch::new("example-enroll");
    let text = said(&example("enroll", &[scratch.path()]));
    assert!(text.contains("web.crt from a CA in"), "{text}");
    assert!(scratch.path().join("tls/web.key").exists());
    assert!(!example("enroll", &[]).status.success());
}

#[test]
fn a_manifest_is_planned_and_applied() {
    let scratch = Scratch::new("example-apply");
    let root = host(&scratch);
    let text = said(&example("plan_and_apply", &[&root]));
    assert!(text.contains("done issue web.internal.example"), "{text}");
    assert!(root.join("srv/tls/web.crt").exists());
}

#[test]
fn a_firewall_rule_is_added_and_asked_about() {
    let scratch = Scratch::new("example-firewall");
    let root = sample(&scratch);
    let words = [root.as_path(), Path::new("vm:1001"), Path::new("10.0.0.50")];
    let text = said(&example("firewall_edit", &words));
    assert!(text.contains("8443"), "{text}");
    let vms = root.join("usr/local/phoenix_hypervisor/etc/phoenix_vm_configs.json");
    assert!(std::fs::read_to_string(vms).unwrap().contains("8443"));
}

#[test]
fn a_template_is_rendered_or_its_fault_is_shown() {
    let scratch = Scratch::new("example-template");
    let template = scratch.file("x.conf.template", "server {{ name }};\n");
    let text = said(&example(
        "render_template",
        &[&template, Path::new("name=web")],
    ));
    assert_eq!(text, "server web;\n");
    let failed = example("render_template", &[&template]);
    assert_eq!(failed.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&failed.stderr).contains("x.conf.template:1"));
}

#[test]
fn a_ca_of_ones_own_signs_for_a_site() {
    let scratch = Scratch::new("example-authority");
    let root = host(&scratch);
    let text = said(&example("own_authority", &[&root]));
    assert_eq!(text, "the registrar let through web.internal.example\n");
    assert!(root.join("srv/tls/web.crt").exists());
    let etc = root.join("usr/local/phoenix_hypervisor/etc");
    let manifest = etc.join("certificate-manifest.json");
    let wild = r#"[{"common_name": "w", "sans": ["*.internal.example"], "cert_path": "/srv/tls/w.crt", "key_path": "/srv/tls/w.key"}]"#;
    std::fs::write(manifest, wild).unwrap();
    assert_eq!(example("own_authority", &[&root]).status.code(), Some(1));
    assert!(!root.join("srv/tls/w.crt").exists());
}

#[test]
fn a_guest_is_reached_by_ones_own_way() {
    let scratch = Scratch::new("example-transport");
    let text = said(&example("own_transport", &[scratch.path()]));
    assert_eq!(text, "6 bytes in /motd\nLinux\n");
    let motd = std::fs::read_to_string(scratch.path().join("motd")).unwrap();
    assert_eq!(motd, "hello\n");
}

#[test]
fn a_dry_run_is_json() {
    let scratch = Scratch::new("example-json");
    let root = host(&scratch);
    let text = said(&example("dry_run_json", &[&root]));
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["outcomes"][0]["status"], "would-run");
    assert!(!root.join("srv/tls/web.crt").exists());
}
