"""The set-up script in a checkout of its own, with an apt, a sudo and a uv that note what they are told."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the script installs for Linux here")

ROOT = Path(__file__).parents[3]
PACKAGES = "run libone\nrun libtwo-new|libtwo\ntest xvfb\n"

PROGRAMS = {
    "dpkg-query": 'sed "s/^/ii  /" "$NOTES/installed"',
    "apt-cache": 'for last; do :; done; grep -qx "$last" "$NOTES/known"',
    "apt-get": """echo "apt-get $*" >> "$NOTES/calls"
case "$*" in
    *update*) cat "$NOTES/upstream" >> "$NOTES/known" ;;
    *install*) for word; do grep -x -- "$word" "$NOTES/known"; done >> "$NOTES/installed"; true ;;
esac""",
    "sudo": 'test "$1" != -n || shift; echo "sudo $1" >> "$NOTES/calls"; exec "$@"',
    "id": 'echo "$AS_USER"',
    "uv": """test "$2" != --help || { echo --no-default-groups; exit; }
echo "uv $*" >> "$NOTES/calls"
mkdir -p .venv/bin && touch .venv/bin/aurora .venv/bin/python && chmod +x .venv/bin/*""",
}


class Checkout:
    """A copy of what the script reads, on a machine where nothing is installed yet."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._notes = root / "notes"
        self._bin = root / "bin"
        for folder in (self._notes, self._bin, root / "installer"):
            folder.mkdir(parents=True)
        shutil.copy(ROOT / "installer" / "setup.sh", root / "installer")
        (root / "installer" / "debian-packages.txt").write_text(PACKAGES)
        for name in ("uv.lock", "pyproject.toml"):
            (root / name).write_text("")
        for name in ("installed", "known", "upstream", "calls"):
            (self._notes / name).write_text("")
        for name, body in PROGRAMS.items():
            self._program(name, body)

    def _program(self, name: str, body: str) -> None:
        (self._bin / name).write_text(f"#!/bin/sh\n{body}\n")
        (self._bin / name).chmod(0o755)

    def has(self, name: str, *packages: str) -> None:
        """Note packages as `installed`, `known` to apt, or `upstream` until the lists are updated."""
        (self._notes / name).write_text("".join(f"{package}\n" for package in packages))

    def without(self, name: str) -> None:
        (self._bin / name).unlink()

    def run(self, wanted: str = "run", *, uid: int = 0) -> "subprocess.CompletedProcess[str]":
        environ = {"PATH": f"{self._bin}:{os.environ['PATH']}", "NOTES": str(self._notes), "AS_USER": str(uid)}
        command = [str(self.root / "installer" / "setup.sh"), wanted]
        quiet = subprocess.DEVNULL
        return subprocess.run(command, env=environ, stdin=quiet, capture_output=True, text=True, check=False)

    def brings_agents(self, exit_code: int) -> None:
        """As if what installs the agents for the tests noted its call and ended so."""
        script = self.root / "installer" / "agents.sh"
        script.write_text(f'#!/bin/sh\necho agents >> "$NOTES/calls"\nexit {exit_code}\n')
        script.chmod(0o755)

    def calls(self) -> list[str]:
        return (self._notes / "calls").read_text().splitlines()

    def installs(self) -> list[str]:
        """The packages of each `apt-get install`."""
        lines = (call.split(" -y ") for call in self.calls() if " install " in call)
        return [line[-1] for line in lines]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "a checkout")


def test_root_gets_what_is_missing_and_is_told(checkout: Checkout) -> None:
    checkout.has("installed", "libone")
    checkout.has("known", "libtwo")
    done = checkout.run()
    assert done.returncode == 0, done.stderr
    assert "installing system packages with root" in done.stdout
    assert checkout.installs() == ["libtwo"]
    assert not any("update" in call for call in checkout.calls())
    assert (checkout.root / ".venv" / "bin" / "aurora").exists()


def test_second_time_nothing_is_called(checkout: Checkout) -> None:
    checkout.has("known", "libone", "libtwo")
    checkout.run()
    told = checkout.calls()
    again = checkout.run()
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert checkout.calls() == told


def test_package_removed_since_comes_back_without_a_new_environment(checkout: Checkout) -> None:
    checkout.has("known", "libone", "libtwo")
    checkout.run()
    checkout.has("installed", "libone")
    before = len(checkout.calls())
    assert checkout.run().returncode == 0
    assert checkout.installs()[-1] == "libtwo"
    assert not any(call.startswith("uv") for call in checkout.calls()[before:])


def test_changed_lock_makes_the_environment_anew(checkout: Checkout) -> None:
    checkout.has("installed", "libone", "libtwo-new")
    checkout.run()
    (checkout.root / "uv.lock").write_text("changed")
    checkout.run()
    assert len([call for call in checkout.calls() if call.startswith("uv sync")]) == 2


def test_lists_are_updated_only_where_a_package_is_unknown(checkout: Checkout) -> None:
    checkout.has("upstream", "libone", "libtwo-new", "libtwo")
    assert checkout.run().returncode == 0
    assert checkout.installs() == ["libone libtwo-new"]
    assert len([call for call in checkout.calls() if "update" in call]) == 1


def test_other_user_takes_sudo(checkout: Checkout) -> None:
    checkout.has("known", "libone", "libtwo")
    done = checkout.run(uid=1000)
    assert done.returncode == 0, done.stderr
    assert "with sudo" in done.stdout
    assert "sudo env" in checkout.calls()


def test_without_sudo_it_says_what_to_install_and_stops(checkout: Checkout) -> None:
    checkout.has("known", "libone", "libtwo")
    checkout.without("sudo")
    (checkout.root / "bin" / "sudo").write_text("#!/bin/sh\nexit 1\n")
    (checkout.root / "bin" / "sudo").chmod(0o755)
    done = checkout.run(uid=1000)
    assert done.returncode == 1
    assert "sudo apt-get install libone libtwo" in done.stderr
    assert not (checkout.root / ".venv").exists()


def test_tests_need_more_than_running_and_neither_removes_the_others(checkout: Checkout) -> None:
    checkout.has("known", "libone", "libtwo", "xvfb")
    checkout.run("run")
    assert checkout.run("test").returncode == 0
    assert checkout.installs() == ["libone libtwo", "xvfb"]
    syncs = [call for call in checkout.calls() if call.startswith("uv sync")]
    assert all("--locked --inexact" in call for call in syncs)
    assert ["--group dev" in call for call in syncs] == [False, True]
    assert checkout.run("run").stdout == ""


def test_elsewhere_the_libraries_are_named_and_it_goes_on(checkout: Checkout) -> None:
    checkout.without("dpkg-query")
    checkout.without("apt-get")
    for name in ("bash", "sh", "awk", "uname", "tr", "cksum", "cat", "mkdir", "touch", "chmod", "dirname", "env"):
        found = shutil.which(name)
        assert found is not None
        (checkout.root / "bin" / name).symlink_to(found)
    (checkout.root / "bin" / "python3").symlink_to(sys.executable)
    command = [str(checkout.root / "bin" / "bash"), str(checkout.root / "installer" / "setup.sh"), "run"]
    environ = {"PATH": str(checkout.root / "bin"), "NOTES": str(checkout.root / "notes"), "AS_USER": "0"}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "libone libtwo-new/libtwo" in done.stdout


def test_unknown_target_is_refused(checkout: Checkout) -> None:
    assert checkout.run("everything").returncode == 1


def test_agents_are_looked_after_for_the_tests_alone_and_each_time(checkout: Checkout) -> None:
    checkout.has("known", "libone", "libtwo", "xvfb")
    checkout.brings_agents(0)

    for wanted in ("run", "test", "test"):
        assert checkout.run(wanted).returncode == 0

    assert checkout.calls().count("agents") == 2


def test_agents_that_cannot_be_installed_are_told_and_keep_nothing_else_from_being_tested(checkout: Checkout) -> None:
    checkout.has("known", "libone", "libtwo", "xvfb")
    checkout.brings_agents(1)

    result = checkout.run("test")

    assert result.returncode == 0
    assert "setup: Claude Code and Codex could not be installed" in result.stdout


def test_the_agents_are_pinned_by_checksum_and_their_lock_names_no_other_registry() -> None:
    folder = ROOT / "installer" / "agents"
    wanted = json.loads((folder / "package.json").read_text())["dependencies"]
    locked = json.loads((folder / "package-lock.json").read_text())["packages"]
    fetched = {name: package for name, package in locked.items() if name}

    assert locked[""]["dependencies"] == wanted
    assert all(version[0].isdigit() for version in wanted.values())
    assert all(package["integrity"].startswith("sha512-") for package in fetched.values())
    assert all("resolved" not in package for package in fetched.values())
