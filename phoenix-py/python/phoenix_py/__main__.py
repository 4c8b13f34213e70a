"""The command line in miniature: `python -m phoenix_py check|plan|status`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import Optional

import phoenix_py

DONE, FAILED, USAGE = 0, 1, 2


def parser() -> argparse.ArgumentParser:
    words = argparse.ArgumentParser(prog="python -m phoenix_py", description=__doc__)
    words.add_argument("--site", default="/usr/local/phoenix_hypervisor", help="directory of the operator's files")
    words.add_argument("--state", default="/var/lib/phoenix", help="Phoenix's state directory")
    words.add_argument("--root", help="a copy of a whole host to work on")
    words.add_argument("--json", action="store_true", help="the answer as JSON")
    words.add_argument("--version", action="version", version=phoenix_py.__version__)
    commands = words.add_subparsers(dest="command", required=True, metavar="{check,plan,status}")
    check = commands.add_parser("check", help="what is wrong with the site's files")
    check.add_argument("--online", action="store_true", help="ask guests and the CA")
    plan = commands.add_parser("plan", help="what a run would do, and why")
    plan.add_argument("--check", action="store_true", help="exit 1 when there is something to do")
    commands.add_parser("status", help="how the site stands")
    # In the process that outlives its starter: see _watch.py.
    commands.add_parser("watch")
    return words


def main(argv: Optional[list[str]] = None) -> int:
    words = parser().parse_args(argv)
    try:
        site = phoenix_py.Site.open(words.site, state=words.state, root=words.root)
        if words.command == "watch":
            return FAILED if site._watch_firewall(ready) == "reverted" else DONE
        answer, status = answered(site, words)
    except phoenix_py.InputError as error:
        for fault in error.faults:
            print(fault, file=sys.stderr)
        if not error.faults:
            print(f"error: {error}", file=sys.stderr)
        return USAGE
    except phoenix_py.PhoenixError as error:
        print(f"error: {error}", file=sys.stderr)
        if error.hint:
            print(f"hint: {error.hint}", file=sys.stderr)
        return USAGE if isinstance(error, (ValueError, phoenix_py.FileAccessError)) else FAILED
    try:
        if words.json:
            json.dump(answer.to_dict(), sys.stdout, indent=2)
            print()
        else:
            sys.stdout.write(str(answer))
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return status


def answered(
    site: phoenix_py.Site, words: argparse.Namespace
) -> tuple[phoenix_py.Findings | phoenix_py.Plan | phoenix_py.SiteStatus, int]:
    if words.command == "check":
        findings = site.check(online=words.online)
        for note in findings.notes:
            print(note, file=sys.stderr)
        return findings, FAILED if findings.has_errors else DONE
    if words.command == "plan":
        plan = site.plan()
        return plan, FAILED if words.check and plan.has_work else DONE
    return site.status(), DONE


def ready() -> None:
    sys.stdout.write("ready\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
