"""What the link keeps in `state.db`: messages out and in, and a few values."""

MIGRATIONS = (
    """
    CREATE TABLE link (key TEXT PRIMARY KEY, value TEXT NOT NULL);
    CREATE TABLE link_outbox (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        key TEXT NOT NULL UNIQUE,
        recipient TEXT NOT NULL,
        subject TEXT NOT NULL,
        content TEXT NOT NULL,
        kind TEXT NOT NULL,
        size INTEGER NOT NULL,
        created_at REAL NOT NULL,
        status TEXT NOT NULL DEFAULT 'waiting',
        tries INTEGER NOT NULL DEFAULT 0,
        in_doubt INTEGER NOT NULL DEFAULT 0,
        cause TEXT NOT NULL DEFAULT '',
        ended_at REAL
    );
    CREATE INDEX link_outbox_by_status ON link_outbox(status, number);
    CREATE TABLE link_inbox (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        message_id TEXT NOT NULL UNIQUE,
        sender TEXT NOT NULL,
        key TEXT NOT NULL,
        subject TEXT NOT NULL,
        content TEXT NOT NULL,
        kind TEXT NOT NULL,
        created_at TEXT NOT NULL,
        received_at REAL NOT NULL,
        told INTEGER NOT NULL DEFAULT 0,
        task_id TEXT NOT NULL DEFAULT '',
        cause TEXT NOT NULL DEFAULT ''
    );
    CREATE INDEX link_inbox_untold ON link_inbox(number) WHERE told = 0;
    CREATE INDEX link_inbox_by_key ON link_inbox(sender, key) WHERE key != '';
    """,
    """
    ALTER TABLE link_outbox ADD COLUMN message_id TEXT NOT NULL DEFAULT '';
    """,
)
"""Prompt and content of messages are in these tables alone; their rows are emptied once they are of no more use."""
