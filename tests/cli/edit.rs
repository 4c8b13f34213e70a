//! `phoenix edit` and `phoenix template set` as an operator uses them.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use super::{Scratch, phoenix, stderr, stdout};

const VM: &str = "etc/phoenix_vm_configs.json";
const TEMPLATE: &str = "etc/traefik/traefik.yml.template";

fn read(site: &Scratch, file: &str) -> String {
    fs::read_to_string(site.0.join("usr/local/phoenix_hypervisor").join(file)).unwrap()
}

#[test]
fn one_value_changes_and_the_second_time_nothing_does() {
    let site = Scratch::with_site();
    let before = read(&site, VM);
    let words = ["edit", VM, "set", "/vms/0/name", "renamed"];
    let dry = site.phoenix(&[&words[..], &["--dry-run"]].concat());
    assert_eq!(dry.status.code(), Some(0), "{}", stderr(&dry));
    assert!(
        stdout(&dry).contains("+            \"name\": \"renamed\","),
        "{}",
        stdout(&dry)
    );
    assert!(stdout(&dry).ends_with("1 file would change; nothing was written\n"));
    assert_eq!(read(&site, VM), before);

    let done = site.phoenix(&words);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    assert_eq!(
        stdout(&done).replace("1 file changed", ""),
        stdout(&dry).replace("1 file would change; nothing was written", "")
    );
    let name = before
        .lines()
        .find(|line| line.contains("\"name\""))
        .unwrap();
    assert_eq!(
        read(&site, VM),
        before.replacen(name, "            \"name\": \"renamed\",", 1)
    );

    let again = site.phoenix(&words);
    assert_eq!(again.status.code(), Some(0));
    assert_eq!(
        stdout(&again),
        "nothing to do: everything is as wanted already\n"
    );
}

#[test]
fn several_edits_are_one_change_or_none() {
    let site = Scratch::with_site();
    let before = read(&site, VM);
    let edit = |operations: &str| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_phoenix"))
            .args([
                "--root",
                site.0.to_str().unwrap(),
                "edit",
                VM,
                "--edits",
                "-",
                "--output-format",
                "json",
            ])
            .env_remove("PHOENIX_SITE")
            .env_remove("PHOENIX_STATE")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(operations.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code(), value)
    };
    let (status, value) = edit(
        r#"[{"op": "set", "pointer": "/vms/0/name", "value": "x"}, {"op": "remove", "pointer": "/vms/0/nmae"}, {"op": "remove", "pointer": "/vms/99"}]"#,
    );
    assert_eq!(status, Some(2));
    assert_eq!(value["error"]["code"], "refused");
    assert_eq!(value["error"]["faults"].as_array().unwrap().len(), 2);
    assert_eq!(
        value["error"]["faults"][0]["places"][0]["pointer"],
        "/vms/0"
    );
    assert_eq!(read(&site, VM), before);
    let (status, value) = edit(
        r#"[{"op": "set", "pointer": "/vms/0/name", "value": "x"}, {"op": "insert", "pointer": "/vms/0/note", "value": "y", "after": "name"}]"#,
    );
    assert_eq!(status, Some(0));
    assert_eq!(value["written"], true);
    assert_eq!(value["files"][0]["reasons"].as_array().unwrap().len(), 2);
    let name = before
        .lines()
        .find(|line| line.contains("\"name\""))
        .unwrap();
    let made = "            \"name\": \"x\",\n            \"note\": \"y\",";
    assert_eq!(read(&site, VM), before.replacen(name, made, 1));
}

#[test]
fn what_leads_nowhere_is_told_with_the_nearest_and_ends_with_2() {
    let site = Scratch::with_site();
    let before = site.snapshot();
    for (words, said) in [
        (
            &["edit", VM, "set", "/vms/0/nmae", "x"][..],
            "did you mean `/vms/0/name`?",
        ),
        (
            &["edit", VM, "set", "vms.0.name", "x"],
            "did you mean `/vms/0/name`?",
        ),
        (
            &["edit", VM, "remove", "/vms/77"],
            "found no element `77` in `/vms`, expected an index from 0 to",
        ),
        (
            &["edit", VM, "remove", ""],
            "could not remove or move the outermost value",
        ),
        (
            &["edit", VM, "insert", "/vms/0/name", "x"],
            "`set` changes its value",
        ),
        (
            &["edit", VM, "move", "/vms/0"],
            "`move` needs --before or --after",
        ),
        (
            &["edit", VM, "remove", "/vms/0", "x"],
            "`remove` takes no value",
        ),
        (&["edit", VM, "set", "/vms/0/name"], "`set` needs a value"),
        (&["edit", VM, "set", "/vms/0/name", "[1,"], "VALUE:1:1"),
        (
            &["edit", VM, "set", "/vms/0/name", "x", "--after", "vmid"],
            "takes neither --before nor --after",
        ),
        (&["edit", VM, "set"], "required"),
        (
            &["edit", "etc/nothing.json", "set", "/a", "1"],
            "there is no such file",
        ),
        (
            &["edit", "etc/nothing", "set", "/a", "1"],
            "`--format` says how to read it",
        ),
        (
            &["template", "set", TEMPLATE, "providers.dokcer.endpoint=x"],
            "did you mean `providers.docker`?",
        ),
        (
            &["template", "set", TEMPLATE, "providers"],
            "expected KEY=VALUE",
        ),
    ] {
        let output = site.phoenix(words);
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        assert!(
            stderr(&output).contains(said),
            "{words:?}: {}",
            stderr(&output)
        );
    }
    let after: Vec<_> = site
        .snapshot()
        .into_iter()
        .filter(|(path, _)| path.is_file())
        .collect();
    let before: Vec<_> = before.into_iter().collect();
    for (path, (bytes, modified)) in after {
        if let Some((_, known)) = before.iter().find(|(known, _)| *known == path) {
            assert_eq!(known, &(bytes, modified), "{}", path.display());
        } else {
            assert!(path.ends_with(".phoenix/lock"), "{}", path.display());
        }
    }
}

#[test]
fn text_that_looks_like_a_number_is_said_to_be_text() {
    let site = Scratch::with_site();
    for (words, expected) in [
        (&["7"][..], "\"name\": 7,"),
        (&["7", "--text"], "\"name\": \"7\","),
        (&["-7"], "\"name\": -7,"),
        (&["\"8\""], "\"name\": \"8\","),
    ] {
        let output = site.phoenix(&[&["edit", VM, "set", "/vms/0/name"], words].concat());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert!(read(&site, VM).contains(expected), "{words:?}");
    }
}

#[test]
fn a_value_may_come_from_a_file() {
    let site = Scratch::with_site();
    let value = site.0.join("value");
    fs::write(&value, "{\"port\": \"22\", \"type\": \"in\"}\n").unwrap();
    let words = [
        "edit",
        VM,
        "insert",
        "/vms/0/extra",
        "--value-file",
        value.to_str().unwrap(),
    ];
    let output = site.phoenix(&words);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(
        read(&site, VM).contains("\"extra\": {\n"),
        "{}",
        stdout(&output)
    );
    fs::write(&value, "{\"port\": }").unwrap();
    let output = site.phoenix(&words);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("value:1:10"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_relative_path_is_the_sites_or_else_where_one_stands() {
    let scratch = Scratch::with_site();
    let site = scratch.0.join("usr/local/phoenix_hypervisor");
    let here = scratch.0.join("here");
    fs::create_dir_all(here.join("etc")).unwrap();
    for name in [VM, "own.json"] {
        fs::write(here.join(name), "{\"vms\": [{\"name\": \"mine\"}]}").unwrap();
    }
    let state = scratch.0.join("state");
    let run = |file: &str| {
        Command::new(env!("CARGO_BIN_EXE_phoenix"))
            .args([
                "--site",
                site.to_str().unwrap(),
                "--state",
                state.to_str().unwrap(),
            ])
            .args(["edit", file, "set", "/vms/0/name", "new"])
            .current_dir(&here)
            .output()
            .unwrap()
    };
    for file in [VM, "own.json"] {
        let output = run(file);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    }
    assert!(fs::read_to_string(here.join(VM)).unwrap().contains("mine"));
    assert!(read(&scratch, VM).contains("\"name\": \"new\""));
    assert!(
        fs::read_to_string(here.join("own.json"))
            .unwrap()
            .contains("new")
    );
}

#[test]
fn jinja_outside_quotes_is_refused_with_file_and_line() {
    let site = Scratch::with_site();
    let path = site.etc().join("traefik/traefik.yml.template");
    let text = fs::read_to_string(&path).unwrap();
    for (jinja, line) in [
        ("DEBUG{{ more }}", "template:6:15"),
        ("DEBUG # {% if x %}", "template:6:18"),
    ] {
        fs::write(&path, text.replace("DEBUG", jinja)).unwrap();
        let output = site.phoenix(&["template", "set", TEMPLATE, "providers.docker.watch=false"]);
        assert_eq!(output.status.code(), Some(2), "{}", stdout(&output));
        let said = stderr(&output);
        assert!(
            said.starts_with("error: nothing was changed\n") && said.contains(line),
            "{said}"
        );
    }
}

#[test]
fn help_shows_what_is_typed() {
    let scratch = Scratch::new();
    for words in [&["edit", "--help"][..], &["template", "set", "--help"]] {
        let output = phoenix(words, &scratch.0);
        assert!(
            stdout(&output).contains("Examples:\n  phoenix "),
            "{}",
            stdout(&output)
        );
    }
}
