"""What the shell is told at each Tab."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from api.house import House

from aurora_desktop.cli.completing import ASKED_TO_COMPLETE

Aurora = Callable[..., int]
SEPARATOR = "\x0b"
PROGRAM = "from aurora_desktop.cli.main import main; raise SystemExit(main(run=lambda options: 0))"


@pytest.fixture
def completed(tmp_path: Path) -> Callable[[str], list[str]]:
    """What comes next after a line: asked as the shell asks, in a process of its own."""

    def ask(line: str) -> list[str]:
        answer = tmp_path / "answer"
        asked = {
            ASKED_TO_COMPLETE: "1",
            "_ARGCOMPLETE_IFS": SEPARATOR,
            "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
            "COMP_LINE": line,
            "COMP_POINT": str(len(line.encode())),
            "COMP_TYPE": "",
        }
        subprocess.run([sys.executable, "-c", PROGRAM], env=os.environ | asked, check=True)
        return [word.strip() for word in answer.read_text().split(SEPARATOR) if word.strip()]

    return ask


def test_commands_are_completed(completed: Callable[[str], list[str]]) -> None:
    assert sorted(completed("aurora sta")) == ["start", "state", "stats", "status"]
    assert completed("aurora task res") == ["resume"]
    assert completed("aurora completion ") == ["bash", "zsh", "fish"]


def test_options_are_completed_once_a_dash_is_there(completed: Callable[[str], list[str]]) -> None:
    assert completed("aurora logs --fol") == ["--follow"]


def test_names_come_from_the_running_aurora(house: House, completed: Callable[[str], list[str]]) -> None:
    here = f"aurora --state-dir {house.paths.root}"
    assert completed(f"{here} restart ") == ["web", "db"]
    assert completed(f"{here} logs w") == ["web"]
    assert completed(f"{here} stop web d") == ["db"]
    tasks = [task.id for task in house.call(house.tasks.tasks)]
    assert tasks
    assert completed(f"{here} task show ") == tasks
    assert "claude" in completed(f"{here} task submit --agent ")


def test_without_aurora_there_are_none(tmp_path: Path, completed: Callable[[str], list[str]]) -> None:
    assert completed(f"aurora --state-dir {tmp_path} restart ") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_code_for_each_shell_can_be_read_by_it(
    aurora: Aurora, capsys: pytest.CaptureFixture[str], shell: str
) -> None:
    assert aurora("completion", shell) == 0
    code = capsys.readouterr().out
    assert "aurora" in code
    if (program := shutil.which(shell)) is not None:
        checked = subprocess.run([program, "-n"], input=code, capture_output=True, text=True, check=False)
        assert (checked.returncode, checked.stderr) == (0, "")


def test_bash_completes_by_it(house: House, aurora: Aurora, capsys: pytest.CaptureFixture[str]) -> None:
    """The shell itself asks the command that stands in the environment."""
    assert aurora("completion", "bash") == 0
    code = capsys.readouterr().out
    line = f"aurora --state-dir {house.paths.root} restart "
    words = " ".join(f"'{word}'" for word in line.split(" "))
    script = f"""{code}
COMP_LINE='{line}' COMP_POINT={len(line)} COMP_TYPE=9 COMP_WORDBREAKS=$' \\t\\n' COMP_WORDS=({words}) COMP_CWORD=4
_python_argcomplete aurora
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash"], input=script, capture_output=True, text=True, check=False, env=os.environ | {"PATH": path}
    )
    assert sorted(done.stdout.split()) == ["db", "web"], done.stderr
