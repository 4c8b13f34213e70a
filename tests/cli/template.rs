//! `phoenix template render` and `vars` as an operator uses them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::{Scratch, stderr, stdout};

const HAPROXY: &str = "# made for {{ domain }}\nbackend docker\n  server manager {{ guests['1001'].cidr | hostport(docker_port) }} check\n{% include 'limits.inc' %}";

fn with_template() -> Scratch {
    let site = Scratch::with_site();
    fs::write(site.etc().join("haproxy.cfg.j2"), HAPROXY).unwrap();
    fs::write(site.etc().join("limits.inc"), "  timeout {{ seconds }}s\n").unwrap();
    site
}

#[test]
fn a_template_is_rendered_to_the_terminal_byte_for_byte() {
    let site = with_template();
    let before = site.snapshot();
    let done = site.phoenix(&[
        "template",
        "render",
        "etc/haproxy.cfg.j2",
        "--set",
        "seconds=5",
    ]);
    assert_eq!(
        stdout(&done),
        "# made for internal.example\nbackend docker\n  server manager 10.0.0.111:2376 check\n  timeout 5s\n"
    );
    assert_eq!(done.status.code(), Some(0));
    assert_eq!(site.snapshot(), before);
}

#[test]
fn what_is_missing_is_told_with_its_file_and_line() {
    let site = with_template();
    let done = site.phoenix(&["template", "vars", "etc/haproxy.cfg.j2"]);
    let shown = stdout(&done);
    assert_eq!(done.status.code(), Some(1), "{shown}");
    for part in ["seconds", "missing", "etc/limits.inc:1", "1 name missing"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let done = site.phoenix(&["template", "render", "etc/haproxy.cfg.j2"]);
    assert_eq!(done.status.code(), Some(2));
    let told = stderr(&done);
    assert!(told.contains("undefined name `seconds`"), "{told}");
    assert!(
        told.starts_with("error: could not use the template "),
        "{told}"
    );
    assert!(told.contains("etc/limits.inc:1:14"), "{told}");
}

#[test]
fn a_rendered_file_keeps_its_mode_and_is_written_only_when_it_changes() {
    let site = with_template();
    let out = site.0.join("etc/haproxy/haproxy.cfg");
    fs::create_dir_all(out.parent().unwrap()).unwrap();
    fs::write(&out, "old\n").unwrap();
    fs::set_permissions(&out, fs::Permissions::from_mode(0o640)).unwrap();
    let words = [
        "template",
        "render",
        "etc/haproxy.cfg.j2",
        "--set",
        "seconds=5",
        "--out",
        "/etc/haproxy/haproxy.cfg",
    ];
    let shown = site.phoenix(&[&words[..], &["--dry-run"]].concat());
    assert!(stdout(&shown).contains("-old"), "{}", stdout(&shown));
    assert_eq!(fs::read_to_string(&out).unwrap(), "old\n");
    let done = site.phoenix(&words);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    assert!(fs::read_to_string(&out).unwrap().ends_with("timeout 5s\n"));
    let facts = fs::metadata(&out).unwrap();
    assert_eq!(facts.permissions().mode() & 0o7777, 0o640);
    let again = site.phoenix(&words);
    assert!(
        stdout(&again).contains("nothing to do"),
        "{}",
        stdout(&again)
    );
    assert_eq!(
        fs::metadata(&out).unwrap().modified().unwrap(),
        facts.modified().unwrap()
    );
}

#[test]
fn text_that_is_not_what_its_name_says_is_refused_and_the_old_file_stays() {
    let site = Scratch::with_site();
    fs::write(site.etc().join("a.json.j2"), "{\"domain\": {{ domain }}}\n").unwrap();
    let out = site.0.join("a.json");
    fs::write(&out, "{}").unwrap();
    let done = site.phoenix(&["template", "render", "etc/a.json.j2", "--out", "/a.json"]);
    assert_eq!(done.status.code(), Some(2));
    let told = stderr(&done);
    assert!(told.contains("etc/a.json.j2.rendered:1:"), "{told}");
    assert_eq!(fs::read_to_string(&out).unwrap(), "{}");
}

#[test]
fn bad_templates_are_named_and_nothing_is_written() {
    let site = Scratch::with_site();
    fs::write(site.etc().join("secret"), "x").unwrap();
    let cases: [(&str, &[u8], &str); 9] = [
        (
            "loop.j2",
            b"{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
            "stopped the template",
        ),
        (
            "outside.j2",
            b"{% include '../../../etc/shadow' %}",
            "in the template's own directory",
        ),
        (
            "latin.j2",
            b"caf\xe9",
            "found the byte 0xe9, expected UTF-8 text",
        ),
        (
            "latin-include.j2",
            b"{% include 'latin.j2' %}",
            "latin.j2:1:4",
        ),
        ("syntax.j2", b"a\n{% if %}", "syntax.j2:2:"),
        (
            "gigabyte.j2",
            b"{% set ns = namespace(x='0123456789') %}{% for i in range(30) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}{{ ns.x }}",
            "stopped the template",
        ),
        ("circle.j2", b"{% include 'circle.j2' %}", "circle.j2:1:"),
        (
            "gone.j2",
            b"a\n{% include 'nothing.inc' %}",
            "gone.j2:2:",
        ),
        (
            "bomb.yml.j2",
            b"a: &a [1,1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n",
            "together stand for more than 1000000 values",
        ),
    ];
    for (name, bytes, _) in cases {
        fs::write(site.etc().join(name), bytes).unwrap();
    }
    for (name, _, expected) in cases {
        let done = site.phoenix(&[
            "template",
            "render",
            &format!("etc/{name}"),
            "--out",
            "/out",
        ]);
        assert_eq!(done.status.code(), Some(2), "{name}");
        assert!(
            stderr(&done).contains(expected),
            "{name}: {}",
            stderr(&done)
        );
        assert!(!site.0.join("out").exists(), "{name}");
    }
}

#[test]
fn every_name_is_listed_with_its_value() {
    let site = Scratch::with_site();
    let done = site.phoenix(&["--output-format", "json", "template", "vars"]);
    let names: serde_json::Value = serde_json::from_str(&stdout(&done)).unwrap();
    let value = |name: &str| {
        let all = names.as_array().unwrap();
        all.iter()
            .find(|row| row["name"] == name)
            .map(|row| row["value"].clone())
    };
    assert_eq!(value("domain"), Some("internal.example".into()));
    assert_eq!(value("guests.102.address"), Some("10.0.0.12".into()));
}

#[test]
fn a_template_that_changed_since_it_was_read_stops_the_plan_that_was_made_with_it() {
    let site = super::run::site();
    let plan = site.phoenix(&["plan", "certs", super::run::NAME, "--output-format", "json"]);
    let file = site.0.join("plan.json");
    fs::write(&file, &plan.stdout).unwrap();
    let template = site.etc().join("traefik/traefik.yml.template");
    let text = fs::read_to_string(&template).unwrap();
    fs::write(&template, format!("# changed\n{text}")).unwrap();
    let done = site.phoenix(&["apply", "--plan", file.to_str().unwrap()]);
    assert_eq!(done.status.code(), Some(1));
    assert!(
        stderr(&done).contains("traefik.yml.template changed since"),
        "{}",
        stderr(&done)
    );
}

#[test]
fn a_site_whose_template_is_a_bomb_or_no_text_is_still_looked_at() {
    for bytes in [
        &b"a: &a [1,1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nentryPoints: {web: {http: {middlewares: [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]}}}\n"[..],
        b"caf\xe9",
        b"{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    ] {
        let site = Scratch::with_site();
        fs::write(site.etc().join("traefik/traefik.yml.template"), bytes).unwrap();
        let done = site.phoenix(&["check"]);
        assert_eq!(done.status.code(), Some(1), "{}", stderr(&done));
        let text = stdout(&done);
        assert!(text.contains("traefik.yml.template:"), "{text}");
        // The other rules still run.
        assert!(text.contains("PX009") && text.contains("PX029"), "{text}");
    }
}
