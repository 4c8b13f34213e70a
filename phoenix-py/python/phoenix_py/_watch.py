"""Starts the process that takes rules on trial back when the program that put them in force dies."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._phoenix import Site

READY = b"ready\n"


def start(site: Site) -> None:
    """Start it, and return once it has left this session."""
    words = [sys.executable, "-m", "phoenix_py", "--site", str(site.path), "--state", str(site.state)]
    if site.root is not None:
        words += ["--root", str(site.root)]
    child = subprocess.Popen(
        [*words, "watch"],
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert child.stdout is not None
    with child.stdout as stdout:
        if stdout.read(len(READY)) != READY:
            child.kill()
            child.wait()
            raise OSError("the process that takes the change back did not start")
