-- Sealed values are encrypted, and bound to their table, column and primary key: a row keeps its key for life. sealed, beside
-- a text, has the secrets that were taken out of the text; NULL where there were none.

-- Who this store is: objects on engines carry its id, config hashes are made with its hash_key, which is sealed. key_id: the
-- key that everything sealed is sealed with.
CREATE TABLE identity (
    one      INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    store_id TEXT    NOT NULL,
    key_id   BLOB    NOT NULL CHECK (length(key_id) = 8),
    hash_key BLOB    NOT NULL
) STRICT;

-- Template bodies that instances are pinned to.
CREATE TABLE templates (
    digest TEXT NOT NULL PRIMARY KEY,
    name   TEXT NOT NULL,
    body   TEXT NOT NULL,
    sealed BLOB
) STRICT;

-- host: the machine whose engine the stack is bound to.
CREATE TABLE stacks (
    id              TEXT    NOT NULL PRIMARY KEY,
    name            TEXT    NOT NULL UNIQUE,
    project         TEXT,
    enabled         INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    revision        INTEGER NOT NULL,
    allowed         TEXT    NOT NULL,
    imported        TEXT,
    sealed          BLOB,
    host            TEXT,
    engine_kind     TEXT,
    engine_id       TEXT,
    engine_endpoint TEXT,
    subnet          TEXT,
    UNIQUE (host, subnet)
) STRICT;

-- What stacks say about their wires; no row where that is nothing.
CREATE TABLE wirings (
    stack_id TEXT NOT NULL PRIMARY KEY REFERENCES stacks (id) ON DELETE CASCADE,
    said     TEXT NOT NULL,
    sealed   BLOB
) STRICT;

CREATE TABLE instances (
    id             TEXT    NOT NULL PRIMARY KEY,
    stack_id       TEXT    NOT NULL REFERENCES stacks (id) ON DELETE CASCADE,
    name           TEXT    NOT NULL,
    container_name TEXT    NOT NULL UNIQUE,
    template       TEXT    NOT NULL REFERENCES templates (digest),
    overrides      TEXT    NOT NULL,
    sealed         BLOB,
    enabled        INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    wanted         TEXT    NOT NULL,
    slot           INTEGER NOT NULL,
    UNIQUE (stack_id, name),
    UNIQUE (stack_id, slot)
) STRICT;
CREATE INDEX instances_template ON instances (template);

-- The host ports instances have been given, on each host.
CREATE TABLE ports (
    instance_id TEXT    NOT NULL REFERENCES instances (id) ON DELETE CASCADE,
    host        TEXT    NOT NULL,
    target      INTEGER NOT NULL,
    protocol    TEXT    NOT NULL,
    host_ip     TEXT    NOT NULL,
    host_port   INTEGER NOT NULL,
    PRIMARY KEY (instance_id, host, target, protocol),
    UNIQUE (host, host_ip, host_port, protocol)
) STRICT;

CREATE TABLE volumes (
    instance_id   TEXT NOT NULL REFERENCES instances (id) ON DELETE CASCADE,
    name          TEXT NOT NULL,
    physical_name TEXT NOT NULL UNIQUE,
    PRIMARY KEY (instance_id, name)
) STRICT;

-- Values of secrets: a stack's own, and those made for a variable of an instance.
CREATE TABLE secrets (
    id          TEXT    NOT NULL PRIMARY KEY,
    stack_id    TEXT    NOT NULL REFERENCES stacks (id) ON DELETE CASCADE,
    instance_id TEXT    REFERENCES instances (id) ON DELETE CASCADE,
    name        TEXT    NOT NULL,
    sealed      BLOB    NOT NULL,
    changed_at  INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX secrets_name ON secrets (stack_id, coalesce(instance_id, ''), name);
CREATE INDEX secrets_instance ON secrets (instance_id);

-- Volumes that stayed on an engine when their instance or stack was removed: still this store's.
CREATE TABLE kept_volumes (
    engine_id     TEXT    NOT NULL,
    physical_name TEXT    NOT NULL,
    stack_id      TEXT    NOT NULL,
    stack_name    TEXT    NOT NULL,
    instance_id   TEXT    NOT NULL,
    instance_name TEXT    NOT NULL,
    volume        TEXT    NOT NULL,
    deleted_at    INTEGER NOT NULL,
    PRIMARY KEY (engine_id, physical_name)
) STRICT;

-- What containers were made from: the one that runs, and those kept or left by an apply that failed. A row outlives its
-- instance: it says that the container is still to be removed. written: their order, the newest has the highest.
CREATE TABLE applied (
    stack_id     TEXT    NOT NULL REFERENCES stacks (id) ON DELETE CASCADE,
    instance_id  TEXT    NOT NULL,
    hash         TEXT    NOT NULL,
    written      INTEGER NOT NULL,
    engine_id    TEXT    NOT NULL,
    form         INTEGER NOT NULL,
    spec         TEXT    NOT NULL,
    sealed       BLOB,
    image_id     TEXT    NOT NULL,
    state        TEXT    NOT NULL,
    PRIMARY KEY (stack_id, instance_id, hash)
) STRICT;

-- Saved plans. Times here and below are milliseconds since 1970, UTC. applied_by: outlives that apply's own row.
CREATE TABLE plans (
    id          TEXT    NOT NULL PRIMARY KEY,
    stack_id    TEXT    NOT NULL REFERENCES stacks (id) ON DELETE CASCADE,
    author_user TEXT    NOT NULL,
    author_host TEXT    NOT NULL,
    author_pid  INTEGER NOT NULL,
    made_at     INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    request     TEXT    NOT NULL,
    assumed     TEXT    NOT NULL,
    shown       TEXT    NOT NULL,
    applied_by  TEXT
) STRICT;
CREATE INDEX plans_stack ON plans (stack_id);

-- The journal. number: the order in which a stack's applies began, whatever the clocks of their machines said.
CREATE TABLE applies (
    id           TEXT    NOT NULL PRIMARY KEY,
    stack_id     TEXT    NOT NULL REFERENCES stacks (id) ON DELETE CASCADE,
    number       INTEGER NOT NULL,
    engine_id    TEXT    NOT NULL,
    plan_id      TEXT,
    author_user  TEXT    NOT NULL,
    author_host  TEXT    NOT NULL,
    author_pid   INTEGER NOT NULL,
    command      TEXT    NOT NULL,
    started_at   INTEGER NOT NULL,
    committed_at INTEGER,
    ended_at     INTEGER,
    outcome      TEXT    NOT NULL,
    resumes      TEXT,
    before_state TEXT    NOT NULL,
    shown        TEXT    NOT NULL,
    definition   TEXT    NOT NULL,
    sealed       BLOB,
    error        TEXT,
    UNIQUE (stack_id, number),
    CHECK ((outcome = 'running') = (ended_at IS NULL))
) STRICT;

CREATE TABLE apply_steps (
    apply_id TEXT    NOT NULL REFERENCES applies (id) ON DELETE CASCADE,
    at       INTEGER NOT NULL,
    begun_at INTEGER NOT NULL,
    ended_at INTEGER,
    error    TEXT,
    PRIMARY KEY (apply_id, at)
) STRICT;

-- Who holds or last held a stack's lock. The lock itself is the operating system's or the session's: holder is the one
-- taking of it that this row speaks of, NULL once it was given back. fence is raised when the lock is taken away by force.
CREATE TABLE locks (
    stack_id    TEXT    NOT NULL PRIMARY KEY REFERENCES stacks (id) ON DELETE CASCADE,
    fence       INTEGER NOT NULL,
    holder      TEXT,
    operation   TEXT    NOT NULL,
    author_user TEXT    NOT NULL,
    author_host TEXT    NOT NULL,
    author_pid  INTEGER NOT NULL,
    since       INTEGER NOT NULL,
    lease_plan  TEXT,
    lease_until INTEGER,
    raised_user TEXT,
    raised_host TEXT,
    raised_pid  INTEGER,
    CHECK ((lease_plan IS NULL) = (lease_until IS NULL))
) STRICT;
