//! Trust stores: the host's own and a container's, made by the real `update-ca-certificates` in the test's directory.

use super::mounts::{phoenix_with_tools, tool};
use super::run::real_site;
use super::*;

/// A site whose host and container 7 are to trust the root; their stores are directories of the test's own.
struct Stores(Scratch);

impl Stores {
    fn new() -> Option<Self> {
        if !Path::new("/usr/sbin/update-ca-certificates").exists() {
            return None;
        }
        let scratch = real_site("\"true\"");
        let dir = scratch.0.display().to_string();
        let guest = r#"{"lxc_configs": {"7": {"name": "a", "features": ["trusted_ca"]}}}"#;
        fs::write(scratch.0.join("site/etc/phoenix_lxc_configs.json"), guest).unwrap();
        let settings = format!(
            "[trust]\nhost = true\nhost_file = \"{dir}/host/ours.crt\"\nguest_file = \"{dir}/guest/ours.crt\"\n\
             bundle = \"{dir}/etc/ca-certificates.crt\"\n"
        );
        fs::write(scratch.0.join("site/etc/phoenix.toml"), settings).unwrap();
        for name in ["bin", "etc", "host", "guest", "usr", "hooks"] {
            fs::create_dir(scratch.0.join(name)).unwrap();
        }
        fs::write(scratch.0.join("conf"), "").unwrap();
        let stores = Self(scratch);
        stores.tool(
            "pct",
            "case $1 in status) echo 'status: running' ;; exec) shift 3; exec \"$@\" ;; esac",
        );
        stores.updating("");
        Some(stores)
    }

    /// Both machines have one store here: of the files of both.
    fn updating(&self, first: &str) {
        let dir = self.0.0.display();
        self.tool(
            "update-ca-certificates",
            &format!(
                "{first}\necho \"$*\" >>{dir}/updates\nmkdir -p {dir}/local\ncp {dir}/host/*.crt {dir}/local/host.crt 2>/dev/null\n\
                 cp {dir}/guest/*.crt {dir}/local/guest.crt 2>/dev/null\n\
                 exec /usr/sbin/update-ca-certificates --certsconf {dir}/conf --certsdir {dir}/usr --localcertsdir {dir}/local \
                 --etccertsdir {dir}/etc --hooksdir {dir}/hooks \"$@\""
            ),
        );
    }

    fn tool(&self, name: &str, script: &str) {
        tool(&self.0, name, script);
    }

    fn phoenix(&self, words: &[&str]) -> Output {
        phoenix_with_tools(&self.0, words)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.0.join(name)).unwrap_or_default()
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", stdout(output), stderr(output))
}

#[test]
fn the_root_is_put_into_stores_once_and_again_when_it_is_missed() {
    let Some(stores) = Stores::new() else { return };
    let output = stores.phoenix(&["sync", "all"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let text = stdout(&output);
    assert!(
        text.contains("done     trust root on host  the root is in"),
        "{text}"
    );
    assert!(
        text.contains("done     trust root in lxc:7  the root is in"),
        "{text}"
    );
    let root = stores.read("guest/ours.crt");
    assert!(root.starts_with("-----BEGIN CERTIFICATE-----"));
    assert_eq!(root, stores.read("host/ours.crt"));
    assert!(stores.read("etc/ca-certificates.crt").contains(root.trim()));
    let updates = stores.read("updates").lines().count();
    let again = stores.phoenix(&["sync", "all", "-q", "--unattended"]);
    assert_eq!(said(&again), "");
    assert_eq!(stores.read("updates").lines().count(), updates);
    // Somebody made the store without it, and put another root in the guest's file.
    fs::write(stores.0.0.join("etc/ca-certificates.crt"), "").unwrap();
    fs::write(stores.0.0.join("guest/ours.crt"), "another").unwrap();
    let plan = stdout(&stores.phoenix(&["plan", "all"]));
    assert!(
        plan.contains("trust root on host  the root's file is there, the store was not made of it"),
        "{plan}"
    );
    assert!(
        plan.contains("trust root in lxc:7  the trust store holds another root"),
        "{plan}"
    );
    let repaired = stores.phoenix(&["sync", "all"]);
    assert_eq!(repaired.status.code(), Some(0), "{}", said(&repaired));
    assert_eq!(stores.read("guest/ours.crt"), root);
    assert!(stores.read("etc/ca-certificates.crt").contains(root.trim()));
}

#[test]
fn a_store_that_does_not_take_the_root_is_put_back_and_the_rest_goes_on() {
    let Some(stores) = Stores::new() else { return };
    stores.updating("echo 'out of memory' >&2; exit 3");
    fs::write(stores.0.0.join("guest/ours.crt"), "of before").unwrap();
    let output = stores.phoenix(&["sync", "all"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let text = stdout(&output);
    assert!(text.contains("failed   trust root in lxc:7"), "{text}");
    assert!(text.contains("out of memory"), "{text}");
    assert!(text.contains("done     deploy"), "{text}");
    assert_eq!(stores.read("guest/ours.crt"), "of before");
    assert!(!stores.0.0.join("host/ours.crt").exists());
    // One that says it went well and did nothing is found out.
    stores.updating("exit 0");
    let text = stdout(&stores.phoenix(&["sync", "all"]));
    assert!(text.contains("went well, and the root is not in"), "{text}");
    assert!(text.contains("the store was put back as it was"), "{text}");
    assert_eq!(stores.read("guest/ours.crt"), "of before");
}

#[test]
fn nothing_is_trusted_where_the_site_does_not_ask() {
    let Some(stores) = Stores::new() else { return };
    fs::remove_file(stores.0.0.join("site/etc/phoenix.toml")).unwrap();
    let guest = r#"{"lxc_configs": {"7": {"name": "a", "features": []}}}"#;
    fs::write(stores.0.0.join("site/etc/phoenix_lxc_configs.json"), guest).unwrap();
    let output = stores.phoenix(&["sync", "all"]);
    assert!(!stdout(&output).contains("trust"), "{}", said(&output));
    let certs = Stores::new().unwrap().phoenix(&["sync", "certs"]);
    assert!(!stdout(&certs).contains("trust"), "{}", said(&certs));
}
