"""What came of an attempt of Claude Code, judged by its events: its exit code tells little.

A tool that was denied exits 0 like a success, an error of the provider has the subtype `success`, and a stream that the
provider cut off between two blocks is told as a success without a reason to stop.
"""

from aurora_desktop.tasks.adapters.adapter import Exit, Verdict
from aurora_desktop.tasks.adapters.claude_lines import Denial, Result
from aurora_desktop.tasks.adapters.claude_tools import summary

_LOG_IN = "Log in with `claude` in a terminal, or set ANTHROPIC_API_KEY in this agent's `env`."
_NOT_LOGGED_IN = ("not logged in", "invalid api key", "please run /login", "oauth token")
_NO_SESSION = (
    "Claude Code keeps sessions by folder, in its own folder of settings: this one was removed there, or never came to"
    " its first word. Retry the task from its beginning."
)
_SUBTYPES = {
    "error_max_turns": "It reached the most turns that its arguments allow (`--max-turns`).",
    "error_max_budget_usd": "It reached the most that it may spend (`--max-budget-usd`).",
    "error_max_structured_output_retries": "It could not give its answer in the shape that its arguments ask for.",
    "error_during_execution": "It ended with an error.",
}
_START = {
    "cannot be used with root": (
        "Claude Code refuses permissions `full` to root. Run Aurora as an ordinary user, choose other permissions, or"
        " set IS_SANDBOX=1 in this agent's `env` if this machine is a sandbox that may be lost."
    ),
    "already in use": "The session of this attempt exists already: submit the task again.",
    "unknown option": "This version of Claude Code does not know an argument that it got: update it, or mend `args`.",
}


def of_result(result: Result, cwd: str, refused_status: int | None) -> Verdict:
    """`refused_status`: the provider's HTTP status when Aurora ended the asking for it."""
    error = _error(result, refused_status)
    denials = tuple(_denial(denial, cwd) for denial in result.permission_denials)
    if error:
        return Verdict("error", error=error, denials=denials)
    return Verdict("completed", result=result.result or "", denials=denials)


def without_result(ended: Exit, *, had_begun: bool) -> Verdict:
    """It ended without a word. What ends before its session begins is at fault, and would end so again."""
    for mark, words in _START.items():
        if mark in ended.stderr_tail:
            return Verdict("error", error=f"{words} It said: {_last_line(ended.stderr_tail)}")
    how = f"was killed by {ended.signal}" if ended.signal else f"exited with code {ended.code}"
    said = f": {_last_line(ended.stderr_tail)}" if ended.stderr_tail.strip() else ""
    if had_begun or ended.signal:
        return Verdict("crashed", error=f"It {how} before it gave a result{said}")
    return Verdict("error", error=f"It {how} before it began{said}")


def _error(result: Result, refused_status: int | None) -> str:
    """ "" where all is well."""
    if refused_status is not None and result.is_error:
        return f"The provider refuses the login (HTTP {refused_status}). {_LOG_IN}"
    if (result.terminal_reason or "").startswith("aborted"):
        return "It was interrupted."
    if result.is_error or result.subtype != "success":
        return _told_error(result)
    if result.stop_reason is None:
        return "The provider's answer broke off in the middle; what it said last may be half of it."
    if result.stop_reason == "refusal":
        return "The model refused to go on."
    return ""


def _told_error(result: Result) -> str:
    own = _SUBTYPES.get(result.subtype, "" if result.subtype == "success" else f"It ended with `{result.subtype}`.")
    told = result.result or "; ".join(result.errors)
    parts = (own, told, _hint(told))
    return " ".join(part.rstrip(".") + "." for part in parts if part) or "It ended with an error, and told none."


def _hint(told: str) -> str:
    if any(mark in told.lower() for mark in _NOT_LOGGED_IN):
        return _LOG_IN
    return _NO_SESSION if "No conversation found" in told else ""


def _denial(denial: Denial, cwd: str) -> str:
    words = summary(denial.tool_name, denial.tool_input, cwd)
    return f"{denial.tool_name}: {words}" if words else denial.tool_name


def _last_line(text: str) -> str:
    return text.strip().splitlines()[-1][:500] if text.strip() else ""
