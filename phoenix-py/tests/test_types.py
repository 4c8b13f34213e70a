"""The stubs: what they say is what there is, and what the tests do is what they allow."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

import phoenix_py
from conftest import leave_out

HERE = Path(__file__).resolve().parent
PACKAGE = Path(phoenix_py.__file__).parent


def run(module, *words, **environment):
    if importlib.util.find_spec(module.split(".")[0]) is None:
        leave_out(f"`{module}` is missing")
    # mypy finds what is installed by itself, and refuses to be told.
    path = {} if PACKAGE.parent.name == "site-packages" else {"MYPYPATH": str(PACKAGE.parent)}
    done = subprocess.run(
        [sys.executable, "-m", module, *words],
        capture_output=True,
        text=True,
        env={**os.environ, **path, **environment},
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_stubs_are_those_of_the_sources():
    writer = HERE.parent / "stubs"
    if not writer.exists():
        leave_out("the sources are not here")
    done = subprocess.run([sys.executable, str(writer), "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (HERE.parent / "python/phoenix_py/_phoenix.pyi").read_text() == (PACKAGE / "_phoenix.pyi").read_text()


def test_stubs_say_what_is_there(tmp_path):
    run("mypy.stubtest", "phoenix_py", "--mypy-config-file", str(config(tmp_path)))


def config(tmp_path):
    path = tmp_path / "mypy.ini"
    path.write_text(f"[mypy]\ncache_dir = {tmp_path / 'cache'}\n")
    return path


def test_mypy_is_content_with_the_package_and_with_programs(tmp_path):
    run("mypy", "--strict", "--config-file", str(config(tmp_path)), "-p", "phoenix_py")
    run("mypy", "--strict", "--config-file", str(config(tmp_path)), str(HERE / "program.py"))


def test_pyright_is_content_with_the_package_and_with_programs(tmp_path):
    settings = tmp_path / "pyrightconfig.json"
    settings.write_text(f'{{"include": ["{PACKAGE}", "{HERE / "program.py"}"], "extraPaths": ["{PACKAGE.parent}"], "typeCheckingMode": "strict", "reportPrivateUsage": "none", "reportUnusedClass": "none", "reportMissingModuleSource": "none"}}')
    run("pyright", "--project", str(settings), "--pythonpath", sys.executable)


def test_mypy_finds_what_is_wrong(tmp_path):
    wrong = tmp_path / "wrong.py"
    wrong.write_text("import phoenix_py\nphoenix_py.Site.open(3).plan(scope=4)\n")
    with pytest.raises(AssertionError, match='has incompatible type "int"'):
        run("mypy", "--strict", "--config-file", str(config(tmp_path)), str(wrong))


def test_the_package_is_marked_as_typed():
    assert (PACKAGE / "py.typed").exists()
    for name, value in vars(phoenix_py._phoenix).items():
        if not name.startswith("_"):
            assert value.__doc__, f"{name} has no documentation"
