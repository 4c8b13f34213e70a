//! Scripts replaced and brought back, killed at each system call that writes: every script is as before or as after.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::ScriptOptions;
use crate::error::Error;
use crate::scripts::{Script, ScriptReport, State};
use crate::site::{Seams, Site, SitePaths};
use crate::system::crash::{killed_everywhere, task};

const NAMES: [&str; 2] = [
    "certificate-renewal-manager",
    "hypervisor_feature_setup_firewall",
];

fn site(dir: &Path) -> Site {
    let paths = SitePaths {
        root: Some(dir.to_owned()),
        ..SitePaths::default()
    };
    Site::open(paths, Seams::copy(dir)).unwrap()
}

fn scripts() -> Vec<&'static Script> {
    NAMES.map(|name| Script::find(name).unwrap()).into()
}

fn options() -> ScriptOptions {
    ScriptOptions::new("/usr/bin/phoenix")
}

fn arrange(dir: &Path) {
    for script in scripts() {
        let place = dir
            .join("usr/local/phoenix_hypervisor/bin")
            .join(script.path(Path::new("/")).strip_prefix("/bin").unwrap());
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(&place, format!("#!/bin/bash\necho {}", script.name)).unwrap();
        fs::set_permissions(&place, fs::Permissions::from_mode(0o750)).unwrap();
    }
}

fn act(dir: &Path, what: &str) -> Result<ScriptReport, Error> {
    match what {
        "replace" => site(dir).replace_scripts(&scripts(), &options()),
        _ => site(dir).restore_scripts(&scripts(), &options()),
    }
}

fn states(dir: &Path) -> Vec<State> {
    let site = site(dir);
    let found = scripts().into_iter().map(|script| {
        let found = site.found(script, &options()).unwrap();
        let mode = found.there.as_ref().map(|(_, facts)| facts.mode.bits());
        assert_eq!(mode, Some(0o750), "{}", found.path.display());
        assert_eq!(
            found.kept.is_some(),
            found.state == State::Replaced,
            "{}",
            found.path.display()
        );
        found.state
    });
    found.collect()
}

#[test]
fn crash_child() {
    if let Some((what, dir)) = task() {
        act(&dir, &what).unwrap();
    }
}

#[test]
fn scripts_killed_while_they_are_replaced_or_brought_back_are_all_old_or_all_new() {
    let child = "site::scripts::crash_tests::crash_child";
    for (what, before, after) in [
        ("replace", State::Original, State::Replaced),
        ("restore", State::Replaced, State::Original),
    ] {
        killed_everywhere(
            child,
            what,
            |dir| {
                arrange(dir);
                if what == "restore" {
                    act(dir, "replace").unwrap();
                }
            },
            |dir, place| {
                site(dir).recover(options().lock_timeout).unwrap();
                let now = states(dir);
                let new = now == [after; 2];
                assert!(new || now == [before; 2], "{place}: {now:?}");
                act(dir, what).unwrap();
                assert_eq!(states(dir), [after; 2], "{place}, once more");
                new
            },
        );
    }
}
