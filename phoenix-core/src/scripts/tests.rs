//! Shims and callers, compared as whole values.

use std::path::Path;

use super::*;
use crate::system::FileDigest;

fn shim(script: &Script, program: &str) -> String {
    render(
        script,
        &Facts {
            program: Path::new(program),
            site: Path::new("/site"),
            variables: &[("PHOENIX_SITE", "/si te".to_owned())],
            kept: Path::new("/site/bin/x.before-phoenix"),
            original: FileDigest::of(b"old"),
            root: "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
            values: &[],
        },
    )
}

#[test]
fn a_shim_knows_itself_and_every_edit_of_it() {
    for script in CATALOGUE {
        let text = shim(script, "/usr/bin/phoenix");
        let mark = mark_of(text.as_bytes()).unwrap();
        let expected = Marked {
            name: script.name.to_owned(),
            original: FileDigest::of(b"old").to_string(),
            untouched: true,
        };
        assert_eq!(mark, expected, "{text}");
        for edited in [text.replacen("set +eu", "set -eu", 1), text.clone() + "\n"] {
            let mark = mark_of(edited.as_bytes());
            assert!(mark.is_some_and(|mark| !mark.untouched), "{}", script.name);
        }
        assert!(text.starts_with("#!/bin/"), "{text}");
        assert!(
            !text.contains("@PRELUDE@") && !text.contains("@KEPT@"),
            "{text}"
        );
    }
    assert_eq!(mark_of(b"#!/bin/bash\necho phoenix\n"), None);
}

#[test]
fn what_is_filled_in_is_one_word_of_the_shell() {
    let script = Script::find("hypervisor_feature_setup_firewall").unwrap();
    let text = shim(script, "/opt/a b/$(id)/phoenix");
    assert!(
        text.contains("program='/opt/a b/$(id)/phoenix'\n"),
        "{text}"
    );
    assert!(
        text.contains("PHOENIX_SITE='/si te' \"$program\" \"$@\""),
        "{text}"
    );
}

#[test]
fn scripts_are_found_by_name_file_and_path_and_slips_are_named() {
    for word in [
        "feature_install_trusted_ca",
        "feature_install_trusted_ca.sh",
        "bin/vm_features/feature_install_trusted_ca.sh",
    ] {
        assert_eq!(
            Script::find(word).unwrap().name,
            "feature_install_trusted_ca"
        );
    }
    let error = Script::find("generate_traefik_conifg").unwrap_err();
    assert_eq!(error.near, Some("generate_traefik_config"));
}

fn found(name: &str, lines: &str, cron: bool) -> Vec<(usize, How)> {
    let script = Script::find(name).unwrap();
    let own = script.path(Path::new("/site"));
    let texts = [Text {
        path: "/caller".into(),
        text: lines.to_owned(),
        cron,
    }];
    callers(script, &own, &texts)
        .into_iter()
        .map(|caller| (caller.line.unwrap(), caller.how))
        .collect()
}

#[test]
fn each_way_of_calling_is_told_from_the_others() {
    let lines = "# hypervisor_feature_bootstrap_step_cli.sh in a comment
source \"${DIR}/hypervisor_feature_bootstrap_step_cli.sh\"
    . /site/bin/hypervisor_setup/hypervisor_feature_bootstrap_step_cli.sh
if ! bash /x/hypervisor_feature_bootstrap_step_cli.sh; then exit 1; fi
BOOT=\"$DIR/hypervisor_feature_bootstrap_step_cli.sh\"
bash -c \"$(cat $DIR/hypervisor_feature_bootstrap_step_cli.sh)\"
cp hypervisor_feature_bootstrap_step_cli.sh /tmp
pct push 102 hypervisor_feature_bootstrap_step_cli.sh /tmp/x
echo now hypervisor_feature_bootstrap_step_cli.sh
my_hypervisor_feature_bootstrap_step_cli.sh
hypervisor_feature_bootstrap_step_cli.sh.bak
";
    assert_eq!(
        found("hypervisor_feature_bootstrap_step_cli", lines, false),
        [
            (2, How::Sourced),
            (3, How::Sourced),
            (4, How::Executed),
            (5, How::Named),
            (6, How::AsText),
            (7, How::Copied),
            (8, How::Copied),
            (9, How::Named),
        ]
    );
}

#[test]
fn names_that_end_alike_are_told_apart() {
    let line = "bash phoenix_hypervisor_feature_install_trusted_ca.sh 7\n";
    assert_eq!(found("feature_install_trusted_ca", line, false), []);
    assert_eq!(
        found("hypervisor_feature_install_trusted_ca", line, false),
        []
    );
    assert_eq!(
        found("phoenix_hypervisor_feature_install_trusted_ca", line, false),
        [(1, How::Executed)]
    );
}

#[test]
fn cron_lines_give_their_schedule_and_names_put_together_are_seen() {
    let cron = |schedule: &str| How::Cron {
        schedule: schedule.to_owned(),
    };
    let lines = "MAILTO=root\n0 * * * * root /b/certificate-renewal-manager.sh --force\n@daily root certificate-renewal-manager.sh\n";
    assert_eq!(
        found("certificate-renewal-manager", lines, true),
        [(2, cron("0 * * * *")), (3, cron("@daily"))]
    );
    let line = "local script=\"${DIR}/phoenix_hypervisor_feature_install_${feature}.sh\"\n";
    assert_eq!(
        found("phoenix_hypervisor_feature_install_traefik", line, false),
        [(1, How::ByFeature)]
    );
    assert_eq!(found("feature_install_docker_proxy", line, false), []);
    assert_eq!(
        found(
            "phoenix",
            "log \"phoenix is up\"\nphoenix sync all\n/usr/local/bin/phoenix create 7\n",
            false
        ),
        [(2, How::Executed), (3, How::Executed)]
    );
}
