//! `phoenix firewall`, on copies of the sample site and, where they are at hand, on real edits.

use std::fs;

use super::{Scratch, stderr, stdout};

const VMS: &str = "phoenix_vm_configs.json";
const LXCS: &str = "phoenix_lxc_configs.json";
const HOST: &str = "phoenix_hypervisor_config.json";

fn text(site: &Scratch, name: &str) -> String {
    fs::read_to_string(site.etc().join(name)).unwrap()
}

/// The files with rules, as far as they are there.
fn texts(site: &Scratch) -> Vec<Option<String>> {
    let read = |name| fs::read_to_string(site.etc().join(name)).ok();
    [VMS, LXCS, HOST].map(read).into()
}

/// Runs an edit twice; the second run changes nothing and says so.
fn edit(site: &Scratch, words: &[&str]) -> String {
    let start = texts(site);
    let dry = site.phoenix(&[&["firewall"], words, &["--dry-run"]].concat());
    assert_eq!(dry.status.code(), Some(0), "{words:?}: {}", stderr(&dry));
    assert!(texts(site) == start, "a dry run wrote: {words:?}");
    let first = site.phoenix(&[&["firewall"], words].concat());
    assert_eq!(
        first.status.code(),
        Some(0),
        "{words:?}: {}",
        stderr(&first)
    );
    let before = texts(site);
    assert!(before != start, "{words:?}: {}", stdout(&first));
    let second = site.phoenix(&[&["firewall"], words].concat());
    assert_eq!(
        second.status.code(),
        Some(0),
        "{words:?}: {}",
        stderr(&second)
    );
    let said = stdout(&second);
    assert!(said.contains("nothing to do"), "{words:?}: {said}");
    assert!(texts(site) == before, "the second run wrote: {words:?}");
    stdout(&first)
}

fn refused(site: &Scratch, words: &[&str]) -> String {
    let before = texts(site);
    let output = site.phoenix(&[&["firewall"], words].concat());
    assert_eq!(
        output.status.code(),
        Some(2),
        "{words:?}: {}",
        stdout(&output)
    );
    assert!(texts(site) == before, "{words:?}");
    stderr(&output)
}

#[test]
fn rules_are_listed_with_their_places() {
    let site = Scratch::with_site();
    let output = site.phoenix(&["firewall", "list", "vm:1001", "--port", "2375"]);
    let words = stdout(&output);
    assert!(
        words.contains("-dport 2375") && words.ends_with("1 rule\n"),
        "{words}"
    );
    let output = site.phoenix(&["firewall", "list", "--output-format", "json"]);
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let lists = value.as_array().unwrap();
    let rule = lists
        .iter()
        .find(|list| list["target"] == "vm:1001")
        .map(|list| &list["rules"][0])
        .unwrap();
    assert_eq!(rule["place"]["pointer"], "/vms/1/firewall/rules/0");
    assert!(rule["place"]["line"].as_u64() > Some(1));
}

#[test]
fn the_plain_port_moves_in_three_files_as_one_change() {
    let site = Scratch::with_site();
    let words = edit(
        &site,
        &[
            "set-port", "vm:1001", "lxc:102", "global", "--port", "2375", "2376", "--dedupe",
        ],
    );
    assert!(
        words.ends_with("3 files changed, as one change\n"),
        "{words}"
    );
    for name in [VMS, LXCS, HOST] {
        assert!(!text(&site, name).contains("\"2375\""), "{name}");
    }
}

#[test]
fn a_dry_run_writes_nothing() {
    let site = Scratch::with_site();
    let before = site.snapshot();
    let output = site.phoenix(&[
        "firewall",
        "remove",
        "vm:1001",
        "--port",
        "2375",
        "--dry-run",
    ]);
    assert!(stdout(&output).contains("-                        \"port\": \"2375\""));
    assert_eq!(site.snapshot(), before);
}

#[test]
fn another_number_than_expected_is_shown_and_nothing_changes() {
    let site = Scratch::with_site();
    let words = refused(&site, &["remove", "vm:1001", "--direction", "in"]);
    assert!(
        words.contains("rules of vm:1001 matching `--direction in`, expected 1")
            && words.contains(&format!("{VMS}:")),
        "{words}"
    );
    let words = refused(&site, &["set-port", "vm:1001", "--port", "1", "2"]);
    assert!(words.contains("found no rule of vm:1001"), "{words}");
    // One target that does not fit spoils the change of the other.
    refused(
        &site,
        &["set-port", "vm:1001", "lxc:101", "--port", "2375", "2376"],
    );
}

#[test]
fn bad_input_ends_with_2_and_says_what_was_expected() {
    let site = Scratch::with_site();
    for (words, expected) in [
        (
            &["set", "vm:1001", "--index", "0", "port=70000"][..],
            "70000",
        ),
        (
            &["set", "vm:1001", "--index", "0", "prt=80"],
            "did you mean `port`?",
        ),
        (
            &["set", "vm:1001", "--index", "99", "port=80"],
            "no rule 99: vm:1001 has",
        ),
        (
            &["set", "vm:1001", "--index", "0"],
            "expected guests such as `vm:1001` first",
        ),
        (&["list", "vm:1009"], "did you mean `vm:1001`?"),
        (
            &["list", "vm1001"],
            "a guest such as `vm:1001` or `lxc:102`, or `global`",
        ),
        (
            &["list", "vm:1001", "--source", "10.0.0.5/24"],
            "10.0.0.0/24",
        ),
        (
            &[
                "add",
                "vm:1001",
                "--direction",
                "in",
                "--action",
                "ACCEPT",
                "--proto",
                "icmp",
                "--port",
                "22",
            ],
            "`port` with protocol `icmp`",
        ),
        (
            &[
                "add",
                "vm:1001",
                "--direction",
                "in",
                "--action",
                "ACCEPT",
                "--port",
                "22",
            ],
            "`port` without `proto`",
        ),
        (
            &[
                "add",
                "vm:1001",
                "--direction",
                "in",
                "--action",
                "ACCEPT",
                "--macro",
                "SSHH",
            ],
            "did you mean `SSH`?",
        ),
        (
            &["move", "vm:1001", "--index", "0"],
            "`--before INDEX` or `--after INDEX`",
        ),
        (
            &["set-port", "vm:1001", "--port", "2375", "0"],
            "expected 1 to 65535",
        ),
    ] {
        let said = refused(&site, words);
        assert!(said.contains(expected), "{words:?}: {said}");
    }
}

#[test]
fn rules_of_a_file_with_faults_are_all_named() {
    let site = Scratch::with_site();
    let path = site.etc().join(VMS);
    let bad = text(&site, VMS)
        .replacen("\"2375\"", "\"70000\"", 1)
        .replacen("\"proto\": \"tcp\"", "\"prto\": \"tcp\"", 1);
    fs::write(&path, bad).unwrap();
    let said = refused(&site, &["remove", "vm:1001", "--port", "9443"]);
    assert!(
        said.contains("70000") && said.contains("did you mean `proto`?"),
        "{said}"
    );
    let output = site.phoenix(&["firewall", "list", "vm:1001"]);
    assert!(stdout(&output).contains("70000"), "{}", stdout(&output));
}

#[test]
fn a_link_is_opened_closed_and_turned() {
    let site = Scratch::with_site();
    let before = text(&site, LXCS);
    edit(
        &site,
        &[
            "add",
            "lxc:102",
            "--direction",
            "out",
            "--action",
            "ACCEPT",
            "--dest",
            "10.0.0.77",
            "--proto",
            "tcp",
            "--port",
            "4443",
            "--comment",
            "new (one): yes",
        ],
    );
    assert_ne!(text(&site, LXCS), before);
    edit(
        &site,
        &[
            "set",
            "lxc:102",
            "--port",
            "4443",
            "direction=in",
            "source=10.0.0.77",
            "dest=",
        ],
    );
    assert!(text(&site, LXCS).contains("\"source\": \"10.0.0.77\""));
    edit(&site, &["disable", "lxc:102", "--port", "4443"]);
    edit(&site, &["enable", "lxc:102", "--port", "4443"]);
    edit(&site, &["set", "lxc:102", "--port", "4443", "enabled="]);
    edit(
        &site,
        &["move", "lxc:102", "--port", "4443", "--before", "0"],
    );
    edit(&site, &["remove", "lxc:102", "--port", "4443"]);
    assert_eq!(text(&site, LXCS), before);
}

#[test]
fn copies_go() {
    let site = Scratch::with_site();
    let add = [
        "add",
        "vm:1001",
        "--direction",
        "in",
        "--action",
        "ACCEPT",
        "--proto",
        "tcp",
        "--port",
        "4443",
    ];
    edit(&site, &add);
    let path = site.etc().join(VMS);
    let once = text(&site, VMS);
    let start = once
        .find("\"4443\"")
        .map(|at| once[..at].rfind('{').unwrap())
        .unwrap();
    let end = start + once[start..].find('}').unwrap() + 1;
    let rule = &once[start..end];
    fs::write(
        &path,
        once.replacen(rule, &format!("{rule},\n                    {rule}"), 1),
    )
    .unwrap();
    let words = edit(&site, &["dedupe", "vm:1001", "--port", "4443"]);
    assert!(words.contains("says the same"), "{words}");
    assert_eq!(text(&site, VMS), once);
}

#[test]
fn a_connection_is_judged_and_the_deciding_rule_named() {
    let site = Scratch::with_site();
    let test = |words: &[&str]| {
        let output = site.phoenix(&[&["firewall", "test"], words].concat());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        stdout(&output)
    };
    let words = test(&[
        "--from",
        "10.0.0.12",
        "--to",
        "vm:1001",
        "--proto",
        "tcp",
        "--port",
        "2376",
    ]);
    assert!(
        words.starts_with("ACCEPT  10.0.0.12 (lxc:102) -> 10.0.0.111 (vm:1001) tcp port 2376\n")
            && words.contains("vm:1001 rule 19: IN ACCEPT -source 10.0.0.12 -p tcp -dport 2376")
            && words.contains(&format!("{VMS}:")),
        "{words}"
    );
    let words = test(&["--from", "10.0.0.99", "--to", "vm:1001", "--port", "2376"]);
    assert!(
        words.starts_with("DROP") && words.contains("policy_in: DROP"),
        "{words}"
    );
    let words = test(&["--from", "10.0.0.99", "--to", "host", "--port", "8006"]);
    assert!(
        words.starts_with("ACCEPT") && words.contains("the local network"),
        "{words}"
    );
    let words = test(&["--matrix"]);
    assert!(words.contains("lxc:102 -> vm:1001"), "{words}");
    let output = site.phoenix(&["firewall", "test", "--matrix", "--output-format", "json"]);
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(
        value["matrix"]
            .as_array()
            .is_some_and(|cells| cells.len() > 10)
    );
}

#[test]
fn nobody_is_locked_out_unless_that_is_meant() {
    let site = Scratch::with_site();
    let ssh = [
        "add",
        "global",
        "--direction",
        "in",
        "--action",
        "DROP",
        "--source",
        "10.0.0.0/24",
        "--before",
        "0",
    ];
    let words = refused(&site, &ssh);
    assert!(
        words.contains("port 22 of the host") && words.contains("port 8006 of the host"),
        "{words}"
    );
    let link = ["remove", "vm:1001", "--port", "2376"];
    let words = refused(&site, &link);
    assert!(
        words.contains("would cut Traefik to Docker (10.0.0.12 -> 10.0.0.111 port 2376)")
            && words.contains("missing would be: IN ACCEPT -source 10.0.0.12 -p tcp -dport 2376"),
        "{words}"
    );
    edit(&site, &[&link[..], &["--allow-lockout"]].concat());
}

#[test]
fn rules_are_rendered_once_and_what_is_not_ours_stays() {
    let site = Scratch::with_site();
    let pve = site.0.join("etc/pve");
    fs::create_dir_all(pve.join("nodes/pve1")).unwrap();
    fs::create_dir_all(pve.join("firewall")).unwrap();
    // As the old generator left it, with a rule that the site no longer has.
    let old = "[OPTIONS]\nenable: 1\n\n[RULES]\nIN ACCEPT -p tcp -dport 7 # gone\n";
    fs::write(pve.join("firewall/1001.fw"), old).unwrap();
    // And one that somebody wrote.
    let own = "# by hand\n[OPTIONS]\n\nenable: 1\ndhcp: 0\n\n[RULES]\n\nIN SSH(ACCEPT)   # mine\n";
    fs::write(pve.join("firewall/1002.fw"), own).unwrap();
    let read = |name: &str| fs::read_to_string(pve.join(name)).unwrap();
    let dry = site.phoenix(&["firewall", "render", "--dry-run"]);
    assert_eq!(dry.status.code(), Some(0), "{}", stderr(&dry));
    assert!(!pve.join("firewall/cluster.fw").exists());
    let first = site.phoenix(&["firewall", "render"]);
    assert_eq!(first.status.code(), Some(0), "{}", stderr(&first));
    assert!(stdout(&first).contains("taken over: IN ACCEPT -p tcp -dport 7 # gone"));
    let manager = read("firewall/1001.fw");
    assert!(!manager.contains("dport 7 "), "{manager}");
    assert!(
        manager.contains("IN ACCEPT -source 10.0.0.12 -p tcp -dport 2376 # Traefik to the Docker API over TLS [phx:"),
        "{manager}"
    );
    assert!(
        read("firewall/1002.fw").starts_with(own),
        "{}",
        read("firewall/1002.fw")
    );
    assert!(
        read("firewall/cluster.fw").starts_with(
            "[OPTIONS]\n\nenable: 1\npolicy_in: DROP\npolicy_out: ACCEPT\n\n[RULES]\n\nIN ACCEPT"
        ),
        "{}",
        read("firewall/cluster.fw")
    );
    assert_eq!(read("nodes/pve1/host.fw"), "[OPTIONS]\n\nenable: 1\n");
    let again = site.phoenix(&["firewall", "render"]);
    assert!(
        stdout(&again).contains("nothing to do"),
        "{}",
        stdout(&again)
    );
    let test = [
        "firewall",
        "test",
        "--from",
        "10.0.0.77",
        "--to",
        "vm:1002",
        "--port",
        "22",
    ];
    let judged = stdout(&site.phoenix(&[&test[..], &["--installed"]].concat()));
    assert!(
        judged.starts_with("ACCEPT") && judged.contains("/etc/pve/firewall/1002.fw:9:1"),
        "{judged}"
    );
    assert!(stdout(&site.phoenix(&test)).starts_with("DROP"));
    let matrix = stdout(&site.phoenix(&["firewall", "test", "--matrix"]));
    assert!(
        matrix.ends_with("Proxmox's files admit the same now\n"),
        "{matrix}"
    );
    let cut = ["remove", "vm:1001", "--port", "9001", "--allow-lockout"];
    assert_eq!(
        site.phoenix(&[&["firewall"], &cut[..]].concat())
            .status
            .code(),
        Some(0)
    );
    edit(
        &site,
        &[
            "add",
            "vm:1001",
            "--direction",
            "in",
            "--action",
            "ACCEPT",
            "--source",
            "10.0.0.102",
            "--proto",
            "tcp",
            "--port",
            "4321",
        ],
    );
    let matrix = stdout(&site.phoenix(&["firewall", "test", "--matrix"]));
    assert!(
        matrix.contains("vm:1002 -> vm:1001\n  now   tcp ") && matrix.contains("4321,"),
        "{matrix}"
    );
    edit(&site, &["remove", "vm:1001", "--port", "4321"]);
    // A way in that is there stays there.
    let cluster = read("firewall/cluster.fw");
    let mine = cluster.replacen(
        "[RULES]\n\n",
        "[RULES]\n\nIN ACCEPT -source 203.0.113.0/24 -p tcp -dport 8006 [phx:0]\n",
        1,
    );
    let mine = mine.replace(" [phx:0]", " # [phx:00]");
    fs::write(pve.join("firewall/cluster.fw"), &mine).unwrap();
    let refused = site.phoenix(&["firewall", "render"]);
    assert_eq!(refused.status.code(), Some(2), "{}", stdout(&refused));
    assert!(
        stderr(&refused).contains("port 8006 of the host from 203.0.113.0"),
        "{}",
        stderr(&refused)
    );
    assert_eq!(read("firewall/cluster.fw"), mine);
    let meant = site.phoenix(&["firewall", "render", "--allow-lockout"]);
    assert_eq!(meant.status.code(), Some(0), "{}", stderr(&meant));
    assert_eq!(read("firewall/cluster.fw"), cluster);
}

#[test]
fn what_proxmox_would_ignore_is_not_rendered() {
    let site = Scratch::with_site();
    let path = site.etc().join(VMS);
    let text = text(&site, VMS);
    for (from, to, expected) in [
        (
            "\"port\": \"2375\"",
            "\"dport\": \"2375\"",
            "did you mean `port`?",
        ),
        ("\"proto\": \"tcp\",", "", "`port` without `proto`"),
    ] {
        fs::write(&path, text.replacen(from, to, 1)).unwrap();
        let output = site.phoenix(&["firewall", "render"]);
        assert_eq!(output.status.code(), Some(2), "{}", stdout(&output));
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
        assert!(!site.0.join("etc/pve").exists());
    }
}

/// A real edit by command lines: each line's words are parted by `|`.
fn reproduces(pair: &str, name: &str, commands: &[&str]) {
    let Some(pairs) = super::real_pairs() else {
        return;
    };
    let site = Scratch::new();
    fs::create_dir_all(site.etc()).unwrap();
    fs::copy(pairs.join(pair).join("before.json"), site.etc().join(name)).unwrap();
    for command in commands {
        let words: Vec<&str> = command.split('|').collect();
        edit(&site, &words);
    }
    let expected = fs::read_to_string(pairs.join(pair).join("after.json")).unwrap();
    assert_eq!(text(&site, name), expected, "{pair}");
}

#[test]
fn real_edit_one_rule_appended() {
    reproduces(
        "lxc-append-one-rule",
        LXCS,
        &[
            "add|lxc:102|--direction|in|--action|ACCEPT|--source|10.0.0.153|--proto|tcp|--port|8443|--comment|Allow Nginx to proxy to Traefik's websecure entrypoint|--before|2",
        ],
    );
}

#[test]
fn real_edit_a_list_of_rules_made() {
    reproduces(
        "lxc-create-rules-array",
        LXCS,
        &["add|lxc:101|--direction|out|--action|ACCEPT|--dest|10.0.0.101|--proto|tcp|--port|9443"],
    );
}

#[test]
fn real_edit_https_and_the_encrypted_docker_port_of_two_containers() {
    reproduces(
        "lxc-docker-2376-and-https",
        LXCS,
        &[
            "set|lxc:101|--direction|out|--dest|10.0.0.12|--port|80|port=443|comment=Allow Nginx to proxy to Traefik over HTTPS",
            "set|lxc:102|--comment|Allow Nginx (10.0.0.153) to proxy web traffic|port=443|comment=Allow Nginx (10.0.0.153) to proxy HTTPS web traffic",
            "set|lxc:102|--port|2375|port=2376|comment=Allow Traefik to connect to the secure Docker API",
        ],
    );
}

#[test]
fn real_edit_the_encrypted_docker_port_and_nfs_turned_around() {
    reproduces(
        "vm-docker-2376-and-nfs-direction",
        VMS,
        &[
            "set|vm:1001|--source|10.0.0.13|--port|111|--expect|2|direction=out|dest=10.0.0.13|source=|comment=Allow NFS rpcbind to hypervisor",
            "set|vm:1001|--source|10.0.0.13|--port|2049|--expect|2|direction=out|dest=10.0.0.13|source=|comment=Allow NFS to hypervisor",
            "set|vm:1001|--source|10.0.0.13|--port|20048|--expect|2|direction=out|dest=10.0.0.13|source=|comment=Allow NFS mountd to hypervisor",
            "set|vm:1001|--port|2375|port=2376|comment=Allow Traefik to access the secure Docker API",
        ],
    );
}

#[test]
fn real_edit_a_subnet_becomes_hosts() {
    reproduces(
        "vm-drop-subnet-add-hosts",
        VMS,
        &[
            "set|vm:1001|--port|9443|--source|10.0.0.0/24|source=10.0.0.12",
            "add|vm:1001|--direction|in|--action|ACCEPT|--source|10.0.0.13|--proto|tcp|--port|9443|--comment|Allow Proxmox host to access Portainer API",
            "add|vm:1002|--direction|in|--action|ACCEPT|--proto|tcp|--port|6333|--comment|Allow access to Qdrant HTTP API",
            "add|vm:1002|--direction|in|--action|ACCEPT|--proto|tcp|--port|6334|--comment|Allow access to Qdrant gRPC API",
        ],
    );
}

/// Where the object goes is the operator's taste, so the verb for any file makes it; the rules are typed.
#[test]
fn real_edit_a_firewall_made() {
    let Some(pairs) = super::real_pairs() else {
        return;
    };
    let pair = pairs.join("lxc-create-firewall-object");
    let site = Scratch::new();
    fs::create_dir_all(site.etc()).unwrap();
    fs::copy(pair.join("before.json"), site.etc().join(LXCS)).unwrap();
    let made = site.phoenix(&[
        "edit",
        &format!("etc/{LXCS}"),
        "insert",
        "/lxc_configs/102/firewall",
        r#"{"enabled": true, "rules": []}"#,
        "--after",
        "lxc_options",
    ]);
    assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
    for port in ["443", "80"] {
        edit(
            &site,
            &[
                "add",
                "lxc:102",
                "--direction",
                "in",
                "--action",
                "ACCEPT",
                "--source",
                "10.0.0.153",
                "--proto",
                "tcp",
                "--port",
                port,
            ],
        );
    }
    let expected = fs::read_to_string(pair.join("after.json")).unwrap();
    assert_eq!(text(&site, LXCS), expected);
}
