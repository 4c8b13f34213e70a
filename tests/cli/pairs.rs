//! Files before and after real edits, and the command lines that make one of the other, byte for byte.
//!
//! A command is split at blanks. `FILE` is the file; `=` is the text that the file after the edit has at the pointer in
//! the word before, and `=POINTER` the text that it has there; `{1-3}` repeats the command with 1, 2 and 3.

use std::fs;
use std::path::{Path, PathBuf};

use phoenix_core::document::{Document, Format};

use super::{Scratch, repository, stderr, stdout};

/// A pair by its directory's name, the site's file that it is a state of, and the commands.
struct Pair(&'static str, &'static str, &'static [&'static str]);

const LXC: &str = "etc/phoenix_lxc_configs.json";
const VM: &str = "etc/phoenix_vm_configs.json";
const MANIFEST: &str = "etc/certificate-manifest.json";
const TEMPLATE: &str = "etc/traefik/traefik.yml.template";

/// Those of the repository.
const OURS: &[Pair] = &[
    Pair(
        "set-port",
        LXC,
        &[
            "edit FILE set /lxc_configs/101/firewall/rules/1/port \"2376\"",
            "edit FILE set /lxc_configs/101/firewall/rules/0/comment =",
        ],
    ),
    Pair(
        "append-rule",
        LXC,
        &["edit FILE insert /lxc_configs/101/firewall/rules/- =/lxc_configs/101/firewall/rules/2"],
    ),
    Pair(
        "insert-rule-between",
        LXC,
        &[
            "edit FILE insert /lxc_configs/101/firewall/rules/- =/lxc_configs/101/firewall/rules/1 --after 0",
        ],
    ),
    Pair(
        "create-rules-array",
        LXC,
        &["edit FILE insert /lxc_configs/102/firewall/rules ="],
    ),
    Pair(
        "create-firewall-object",
        LXC,
        &["edit FILE insert /lxc_configs/103/firewall = --before notes"],
    ),
    Pair(
        "turn-direction",
        LXC,
        &[
            "edit FILE set /lxc_configs/101/firewall/rules/1/type in",
            "edit FILE insert /lxc_configs/101/firewall/rules/1/source 10.0.0.102 --after dest",
            "edit FILE remove /lxc_configs/101/firewall/rules/1/dest",
        ],
    ),
    Pair(
        "drop-rule",
        LXC,
        &["edit FILE remove /lxc_configs/101/firewall/rules/0"],
    ),
    Pair(
        "fill-empty-arrays",
        LXC,
        &[
            "edit FILE insert /lxc_configs/102/features/- base_setup",
            "edit FILE insert /lxc_configs/101/features/1 tls",
        ],
    ),
    Pair("manifest-add", MANIFEST, &["edit FILE insert /- =/2"]),
    Pair("manifest-add-crlf", MANIFEST, &["edit FILE insert /2 ="]),
    Pair(
        "manifest-sans-to-wildcard",
        MANIFEST,
        &["edit FILE set /0/sans [\"*.internal.example\"]"],
    ),
    Pair(
        "manifest-sans-fewer",
        MANIFEST,
        &["edit FILE remove /0/sans/1", "edit FILE remove /0/sans/0"],
    ),
    Pair(
        "manifest-order",
        MANIFEST,
        &["edit FILE move /1 --before 0"],
    ),
    Pair(
        "one-line",
        "etc/one-line.json",
        &[
            "edit FILE insert /a/b/- {\"x\":1,\"y\":[]}",
            "edit FILE insert /a/c/e true",
        ],
    ),
    Pair(
        "template-port",
        TEMPLATE,
        &[
            "template set FILE entryPoints.web.address=:8000 entryPoints.admin.address=:9090 log.level=DEBUG",
        ],
    ),
    Pair(
        "template-tls",
        TEMPLATE,
        &[
            "template set FILE providers.docker.endpoint=tcp://10.0.0.111:2376 providers.docker.apiVersion=",
            "template set FILE --add entryPoints.websecure.address=:443 \
             providers.docker.tls.ca=/etc/traefik/certs/ca.pem providers.docker.tls.insecureSkipVerify=false",
        ],
    ),
    Pair(
        "template-jinja-crlf",
        TEMPLATE,
        &[
            "edit FILE set /providers/docker/endpoint =",
            "edit FILE insert /providers/docker/network public",
        ],
    ),
    Pair(
        "yaml-lists",
        "etc/dynamic.yml",
        &[
            "edit FILE set /http/services/a/loadBalancer/servers/0/url https://10.0.0.1:443",
            "edit FILE set /http/services/a/loadBalancer/servers/1/url http://10.0.0.3:80",
            "edit FILE insert /http/routers/a/middlewares/- =/http/routers/a/middlewares/2",
            "edit FILE insert /http/middlewares/strip/stripPrefix/prefixes/0 =",
        ],
    ),
    Pair(
        "toml",
        "etc/phoenix.toml",
        &[
            "edit FILE set /ca/url https://10.0.0.10:9443",
            "edit FILE insert /ca/roots/- c",
            "edit FILE insert /ca/provisioner admin --before url",
            "edit FILE set /policy/renew/before 0.25",
            "edit FILE insert /policy/renew/window 02:00",
        ],
    ),
];

/// Those of the operator's files, which are not part of the repository.
const CORPUS: &[Pair] = &[
    Pair(
        "lxc-append-one-rule",
        LXC,
        &["edit FILE insert /lxc_configs/102/firewall/rules/2 ="],
    ),
    Pair(
        "lxc-create-firewall-object",
        LXC,
        &["edit FILE insert /lxc_configs/102/firewall = --before zfs_volumes"],
    ),
    Pair(
        "lxc-create-rules-array",
        LXC,
        &["edit FILE insert /lxc_configs/101/firewall/rules ="],
    ),
    Pair(
        "lxc-docker-2376-and-https",
        LXC,
        &[
            "edit FILE set /lxc_configs/101/firewall/rules/3/port =",
            "edit FILE set /lxc_configs/101/firewall/rules/3/comment =",
            "edit FILE set /lxc_configs/102/firewall/rules/1/port =",
            "edit FILE set /lxc_configs/102/firewall/rules/1/comment =",
            "edit FILE set /lxc_configs/102/firewall/rules/14/port =",
            "edit FILE set /lxc_configs/102/firewall/rules/14/comment =",
        ],
    ),
    Pair("manifest-add-agent", MANIFEST, &["edit FILE insert /3 ="]),
    Pair(
        "manifest-sans-to-wildcard",
        MANIFEST,
        &["edit FILE set /0/sans ="],
    ),
    Pair(
        "manifest-the-plan",
        MANIFEST,
        &[
            "edit FILE remove /4/sans/3",
            "edit FILE remove /4/sans/2",
            "edit FILE remove /4/sans/0",
            "edit FILE set /{4-5}/cert_path =",
            "edit FILE set /{4-5}/key_path =",
            "edit FILE set /5/permissions =",
            "edit FILE set /5/post_renewal_command =",
        ],
    ),
    Pair(
        "template-port",
        TEMPLATE,
        &["template set FILE entryPoints.websecure.address=:8443"],
    ),
    Pair(
        "template-the-plan",
        TEMPLATE,
        &[
            "template set FILE providers.docker.endpoint=tcp://10.0.0.111:2376 providers.docker.apiVersion=",
            "edit FILE insert /entryPoints/websecure {\"address\":\":443\"} --after web",
            "template set FILE --add providers.docker.tls.ca=/etc/traefik/certs/ca.pem \
             providers.docker.tls.cert=/etc/traefik/certs/client-cert.pem \
             providers.docker.tls.key=/etc/traefik/certs/client-key.pem \
             providers.docker.tls.insecureSkipVerify=false",
        ],
    ),
    Pair(
        "vm-docker-2376-and-nfs-direction",
        VM,
        &[
            "edit FILE set /vms/1/firewall/rules/{17-22}/type out",
            "edit FILE insert /vms/1/firewall/rules/{17-22}/dest = --before port",
            "edit FILE remove /vms/1/firewall/rules/{17-22}/source",
            "edit FILE set /vms/1/firewall/rules/{17-22}/comment =",
            "edit FILE set /vms/1/firewall/rules/25/port =",
            "edit FILE set /vms/1/firewall/rules/25/comment =",
        ],
    ),
    Pair(
        "vm-drop-subnet-add-hosts",
        VM,
        &[
            "edit FILE set /vms/1/firewall/rules/0/source 10.0.0.12",
            "edit FILE insert /vms/1/firewall/rules/1 =",
            "edit FILE insert /vms/2/firewall/rules/{1-2} =",
        ],
    ),
];

impl Pair {
    /// The one file called `before.*` or `after.*`.
    fn read(dir: &Path, side: &str) -> (PathBuf, String) {
        let path = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| {
                path.file_name()
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .starts_with(side)
            })
            .unwrap_or_else(|| panic!("no {side} in {}", dir.display()));
        let text = fs::read_to_string(&path).unwrap();
        (path, text)
    }

    fn reproduce(&self, pairs: &Path) {
        let Self(name, file, commands) = self;
        let dir = pairs.join(name);
        let (_, before) = Self::read(&dir, "before");
        let (path, after) = Self::read(&dir, "after");
        let format = Format::of(&path).unwrap();
        let wanted = Document::parse(&path, after.clone().into(), format).unwrap();
        let site = Scratch::with_site();
        let on_disk = site.0.join("usr/local/phoenix_hypervisor").join(file);
        fs::write(&on_disk, &before).unwrap();
        for command in commands.iter().flat_map(|command| repeated(command)) {
            let mut words: Vec<String> = Vec::new();
            for word in command.split_whitespace() {
                let pointer = match word.strip_prefix('=') {
                    Some("") => words.last().cloned(),
                    Some(pointer) => Some(pointer.to_owned()),
                    None => None,
                };
                words.push(match pointer {
                    None if word == "FILE" => (*file).to_owned(),
                    None => word.to_owned(),
                    Some(pointer) => {
                        let value = wanted
                            .root()
                            .at(&pointer)
                            .unwrap_or_else(|| panic!("{pointer}"));
                        value.to_value().unwrap().to_json()
                    }
                });
            }
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let output = site.phoenix(&words);
            assert_eq!(
                output.status.code(),
                Some(0),
                "{name}: {command}\n{}",
                stderr(&output)
            );
            assert!(
                stdout(&output).ends_with("1 file changed\n"),
                "{name}: {command}"
            );
        }
        let made = fs::read_to_string(&on_disk).unwrap();
        assert!(
            made == after,
            "{name}:\n{}",
            phoenix_core::document::unified_diff(&path, &after, &made, 3)
        );
    }
}

/// The command once for each number of its `{1-3}`.
fn repeated(command: &str) -> Vec<String> {
    let range = command.split_once('{').and_then(|(front, rest)| {
        let (range, back) = rest.split_once('}')?;
        let (first, last) = range.split_once('-')?;
        Some((front, first.parse::<u32>().ok()?..=last.parse().ok()?, back))
    });
    match range {
        Some((front, range, back)) => range.map(|i| format!("{front}{i}{back}")).collect(),
        None => vec![command.to_owned()],
    }
}

fn reproduce_all(pairs: &Path, table: &[Pair]) {
    let mut names: Vec<String> = fs::read_dir(pairs)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.retain(|name| !table.iter().any(|Pair(known, ..)| known == name));
    assert!(
        names.is_empty(),
        "no command lines for {}",
        names.join(", ")
    );
    for pair in table {
        pair.reproduce(pairs);
    }
}

#[test]
fn edits_of_every_kind_come_out_byte_for_byte() {
    reproduce_all(&repository().join("tests/fixtures/pairs"), OURS);
}

#[test]
fn the_operators_edits_come_out_byte_for_byte() {
    let Some(pairs) = super::real_pairs() else {
        return;
    };
    reproduce_all(&pairs, CORPUS);
}
