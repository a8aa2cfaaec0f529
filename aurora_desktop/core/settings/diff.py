"""What differs between two settings, so that only what changed is touched."""

from msgspec import Struct

from aurora_desktop.core.settings.schema import Settings


class Changes(Struct, frozen=True):
    """Names of services by what happened to their definition, and of the other sections that differ."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()


def changes(old: Settings, new: Settings) -> Changes:
    """Compare by meaning: the order of services, comments and spelled-out defaults make no difference."""
    before, after = old.services, new.services
    return Changes(
        added=tuple(name for name in after if name not in before),
        changed=tuple(name for name in after if name in before and after[name] != before[name]),
        removed=tuple(name for name in before if name not in after),
        sections=tuple(s for s in _SECTIONS if getattr(old, s) != getattr(new, s)),
    )


_SECTIONS = tuple(field for field in Settings.__struct_fields__ if field != "services")
