"""What an unquoted word of YAML means, and how to write a text so that it means itself.

The words of YAML 1.1 for true and false are understood; of its numbers only those that every YAML reads
alike: octal `017` and the base-60 `1:30` are text here, and `1e3` is a number as in YAML 1.2 and in JSON.
"""

import json
import math
import re

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLS = {
    spelling: meaning
    for meaning, words in ((True, ("yes", "true", "on")), (False, ("no", "false", "off")))
    for word in words
    for spelling in (word, word.capitalize(), word.upper())
}
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9_]{0,30})")
_HEX = re.compile(r"[-+]?0x[0-9a-fA-F]{1,16}")
_FLOAT = re.compile(r"[-+]?(?:[0-9]{1,30}\.[0-9]{0,30}|\.[0-9]{1,30}|[0-9]{1,30}(?=[eE]))(?:[eE][-+]?[0-9]{1,4})?")
_SAFE_WORD = re.compile(r"[A-Za-z0-9_./~+-][A-Za-z0-9_./+=@%:-]*", re.ASCII)
# What PyYAML's reader accepts; anything else has to be escaped within double quotes.
NON_PRINTABLE = re.compile("[^\x09\x0a\x0d\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TO_ESCAPE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def meaning_of(word: str) -> str | int | float | bool | None:
    """The value of an unquoted word."""
    if word in _NULLS:
        return None
    if word in _BOOLS:
        return _BOOLS[word]
    if _INT.fullmatch(word):
        return int(word.replace("_", ""))
    if _HEX.fullmatch(word):
        return int(word, 16)
    return _float_of(word) if _FLOAT.fullmatch(word) else word


def written(text: str) -> str:
    """The text as YAML, quoted where any YAML could take the bare word for something else."""
    if _SAFE_WORD.fullmatch(text) and not _is_ambiguous(text):
        return text
    return quoted(text)


def quoted(text: str) -> str:
    """The text as YAML in double quotes."""
    return _TO_ESCAPE.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(text, ensure_ascii=False))


def _is_ambiguous(word: str) -> bool:
    if word[0] in "-+~." and not (len(word) > 1 and (word[1].isalpha() or word[1] in "-/")):
        return True
    looks_like_number = word[0].isdigit() or (word[0] in "-+." and word[1:2].isdigit())
    is_special = word.lower() in {"y", "n", ".nan", ".inf", "-.inf", "+.inf", "---"}
    return looks_like_number or is_special or word.endswith(":") or not isinstance(meaning_of(word), str)


def _float_of(word: str) -> float | str:
    number = float(word)
    return number if math.isfinite(number) else word
