//! `phoenix firewall`, on copies of the sample site and, where they are at hand, on real edits.

mod edit;
mod real;
mod render;
mod simulate;
mod sync;
mod trial;

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
