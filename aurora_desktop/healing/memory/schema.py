"""The tables of the failure memory in `state.db`.

A question is answered out of the signatures, of which there are thousands, and not out of the failures, of which there
may be millions: counts, places and successes are kept with each signature by triggers, so that they are right whatever
is added or removed.
"""

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE failure_signature(
        id INTEGER PRIMARY KEY,
        text TEXT NOT NULL,
        kind TEXT NOT NULL,
        sentence TEXT NOT NULL,
        count INTEGER NOT NULL DEFAULT 0,
        first_at REAL NOT NULL,
        last_at REAL NOT NULL,
        UNIQUE(text, kind)
    ) STRICT;
    CREATE TABLE failure_component(
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        count INTEGER NOT NULL DEFAULT 0,
        first_at REAL NOT NULL,
        last_at REAL NOT NULL,
        recoveries INTEGER NOT NULL DEFAULT 0,
        downtime_s REAL NOT NULL DEFAULT 0
    ) STRICT;
    CREATE TABLE failure(
        id INTEGER PRIMARY KEY,
        signature INTEGER NOT NULL,
        component INTEGER NOT NULL,
        at REAL NOT NULL,
        hour INTEGER NOT NULL,  -- local, when it happened
        message TEXT NOT NULL,
        downtime_s REAL,
        source TEXT NOT NULL,
        origin BLOB UNIQUE      -- digest of the record that was imported
    ) STRICT;
    CREATE INDEX failure_by_signature ON failure(signature, at);
    CREATE INDEX failure_by_component ON failure(component, at);
    CREATE INDEX failure_by_age ON failure(at);
    CREATE INDEX failure_ended ON failure(signature, at, downtime_s) WHERE downtime_s IS NOT NULL;
    CREATE TABLE failure_place(
        signature INTEGER NOT NULL,
        component INTEGER NOT NULL,
        count INTEGER NOT NULL,
        PRIMARY KEY(signature, component)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE failure_hour(hour INTEGER PRIMARY KEY, count INTEGER NOT NULL) STRICT;
    CREATE TABLE failure_attempt(
        id INTEGER PRIMARY KEY,
        failure INTEGER NOT NULL,
        signature INTEGER NOT NULL,
        component INTEGER NOT NULL,
        remedy TEXT NOT NULL,
        at REAL NOT NULL,
        outcome TEXT NOT NULL,
        sentence TEXT NOT NULL,
        duration_s REAL NOT NULL
    ) STRICT;
    CREATE INDEX failure_attempt_by_failure ON failure_attempt(failure);
    CREATE INDEX failure_attempt_by_age ON failure_attempt(at);
    CREATE INDEX failure_attempt_by_remedy ON failure_attempt(remedy, at, duration_s);
    CREATE TABLE failure_remedy(
        signature INTEGER NOT NULL,
        remedy TEXT NOT NULL,
        component INTEGER NOT NULL,
        worked INTEGER NOT NULL,
        failed INTEGER NOT NULL,
        PRIMARY KEY(signature, remedy, component)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE failure_success(
        remedy TEXT PRIMARY KEY,
        worked INTEGER NOT NULL,
        failed INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE VIRTUAL TABLE failure_words USING fts5(
        signature, kind, sentence, remedies, components, tokenize = 'porter unicode61'
    );

    CREATE TRIGGER failure_added AFTER INSERT ON failure BEGIN
        UPDATE failure_signature SET count = count + 1,
            first_at = iif(count > 0, min(first_at, new.at), new.at),
            last_at = iif(count > 0, max(last_at, new.at), new.at) WHERE id = new.signature;
        UPDATE failure_component SET count = count + 1,
            first_at = iif(count > 0, min(first_at, new.at), new.at),
            last_at = iif(count > 0, max(last_at, new.at), new.at) WHERE id = new.component;
        INSERT INTO failure_place VALUES (new.signature, new.component, 1)
            ON CONFLICT DO UPDATE SET count = count + 1;
        INSERT INTO failure_hour VALUES (new.hour, 1) ON CONFLICT DO UPDATE SET count = count + 1;
    END;
    CREATE TRIGGER failure_forgotten AFTER DELETE ON failure BEGIN
        UPDATE failure_signature SET count = count - 1, first_at =
            coalesce((SELECT min(at) FROM failure WHERE signature = old.signature), first_at) WHERE id = old.signature;
        UPDATE failure_component SET count = count - 1, first_at =
            coalesce((SELECT min(at) FROM failure WHERE component = old.component), first_at) WHERE id = old.component;
        UPDATE failure_place SET count = count - 1 WHERE signature = old.signature AND component = old.component;
        UPDATE failure_hour SET count = count - 1 WHERE hour = old.hour;
    END;
    CREATE TRIGGER failure_attempt_added AFTER INSERT ON failure_attempt WHEN new.outcome <> 'refused' BEGIN
        INSERT INTO failure_remedy VALUES
            (new.signature, new.remedy, new.component, new.outcome = 'worked', new.outcome <> 'worked')
            ON CONFLICT DO UPDATE SET worked = worked + excluded.worked, failed = failed + excluded.failed;
        INSERT INTO failure_success VALUES (new.remedy, new.outcome = 'worked', new.outcome <> 'worked')
            ON CONFLICT DO UPDATE SET worked = worked + excluded.worked, failed = failed + excluded.failed;
    END;
    CREATE TRIGGER failure_attempt_forgotten AFTER DELETE ON failure_attempt WHEN old.outcome <> 'refused' BEGIN
        UPDATE failure_remedy SET worked = worked - (old.outcome = 'worked'),
            failed = failed - (old.outcome <> 'worked')
            WHERE signature = old.signature AND remedy = old.remedy AND component = old.component;
        UPDATE failure_success SET worked = worked - (old.outcome = 'worked'),
            failed = failed - (old.outcome <> 'worked') WHERE remedy = old.remedy;
    END;
    """,
)
