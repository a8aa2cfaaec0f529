"""Pages of libraries are given back only where every one of them can be read from the file again."""

import subprocess
import sys

import pytest

from aurora_desktop.core.idle_code import Mapping, mappings

_SMAPS = """\
7f1c1d600000-7f1c1d828000 r--p 00000000 08:01 1234                       /usr/lib/libQt6Core.so.6
Size:               2208 kB
Rss:                1984 kB
Pss:                 991 kB
Anonymous:             0 kB
Swap:                  0 kB
VmFlags: rd mr mw me
7f1c1d828000-7f1c1d8a0000 r--p 00228000 08:01 1234                       /usr/lib/libQt6Core.so.6
Size:                480 kB
Rss:                 480 kB
Anonymous:           400 kB
Swap:                 80 kB
VmFlags: rd mr mw me ac
7ffd6a5c4000-7ffd6a5e5000 rw-p 00000000 00:00 0
Rss:                  64 kB
Anonymous:            64 kB
Swap:                  0 kB
VmFlags: rd wr mr mw me gd ac
"""
CODE = Mapping(0, 4096, "r-xp", "/usr/lib/libQt6Core.so.6", 4, 0)


def test_each_mapping_is_told_with_what_is_its_own() -> None:
    path = "/usr/lib/libQt6Core.so.6"
    assert list(mappings(_SMAPS.splitlines(keepends=True))) == [
        Mapping(0x7F1C1D600000, 0x7F1C1D828000, "r--p", path, 1984, 0),
        Mapping(0x7F1C1D828000, 0x7F1C1D8A0000, "r--p", path, 480, 480),
        Mapping(0x7FFD6A5C4000, 0x7FFD6A5E5000, "rw-p", "", 64, 64),
    ]


def test_code_that_equals_its_file_can_be_given_back() -> None:
    assert CODE.is_plain_code


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"own_kb": 4}, id="relocations"),
        pytest.param({"rights": "rw-p"}, id="data"),
        pytest.param({"rights": "r--s"}, id="shared with others"),
        pytest.param({"path": ""}, id="heap"),
        pytest.param({"path": "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"}, id="a file that may be unmapped"),
        pytest.param({"path": "/usr/lib/libQt6Core.so.6 (deleted)"}, id="a library that was replaced"),
        pytest.param({"resident_kb": 0}, id="nothing"),
    ],
)
def test_anything_else_cannot(other: dict[str, object]) -> None:
    fields = {name: getattr(CODE, name) for name in CODE.__struct_fields__}
    assert not Mapping(**{**fields, **other}).is_plain_code


_PROGRAM = """
import apsw, re
from pathlib import Path
from aurora_desktop.core.idle_code import give_back_code

def of_files():
    return int(re.search(r"RssFile:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

def sums():
    return apsw.Connection(":memory:").execute("select sum(value) from json_each('[1, 2, 3]')").fetchall()

before, expected = of_files(), sums()
give_back_code()
after = of_files()
assert sums() == expected
print(before - after)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc")
def test_a_program_goes_on_with_less() -> None:
    command = [sys.executable, "-c", _PROGRAM]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 1000, "kB that the files take"
