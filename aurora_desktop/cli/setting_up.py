"""The commands that need no running Aurora: `check`, `doctor` and `autostart`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from aurora_desktop.cli.call import FAILED, OK, Call
from aurora_desktop.cli.console import Column, state_style
from aurora_desktop.core.errors import AuroraError, NotRunningError

if TYPE_CHECKING:
    from aurora_desktop.desktop.finding import Finding

_PROBLEM_FIELDS = ("file", "line", "column", "field", "message", "hint")
_FINDING_FIELDS = ("name", "status", "detail", "remedy")


def check(call: Call) -> int:
    """1 when the settings file has mistakes."""
    from aurora_desktop.core.settings.loader import check as check_file

    path = Path(call.given.file).absolute() if call.given.file else call.config
    problems = check_file(path)
    if call.given.json:
        call.console.json([_fields(problem, _PROBLEM_FIELDS) for problem in problems])
    else:
        for problem in problems:
            call.console.line(str(problem))
        if not problems:
            call.console.line(f"{path}: no mistakes")
    return FAILED if problems else OK


def doctor(call: Call) -> int:
    """1 when something that Aurora needs is missing."""
    from aurora_desktop.desktop.doctor import examine

    findings = [*examine(call.config, call.state_dir), *_link(call), *_control(call)]
    if call.given.json:
        call.console.json([_fields(finding, _FINDING_FIELDS) for finding in findings])
    else:
        columns = (Column("STATUS", style=state_style), Column("WHAT"), Column("FOUND"))
        call.console.table(columns, [(f.status, f.name, f.detail) for f in findings])
        for finding in findings:
            if finding.remedy and finding.status != "ok":
                call.console.line(f"to mend {finding.name}: {finding.remedy}")
    return FAILED if any(finding.status == "error" for finding in findings) else OK


def _control(call: Call) -> "list[Finding]":
    """What the running Aurora says of its gate and its hotkey: it alone listens."""
    import msgspec

    from aurora_desktop.desktop.doctor_input import judge_control
    from aurora_desktop.desktop.finding import Finding
    from aurora_desktop.safety.view import ControlView

    try:
        answer = call.client.get("/v1/control")
    except NotRunningError:
        return [Finding("Panic hotkey", "ok", "not looked at: Aurora does not run")]
    except AuroraError as error:
        return [Finding("Panic hotkey", "warning", " ".join(filter(None, (error.title, error.detail))), error.hint)]
    return judge_control(msgspec.convert(answer, ControlView))


def _link(call: Call) -> "list[Finding]":
    """What the running Aurora says of the link; where none runs the settings have been looked at."""
    import msgspec

    from aurora_desktop.desktop.doctor_link import judge_link
    from aurora_desktop.desktop.finding import Finding
    from aurora_desktop.link.view import LinkView

    try:
        answer = call.client.get("/v1/link")
    except NotRunningError:
        return []
    except AuroraError as error:
        return [Finding("Link", "warning", " ".join(filter(None, (error.title, error.detail))), error.hint)]
    return judge_link(msgspec.convert(answer, LinkView))


def autostart(call: Call) -> int:
    """Switch the start at login, or tell how it stands."""
    from aurora_desktop.desktop.autostart import for_this_platform

    entry = for_this_platform(call.config, call.state_dir)
    if call.given.what == "enable":
        entry.enable()
    elif call.given.what == "disable":
        entry.disable()
    state = {"enabled": entry.is_enabled(), "description": entry.describe()}
    if call.given.json:
        call.console.json(state)
    else:
        call.console.line(f"{'enabled' if state['enabled'] else 'disabled'}: {state['description']}")
    return OK


def _fields(value: Any, names: tuple[str, ...]) -> dict[str, Any]:
    """The documented fields, a path as text."""
    plain = {name: getattr(value, name) for name in names}
    return {name: str(item) if isinstance(item, Path) else item for name, item in plain.items()}
