"""Programs as people have them: there, missing, without permission, of another name, silent for ever."""

import os
import stat
from pathlib import Path
from typing import Any

import pytest
from core.clocks import FakeClock
from supervisor.yard import in_loop

from aurora_desktop.core.settings.schema_tasks import CliAgent
from aurora_desktop.core.settings.values import Command
from aurora_desktop.core.task_events import AgentAvailable, AgentUnavailable
from aurora_desktop.supervisor.processes import process_table
from aurora_desktop.tasks.verification import ASK_AGAIN_S, Checked, Verification

GOOD = 'echo "2.1.197 (Claude Code)"'


class Desk:
    """A folder that is the whole PATH of an agent, and what was told of it."""

    def __init__(self, folder: Path, patience_s: float = 10.0) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.told: list[AgentAvailable | AgentUnavailable] = []
        self.verification = Verification(process_table(), self.clock, self._tell, patience_s)

    def _tell(self, event: object) -> None:
        assert isinstance(event, AgentAvailable | AgentUnavailable)
        self.told.append(event)

    def program(self, body: str, name: str = "claude", mode: int = 0o755) -> Path:
        path = self.folder / name
        path.write_text(f"#!/bin/sh\necho asked >> {self.folder}/asked\n{body}\n")
        path.chmod(mode)
        return path

    @property
    def asked(self) -> int:
        path = self.folder / "asked"
        return len(path.read_text().splitlines()) if path.exists() else 0

    async def check(self, again: bool = False, **options: Any) -> Checked:
        agent = CliAgent(**{"kind": "claude", **options})
        own = {"PATH": f"{self.folder}:/usr/bin:/bin", "HOME": str(self.folder)}
        return await self.verification.check("claude", agent, own, again=again)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@in_loop
async def test_a_program_that_tells_its_version_is_available(desk: Desk) -> None:
    desk.program(GOOD)
    assert await desk.check() == Checked(available=True, version="2.1.197 (Claude Code)")
    assert desk.told == []


@in_loop
async def test_it_is_asked_once_until_it_changes(desk: Desk) -> None:
    program = desk.program(GOOD)
    await desk.check()
    await desk.check()
    assert desk.asked == 1
    os.utime(program, ns=(1, 1))
    await desk.check()
    assert desk.asked == 2


@in_loop
async def test_it_is_asked_again_on_demand(desk: Desk) -> None:
    desk.program(GOOD)
    await desk.check()
    await desk.check(again=True)
    assert desk.asked == 2


@in_loop
async def test_a_missing_program_says_how_to_install_it(desk: Desk) -> None:
    checked = await desk.check()
    assert not checked.available
    assert checked.detail == "command not found: claude"
    assert "npm install -g @anthropic-ai/claude-code" in checked.hint


@in_loop
async def test_a_missing_program_of_the_settings_names_the_option(desk: Desk) -> None:
    checked = await desk.check(command=Command(("nosuch",)))
    assert "Correct `command` in `tasks.agents.claude`" in checked.hint


@in_loop
async def test_a_program_that_appears_is_told_once(desk: Desk) -> None:
    await desk.check()
    await desk.check()
    desk.program(GOOD)
    assert (await desk.check()).available
    await desk.check()
    assert [type(event) for event in desk.told] == [AgentUnavailable, AgentAvailable]


@in_loop
async def test_one_that_is_not_executable_is_not_run(desk: Desk) -> None:
    path = desk.program(GOOD, "mine", stat.S_IRUSR | stat.S_IWUSR)
    checked = await desk.check(command=Command((str(path),)))
    assert checked.detail == f"not executable: {path}"
    assert checked.hint == f"Make it executable: chmod +x {path}"


@in_loop
async def test_a_folder_is_no_program(desk: Desk) -> None:
    (desk.folder / "mine").mkdir()
    checked = await desk.check(command=Command((str(desk.folder / "mine"),)))
    assert checked.detail.startswith("a folder, not a program")


@in_loop
async def test_nonsense_is_shown_and_refused(desk: Desk) -> None:
    desk.program('echo "hello there"')
    checked = await desk.check()
    assert not checked.available
    assert "answered `hello there`" in checked.detail
    assert "version_pattern" in checked.hint


@in_loop
async def test_an_answer_of_nothing_is_refused(desk: Desk) -> None:
    desk.program("exit 0")
    assert "answered nothing" in (await desk.check()).detail


@in_loop
async def test_a_failure_is_shown_with_its_first_line(desk: Desk) -> None:
    desk.program("echo no luck >&2; exit 3")
    assert (await desk.check()).detail == "`claude --version` ended with code 3: no luck"


@in_loop
async def test_one_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    desk = Desk(tmp_path, patience_s=0.3)
    desk.program(f"sleep 600 & echo $! > {tmp_path}/child; sleep 600")
    checked = await desk.check()
    assert "gave no answer within 0.3 s" in checked.detail
    child = process_table().read(int((tmp_path / "child").read_text()))
    assert child is None or child.is_zombie


@in_loop
async def test_a_failure_is_asked_again_after_a_while(desk: Desk) -> None:
    desk.program(f"test -e {desk.folder}/ready && echo 1.0 || exit 1")
    await desk.check()
    (desk.folder / "ready").touch()
    assert not (await desk.check()).available
    desk.clock.advance(ASK_AGAIN_S)
    assert (await desk.check()).available


@in_loop
async def test_without_node_it_says_so(desk: Desk) -> None:
    path = desk.folder / "claude"
    path.write_text("#!/usr/bin/env node-of-the-future\n")
    path.chmod(0o755)
    checked = await desk.check()
    assert "Install Node.js 22" in checked.hint


@in_loop
async def test_an_old_node_is_told(desk: Desk) -> None:
    desk.program('echo "SyntaxError: Unexpected token" >&2; exit 1')
    assert "Install Node.js 22" in (await desk.check()).hint


@in_loop
async def test_a_new_interpreter_makes_it_another_program(desk: Desk) -> None:
    desk.program("exec /bin/sh $1", "runner")
    path = desk.folder / "claude"
    path.write_text("#!/usr/bin/env runner\necho 3.0\n")
    path.chmod(0o755)
    await desk.check()
    os.utime(desk.folder / "runner", ns=(5, 5))
    await desk.check()
    assert desk.asked == 2


@in_loop
async def test_values_of_its_environment_are_not_shown(desk: Desk) -> None:
    desk.program('echo "token $TOKEN"; exit 1')
    checked = await desk.check(env={"TOKEN": "very-secret-value"})
    assert "very-secret-value" not in checked.detail
    assert "***" in checked.detail


@in_loop
async def test_a_command_is_only_looked_for(desk: Desk) -> None:
    path = desk.program("echo 1.0", "mine")
    assert (await desk.check(kind="command", command=Command((str(path), "{prompt}")))).available
    assert desk.asked == 0


@in_loop
async def test_a_command_is_asked_if_the_settings_say_so(desk: Desk) -> None:
    path = desk.program('echo "$@ 1.0"', "mine")
    asked = {"kind": "command", "command": Command((str(path), "run", "{prompt}")), "version_args": ["-V"]}
    assert (await desk.check(**asked)).version == "run -V 1.0"


@in_loop
async def test_a_pattern_that_explodes_is_named(desk: Desk) -> None:
    desk.program(f'echo "{"a" * 60}!"')
    checked = await desk.check(version_pattern="(a+)+$")
    assert "takes too long" in checked.detail


@in_loop
async def test_input_has_no_program(desk: Desk) -> None:
    assert (await desk.check(kind="input")).available


@in_loop
async def test_an_env_file_that_is_missing_is_the_reason(desk: Desk) -> None:
    desk.program(GOOD)
    checked = await desk.check(env_file="secrets.env")
    assert "env_file does not exist" in checked.detail


@in_loop
async def test_what_the_settings_know_no_more_is_forgotten(desk: Desk) -> None:
    desk.program(GOOD)
    await desk.check()
    desk.verification.keep(())
    assert desk.verification.known("claude") is None
