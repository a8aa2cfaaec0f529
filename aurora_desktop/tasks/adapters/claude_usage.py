"""What an attempt of Claude Code has spent."""

from aurora_desktop.tasks.adapters.claude_lines import Result, Tokens
from aurora_desktop.tasks.newest import Newest
from aurora_desktop.tasks.task import Usage


class Meter:
    """Counts tokens from the messages while it works; the result tells all of them, and the cost.

    A message tells its tokens several times, each time more of them, in its own stream and once more when it is whole.
    A session that is resumed begins again at nought.
    """

    def __init__(self) -> None:
        self._messages: Newest[str, tuple[int, int]] = Newest(1000)
        self._input = 0
        self._output = 0

    def count(self, message: str | None, tokens: Tokens | None) -> Usage | None:
        """What was spent so far, if this is more than before."""
        if not message or tokens is None:
            return None
        before = self._messages.get(message, (0, 0))
        now = (max(before[0], tokens.sent), max(before[1], tokens.output_tokens or 0))
        if now == before:
            return None
        self._messages[message] = now
        self._input += now[0] - before[0]
        self._output += now[1] - before[1]
        return Usage(input_tokens=self._input, output_tokens=self._output)

    def total(self, result: Result) -> Usage:
        """In the end. Side jobs and sub-agents are in the result alone, and what broke off in the messages alone."""
        models = result.model_usage.values()
        return Usage(
            cost_usd=result.total_cost_usd,
            input_tokens=max(self._input, sum(model.sent for model in models)),
            output_tokens=max(self._output, sum(model.output_tokens for model in models)),
        )
