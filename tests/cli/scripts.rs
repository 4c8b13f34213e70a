//! `phoenix scripts`: old scripts listed, replaced, brought back, on copies of a host.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

use super::*;

const MANAGER: &str = "bin/managers/certificate-renewal-manager.sh";
const SCRIPT: &str =
    "#!/bin/bash\nsource x/hypervisor_setup/hypervisor_feature_bootstrap_step_cli.sh\nexit 0";

/// A site with short scripts of the tests' own in the old ones' places.
fn site() -> Scratch {
    let scratch = Scratch::with_site();
    for name in [
        MANAGER,
        "bin/vm_features/feature_install_docker_proxy.sh",
        "bin/lxc_setup/phoenix_hypervisor_feature_install_traefik.sh",
        "bin/generate_traefik_config.sh",
        "bin/hypervisor_setup/hypervisor_feature_setup_firewall.sh",
        "bin/hypervisor_setup/hypervisor_feature_setup_auto_renewal.sh",
        "bin/hypervisor_setup/hypervisor_feature_bootstrap_step_cli.sh",
    ] {
        script(&scratch, name, SCRIPT, 0o750);
    }
    let cron = scratch.0.join("etc/cron.d");
    fs::create_dir_all(&cron).unwrap();
    let line = format!("0 * * * * root /usr/local/phoenix_hypervisor/{MANAGER}\n");
    fs::write(cron.join("phoenix-cert-renewal"), line).unwrap();
    scratch
}

fn script(scratch: &Scratch, name: &str, text: &str, mode: u32) {
    let path = place(scratch, name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn place(scratch: &Scratch, name: &str) -> PathBuf {
    scratch.0.join("usr/local/phoenix_hypervisor").join(name)
}

fn kept(scratch: &Scratch, name: &str) -> PathBuf {
    place(scratch, &format!("{name}.before-phoenix"))
}

fn run(scratch: &Scratch, words: &[&str], status: i32) -> String {
    let output = scratch.phoenix(&[&["scripts"], words].concat());
    let said = stdout(&output) + &stderr(&output);
    assert_eq!(output.status.code(), Some(status), "{words:?}: {said}");
    said
}

fn listed(scratch: &Scratch, name: &str) -> serde_json::Value {
    let output = scratch.phoenix(&["scripts", "list", "--output-format", "json"]);
    let all: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(all.len(), 11);
    all.into_iter().find(|one| one["name"] == name).unwrap()
}

#[test]
fn the_list_says_state_place_and_every_caller_with_its_way() {
    let scratch = site();
    let before = scratch.snapshot();
    let manager = listed(&scratch, "certificate-renewal-manager");
    assert_eq!(manager["state"], "original");
    assert_eq!(manager["callers"][0]["how"]["schedule"], "0 * * * *");
    assert_eq!(
        manager["callers"][0]["file"],
        "/etc/cron.d/phoenix-cert-renewal"
    );
    let bootstrap = listed(&scratch, "hypervisor_feature_bootstrap_step_cli");
    let sourced = bootstrap["callers"].as_array().unwrap();
    // Of seven scripts with the line, its own is no caller.
    assert_eq!(sourced.len(), 6, "{bootstrap:#}");
    assert!(
        sourced
            .iter()
            .all(|caller| caller["how"]["kind"] == "sourced")
    );
    let proxy = listed(&scratch, "feature_install_docker_proxy");
    assert_eq!(proxy["callers"][0]["how"]["guest"], "vm:1001");
    assert_eq!(listed(&scratch, "phoenix")["state"], "absent");
    let text = run(&scratch, &["list"], 0);
    assert!(
        text.contains("called: by cron, 0 * * * *, /etc/cron.d/phoenix-cert-renewal:1"),
        "{text}"
    );
    assert!(
        text.ends_with("0 replaced, 7 original, 0 changed by hand, 4 not on this host\n"),
        "{text}"
    );
    assert!(scratch.snapshot() == before, "something was written");
}

#[test]
fn a_faulty_site_still_lists_and_replaces_what_does_not_depend_on_it() {
    let scratch = site();
    fs::write(scratch.etc().join("phoenix_vm_configs.json"), "{").unwrap();
    let proxy = listed(&scratch, "feature_install_docker_proxy");
    assert!(
        proxy["notes"][0]
            .as_str()
            .unwrap()
            .contains("features were not read"),
        "{proxy}"
    );
    run(&scratch, &["replace", "certificate-renewal-manager"], 0);
    let said = run(&scratch, &["replace", "feature_install_docker_proxy"], 2);
    assert!(
        said.contains("could not make what stands in its place"),
        "{said}"
    );
}

#[test]
fn a_script_is_replaced_and_comes_back_with_its_bytes_mode_and_owner() {
    let scratch = site();
    let place = place(&scratch, MANAGER);
    let root = fs::metadata(&scratch.0).unwrap().uid() == 0;
    if root {
        std::os::unix::fs::chown(&place, Some(1234), Some(4321)).unwrap();
    }
    let facts = |path: &Path| {
        let meta = fs::metadata(path).unwrap();
        (meta.mode(), meta.uid(), meta.gid(), fs::read(path).unwrap())
    };
    let before = facts(&place);
    let snapshot = scratch.snapshot();
    let said = run(
        &scratch,
        &["replace", "certificate-renewal-manager", "--dry-run"],
        0,
    );
    assert!(said.contains("+    phoenix sync certs"), "{said}");
    assert!(scratch.snapshot() == snapshot, "a dry run wrote");

    run(&scratch, &["replace", "certificate-renewal-manager.sh"], 0);
    let shim = facts(&place);
    assert_eq!((shim.0, shim.1, shim.2), (before.0, before.1, before.2));
    assert_eq!(facts(&kept(&scratch, MANAGER)), before);
    assert_eq!(
        listed(&scratch, "certificate-renewal-manager")["state"],
        "replaced"
    );
    let again = run(&scratch, &["replace", "certificate-renewal-manager"], 0);
    assert!(again.contains("it is replaced already"), "{again}");
    assert_eq!(facts(&place), shim);

    run(
        &scratch,
        &["restore", "managers/certificate-renewal-manager.sh"],
        0,
    );
    assert_eq!(facts(&place), before);
    assert!(!kept(&scratch, MANAGER).exists());
    let again = run(&scratch, &["restore", "certificate-renewal-manager"], 0);
    assert!(again.contains("it is original already"), "{again}");
    assert_eq!(facts(&place), before);
}

#[test]
fn what_the_operator_edited_meanwhile_is_said_and_never_lost() {
    let scratch = site();
    let place = place(&scratch, MANAGER);
    let name = "certificate-renewal-manager";
    run(&scratch, &["replace", name], 0);
    let edited = fs::read_to_string(&place).unwrap() + "echo mine\n";
    fs::write(&place, &edited).unwrap();
    assert_eq!(listed(&scratch, name)["state"], "edited-shim");
    let edited_by = listed(&scratch, name);
    assert_eq!(edited_by["differs"]["added"], 1, "{edited_by}");
    let diff = run(&scratch, &["diff", name], 0);
    assert!(diff.contains("\n+echo mine\n"), "{diff}");
    for verb in ["replace", "restore"] {
        let said = run(&scratch, &[verb, name], 2);
        assert!(said.contains("changed by hand"), "{said}");
        assert_eq!(fs::read_to_string(&place).unwrap(), edited);
    }
    run(&scratch, &["replace", name, "--force"], 0);
    let aside = place.with_extension("sh.edited-by-hand");
    assert_eq!(fs::read_to_string(&aside).unwrap(), edited);
    assert_eq!(listed(&scratch, name)["state"], "replaced");
    // And the second time, beside the first.
    fs::write(&place, &edited).unwrap();
    run(&scratch, &["restore", name, "--force"], 0);
    assert_eq!(fs::read_to_string(&place).unwrap(), SCRIPT);
    assert!(place.with_extension("sh.edited-by-hand-2").exists());
}

#[test]
fn a_script_put_over_the_shim_is_told_from_the_one_that_is_kept() {
    let scratch = site();
    let place = place(&scratch, MANAGER);
    let name = "certificate-renewal-manager";
    run(&scratch, &["replace", name], 0);
    // The same script again, as a new checkout brings it: nothing is at stake.
    fs::write(&place, SCRIPT).unwrap();
    assert_eq!(listed(&scratch, name)["state"], "script-over-shim");
    run(&scratch, &["replace", name], 0);
    assert_eq!(listed(&scratch, name)["state"], "replaced");
    // Another one: neither is lost.
    fs::write(&place, "#!/bin/sh\necho newer\n").unwrap();
    run(&scratch, &["replace", name], 2);
    run(&scratch, &["restore", name], 2);
    run(&scratch, &["replace", name, "--force"], 0);
    let older = place.with_extension("sh.before-phoenix-2");
    assert_eq!(fs::read_to_string(older).unwrap(), SCRIPT);
    run(&scratch, &["restore", name], 0);
    assert_eq!(
        fs::read_to_string(&place).unwrap(),
        "#!/bin/sh\necho newer\n"
    );
}

#[test]
fn a_kept_script_that_changed_or_is_gone_is_said() {
    let scratch = site();
    let name = "certificate-renewal-manager";
    run(&scratch, &["replace", name], 0);
    fs::write(kept(&scratch, MANAGER), "#!/bin/sh\n").unwrap();
    let said = run(&scratch, &["restore", name], 2);
    assert!(said.contains("changed since it was put aside"), "{said}");
    fs::remove_file(kept(&scratch, MANAGER)).unwrap();
    let said = run(&scratch, &["restore", name], 2);
    assert!(said.contains("found no script of before"), "{said}");
    // A shim that somebody removed: what is kept comes back all the same.
    script(&scratch, MANAGER, SCRIPT, 0o750);
    run(&scratch, &["replace", name], 0);
    fs::remove_file(place(&scratch, MANAGER)).unwrap();
    assert_eq!(listed(&scratch, name)["state"], "kept-only");
    run(&scratch, &["restore", name], 0);
    assert_eq!(
        fs::read_to_string(place(&scratch, MANAGER)).unwrap(),
        SCRIPT
    );
}

#[test]
fn several_scripts_change_together_or_none_does() {
    let scratch = site();
    let before = scratch.snapshot();
    let said = run(
        &scratch,
        &["replace", "certificate-renewal-manager", "phoenix"],
        2,
    );
    assert!(said.contains("found no script there"), "{said}");
    let lock = ".phoenix/lock";
    let mut after = scratch.snapshot();
    after.retain(|path, (bytes, _)| !bytes.is_empty() && !path.ends_with(lock));
    let mut files = before;
    files.retain(|_, (bytes, _)| !bytes.is_empty());
    assert_eq!(
        after.keys().collect::<Vec<_>>(),
        files.keys().collect::<Vec<_>>()
    );
    let said = run(&scratch, &["replace", "certificate-renewal-manger"], 2);
    assert!(
        said.contains("did you mean `certificate-renewal-manager`?"),
        "{said}"
    );
}

#[test]
fn a_dispatcher_behind_a_link_changes_in_its_own_place_and_a_program_is_left_alone() {
    let scratch = site();
    script(&scratch, "bin/dispatch", SCRIPT, 0o755);
    let link = scratch.0.join("usr/local/bin/phoenix");
    fs::create_dir_all(link.parent().unwrap()).unwrap();
    symlink("/usr/local/phoenix_hypervisor/bin/dispatch", &link).unwrap();
    let said = run(&scratch, &["replace", "phoenix"], 0);
    assert!(said.contains("is a link to it"), "{said}");
    assert!(said.contains("health-check"), "{said}");
    assert!(link.is_symlink());
    assert!(kept(&scratch, "bin/dispatch").exists());
    run(&scratch, &["restore", "phoenix"], 0);
    assert_eq!(
        fs::read_to_string(place(&scratch, "bin/dispatch")).unwrap(),
        SCRIPT
    );
    fs::write(place(&scratch, "bin/dispatch"), b"\x7fELF\0").unwrap();
    assert_eq!(listed(&scratch, "phoenix")["state"], "foreign");
    run(&scratch, &["replace", "phoenix"], 2);
}

#[test]
fn a_path_means_the_script_that_lies_there() {
    let scratch = site();
    script(
        &scratch,
        "elsewhere/certificate-renewal-manager.sh",
        SCRIPT,
        0o700,
    );
    let path = "/usr/local/phoenix_hypervisor/elsewhere/certificate-renewal-manager.sh";
    run(&scratch, &["replace", path], 0);
    assert!(kept(&scratch, "elsewhere/certificate-renewal-manager.sh").exists());
    assert!(!kept(&scratch, MANAGER).exists());
    run(
        &scratch,
        &["restore", path, "hypervisor_feature_setup_firewall"],
        2,
    );
    run(&scratch, &["restore", path], 0);
    let usual = format!("/usr/local/phoenix_hypervisor/{MANAGER}");
    run(
        &scratch,
        &["replace", &usual, "hypervisor_feature_setup_firewall"],
        0,
    );
    assert!(kept(&scratch, MANAGER).exists());
}

/// The operator's real scripts, where they are at hand.
#[test]
fn the_real_scripts_are_known_with_their_callers_and_come_back_byte_for_byte() {
    let Some(pairs) = real_pairs() else { return };
    let from = pairs.with_file_name("scripts");
    let scratch = Scratch::with_site();
    let bin = place(&scratch, "bin");
    let copied = Command::new("cp")
        .args(["-r", from.to_str().unwrap(), bin.to_str().unwrap()])
        .status();
    assert!(copied.unwrap().success());
    let written = Command::new("chmod")
        .args(["-R", "u+w", bin.to_str().unwrap()])
        .status();
    assert!(written.unwrap().success());
    // The CA of the tests' own has its root from here on.
    let made = scratch.phoenix(&["ca", "init"]);
    assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
    let bootstrap = listed(&scratch, "hypervisor_feature_bootstrap_step_cli");
    assert_eq!(
        bootstrap["callers"][0]["how"]["kind"], "sourced",
        "{bootstrap:#}"
    );
    let files = || {
        let mut files = scratch.snapshot();
        files.retain(|path, (bytes, _)| path.starts_with(&bin) && !bytes.is_empty());
        let files = files.into_iter().map(|(path, (bytes, _))| (path, bytes));
        files.collect::<Vec<_>>()
    };
    let before = files();
    let list = scratch.phoenix(&["scripts", "list", "--output-format", "json"]);
    let all: Vec<serde_json::Value> = serde_json::from_slice(&list.stdout).unwrap();
    let names: Vec<&str> = all
        .iter()
        .filter(|one| one["state"] == "original")
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(names.len(), 10, "{names:?}");
    run(&scratch, &[&["replace"], &names[..]].concat(), 0);
    // The download step of the old installer is found by its shape.
    let kept = kept(
        &scratch,
        "bin/lxc_setup/phoenix_hypervisor_feature_install_traefik.sh",
    );
    let step = "sed -n '/^install_traefik_binary()/,/^}/p' \"$0\" | tail -n 1; sed -n 's/^TRAEFIK_DOWNLOAD_URL=//p' \"$0\"";
    let found = Command::new("sh")
        .args(["-c", step, kept.to_str().unwrap()])
        .output()
        .unwrap();
    assert!(
        stdout(&found).starts_with("}\n\"https://"),
        "{}",
        stdout(&found)
    );
    assert_ne!(files(), before);
    run(&scratch, &[&["restore"], &names[..]].concat(), 0);
    assert_eq!(files(), before);
}

#[test]
fn the_readme_shows_what_is_printed() {
    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    let section = readme.split("## One script at a time").nth(1).unwrap();
    let block = section.split("```\n").nth(1).unwrap();
    let scratch = site();
    let mut printed = String::new();
    for line in block
        .lines()
        .filter_map(|line| line.strip_prefix("# phoenix "))
    {
        let words: Vec<&str> = line.split(' ').collect();
        let output = scratch.phoenix(&words);
        assert_eq!(output.status.code(), Some(0), "{line}: {}", stderr(&output));
        printed += &format!("# phoenix {line}\n{}", stdout(&output));
    }
    assert_eq!(printed, block);
}

/// Every line of the page is one that the program understands.
#[test]
fn the_page_from_bash_names_only_commands_that_there_are() {
    let page = fs::read_to_string(repository().join("docs/from-bash.md")).unwrap();
    let lines = page
        .lines()
        .filter(|line| line.starts_with("| ") && line.ends_with("` |"))
        .filter_map(|line| line.rsplit("| `phoenix ").next())
        .map(|rest| rest.trim_end_matches("` |").replace("\\|", "|"));
    let block = page.split("```\n").nth(1).unwrap();
    let block = block
        .lines()
        .filter_map(|line| line.strip_prefix("phoenix "))
        .map(|line| line.split("   ").next().unwrap().to_owned());
    let scratch = Scratch::new();
    let bin = scratch.0.join("phoenix");
    let program = env!("CARGO_BIN_EXE_phoenix");
    let root = scratch.0.display();
    fs::write(
        &bin,
        format!("#!/bin/sh\nexec {program} --root {root} \"$@\"\n"),
    )
    .unwrap();
    fs::set_permissions(&bin, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(scratch.0.join("a.crt"), "").unwrap();
    fs::write(scratch.0.join("web.crt"), "").unwrap();
    let mut count = 0;
    for line in lines.filter(|line| !line.starts_with('|')).chain(block) {
        // Paths are those of a host beneath the root.
        let absolute: Vec<String> =
            line.split(' ')
                .map(|word| match word {
                    "a.crt" | "a.key" | "a.csr" | "web.key" | "web.csr" | "web.crt" | "CRT"
                    | "KEY" => format!("/{word}"),
                    word => word.to_owned(),
                })
                .collect();
        let line = absolute
            .join(" ")
            .replace("< /a.crt", "< a.crt")
            .replace("< /web.crt", "< web.crt")
            .replace("> /web.csr", "> web.csr");
        let output = Command::new("sh")
            .args(["-c", &format!("phoenix {line}")])
            .current_dir(&scratch.0)
            .env("PATH", format!("{root}:/usr/bin:/bin"))
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        let said = stderr(&output);
        assert!(
            !said.contains("Usage:") && !said.contains("is not absolute"),
            "{line}: {said}"
        );
        count += 1;
    }
    assert!(count > 25, "{count} lines were found");
}
