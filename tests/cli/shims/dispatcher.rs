//! The dispatcher: our verbs are ours, everything else is the script's of before.

use super::*;

struct Dispatcher {
    host: Host,
    path: PathBuf,
}

impl Dispatcher {
    fn new() -> Self {
        let host = Host::new("\"true\"");
        let path = host.path("local/phoenix");
        let log = host.path("log").display().to_string();
        Host::old(
            &path,
            &format!(
                "#!/bin/bash\nprintf '<%s>' \"$@\" >>{log}; echo >>{log}\necho theirs\n[ \"$1\" != stop ] || exit 7\n"
            ),
        );
        let words = [
            "scripts",
            "replace",
            "phoenix",
            "--at",
            path.to_str().unwrap(),
        ];
        let output = host.phoenix(&words);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        assert!(stdout(&output).contains("LetsGo"), "{}", said(&output));
        Self { host, path }
    }

    fn log(&self) -> String {
        self.host.read("log")
    }
}

#[test]
fn verbs_that_are_not_ours_pass_with_their_words_and_status_and_it_is_said() {
    let dispatcher = Dispatcher::new();
    for by in WAYS {
        let _ = fs::remove_file(dispatcher.host.path("log"));
        let called = dispatcher
            .host
            .call(by, &dispatcher.path, &["create", "7", "two words", ""]);
        assert_eq!(called.status, 0, "{by:?}: {}", called.text);
        assert_eq!(dispatcher.log(), "<create><7><two words><>\n", "{by:?}");
        assert!(
            called.text.contains("phoenix: create 7: by "),
            "{}",
            called.text
        );
        let stopped = dispatcher.host.call(by, &dispatcher.path, &["stop", "7"]);
        assert_eq!(stopped.status, 7, "{}", stopped.text);
    }
    for words in [
        &["LetsGo"][..],
        &["health-check"],
        &["status", "7"],
        &["swarm", "deploy"],
        &["sync", "stack", "x"],
        &["--help"],
        &[],
    ] {
        let _ = fs::remove_file(dispatcher.host.path("log"));
        let called = dispatcher.host.call(By::File, &dispatcher.path, words);
        assert_eq!(called.status, 0, "{words:?}: {}", called.text);
        assert!(called.text.contains("theirs"), "{words:?}: {}", called.text);
        let expected: String = words.iter().map(|word| format!("<{word}>")).collect();
        let log = dispatcher.log();
        assert!(
            log == expected.clone() + "\n" || words.is_empty() && log == "<>\n",
            "{log}"
        );
    }
}

#[test]
fn our_verbs_are_ours_and_a_site_that_is_named_wins() {
    let dispatcher = Dispatcher::new();
    let called = dispatcher
        .host
        .call(By::File, &dispatcher.path, &["sync", "certs"]);
    assert_eq!(called.status, 0, "{}", called.text);
    assert!(dispatcher.host.path("pair/a.crt").exists());
    for words in [
        &["status"][..],
        &["plan", "certs"],
        &["-q", "--output-format", "json", "plan"],
        &["certs", "list"],
    ] {
        let called = dispatcher.host.call(By::File, &dispatcher.path, words);
        assert_eq!(called.status, 0, "{words:?}: {}", called.text);
    }
    let elsewhere = dispatcher.host.call(
        By::File,
        &dispatcher.path,
        &["--site", "/nonexistent", "plan"],
    );
    assert_eq!(elsewhere.status, 2, "{}", elsewhere.text);
    assert_eq!(dispatcher.log(), "");
}

#[test]
fn sync_all_is_theirs_and_then_ours_and_fails_when_either_does() {
    let dispatcher = Dispatcher::new();
    let called = dispatcher.host.call(
        By::File,
        &dispatcher.path,
        &["sync", "all", "--reset-portainer"],
    );
    assert_eq!(called.status, 0, "{}", called.text);
    assert_eq!(dispatcher.log(), "<sync><all><--reset-portainer>\n");
    assert!(
        called.text.contains("DNS, Swarm, stacks and Nginx by"),
        "{}",
        called.text
    );
    assert!(dispatcher.host.path("pair/a.crt").exists());
    // What is only to be shown must not be done in earnest by a script that does not know the word.
    let shown = dispatcher
        .host
        .call(By::File, &dispatcher.path, &["sync", "all", "--dry-run"]);
    assert_eq!(shown.status, 0, "{}", shown.text);
    assert_eq!(dispatcher.log().lines().count(), 1);
    let kept = dispatcher.path.with_file_name("phoenix.before-phoenix");
    fs::write(&kept, "#!/bin/bash\nexit 3\n").unwrap();
    let failed = dispatcher
        .host
        .call(By::File, &dispatcher.path, &["sync", "all"]);
    assert_eq!(failed.status, 1, "{}", failed.text);
    fs::write(&kept, "#!/bin/bash\nexit 0\n").unwrap();
    fs::write(
        dispatcher.host.path("site/etc/certificate-manifest.json"),
        "[",
    )
    .unwrap();
    let failed = dispatcher
        .host
        .call(By::File, &dispatcher.path, &["sync", "all"]);
    assert_eq!(failed.status, 1, "{}", failed.text);
}
