"""The settings in force follow the file, and stay when it cannot be used."""

import asyncio
from pathlib import Path

import pytest

from aurora_desktop.core.settings.loader import load, parse
from aurora_desktop.core.settings.problems import SettingsError
from aurora_desktop.core.settings.watch import Applied, Refused, SettingsSource

ONE = "services: {a: {command: x}}\n"
TWO = "services: {a: {command: x}, b: {command: y}}\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "aurora.yaml"
    path.write_text(ONE, encoding="utf-8")
    return path


def polled(source: SettingsSource, times: int = 1) -> list[Applied | Refused | None]:
    async def poll() -> list[Applied | Refused | None]:
        return [await source.poll() for _ in range(times)]

    return asyncio.run(poll())


def test_an_unchanged_file_is_nothing_to_tell(path: Path) -> None:
    assert polled(SettingsSource.load(path), 3) == [None, None, None]


def test_a_changed_file_is_applied_once_it_rests(path: Path) -> None:
    source = SettingsSource.load(path)
    old = source.current()
    path.write_text(TWO, encoding="utf-8")
    assert polled(source) == [None]
    assert source.current() is old
    assert polled(source, 2) == [Applied(old, load(path)), None]
    assert source.current() == load(path)


def test_a_file_that_is_still_being_written_is_left_alone(path: Path) -> None:
    source = SettingsSource.load(path)
    for length in range(1, len(TWO)):
        path.write_text(TWO[:length], encoding="utf-8")
        assert polled(source) == [None]


def test_a_change_that_means_the_same_is_nothing_to_tell(path: Path) -> None:
    source = SettingsSource.load(path)
    path.write_text("# words\n" + ONE, encoding="utf-8")
    assert polled(source, 3) == [None, None, None]


def test_a_wrong_file_is_told_once_and_the_last_good_settings_stay(path: Path) -> None:
    source = SettingsSource.load(path)
    good = source.current()
    path.write_text("services: {a: {comand: x}}\n", encoding="utf-8")
    _, refused, *later = polled(source, 4)
    assert isinstance(refused, Refused)
    assert [p.line for p in refused.problems] == [1, 1]
    assert later == [None, None]
    assert source.current() is good


def test_a_file_that_is_good_again_is_told_though_nothing_differs(path: Path) -> None:
    source = SettingsSource.load(path)
    path.write_text("services: [", encoding="utf-8")
    polled(source, 2)
    path.write_text(ONE, encoding="utf-8")
    assert polled(source, 3) == [None, Applied(load(path), load(path)), None]


def test_a_file_that_vanishes_is_told_once_and_its_return_too(path: Path) -> None:
    source = SettingsSource.load(path)
    path.unlink()
    _, gone, later = polled(source, 3)
    assert isinstance(gone, Refused)
    assert "no such file" in gone.problems[0].message
    assert later is None
    path.write_text(TWO, encoding="utf-8")
    assert isinstance(polled(source, 2)[1], Applied)


@pytest.mark.parametrize("blank", ["", "\n \n"])
def test_a_file_that_becomes_blank_stops_nothing(path: Path, blank: str) -> None:
    source = SettingsSource.load(path)
    path.write_text(blank, encoding="utf-8")
    refused = polled(source, 2)[1]
    assert isinstance(refused, Refused)
    assert "services: {}" in refused.problems[0].hint
    assert list(source.current().services) == ["a"]


def test_a_source_without_a_stamp_reads_the_file_again(path: Path) -> None:
    source = SettingsSource(path, load(path))
    assert polled(source, 2) == [None, None]
    path.write_text(TWO, encoding="utf-8")
    assert isinstance(polled(source, 2)[1], Applied)


def test_a_source_that_began_with_a_refused_file_tells_its_mending_alone(path: Path) -> None:
    good = load(path)
    path.write_text("services: [", encoding="utf-8")
    source = SettingsSource.refused(path, good)
    assert polled(source, 2) == [None, None]
    path.write_text(ONE, encoding="utf-8")
    assert polled(source, 2) == [None, Applied(good, good)]


def test_an_edit_is_applied_by_the_next_poll(path: Path) -> None:
    source = SettingsSource.load(path)

    async def edit() -> Applied | Refused | None:
        await source.save_service("b", {"command": ["y"]})
        return await source.poll()

    assert asyncio.run(edit()) == Applied(parse(ONE, path), parse(TWO, path))


def test_a_removal_is_applied_by_the_next_poll(path: Path) -> None:
    path.write_text(TWO, encoding="utf-8")
    source = SettingsSource.load(path)

    async def edit() -> Applied | Refused | None:
        await source.remove_service("b")
        return await source.poll()

    assert isinstance(asyncio.run(edit()), Applied)
    assert list(source.current().services) == ["a"]


def test_an_edit_of_what_was_changed_meanwhile_is_refused(path: Path) -> None:
    source = SettingsSource.load(path)
    path.write_text("services: {a: {command: other}}\n", encoding="utf-8")
    with pytest.raises(SettingsError) as refused:
        asyncio.run(source.save_service("a", {"command": ["z"]}, previous_name="a"))
    assert "changed meanwhile" in refused.value.problems[0].message
    assert path.read_text(encoding="utf-8") == "services: {a: {command: other}}\n"


def test_a_poll_during_an_edit_waits_for_the_next(path: Path) -> None:
    source = SettingsSource.load(path)

    async def both() -> object:
        edit = asyncio.create_task(source.save_service("b", {"command": ["y"]}))
        await asyncio.sleep(0)
        during = await source.poll()
        await edit
        return during

    assert asyncio.run(both()) is None
