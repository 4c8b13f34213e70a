//! A change on trial, killed at each system call that writes: once its time is over all files are the old ones.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::site::{FirewallOptions, Seams, Site, SitePaths};
use crate::system::crash::{assert_tidy, killed_everywhere, task};
use crate::test_sites::{HOST, LXCS, VMS, sample_site};
use crate::time::{Clock, SystemClock};

const OLD: &str = "# by hand\n[OPTIONS]\n\nenable: 0\n";
const FILES: [&str; 3] = ["cluster.fw", "1001.fw", "102.fw"];

/// A clock an hour ahead: what waited is over.
struct Later;

impl Clock for Later {
    fn now(&self) -> SystemTime {
        SystemTime::now() + Duration::from_secs(3600)
    }

    fn monotonic(&self) -> Instant {
        Instant::now()
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

fn site(dir: &Path, clock: impl Clock + 'static) -> Site {
    let paths = SitePaths {
        root: Some(dir.to_owned()),
        ..SitePaths::default()
    };
    let seams = Seams {
        clock: Arc::new(clock),
        ..Seams::copy(dir)
    };
    Site::open(paths, seams).unwrap()
}

/// One file that is there, others that are not.
fn arrange(dir: &Path) {
    let etc = dir.join("usr/local/phoenix_hypervisor/etc");
    std::fs::create_dir_all(&etc).unwrap();
    for name in [HOST, VMS, LXCS] {
        std::fs::copy(sample_site().join("etc").join(name), etc.join(name)).unwrap();
    }
    std::fs::create_dir_all(dir.join("etc/pve/firewall")).unwrap();
    std::fs::write(dir.join("etc/pve/firewall/1001.fw"), OLD).unwrap();
}

fn try_rules(site: &Site) {
    let within = Duration::from_secs(60);
    let report = site.try_firewall(FirewallOptions::default(), within, || Ok(()));
    assert!(report.unwrap().change.written);
}

fn look(dir: &Path) -> [Option<String>; 3] {
    FILES.map(|name| std::fs::read_to_string(dir.join("etc/pve/firewall").join(name)).ok())
}

fn old() -> [Option<String>; 3] {
    [None, Some(OLD.to_owned()), None]
}

/// Whether the files are new; when their time is over they are the old ones again, and nothing waits.
fn settled(dir: &Path, place: &str) -> bool {
    let was_new = look(dir)
        .iter()
        .all(|text| text.as_deref().is_some_and(|t| t.contains("[phx:")));
    let later = site(dir, Later);
    later.recover(Duration::ZERO).unwrap();
    assert_eq!(look(dir), old(), "{place}");
    assert!(later.store().trial().unwrap().is_none(), "{place}");
    // In the state directory a later change sweeps up.
    assert_tidy(&dir.join("etc"), place);
    was_new
}

#[test]
fn crash_child() {
    let Some((what, dir)) = task() else {
        return;
    };
    if what == "try" {
        try_rules(&site(&dir, SystemClock));
    } else {
        site(&dir, Later).recover(Duration::ZERO).unwrap();
    }
}

#[test]
fn what_is_on_trial_is_taken_back_wherever_its_maker_died() {
    killed_everywhere(CHILD, "try", arrange, settled);
}

#[test]
fn taking_back_that_dies_anywhere_is_ended_by_the_next() {
    let arrange = |dir: &Path| {
        arrange(dir);
        try_rules(&site(dir, SystemClock));
    };
    // Here the old files are the new ones.
    killed_everywhere(CHILD, "recover", arrange, |dir, place| {
        let ended = look(dir) == old();
        settled(dir, place);
        ended
    });
}

const CHILD: &str = "site::firewall::trial::crash_tests::crash_child";
