use std::fs;
use std::process::Command as Process;

use super::*;
use crate::names::{FileMode, Slug};
use crate::secret::Secret;
use crate::transport::{Delivery, Exec, GuestState, PairFile, Refusal, Replace, StepError};

fn replace(at: &str, size: usize) -> Step {
    let bytes = Secret::new(vec![b'x'; size]);
    Step::Replace(Replace::new(path(at), bytes, FileMode::PRIVATE, me()))
}

fn delivery(version: &str, size: usize) -> Step {
    let file = |at: &str| PairFile {
        path: path(at),
        bytes: Secret::new(vec![b'k'; size]),
        mode: FileMode::PRIVATE,
    };
    Step::Deliver(Delivery {
        slug: Slug::of("a"),
        version: version.parse().unwrap(),
        cert: file("/disk/cert.pem"),
        key: file("/disk/key.pem"),
        ca: None,
        owner: me(),
        beside: None,
        keep: 1,
    })
}

fn refused(result: StepResult) -> StepError {
    match result {
        StepResult::Refused(error) => error,
        other => panic!("expected a refusal, found {other:?}"),
    }
}

/// Puts something around the guest's real shell.
fn around(bench: &Bench, script: &str) {
    let bin = bench.scratch.join("bin");
    fs::rename(bin.join("guest-shell"), bin.join("real-shell")).unwrap();
    let real = bin.join("real-shell");
    bench.fake(
        "guest-shell",
        &format!("#!/bin/sh\nreal='sh {}'\n{script}\n", real.display()),
    );
}

#[test]
fn what_a_login_prints_around_the_answer_does_not_matter() {
    on_scripts(|bench| {
        around(
            bench,
            "echo 'Welcome! phoenix 1'; printf 'no newline'; $real \"$@\"; echo bye; exit 9",
        );
        assert!(matches!(bench.one(replace("/a", 10)), StepResult::Replaced));
    });
}

#[test]
fn garbage_instead_of_an_answer_is_an_error_that_shows_it() {
    on_scripts(|bench| {
        around(bench, "cat >/dev/null; echo 'Please change your password'");
        let error = bench
            .try_run(&Program::new(vec![replace("/a", 10)]))
            .unwrap_err();
        assert!(matches!(error, TransportError::Garbled { .. }), "{error:?}");
        assert!(error.to_string().contains("change your password"));
    });
    let bench = Bench::new(Kind::Qm("dash"));
    bench.fake("qm", "#!/bin/sh\necho nonsense\n");
    let error = bench
        .try_run(&Program::new(vec![replace("/a", 10)]))
        .unwrap_err();
    assert!(matches!(error, TransportError::Garbled { .. }), "{error:?}");
}

#[test]
fn garbage_within_the_answer_is_never_taken_for_a_result() {
    on_scripts(|bench| {
        around(bench, "$real \"$@\" | sed 's/^ok$/fine/'");
        let error = bench
            .try_run(&Program::new(vec![replace("/a", 10)]))
            .unwrap_err();
        assert!(matches!(error, TransportError::Garbled { .. }), "{error:?}");
    });
}

#[test]
fn an_answer_that_breaks_off_says_how_far_it_came() {
    on_scripts(|bench| {
        around(
            bench,
            "$real \"$@\" | sed '/^step 1/,$d'; echo 'connection lost' >&2; exit 1",
        );
        let program = Program::new(vec![
            replace("/a", 10),
            replace("/b", 10),
            replace("/c", 10),
        ]);
        match bench.try_run(&program).unwrap_err() {
            TransportError::Interrupted {
                done,
                steps,
                stderr,
                ..
            } => {
                assert_eq!((done, steps), (1, 3));
                assert_eq!(stderr, "connection lost");
            }
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn a_frame_that_breaks_off_leaves_nothing_behind() {
    on_scripts(|bench| {
        around(bench, "head -c 700 | $real \"$@\"");
        let error = refused(bench.one(delivery("v1", 1_000)));
        assert_eq!(error.refusal, Refusal::Digest, "{:?} {error}", bench.kind);
        assert_eq!(bench.names("/disk"), [".phoenix"]);
        assert!(
            bench
                .names(&format!("/disk/.phoenix/{}", Slug::of("a")))
                .is_empty()
        );
    });
}

#[test]
fn stopped_guests_and_missing_agents_have_errors_of_their_own() {
    on_scripts(|bench| {
        assert_eq!(bench.transport.state().unwrap(), GuestState::Running);
        // Nobody there says that a guest is stopped that is reached directly: `sshd` has a test of its own.
        if bench.sshd.is_none() {
            fs::write(bench.scratch.join("state"), "stopped").unwrap();
            assert_eq!(bench.transport.state().unwrap(), GuestState::Stopped);
            let error = bench
                .try_run(&Program::new(vec![replace("/a", 10)]))
                .unwrap_err();
            assert!(
                matches!(error, TransportError::NotRunning { .. }),
                "{error:?}"
            );
        }
        for tool in ["pct", "qm", "ssh"] {
            let _ = fs::remove_file(bench.scratch.join("bin").join(tool));
        }
        let error = bench
            .try_run(&Program::new(vec![replace("/a", 10)]))
            .unwrap_err();
        assert!(
            matches!(error, TransportError::ToolMissing { .. }),
            "{error:?}"
        );
    });
    let bench = Bench::new(Kind::Qm("dash"));
    bench.fake(
        "qm",
        "#!/bin/sh\necho 'QEMU guest agent is not running' >&2\nexit 255\n",
    );
    let error = bench
        .try_run(&Program::new(vec![replace("/a", 10)]))
        .unwrap_err();
    assert!(
        matches!(error, TransportError::AgentMissing { .. }),
        "{error:?}"
    );
    let bench = Bench::new(Kind::Pct("dash"));
    assert_eq!(bench.transport.init_pid().unwrap(), Some(4242));
    bench.fake("lxc-info", "#!/bin/sh\necho -1\n");
    assert!(matches!(
        bench.transport.init_pid(),
        Err(TransportError::NotRunning { .. })
    ));
}

#[test]
fn a_slow_machine_is_polled_and_nothing_is_started_twice() {
    let bench = Bench::new(Kind::Qm("dash"));
    fs::write(bench.scratch.join("slow"), "1").unwrap();
    let exec = Step::Exec(Exec::new(["true"]));
    assert!(matches!(bench.one(exec), StepResult::Exec(run) if run.succeeded()));
    assert_eq!(
        fs::read_to_string(bench.scratch.join("calls")).unwrap(),
        "call\n"
    );
    let seen = bench.commands.seen.lock().unwrap();
    assert_eq!(seen.len(), 3);
    assert_eq!(seen[2], "qm guest exec-status 1001 4711");
}

#[test]
fn a_machine_that_does_not_end_in_time_is_reported_with_its_process() {
    let bench = Bench::new(Kind::Qm("dash"));
    bench.fake(
        "qm",
        "#!/bin/sh\ncase $2 in exec) cat >/dev/null; echo '{\"pid\": 4711}';; *) echo '{\"exited\": 0}';; esac\n",
    );
    let error = bench
        .transport
        .run(
            &Program::new(vec![Step::Sockets]),
            Duration::from_millis(1_500),
        )
        .unwrap_err();
    assert!(
        matches!(error, TransportError::StillRunning { pid: 4711, .. }),
        "{error:?}"
    );
}

#[test]
fn an_agent_that_cuts_the_output_is_found_out() {
    let bench = Bench::new(Kind::Qm("dash"));
    let json = "{\"exited\": 1, \"exitcode\": 0, \"out-data\": \"x\", \"out-truncated\": true}";
    bench.fake("qm", &format!("#!/bin/sh\ncat >/dev/null\necho '{json}'\n"));
    let error = bench
        .try_run(&Program::new(vec![Step::Sockets]))
        .unwrap_err();
    assert!(
        matches!(error, TransportError::TooLarge { .. }),
        "{error:?}"
    );
}

#[test]
fn a_call_that_hangs_is_killed() {
    let bench = Bench::new(Kind::Pct("dash"));
    around(&bench, "exec sleep 60");
    let error = bench
        .transport
        .run(
            &Program::new(vec![Step::Sockets]),
            Duration::from_millis(300),
        )
        .unwrap_err();
    assert!(
        matches!(error, TransportError::TimedOut { .. }),
        "{error:?}"
    );
}

#[test]
fn what_qm_cannot_pass_on_is_split_or_refused() {
    let bench = Bench::new(Kind::Qm("dash"));
    let program = Program::new(vec![replace("/a", 700_000), replace("/b", 700_000)]);
    assert!(
        bench
            .run(&program)
            .iter()
            .all(|r| matches!(r, StepResult::Replaced))
    );
    assert_eq!(bench.commands.seen.lock().unwrap().len(), 2);
    let error = bench
        .try_run(&Program::new(vec![replace("/a", 1 << 20)]))
        .unwrap_err();
    assert!(
        matches!(error, TransportError::TooLarge { .. }),
        "{error:?}"
    );
    let bench = Bench::new(Kind::Pct("busybox"));
    assert!(matches!(
        bench.one(replace("/a", 5 << 20)),
        StepResult::Replaced
    ));
}

#[test]
fn bytes_that_arrive_changed_are_refused_and_the_old_pair_stays() {
    on_scripts(|bench| {
        // This shell takes its own tool before any other on the search path.
        if matches!(bench.kind, Kind::Pct("busybox") | Kind::Qm("busybox")) {
            return;
        }
        assert!(matches!(
            bench.one(delivery("v1", 10)),
            StepResult::Delivered(_)
        ));
        bench
            .commands
            .install_tool("sha256sum", "#!/bin/sh\ncat >/dev/null\necho 00ff -\n");
        assert_eq!(
            refused(bench.one(delivery("v2", 20))).refusal,
            Refusal::Digest
        );
        assert_eq!(
            refused(bench.one(replace("/other", 20))).refusal,
            Refusal::Digest
        );
        assert_eq!(bench.read("/disk/key.pem").len(), 10);
        assert!(!bench.host("/other").exists());
        assert_eq!(
            bench.names(&format!("/disk/.phoenix/{}", Slug::of("a"))),
            ["current", "v1"]
        );
    });
}

#[test]
fn users_that_the_guest_does_not_have_are_refused() {
    on_all(|bench| {
        let mut file = Replace::new(path("/a"), Secret::new(vec![1]), FileMode::PRIVATE, me());
        file.owner = "nobody-here-9:root".parse().unwrap();
        assert_eq!(
            refused(bench.one(Step::Replace(file))).refusal,
            Refusal::Owner
        );
        assert!(bench.names("/").is_empty());
    });
}

#[test]
fn a_full_disk_leaves_the_old_pair_and_the_rest_of_the_program_goes_on() {
    on_all(|bench| {
        fs::create_dir(bench.host("/disk")).unwrap();
        let disk = bench.host("/disk");
        let mount = Process::new("mount")
            .args(["-t", "tmpfs", "-o", "size=64k", "x"])
            .arg(&disk)
            .output();
        if !mount.is_ok_and(|output| output.status.success()) {
            return;
        }
        assert!(matches!(
            bench.one(delivery("v1", 10)),
            StepResult::Delivered(_)
        ));
        let results = bench.run(
            &Program::new(vec![
                delivery("v2", 100_000),
                replace("/disk/x", 200_000),
                replace("/y", 5),
            ])
            .keep_going(),
        );
        let left = bench.names("/disk");
        let old = bench.read("/disk/key.pem").len();
        let umount = Process::new("umount").arg(&disk).status();
        assert!(umount.unwrap().success());
        let mut results = results.into_iter();
        for _ in 0..2 {
            let error = refused(results.next().unwrap());
            assert_eq!(error.refusal, Refusal::Write, "{:?} {error}", bench.kind);
            assert!(error.disk_full(), "{:?} {error}", bench.kind);
        }
        assert!(matches!(results.next(), Some(StepResult::Replaced)));
        assert_eq!(
            (old, left),
            (
                10,
                vec![
                    ".phoenix".to_owned(),
                    "cert.pem".to_owned(),
                    "key.pem".to_owned()
                ]
            )
        );
    });
}

#[test]
fn steps_that_cannot_be_sent_are_refused_before_the_call() {
    let bench = Bench::new(Kind::Pct("dash"));
    for argv in [vec![], vec![""], vec!["-c"], vec!["a", "b\0"]] {
        let error = bench
            .try_run(&Program::new(vec![Step::Exec(Exec::new(argv))]))
            .unwrap_err();
        assert!(
            matches!(error, TransportError::InvalidStep { step: 0, .. }),
            "{error:?}"
        );
    }
    assert!(bench.commands.seen.lock().unwrap().is_empty());
}
