"""Telling whether two definitions of a service are the same, across the end of the program."""

import hashlib

import msgspec

from aurora_desktop.core.settings.schema import Service


def definition_digest(spec: Service) -> str:
    """A short name for the definition, so that an adopted process of an older one is known."""
    plain = msgspec.to_builtins(spec, enc_hook=_plain)
    return hashlib.sha256(msgspec.json.encode(plain, order="sorted")).hexdigest()[:16]


def _plain(value: object) -> object:
    if isinstance(value, int):
        return int(value)
    if isinstance(value, tuple):
        return tuple(value)
    if isinstance(value, dict):
        return dict(value)
    raise TypeError(f"no plain form of {type(value).__name__}")
