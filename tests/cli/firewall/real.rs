//! The operator's real edits by command lines.

use std::fs;

use super::{LXCS, VMS, edit, text};
use crate::{Scratch, real_pairs, stderr};

/// A real edit by command lines: each line's words are parted by `|`.
fn reproduces(pair: &str, name: &str, commands: &[&str]) {
    let Some(pairs) = real_pairs() else {
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
    let Some(pairs) = real_pairs() else {
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
