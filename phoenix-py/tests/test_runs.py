"""Long calls: threads, progress, Ctrl-C, logging, the lock; errors of every class; the command line in miniature."""

import json
import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta

import pytest

import phoenix_py
from conftest import SITE, entry


def test_other_threads_run_meanwhile(here):
    here.want(entry("web.internal.example", post_renewal_command=["sleep", "1"]))
    ticks = []
    done = threading.Event()

    def tick():
        while not done.is_set():
            ticks.append(time.monotonic())
            time.sleep(0.01)

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        began = time.monotonic()
        here.site().sync().raise_for_status()
        took = time.monotonic() - began
    finally:
        done.set()
        thread.join()
    assert took >= 1
    pauses = [after - before for before, after in zip(ticks, ticks[1:])]
    assert len(ticks) > 20 and max(pauses) < 0.5, "a run holds no other thread up"


def test_progress_tells_each_step(host):
    events = []
    host.site().sync(progress=events.append).raise_for_status()
    assert all(isinstance(event, phoenix_py.Event) for event in events)
    started = [event.step for event in events if event.kind == "started"]
    finished = [event.step for event in events if event.kind == "finished"]
    assert started == finished and "issue web.internal.example" in started
    assert all(event.ok for event in events if event.kind == "finished")
    assert all(event.ok is None and event.text for event in events if event.kind == "started")


def test_what_a_callback_raises_stops_the_run_and_is_raised(host):
    host.want(*(entry(f"web{number}.internal.example") for number in range(3)))

    def progress(event):
        if event.kind == "finished":
            raise LookupError("enough")

    with pytest.raises(LookupError, match="enough") as caught:
        host.site().sync(progress=progress)
    statuses = {outcome.status for outcome in caught.value.report}
    assert "skipped" in statuses and not caught.value.report.ok


def test_steps_go_to_logging(host, caplog):
    with caplog.at_level(logging.DEBUG, logger="phoenix_py"):
        host.site().sync()
    assert any("done issue web.internal.example" in record.message for record in caplog.records)
    assert {record.name for record in caplog.records} == {"phoenix_py"}
    levels = {record.levelno for record in caplog.records}
    assert levels <= {logging.DEBUG, logging.INFO} and logging.DEBUG in levels


def test_failures_are_logged_as_errors(here, caplog):
    here.want(entry("web.internal.example", post_renewal_command="false"))
    with caplog.at_level(logging.ERROR, logger="phoenix_py"):
        here.site().sync()
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_ctrl_c_ends_a_run_between_two_steps(here):
    first, second = ("a.internal.example", "b.internal.example")
    here.want(
        entry(first, post_renewal_command=["sleep", "1"]),
        entry(second, after=[first], post_renewal_command=["touch", str(here.root / "second")]),
    )
    code = f"""
import phoenix_py, signal, sys
# Whoever starts the tests in the background may have told their children to ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)
site = phoenix_py.Site.open({str(here.root / SITE.lstrip("/"))!r}, state={str(here.root / "state")!r})
def progress(event):
    if event.kind == "started" and event.step.startswith("hook sleep"):
        print("now", flush=True)
try:
    site.sync(progress=progress)
except KeyboardInterrupt as stop:
    print([outcome.status for outcome in stop.report])
    sys.exit(130)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == "now\n"
        child.send_signal(signal.SIGINT)
        statuses = child.stdout.read()
        assert child.wait(timeout=30) == 130
    assert "'done'" in statuses and "'skipped'" in statuses
    assert here.path(f"/srv/tls/{first}.crt").exists() and not (here.root / "second").exists()
    assert here.site().sync().ok, "the next run finishes it"
    assert (here.root / "second").exists()


def test_one_run_at_a_time(here):
    here.want(entry("web.internal.example", post_renewal_command=["sleep", "2"]))
    runs = threading.Event()
    thread = threading.Thread(target=lambda: here.site().sync(progress=lambda event: runs.set()))
    thread.start()
    try:
        assert runs.wait(10)
        with pytest.raises(phoenix_py.LockedError) as caught:
            here.site().sync(lock_timeout=timedelta(0))
        assert caught.value.code == "lock" and caught.value.stage == "lock" and caught.value.place.file.name == "lock"
    finally:
        thread.join()


def test_a_plan_that_is_no_longer_right_is_not_applied(host):
    site = host.site()
    plan = site.plan()
    host.want(entry("web.internal.example"), entry("more.internal.example"))
    with pytest.raises(phoenix_py.PlanChangedError) as caught:
        site.apply(plan)
    assert caught.value.differences and caught.value.code == "plan-changed" and caught.value.hint
    for bad in ({"steps": []}, "{}", "no json"):
        with pytest.raises(phoenix_py.ArgumentError):
            site.apply(bad)
    with pytest.raises(TypeError, match="argument 'plan'"):
        site.apply(3)


def test_what_check_finds_blocks_a_step(sample):
    site = sample.site()
    site.migrate_docker_tls()
    blocking = [rule.code for rule in phoenix_py.check_rules() if rule.blocks]
    assert blocking
    try:
        site.sync()
    except phoenix_py.BlockedError as error:
        assert error.faults and error.code == "blocked"
    else:
        error = phoenix_py.BlockedError("stopped", code="blocked", faults=())
        assert isinstance(error, phoenix_py.InputError)


def test_a_state_that_cannot_be_read_is_a_state_error(host):
    site = host.site()
    site.sync()
    sites = next((host.root / "var/lib/phoenix/sites").iterdir())
    (sites / "last-run.json").write_text("no json")
    with pytest.raises(phoenix_py.StateError) as caught:
        site.status()
    assert caught.value.code == "store" and caught.value.stage == "state"


def test_a_place_that_is_taken_is_a_deploy_error(host):
    host.path("/srv/tls/web.internal.example.crt").mkdir()
    report = host.site().sync()
    assert not report.ok
    with pytest.raises(phoenix_py.PhoenixError) as caught:
        report.raise_for_status()
    assert caught.value.stage in ("deploy", "enroll", "plan")


def test_a_panic_is_an_exception_of_its_own(capfd):
    with pytest.raises(phoenix_py.InternalError, match="asked to.*a bug of phoenix_py") as caught:
        phoenix_py._phoenix._panic()
    assert caught.value.code == "internal"


def test_wrong_types_name_the_parameter(host):
    site = host.site()
    for call, parameter in (
        (lambda: site.plan(scope=3), "scope"),
        (lambda: site.plan(only="web"), "only"),
        (lambda: site.sync(lock_timeout=3), "lock_timeout"),
        (lambda: phoenix_py.Site.open(3), "site"),
        (lambda: site.rollback(3), "name"),
        (lambda: phoenix_py.Manifest.load(3), "path"),
    ):
        with pytest.raises(TypeError, match=f"'{parameter}'"):
            call()


def test_wrong_values_name_the_parameter(host):
    site = host.site()
    for call, parameter in (
        (lambda: site.plan(scope="half"), "scope"),
        (lambda: site.plan(only=[""]), "only"),
        (lambda: phoenix_py.PrivateKey.generate("dsa"), "key_type"),
        (lambda: site.issue("/x.crt"), "key_path"),
        (lambda: site.renew("/x.crt", "/x.key", by="magic"), "by"),
        (lambda: site.rekey("/x.crt", "/x.key", out_cert="/y.crt"), "out_cert"),
        (lambda: site.revoke(), "cert_path"),
        (lambda: site.token(), "common_name"),
        (lambda: phoenix_py.EmbeddedCa.open("/y", root="/none"), "root"),
    ):
        with pytest.raises(phoenix_py.ArgumentError) as caught:
            call()
        assert caught.value.parameter == parameter and isinstance(caught.value, ValueError)


def test_exceptions_can_be_pickled_with_what_they_say(host):
    host.manifest.write_text("[")
    with pytest.raises(phoenix_py.InputError) as caught:
        host.site().plan()
    again = pickle.loads(pickle.dumps(caught.value))
    assert type(again) is type(caught.value) and str(again) == str(caught.value)
    assert again.faults == caught.value.faults and again.place == caught.value.place


def test_every_exception_is_a_phoenix_error():
    errors = [getattr(phoenix_py, name) for name in phoenix_py.__all__ if name.endswith("Error")]
    assert len(errors) > 15
    for error in errors:
        assert issubclass(error, phoenix_py.PhoenixError)
        made = error("words", hint="do it")
        assert (str(made), made.message, made.reason, made.hint) == ("words", "words", "words", "do it")
        assert (made.place, made.certificate, made.stage, made.parameter) == (None,) * 4
        assert (made.faults, made.differences, made.code) == ((), (), "error")
    assert issubclass(phoenix_py.TransportError, phoenix_py.PhoenixError)


def cli(host, *words):
    words = [sys.executable, "-m", "phoenix_py", "--root", str(host.root), *words]
    return subprocess.run(words, capture_output=True, text=True, timeout=60)


def test_the_command_line_in_miniature(host):
    done = cli(host, "plan")
    assert done.returncode == 0 and "web.internal.example" in done.stdout
    assert cli(host, "plan", "--check").returncode == 1
    assert json.loads(cli(host, "--json", "plan").stdout)["steps"]
    done = cli(host, "status")
    assert done.returncode == 0 and "web.internal.example" in done.stdout
    assert json.loads(cli(host, "--json", "status").stdout)["certificates"]
    done = cli(host, "check")
    assert done.returncode in (0, 1), done.stderr
    assert isinstance(json.loads(cli(host, "--json", "check").stdout)["findings"], list)
    host.site().sync()
    assert cli(host, "plan", "--check").returncode == 0
    host.manifest.write_text("[")
    done = cli(host, "plan")
    assert done.returncode == 2 and "certificate-manifest.json:1" in done.stderr and done.stdout == ""
    done = cli(host, "--site", "/none", "plan")
    assert done.returncode == 2 and done.stderr.startswith("error: ")
    assert cli(host, "nonsense").returncode == 2
    assert cli(host, "--version").stdout.strip() == phoenix_py.__version__


def test_a_reader_that_goes_away_is_no_error(host):
    words = [sys.executable, "-m", "phoenix_py", "--root", str(host.root), "--json", "plan"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        child.stdout.close()
        assert child.stderr.read() == b"" and child.wait() == 0


def test_nothing_of_the_environment_is_read(host, monkeypatch):
    monkeypatch.setenv("PHOENIX_SITE", "/none")
    assert host.site().plan().has_work
    assert os.environ["PHOENIX_SITE"] == "/none"
