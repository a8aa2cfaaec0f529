"""Files of NAME=value lines."""

from pathlib import Path

import pytest

from aurora_desktop.core.settings.env_file import read_env_file
from aurora_desktop.core.settings.problems import SettingsError


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=b", "b"),
        ("  export A=b  ", "b"),
        ("A=", ""),
        ("A=a=b", "a=b"),
        ("A=b # why", "b"),
        ("A=b#c", "b#c"),
        ("A= # why", ""),
        ("A='b # c' # why", "b # c"),
        ('A="b \\"c\\" $d"', 'b "c" $d'),
        ("A='$HOME \\n'", "$HOME \\n"),
        ("A=$HOME", "$HOME"),
        ("A=a b", "a b"),
        ("A=ü\r", "ü"),
    ],
)
def test_a_line_is_read_without_expanding_anything(tmp_path: Path, line: str, value: str) -> None:
    path = tmp_path / "secrets.env"
    path.write_bytes(f"# words\n\n{line}\n".encode())
    assert read_env_file(path) == {"A": value}


@pytest.mark.parametrize("line", ["hush", "=hush", "A='hush", 'A="hush', "A='hu'sh x", "A B=hush"])
def test_a_wrong_line_is_told_by_its_number_alone(tmp_path: Path, line: str) -> None:
    path = tmp_path / "secrets.env"
    path.write_text(f"A=1\n{line}\n", encoding="utf-8")
    with pytest.raises(SettingsError) as refused:
        read_env_file(path)
    (problem,) = refused.value.problems
    assert (problem.file, problem.line) == (str(path), 2)
    assert "hush" not in str(refused.value)


def test_the_last_of_two_lines_wins(tmp_path: Path) -> None:
    (tmp_path / "e").write_text("A=1\nA=2\n", encoding="utf-8")
    assert read_env_file(tmp_path / "e") == {"A": "2"}


def test_what_was_read_is_not_in_its_repr(tmp_path: Path) -> None:
    (tmp_path / "e").write_text("A=hush\n", encoding="utf-8")
    assert "hush" not in repr(read_env_file(tmp_path / "e"))


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="problem"):
        read_env_file(tmp_path / "none")
