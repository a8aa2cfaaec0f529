"""Command lines in units and desktop entries mean exactly the words they were made from."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.desktop.autostart_systemd import GRAPHICAL, quote_command, unit_text
from aurora_desktop.desktop.autostart_xdg import quote_exec

WORDS = st.lists(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")) | st.sampled_from("\n\t\r")))
NASTY = """"\\ %$`'&;|<>~*?#()="""


def read_exec(value: str) -> list[str]:
    """Read an Exec key by the letter of the Desktop Entry Specification: string escapes, quotes, field codes."""
    escapes = {"s": " ", "n": "\n", "t": "\t", "r": "\r", "\\": "\\"}
    line = re.sub(r"\\(.)", lambda match: escapes[match[1]], value)
    words = re.findall(r'"((?:[^"\\]|\\.)*)"|([^ ]+)', line, re.DOTALL)
    return [(plain if plain else re.sub(r'\\(["`$\\])', r"\1", quoted)).replace("%%", "%") for quoted, plain in words]


def read_exec_start(line: str) -> list[str]:
    """Read ExecStart by the letter of systemd.service(5): C escapes, specifiers, then variables in arguments."""
    escapes = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"'}
    words = re.findall(r'"((?:[^"\\]|\\.)*)"', line)
    program, *arguments = [re.sub(r"\\(.)", lambda match: escapes[match[1]], word).replace("%%", "%") for word in words]
    return [program, *(word.replace("$$", "$") for word in arguments)]


@given(WORDS)
def test_words_survive_a_desktop_entry(words: list[str]) -> None:
    command = ("/opt/aurora", *words, NASTY)
    assert read_exec(quote_exec(command)) == list(command)


@given(WORDS)
def test_words_survive_a_unit(words: list[str]) -> None:
    command = ("/opt/my %u aurora", *words, NASTY)
    assert read_exec_start(quote_command(command)) == list(command)


def test_plain_words_stay_plain() -> None:
    assert quote_exec(("/usr/bin/aurora", "run", "--hidden")) == "/usr/bin/aurora run --hidden"


@pytest.mark.parametrize(
    "words",
    [
        read_exec(quote_exec(("/opt/a=b/aurora", "run", NASTY))),
        read_exec_start(quote_command(("/opt/'a'\\b/aurora", "run", NASTY))),
    ],
)
def test_program_that_the_reader_does_not_take_goes_through_a_shell(words: list[str], tmp_path: Path) -> None:
    shell, option, script, _program, *arguments = words
    told = subprocess.run([shell, option, script, "printf", "%s|", *arguments], capture_output=True, text=True)
    assert (shell, told.stdout) == ("/bin/sh", f"run|{NASTY}|")


def test_systemd_itself_takes_the_unit(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    folder = tmp_path / "100 % $HOME \\ 'mine' \"yours\""
    folder.mkdir()
    program = folder / "aurora"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = tmp_path / "aurora-desktop.service"
    unit.write_text(unit_text((str(program), "run", NASTY), GRAPHICAL))
    environ = {"XDG_RUNTIME_DIR": str(tmp_path), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    command = ["systemd-analyze", "--user", "--man=no", "verify", str(unit)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, [line for line in done.stderr.splitlines() if unit.name in line]) == (0, [])
