"""The audit log of the input agent: a chain of hashes in `input_agent.log`, its head anchored in `state.db`.

Records come in through `AuditLog` on the loop's thread, one `write()` each; a thread of its own brings them to the
disk, moves the anchor and rotates. They go out through `verify`, and as the lines that scripts read. The format of a
line is told in docs/audit.md.
"""

from aurora_desktop.input.audit.anchor import MIGRATIONS, Anchor, Anchored, StoredAnchor, read_anchor
from aurora_desktop.input.audit.log import AuditLog
from aurora_desktop.input.audit.secret_text import SecretText
from aurora_desktop.input.audit.verify import Verdict, verify

__all__ = [
    "MIGRATIONS",
    "Anchor",
    "Anchored",
    "AuditLog",
    "SecretText",
    "StoredAnchor",
    "Verdict",
    "read_anchor",
    "verify",
]
