//! Unit files: read by systemd itself, installed and removed on copies of a host.

use phoenix_testkit::{Need, need};

use super::run::site;
use super::*;

/// The unit files of a site whose program is there, in a directory.
fn printed(scratch: &Scratch, words: &[&str]) -> PathBuf {
    let program = scratch.0.join("a program");
    fs::copy("/bin/true", &program).unwrap();
    let all = [
        &[
            "systemd",
            "print",
            "--output-format",
            "json",
            "--program",
            program.to_str().unwrap(),
        ],
        words,
    ]
    .concat();
    let output = scratch.phoenix(&all);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let units: BTreeMap<String, String> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(units.len(), 3);
    let dir = scratch.0.join("units");
    fs::create_dir_all(&dir).unwrap();
    for (name, text) in units {
        fs::write(dir.join(name), text).unwrap();
    }
    dir
}

#[test]
fn systemd_itself_finds_no_fault_in_them() {
    let Some(analyze) = need(Need::SystemdAnalyze) else {
        return;
    };
    let scratch = site();
    for words in [
        &[][..],
        &[
            "--scope",
            "certs",
            "--on-calendar",
            "*-*-* 02:00",
            "--delay",
            "60",
            "--instead-of",
            "/etc/cron.d/x",
        ],
        &["--notify", "/bin/echo", "50% of $HOME", "\"quoted\" \\"],
    ] {
        let dir = printed(&scratch, words);
        let files = [
            "phoenix-sync.service",
            "phoenix-sync.timer",
            "phoenix-sync-failed.service",
        ]
        .map(|name| dir.join(name));
        let output = Command::new(&analyze)
            .arg("verify")
            .args(&files)
            .output()
            .unwrap();
        assert!(output.status.success(), "{words:?}: {}", stderr(&output));
        // It warns on standard error about keys and values that it does not take.
        assert_eq!(stderr(&output), "", "{words:?}");
    }
}

#[test]
fn the_service_is_exposed_no_more_than_its_work_needs() {
    let Some(analyze) = need(Need::SystemdAnalyze) else {
        return;
    };
    let scratch = site();
    let dir = printed(&scratch, &[]);
    // It has to enter guests' namespaces and to write as root, and systemd would take `openat2` from it with the set-uid bits.
    for (unit, threshold) in [
        ("phoenix-sync.service", "56"),
        ("phoenix-sync-failed.service", "80"),
    ] {
        let output = Command::new(&analyze)
            .args(["security", "--offline=true", "--no-pager"])
            .arg(format!("--threshold={threshold}"))
            .arg(dir.join(unit))
            .output()
            .unwrap();
        let text = stdout(&output) + &stderr(&output);
        assert!(
            output.status.success(),
            "{}",
            text.lines().last().unwrap_or_default()
        );
    }
}

#[test]
fn only_the_places_that_a_run_writes_are_writable() {
    let scratch = site();
    let service = |scratch: &Scratch| {
        fs::read_to_string(printed(scratch, &[]).join("phoenix-sync.service")).unwrap()
    };
    for dir in [
        "etc/docker/certs.d",
        "mnt/pve/tank/vm-persistent-data/1001/portainer",
    ] {
        fs::create_dir_all(scratch.0.join(dir)).unwrap();
    }
    let text = service(&scratch);
    let writable: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("ReadWritePaths="))
        .collect();
    assert!(writable.contains(&"/etc/docker/certs.d"), "{writable:?}");
    assert!(
        writable.contains(&"/usr/local/phoenix_hypervisor/.phoenix"),
        "{writable:?}"
    );
    assert!(writable.contains(&"/var/lib/phoenix"), "{writable:?}");
    // What is missing is made below the nearest directory that is there, unless that would open half the host.
    assert!(
        writable.contains(&"/mnt/pve/tank/vm-persistent-data/1001/portainer"),
        "{writable:?}"
    );
    for wide in ["/", "/etc", "/mnt", "/mnt/pve", "/usr", "/var"] {
        assert!(!writable.contains(&wide), "{writable:?}");
    }
    let output = scratch.phoenix(&["systemd", "print"]);
    assert!(
        stderr(&output).contains("/etc/traefik/certs"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn installed_twice_and_removed_twice_is_safe_and_leaves_nothing() {
    let scratch = site();
    let cron = scratch.0.join("etc/cron.d/renewal");
    fs::create_dir_all(cron.parent().unwrap()).unwrap();
    fs::write(&cron, "0 * * * * root x\n").unwrap();
    let words = ["systemd", "install", "--instead-of", "/etc/cron.d/renewal"];
    let run = |words: &[&str]| {
        let output = scratch.phoenix(words);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        stdout(&output)
    };
    let before = scratch.snapshot();
    let shown = run(&[&words[..], &["--dry-run"]].concat());
    assert!(
        shown.contains("+[Timer]") && shown.contains("would move"),
        "{shown}"
    );
    assert!(scratch.snapshot() == before, "a dry run wrote");
    run(&words);
    assert!(!cron.exists());
    assert!(run(&words).contains("nothing to do"));
    // Somebody made the cron file anew: it goes again, and neither is lost.
    fs::write(&cron, "5 * * * * root y\n").unwrap();
    run(&words);
    assert!(
        !cron.exists()
            && scratch
                .0
                .join("etc/cron.d/renewal.before-phoenix-2")
                .exists()
    );
    // Another hour later on: the cron file is not forgotten.
    run(&["systemd", "install", "--on-calendar", "daily"]);
    run(&["systemd", "remove"]);
    assert_eq!(fs::read_to_string(&cron).unwrap(), "0 * * * * root x\n");
    assert!(run(&["systemd", "remove"]).contains("nothing to do"));
    assert_eq!(
        fs::read_dir(scratch.0.join("etc/systemd/system"))
            .unwrap()
            .count(),
        0
    );
}
