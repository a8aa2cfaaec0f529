"""Any program as an agent: how it gets its prompt, and what its output says."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.tasks.adapters.adapter import Exit, Finished, Odd, Said, Spent, ToolEnded, ToolStarted, Verdict
from aurora_desktop.tasks.adapters.command import CommandAgent
from aurora_desktop.tasks.adapters.registry import make_adapter
from aurora_desktop.tasks.messages import Run
from aurora_desktop.tasks.task import Usage
from tasks.recordings import a_run

OK = Exit(code=0)


def _run(program: tuple[str, ...] = ("prog", "-x"), **changes: Any) -> Run:
    given = {"prompt": "do; it", "folder": "/nowhere", **changes}
    return a_run(given.pop("kind", "command"), *program, **given)


def _events(*lines: bytes) -> tuple[CommandAgent, list[object]]:
    agent = CommandAgent(_run(has_events=True))
    return agent, [seen for line in lines for seen in agent.feed(line)]


def understood(*lines: bytes) -> list[object]:
    """What an agent with events is seen to do by these lines."""
    return _events(*lines)[1]


@pytest.mark.parametrize(
    ("changes", "argv"),
    [
        ({}, ["prog", "-x", "do; it"]),
        ({"args": ("-y",)}, ["prog", "-x", "-y", "do; it"]),
        ({"program": ("prog", "--p={prompt}", "-v")}, ["prog", "--p=do; it", "-v"]),
        ({"prompt_way": "stdin"}, ["prog", "-x"]),
    ],
)
def test_the_command_is_an_argument_list_with_the_prompt(changes: dict[str, Any], argv: list[str]) -> None:
    assert CommandAgent(_run(**changes)).launch().argv == argv


def test_a_prompt_on_standard_input_is_all_there_is() -> None:
    launch = CommandAgent(_run(prompt_way="stdin", prompt="a\0€")).launch()

    assert (launch.stdin, launch.first, launch.closes_stdin) == ("pipe", "a\0€".encode(), True)


@pytest.mark.parametrize("program", [("prog",), ("prog", "{prompt_file}")])
def test_a_prompt_in_a_file_is_named_by_its_path(tmp_path: Path, program: tuple[str, ...]) -> None:
    launch = CommandAgent(_run(program=program, prompt_way="file", folder=str(tmp_path))).launch()

    assert launch.argv == ["prog", str(tmp_path / "prompt.txt")]
    assert (tmp_path / "prompt.txt").read_text() == "do; it"


@pytest.mark.parametrize("prompt", ["x" * 131_072, "€" * 43_691, "a\0b"])
def test_what_no_argument_can_hold_is_refused_with_the_way_out(prompt: str) -> None:
    with pytest.raises(AuroraError) as refused:
        CommandAgent(_run(prompt=prompt)).launch()

    assert "`prompt: stdin` or `prompt: file`" in refused.value.hint


def test_without_events_the_last_of_the_output_is_the_result() -> None:
    agent = CommandAgent(_run())
    for _ in range(300):
        agent.feed_bytes(b"0123456789" * 100)
    agent.feed_bytes("the € end\n".encode())

    result = agent.verdict(OK).result

    assert agent.takes_bytes
    assert len(result) == 100_000
    assert result.endswith("89the € end")


@pytest.mark.parametrize(
    ("ended", "ending", "error"),
    [
        (Exit(code=0), "completed", ""),
        (Exit(code=2), "error", "exited with code 2"),
        (Exit(code=2, stderr_tail="no key\n"), "error", "exited with code 2: no key"),
        (Exit(signal="SIGSEGV"), "crashed", "killed by SIGSEGV"),
    ],
)
def test_without_events_the_exit_judges(ended: Exit, ending: str, error: str) -> None:
    verdict = CommandAgent(_run()).verdict(ended)

    assert (verdict.ending, verdict.error) == (ending, error)


def test_events_are_observed() -> None:
    _, seen = _events(
        b'{"type":"message","text":"hi"}',
        b'{"type":"message","text":"h","partial":true}',
        b'{"type":"progress","text":"half"}',
        b'{"type":"tool","name":"Bash","summary":"ls"}',
        b'{"type":"tool_result","output":"a","failed":true}',
        b'{"type":"tool","name":"Read","id":"7"}',
        b'{"type":"usage","cost_usd":0.25,"input_tokens":3,"output_tokens":4}',
        b'{"type":"result","text":"done"}',
    )

    assert seen == [
        Said("hi"),
        Said("h", partial=True),
        Said("half", "thinking"),
        ToolStarted("tool-1", "Bash", "ls"),
        ToolEnded("tool-1", failed=True, output="a"),
        ToolStarted("7", "Read"),
        Spent(Usage(cost_usd=0.25, input_tokens=3, output_tokens=4)),
        Finished(),
    ]


@pytest.mark.parametrize(
    ("lines", "ended", "verdict"),
    [
        ([b'{"type":"result","text":"done"}'], Exit(code=1), Verdict(ending="completed", result="done")),
        (
            [b'{"type":"result","text":"no","is_error":true}'],
            OK,
            Verdict(ending="error", result="no", error="no"),
        ),
        ([b'{"type":"message","text":"hi"}'], OK, Verdict(ending="completed", result="hi")),
        (
            [b'{"type":"message","text":"hi"}', b'{"type":"error","text":"broke"}'],
            OK,
            Verdict(ending="error", result="hi", error="broke"),
        ),
        (
            [b'{"type":"error","text":"broke"}', b'{"type":"result","text":"mended"}'],
            OK,
            Verdict(ending="completed", result="mended"),
        ),
        ([], Exit(code=3), Verdict(ending="error", error="exited with code 3")),
    ],
)
def test_with_events_the_events_judge(lines: list[bytes], ended: Exit, verdict: Verdict) -> None:
    agent, _ = _events(*lines)

    assert agent.verdict(ended) == verdict


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (b'{"type":"weather"}', "weather"),
        (b'{"type":"__init__"}', "__init__"),
        (b"{}", ""),
        (b'{"type":5}', ""),
        (b"[1]", ""),
        (b"\xff\xfe", ""),
        (b'{"type":"message","text":5}', ""),
        (b"[" * 100_000, ""),
    ],
)
def test_what_is_no_event_is_odd_and_not_fatal(line: bytes, kind: str) -> None:
    _, (odd,) = _events(line)

    assert isinstance(odd, Odd)
    assert odd.type == kind


@given(st.lists(st.binary(max_size=40) | st.sampled_from([b'{"type":"result"}', b'{"type":"tool"}']), max_size=8))
def test_nothing_that_is_printed_breaks_it(lines: list[bytes]) -> None:
    agent, _ = _events(*lines)

    assert agent.verdict(OK).ending in ("completed", "error")


def test_an_adapter_is_made_by_the_kind() -> None:
    assert isinstance(make_adapter(_run()), CommandAgent)
    with pytest.raises(AuroraError):
        make_adapter(_run(kind="input"))
