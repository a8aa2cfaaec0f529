"""The prompt that a role's agent is given: its template, filled in."""

import re
from collections.abc import Sequence

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.tasks.task import MOST_PROMPT_BYTES

PROMPT_PLACE = "{prompt}"
MOST_RESULT_BYTES = 200_000
"""Of the result of the step before, in UTF-8: some 50,000 tokens, which leaves an agent room for its own work."""
_MARK_BYTES = 80
_PLACES = re.compile(r"\{(prompt|result)\}")


def filled(template: str, prompt: str, result: str = "") -> str:
    """A role's prompt: `{prompt}` and `{result}` filled in once, so that what an agent wrote is never a template.

    A long result is cut, and says by how much. Raises AuroraError when the prompt alone leaves no room.
    """
    places = _PLACES.findall(template)
    room = MOST_PROMPT_BYTES - _size(_PLACES.sub("", template)) - places.count("prompt") * _size(prompt)
    if room < 0:
        detail = f"with the words of its role it has {MOST_PROMPT_BYTES - room:,} bytes; at most {MOST_PROMPT_BYTES:,}"
        raise AuroraError("The prompt is too long", detail, "Put the material into a file and name it in the prompt.")
    words = {"prompt": prompt, "result": shortened(result, min(MOST_RESULT_BYTES, room // max(1, len(places))))}
    return _PLACES.sub(lambda place: words[place[1]], template).strip("\n")


def shortened(text: str, most_bytes: int) -> str:
    """Its first and last part if it is longer, with the number of characters that were left out in between."""
    whole = text.encode("utf-8", "replace")
    if len(whole) <= most_bytes:
        return text
    half = max(0, most_bytes - _MARK_BYTES) // 2
    first = whole[:half].decode("utf-8", "ignore")
    last = whole[len(whole) - half :].decode("utf-8", "ignore")
    mark = f"\n[… {len(text) - len(first) - len(last):,} of {len(text):,} characters left out …]\n"
    return first + mark + last if _size(mark) <= most_bytes else ""


def with_prompt(argv: Sequence[str], prompt: str) -> list[str]:
    """The prompt wherever `{prompt}` stands in the arguments, or as the last one.

    Raises AuroraError for a prompt that would be read as an option: it begins an argument with `-`, and no `--`, which
    ends the options of most programs, stands before it.
    """
    template = list(argv) if any(PROMPT_PLACE in each for each in argv) else [*argv, PROMPT_PLACE]
    begins = [place for place, each in enumerate(template) if each.startswith(PROMPT_PLACE)]
    if prompt.startswith("-") and any("--" not in template[1:place] for place in begins):
        raise AuroraError(
            "The prompt begins with `-`, and the program would read it as an option",
            prompt[:40],
            "Begin it otherwise. Or have the agent's `command` say `--` before it (if the program knows that) or"
            " `--text={prompt}`, or give it `prompt: stdin` or `prompt: file`.",
        )
    return [each.replace(PROMPT_PLACE, prompt) for each in template]


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))
