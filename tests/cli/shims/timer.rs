//! The script that set up cron: a timer now, and cron's file comes back with it. In a view of the machine's files of its own.

use phoenix_testkit::{Need, need};

use super::*;

const SCRIPT: &str = "hypervisor_setup/hypervisor_feature_setup_auto_renewal.sh";
const CRON: &str =
    "0 * * * * root /usr/local/phoenix_hypervisor/bin/managers/certificate-renewal-manager.sh\n";

/// A host whose `/etc/cron.d` and `/etc/systemd/system` are the test's; nothing where views cannot be made.
fn host() -> Option<Host> {
    need(Need::Unshare)?;
    let host = Host::new("\"true\"");
    host.write("cron/phoenix-cert-renewal", CRON);
    fs::set_permissions(
        host.path("cron/phoenix-cert-renewal"),
        fs::Permissions::from_mode(0o640),
    )
    .unwrap();
    fs::create_dir(host.path("units")).unwrap();
    let log = host.path("told").display().to_string();
    host.tool(
        "systemctl",
        &format!("echo \"$*\" >>{log}; [ ! -e {log}.refuses ] || {{ echo 'no bus' >&2; exit 1; }}"),
    );
    Some(host)
}

fn in_view(host: &Host, argv: &[&str]) -> Output {
    let mount = "mount --bind \"$1\" /etc/cron.d && mount --bind \"$2\" /etc/systemd/system && shift 2 && exec \"$@\"";
    let (cron, units) = (host.path("cron"), host.path("units"));
    let view = [
        "unshare",
        "-rm",
        "sh",
        "-c",
        mount,
        "sh",
        cron.to_str().unwrap(),
        units.to_str().unwrap(),
    ];
    host.run(&[&view[..], argv].concat())
}

fn names(host: &Host, dir: &str) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(host.path(dir))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn the_timer_takes_the_place_of_cron_and_restore_brings_cron_back() {
    let Some(host) = host() else { return };
    let script = host.replaced(SCRIPT);
    let path = script.to_str().unwrap();
    for argv in [
        &[path][..],
        &["bash", "-c", ". \"$0\"", path],
        &["bash", "-c", "bash -c \"$(cat \"$0\")\"", path],
    ] {
        let output = in_view(&host, argv);
        assert_eq!(output.status.code(), Some(0), "{argv:?}: {}", said(&output));
        assert_eq!(
            names(&host, "cron"),
            ["phoenix-cert-renewal.before-phoenix"]
        );
        assert_eq!(
            names(&host, "units"),
            [
                "phoenix-sync-failed.service",
                "phoenix-sync.service",
                "phoenix-sync.timer"
            ]
        );
    }
    assert!(
        host.read("told")
            .starts_with("daemon-reload\nenable --now phoenix-sync.timer\n"),
        "{}",
        host.read("told")
    );
    assert!(
        host.read("units/phoenix-sync.service")
            .contains("sync certs --unattended")
    );
    let wrong = in_view(&host, &[path, "x"]);
    assert_eq!(wrong.status.code(), Some(2), "{}", said(&wrong));

    let phoenix = env!("CARGO_BIN_EXE_phoenix");
    let site = format!("PHOENIX_SITE={}", host.path("site").display());
    let state = format!("PHOENIX_STATE={}", host.path("state").display());
    let restored = in_view(
        &host,
        &["env", &site, &state, phoenix, "scripts", "restore", path],
    );
    assert_eq!(restored.status.code(), Some(0), "{}", said(&restored));
    assert!(
        stdout(&restored).contains("/etc/cron.d/phoenix-cert-renewal back"),
        "{}",
        said(&restored)
    );
    assert_eq!(names(&host, "cron"), ["phoenix-cert-renewal"]);
    assert_eq!(host.read("cron/phoenix-cert-renewal"), CRON);
    let mode = fs::metadata(host.path("cron/phoenix-cert-renewal"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o7777, 0o640);
    assert_eq!(names(&host, "units"), Vec::<String>::new());
    assert!(
        host.read("told")
            .contains("disable --now phoenix-sync.timer")
    );
    let again = in_view(
        &host,
        &["env", &site, &state, phoenix, "scripts", "restore", path],
    );
    assert_eq!(again.status.code(), Some(0), "{}", said(&again));
}

#[test]
fn a_systemd_that_refuses_leaves_cron_in_charge() {
    let Some(host) = host() else { return };
    let script = host.replaced(SCRIPT);
    host.write("told.refuses", "");
    let output = in_view(&host, &[script.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("no bus"), "{}", said(&output));
    assert_eq!(names(&host, "cron"), ["phoenix-cert-renewal"]);
    assert_eq!(names(&host, "units"), Vec::<String>::new());
    // Somebody else's unit is not written over.
    fs::remove_file(host.path("told.refuses")).unwrap();
    host.write("units/phoenix-sync.timer", "[Timer]\n");
    let output = in_view(&host, &[script.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert_eq!(host.read("units/phoenix-sync.timer"), "[Timer]\n");
    assert_eq!(names(&host, "cron"), ["phoenix-cert-renewal"]);
}
