use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use super::*;
use crate::names::FileMode;
use crate::secret::Secret;
use crate::transport::{
    EntryKind, Exec, ExecEnded, Executed, Expect, Inspect, Lend, Refusal, Replace, Sha256,
};

fn replace(at: &str, bytes: &[u8]) -> Replace {
    Replace::new(
        path(at),
        Secret::new(bytes.to_vec()),
        FileMode::PRIVATE,
        me(),
    )
}

fn executed(result: StepResult) -> Executed {
    match result {
        StepResult::Exec(executed) => executed,
        other => panic!("expected a command's end, found {other:?}"),
    }
}

fn refused(result: &StepResult) -> Refusal {
    match result {
        StepResult::Refused(error) => error.refusal,
        other => panic!("expected a refusal, found {other:?}"),
    }
}

#[test]
fn any_bytes_arrive_under_any_name_with_their_mode() {
    let all: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    let cases: [(&str, &[u8]); 5] = [
        ("/etc/new/dir/daemon.json", b"{}\n"),
        ("/etc/empty", b""),
        ("/etc/all", &all),
        ("/etc/it's \"a\" $(name) \\n *", b"phoenix 1 x\nend\n"),
        ("/etc/-rf ü", b"\n.\n"),
    ];
    on_all(|bench| {
        let steps = cases
            .iter()
            .map(|(at, bytes)| Step::Replace(replace(at, bytes)));
        for result in bench.run(&Program::new(steps.collect())) {
            assert!(
                matches!(result, StepResult::Replaced),
                "{:?}: {result:?}",
                bench.kind
            );
        }
        for (at, bytes) in cases {
            assert_eq!(bench.read(at), bytes, "{:?} {at}", bench.kind);
            assert_eq!(bench.mode(at), 0o600);
            let entry = match bench.one(Step::Inspect(Inspect::with_content(path(at)))) {
                StepResult::Inspected(Some(entry)) => entry,
                other => panic!("{:?}: {other:?}", bench.kind),
            };
            assert_eq!(entry.sha256, Some(Sha256::of(bytes)));
            assert_eq!(entry.whole_content().unwrap().expose_secret(), bytes);
            assert_eq!(entry.meta.uid.to_string(), me().user);
            assert_eq!(entry.meta.mode, FileMode::PRIVATE);
        }
        assert_eq!(bench.mode("/etc/new/dir"), 0o755);
        assert_eq!(bench.names("/etc/new/dir"), ["daemon.json"]);
    });
}

#[test]
fn a_file_that_changed_meanwhile_is_left_alone() {
    on_all(|bench| {
        bench.write("/a", b"old", 0o644);
        let expecting = |bytes: &[u8], expect| {
            Step::Replace(Replace {
                expect,
                ..replace("/a", bytes)
            })
        };
        let results = bench.run(
            &Program::new(vec![
                expecting(b"1", Expect::Absent),
                expecting(b"2", Expect::Sha256(Sha256::of(b"other"))),
                expecting(b"3", Expect::Sha256(Sha256::of(b"old"))),
                Step::Replace(replace("/dir/x", b"x")),
                Step::Replace(replace("/dir", b"x")),
                Step::Replace(Replace {
                    parents: false,
                    ..replace("/none/x", b"x")
                }),
                Step::Remove { path: path("/dir") },
                Step::Remove {
                    path: path("/dir/x"),
                },
                Step::Remove {
                    path: path("/dir/x"),
                },
            ])
            .keep_going(),
        );
        assert_eq!(refused(&results[0]), Refusal::Changed);
        assert_eq!(refused(&results[1]), Refusal::Changed);
        assert!(matches!(results[2], StepResult::Replaced));
        assert_eq!(refused(&results[4]), Refusal::Directory);
        assert_eq!(refused(&results[5]), Refusal::Create);
        assert_eq!(refused(&results[6]), Refusal::Directory);
        assert!(matches!(results[7], StepResult::Removed(true)));
        assert!(matches!(results[8], StepResult::Removed(false)));
        assert_eq!(bench.read("/a"), b"3");
        assert_eq!(bench.names("/"), ["a", "dir"]);
    });
}

#[test]
fn steps_behind_a_failed_one_are_skipped() {
    on_all(|bench| {
        let results = bench.run(&Program::new(vec![
            Step::List { dir: path("/none") },
            Step::Replace(replace("/a", b"x")),
        ]));
        assert_eq!(refused(&results[0]), Refusal::Missing);
        assert!(matches!(results[1], StepResult::Skipped));
        assert!(!bench.host("/a").exists());
    });
}

#[test]
fn paths_are_described_as_they_are() {
    on_all(|bench| {
        bench.write("/etc/f", b"abc", 0o640);
        symlink("f", bench.host("/etc/link")).unwrap();
        symlink("none", bench.host("/etc/dangling")).unwrap();
        let look = |at| match bench.one(Step::Inspect(Inspect::new(path(at)))) {
            StepResult::Inspected(entry) => entry,
            other => panic!("{:?}: {other:?}", bench.kind),
        };
        assert!(look("/none/at/all").is_none());
        let dir = look("/etc").unwrap();
        assert_eq!(dir.meta.kind, EntryKind::Directory);
        let link = look("/etc/link").unwrap();
        assert_eq!(link.meta.kind, EntryKind::Link);
        assert_eq!(link.target.as_deref(), Some("f"));
        assert_eq!(link.opened().unwrap().mode, FileMode::new(0o640));
        assert_eq!(link.opened().unwrap().size, 3);
        assert_eq!(link.sha256, Some(Sha256::of(b"abc")));
        assert!(link.content.is_none());
        let dangling = look("/etc/dangling").unwrap();
        assert_eq!((dangling.behind, dangling.sha256), (None, None));
        let cut = Inspect {
            path: path("/etc/f"),
            content: Some(2),
        };
        match bench.one(Step::Inspect(cut)) {
            StepResult::Inspected(Some(entry)) => {
                assert_eq!(entry.content.as_ref().unwrap().expose_secret(), b"ab");
                assert!(entry.whole_content().is_none());
            }
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn directories_are_listed_with_kinds_also_large_ones() {
    on_all(|bench| {
        for count in 0..3_000 {
            bench.write(&format!("/d/file {count}"), b"", 0o644);
        }
        fs::create_dir(bench.host("/d/.sub")).unwrap();
        symlink("x", bench.host("/d/link")).unwrap();
        match bench.one(Step::List { dir: path("/d") }) {
            StepResult::Listed(listing) => {
                assert_eq!(listing.entries.len(), 3_002, "{:?}", bench.kind);
                assert!(!listing.truncated);
                for entry in [
                    (".sub", EntryKind::Directory),
                    ("link", EntryKind::Link),
                    ("file 7", EntryKind::File),
                ] {
                    assert!(listing.entries.contains(&(entry.0.to_owned(), entry.1)));
                }
            }
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn lent_files_are_there_for_the_hook_and_gone_afterwards() {
    let lend = |at: &str| Lend {
        path: path(at),
        bytes: Secret::new(b"a key".to_vec()),
        mode: FileMode::PRIVATE,
        owner: me(),
    };
    on_scripts(|bench| {
        fs::create_dir(bench.host("/tmp")).unwrap();
        for status in [0, 3] {
            let key = bench.host("/tmp/key.pem").to_str().unwrap().to_owned();
            let script = format!("cat '{key}'; ls -ln '{key}' >&2; exit {status}");
            let program = Program::lent(
                vec![lend("/tmp/key.pem"), lend("/tmp/cert.pem")],
                Exec::new(["sh", "-c", &script]),
            );
            let mut results = bench.run(&program);
            let run = executed(results.remove(2));
            assert_eq!(run.ended, ExecEnded::Exit(status));
            assert_eq!(run.stdout, b"a key");
            assert!(run.stderr.starts_with(b"-rw-------"));
            assert!(bench.names("/tmp").is_empty());
        }
    });
    on_all(|bench| {
        bench.write("/tmp/key.pem", b"somebody's", 0o644);
        symlink("/etc/passwd", bench.host("/tmp/cert.pem")).unwrap();
        for at in ["/tmp/key.pem", "/tmp/cert.pem"] {
            let results = bench.run(&Program::lent(vec![lend(at)], Exec::new(["true"])));
            assert_eq!(refused(&results[0]), Refusal::Create);
            assert!(matches!(results[1], StepResult::Skipped));
        }
        assert_eq!(bench.read("/tmp/key.pem"), b"somebody's");
        let results = bench.run(&Program::lent(vec![lend("/tmp/new")], Exec::new(["true"])));
        assert!(matches!(results[0], StepResult::Lent));
        assert_eq!(bench.names("/tmp"), ["cert.pem", "key.pem"]);
    });
}

#[test]
fn commands_get_their_words_and_input_and_report_their_true_end() {
    on_scripts(|bench| {
        let words = [
            "printf",
            "%s|",
            "a b",
            "",
            "new\nline\\n",
            "'\"$x",
            "*",
            "ü\t",
        ];
        let big: Vec<u8> = (0..200_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let results = bench.run(
            &Program::new(vec![
                Step::Exec(Exec::new(words)),
                Step::Exec(Exec::new(["sh", "-c", "echo bad >&2; kill -9 $$"])),
                // Reads nothing of what it is given: the next step must not meet the rest.
                Step::Exec(Exec::new(["false"]).stdin(Secret::new(big.clone()))),
                Step::Exec(Exec::new(["wc", "-c"]).stdin(Secret::new(big.clone()))),
                Step::Exec(Exec::new(["no-such-program"])),
                Step::Exec(Exec::new(["sh", "-c", "umask; echo ${LC_ALL-unset}"])),
                Step::Replace(replace("/after", b"x")),
            ])
            .keep_going(),
        );
        let mut results = results.into_iter();
        let first = executed(results.next().unwrap());
        let expected = words[2..].join("|") + "|";
        assert_eq!(
            String::from_utf8(first.stdout).unwrap(),
            expected,
            "{:?}",
            bench.kind
        );
        let killed = executed(results.next().unwrap());
        assert_eq!(
            (killed.ended, &*killed.stderr),
            (ExecEnded::Exit(137), &b"bad\n"[..])
        );
        assert_eq!(executed(results.next().unwrap()).ended, ExecEnded::Exit(1));
        let counted = executed(results.next().unwrap());
        assert_eq!(String::from_utf8(counted.stdout).unwrap().trim(), "200000");
        assert_eq!(
            executed(results.next().unwrap()).ended,
            ExecEnded::Exit(127)
        );
        assert_eq!(executed(results.next().unwrap()).stdout, b"0022\nunset\n");
        assert!(matches!(results.next(), Some(StepResult::Replaced)));
        for nonce in bench.commands.nonces.lock().unwrap().iter() {
            for dir in ["/run", "/dev/shm", "/tmp"] {
                assert!(!Path::new(&format!("{dir}/phoenix-{nonce}")).exists());
            }
        }
    });
}

#[test]
fn a_required_command_that_fails_stops_the_program() {
    on_scripts(|bench| {
        let optional = Step::Exec(Exec::new(["false"]).optional());
        let results = bench.run(&Program::new(vec![
            optional,
            Step::Exec(Exec::new(["sh", "-c", "exit 4"])),
            Step::Replace(replace("/after", b"x")),
        ]));
        assert!(matches!(results[2], StepResult::Skipped));
        let answer = Answer { results };
        assert_eq!(answer.failure().unwrap().0, 1);
        assert!(!bench.host("/after").exists());
    });
}

#[test]
fn a_command_out_of_time_is_killed_with_its_children() {
    on_scripts(|bench| {
        let started = std::time::Instant::now();
        let script = "echo begun; sleep 30 & sleep 30; echo never";
        let exec = Exec::new(["sh", "-c", script]).timeout(Duration::from_secs(1));
        let run = executed(bench.one(Step::Exec(exec)));
        assert_eq!(run.ended, ExecEnded::TimedOut, "{:?}", bench.kind);
        assert_eq!(run.stdout, b"begun\n");
        assert!(started.elapsed() < Duration::from_secs(8));
    });
}

#[test]
fn a_daemon_left_behind_does_not_hold_the_call_up() {
    on_scripts(|bench| {
        let started = std::time::Instant::now();
        let exec = Exec::new(["sh", "-c", "sleep 20 & echo started"]);
        let run = executed(bench.one(Step::Exec(exec)));
        assert_eq!(
            (run.ended, &*run.stdout),
            (ExecEnded::Exit(0), &b"started\n"[..])
        );
        assert!(
            started.elapsed() < Duration::from_secs(10),
            "{:?}",
            bench.kind
        );
    });
}

#[test]
fn output_is_bounded_and_a_talkative_command_ends_all_the_same() {
    on_scripts(|bench| {
        let mut exec = Exec::new(["sh", "-c", "seq 1 200000; seq 1 200000 >&2"]);
        exec.output_limit = 1_000;
        let run = executed(bench.one(Step::Exec(exec)));
        assert_eq!(run.ended, ExecEnded::Exit(0));
        assert!(run.truncated);
        assert_eq!((run.stdout.len(), run.stderr.len()), (1_000, 1_000));
    });
}

#[test]
fn sockets_come_from_both_tables() {
    let line = |address: &str| {
        format!(
            "head\n   0: {address}:0948 {address}:0000 0A 00000000:00000000 00:00000000 00000000 0 0 77 1\n"
        )
    };
    on_all(|bench| {
        bench.write("/proc/net/tcp", line("00000000").as_bytes(), 0o644);
        bench.write("/proc/net/tcp6", line(&"0".repeat(32)).as_bytes(), 0o644);
        match bench.one(Step::Sockets) {
            StepResult::Sockets(sockets) => {
                assert_eq!(sockets.len(), 2);
                assert!(sockets.iter().all(|socket| socket.listens_on(2376)));
            }
            other => panic!("{other:?}"),
        }
    });
}
