//! What goes wrong on the way of a pair: each has its own words with the place, the old pair is still served, the run
//! ends with 1, and the next one completes.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::mounts::{phoenix_with_tools, with_tools};
use super::run::{NAME, real_site};
use super::*;

fn said(output: &Output) -> String {
    format!("{}{}", stdout(output), stderr(output))
}

struct Site {
    scratch: Scratch,
    mounted: Vec<PathBuf>,
}

impl Site {
    /// One pair on the machine and in a container; `tmpfs` names the side that has a small file system of its own.
    fn new(tmpfs: Option<&str>) -> Self {
        let scratch = real_site("\"true\"");
        with_tools(&scratch);
        fs::create_dir(scratch.0.join("inside")).unwrap();
        let mut site = Self {
            scratch,
            mounted: Vec::new(),
        };
        if let Some(side) = tmpfs {
            let dir = site.path(side);
            assert!(run(
                "mount",
                &[
                    "-t",
                    "tmpfs",
                    "-o",
                    "size=256k",
                    "none",
                    dir.to_str().unwrap()
                ]
            ));
            site.mounted.push(dir);
        }
        site.manifest("");
        let lxcs = r#"{"lxc_configs": {"7": {"name": "a"}}}"#;
        fs::write(site.path("site/etc/phoenix_lxc_configs.json"), lxcs).unwrap();
        let first = site.phoenix(&["sync", "certs"]);
        assert_eq!(first.status.code(), Some(0), "{}", said(&first));
        site
    }

    fn manifest(&self, more: &str) {
        let dir = self.scratch.0.display();
        let manifest = format!(
            r#"[{{"common_name": "{NAME}", "cert_path": "{dir}/pair/a.crt", "key_path": "{dir}/pair/a.key", "permissions": "600",{more}
                "deploy": [{{"guest": "lxc:7", "cert": "{dir}/inside/a.crt", "key": "{dir}/inside/a.key"}}]}}]"#
        );
        fs::write(self.path("site/etc/certificate-manifest.json"), manifest).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.scratch.0.join(name)
    }

    /// Where the container's pair has its versions.
    fn slug(&self) -> PathBuf {
        let mut all = fs::read_dir(self.path("inside/.phoenix")).unwrap();
        all.next().unwrap().unwrap().path()
    }

    fn phoenix(&self, words: &[&str]) -> Output {
        phoenix_with_tools(&self.scratch, words)
    }

    /// Certificate and key of a side.
    fn pair(&self, side: &str) -> [Vec<u8>; 2] {
        ["a.crt", "a.key"].map(|name| fs::read(self.path(side).join(name)).unwrap())
    }

    /// Puts words before what the container's `pct exec` does.
    fn in_container(&self, script: &str) {
        let pct = self.path("bin/pct");
        fs::rename(&pct, self.path("bin/pct-of-before")).unwrap();
        let dir = self.scratch.0.display();
        let text = format!(
            "#!/bin/sh\nreal={dir}/bin/pct-of-before\ncase $1 in exec) ;; *) exec $real \"$@\" ;; esac\n{script}\n"
        );
        fs::write(&pct, text).unwrap();
        fs::set_permissions(&pct, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn container_mended(&self) {
        fs::rename(self.path("bin/pct-of-before"), self.path("bin/pct")).unwrap();
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        for dir in &self.mounted {
            run("umount", &["-l", dir.to_str().unwrap()]);
        }
    }
}

fn run(program: &str, words: &[&str]) -> bool {
    Command::new(program)
        .args(words)
        .output()
        .is_ok_and(|output| output.status.success())
}

fn fill(dir: &Path) {
    let _ = fs::write(dir.join("filler"), vec![0; 1 << 20]);
}

struct Fault {
    name: &'static str,
    tmpfs: Option<&'static str>,
    act: fn(&Site),
    mend: fn(&Site),
    /// What the failed run says.
    words: &'static [&'static str],
}

/// The first call looks, the second delivers.
const BREAKS_OFF: &str = r#"if [ -e "$0.looked" ]; then head -c 900 | timeout 5 $real "$@" | head -c 60; exit 137; fi
: >"$0.looked"; exec $real "$@""#;
const GARBAGE: &str = r#"if [ -e "$0.looked" ]; then cat >/dev/null; echo 'Please change your password'; exit 0; fi
: >"$0.looked"; exec $real "$@""#;
const ASKED: &str = "so the CA was not asked";

const FAULTS: &[Fault] = &[
    Fault {
        name: "a directory where the root is to be",
        tmpfs: None,
        act: |site| {
            let ca = site.path("pair/ca.pem");
            fs::create_dir(&ca).unwrap();
            site.manifest(&format!("\"ca_path\": \"{}\",", ca.display()));
        },
        mend: |site| fs::remove_dir(site.path("pair/ca.pem")).unwrap(),
        words: &[ASKED, "/pair/ca.pem", "directory"],
    },
    Fault {
        name: "a read-only file system",
        tmpfs: Some("pair"),
        act: |site| {
            let dir = site.path("pair");
            assert!(run("mount", &["-o", "remount,ro", dir.to_str().unwrap()]));
        },
        mend: |site| {
            let dir = site.path("pair");
            assert!(run("mount", &["-o", "remount,rw", dir.to_str().unwrap()]));
        },
        words: &[ASKED, "/pair", "Read-only file system"],
    },
    Fault {
        name: "a full file system",
        tmpfs: Some("pair"),
        act: |site| fill(&site.path("pair")),
        mend: |site| fs::remove_file(site.path("pair/filler")).unwrap(),
        words: &[ASKED, "/pair", "No space left on device"],
    },
    Fault {
        name: "no such user",
        tmpfs: None,
        act: |site| site.manifest("\"owner\": \"nobody-of-this-name:root\","),
        mend: |site| site.manifest(""),
        words: &[ASKED, "nobody-of-this-name", "create the user"],
    },
    Fault {
        name: "no such user in the guest",
        tmpfs: None,
        act: |site| {
            site.manifest("");
            let path = site.path("site/etc/certificate-manifest.json");
            let text = fs::read_to_string(&path).unwrap();
            let text = text.replace(
                "\"guest\": \"lxc:7\",",
                "\"guest\": \"lxc:7\", \"owner\": \"only-elsewhere:root\",",
            );
            fs::write(path, text).unwrap();
        },
        mend: |site| site.manifest(""),
        words: &[
            "lxc:7 refused the delivery",
            "could not set the owner",
            "only-elsewhere",
        ],
    },
    Fault {
        name: "a planted current",
        tmpfs: None,
        act: |site| {
            let slug = site.slug();
            fs::rename(slug.join("current"), slug.join("current-aside")).unwrap();
            let served = fs::read_link(slug.join("current-aside")).unwrap();
            for name in ["a.crt", "a.key"] {
                let file = if name == "a.crt" {
                    "fullchain.pem"
                } else {
                    "key.pem"
                };
                let path = site.path("inside").join(name);
                let bytes = fs::read(slug.join(&served).join(file)).unwrap();
                fs::remove_file(&path).unwrap();
                fs::write(path, bytes).unwrap();
            }
            symlink("/etc", slug.join("current")).unwrap();
        },
        mend: |site| {
            let slug = site.slug();
            fs::rename(slug.join("current-aside"), slug.join("current")).unwrap();
        },
        words: &["found what is not ours", "current points to /etc"],
    },
    Fault {
        name: "an immutable file",
        tmpfs: None,
        act: |site| {
            let slug = site.slug();
            run("chattr", &["+i", slug.to_str().unwrap()]);
        },
        mend: |site| {
            let slug = site.slug();
            run("chattr", &["-i", slug.to_str().unwrap()]);
        },
        words: &["lxc:7 refused the delivery", "Operation not permitted"],
    },
    Fault {
        name: "a guest that stops in the middle",
        tmpfs: None,
        act: |site| site.in_container(BREAKS_OFF),
        mend: Site::container_mended,
        words: &["the call into lxc:7 broke off"],
    },
    Fault {
        name: "a guest's full disk",
        tmpfs: Some("inside"),
        act: |site| fill(&site.path("inside")),
        mend: |site| fs::remove_file(site.path("inside/filler")).unwrap(),
        words: &["lxc:7 refused the delivery", "No space left"],
    },
    Fault {
        name: "no pct",
        tmpfs: None,
        act: |site| fs::rename(site.path("bin/pct"), site.path("bin/pct-of-before")).unwrap(),
        mend: Site::container_mended,
        words: &["blocked  lxc:7", "could not find the program `pct`"],
    },
    Fault {
        name: "a transport that prints garbage",
        tmpfs: None,
        act: |site| site.in_container(GARBAGE),
        mend: Site::container_mended,
        words: &[
            "the answer of lxc:7 is garbled",
            "Please change your password",
        ],
    },
    Fault {
        name: "a hash that differs after the write",
        tmpfs: None,
        act: |site| {
            fs::create_dir(site.path("wrong")).unwrap();
            let tool = site.path("wrong/sha256sum");
            fs::write(&tool, "#!/bin/sh\ncat >/dev/null\necho 00ff -\n").unwrap();
            fs::set_permissions(tool, fs::Permissions::from_mode(0o755)).unwrap();
            site.in_container(&format!(
                "if [ -e \"$0.looked\" ]; then PATH={}:$PATH exec $real \"$@\"; fi\n: >\"$0.looked\"; exec $real \"$@\"",
                site.path("wrong").display()
            ));
        },
        mend: Site::container_mended,
        words: &[
            "lxc:7 refused the delivery",
            "could not confirm what was written",
        ],
    },
];

#[test]
fn each_fault_has_its_words_keeps_the_old_pair_served_and_the_next_run_completes() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    for fault in FAULTS {
        let name = fault.name;
        let site = Site::new(fault.tmpfs);
        let before = [site.pair("pair"), site.pair("inside")];
        assert_eq!(before[0], before[1]);
        (fault.act)(&site);
        let failed = site.phoenix(&["sync", "certs", "--force"]);
        let text = said(&failed);
        let after = [site.pair("pair"), site.pair("inside")];
        (fault.mend)(&site);
        if name == "an immutable file" && failed.status.code() == Some(0) {
            continue;
        }
        assert_eq!(failed.status.code(), Some(1), "{name}: {text}");
        for words in fault.words {
            assert!(text.contains(words), "{name}: no {words:?} in {text}");
        }
        // A guest that cannot be reached is no reason to keep the others waiting: it gets its pair when it can.
        let waits = text.contains("blocked  lxc:7");
        assert_eq!(after[1], before[1], "{name}");
        assert!(waits || after[0] == before[0], "{name}: {text}");
        let next = site.phoenix(&["sync", "certs"]);
        assert_eq!(next.status.code(), Some(0), "{name}: {}", said(&next));
        assert_eq!(site.pair("pair"), site.pair("inside"), "{name}");
        let quiet = site.phoenix(&["sync", "certs", "--unattended", "-q"]);
        assert_eq!(said(&quiet), "", "{name}");
    }
}
