-- Sealed values are encrypted, and bound to their table, column and primary key: a row keeps its key for life. sealed, beside
-- a text, has the secrets that were taken out of the text; NULL where there were none.

-- Who this store is: objects on engines carry its id, config hashes are made with its hash_key, which is sealed. key_id: the
-- key that everything sealed is sealed with.
CREATE TABLE identity (
    one      BIGINT  NOT NULL PRIMARY KEY CHECK (one = 1),
    store_id TEXT    NOT NULL,
    key_id   BYTEA   NOT NULL CHECK (length(key_id) = 8),
    hash_key BYTEA   NOT NULL
);

-- Template bodies that instances are pinned to.
CREATE TABLE templates (
    digest TEXT NOT NULL PRIMARY KEY,
    name   TEXT NOT NULL,
    body   TEXT NOT NULL,
    sealed BYTEA
);

-- host: the machine whose engine the stack is bound to.
CREATE TABLE stacks (
    id              TEXT    NOT NULL PRIMARY KEY,
    name            TEXT    NOT NULL UNIQUE,
    project         TEXT,
    enabled         BOOLEAN NOT NULL,
    revision        BIGINT  NOT NULL,
    allowed         TEXT    NOT NULL,
    imported        TEXT,
    sealed          BYTEA,
    host            TEXT,
    engine_kind     TEXT,
    engine_id       TEXT,
    engine_endpoint TEXT,
    subnet          TEXT,
    UNIQUE (host, subnet)
);

-- What stacks say about their wires; no row where that is nothing.
CREATE TABLE wirings (
    stack_id TEXT NOT NULL PRIMARY KEY REFERENCES stacks (id) ON DELETE CASCADE,
    said     TEXT NOT NULL,
    sealed   BYTEA
);

CREATE TABLE instances (
    id             TEXT    NOT NULL PRIMARY KEY,
    stack_id       TEXT    NOT NULL REFERENCES stacks (id) ON DELETE CASCADE,
    name           TEXT    NOT NULL,
    container_name TEXT    NOT NULL UNIQUE,
    template       TEXT    NOT NULL REFERENCES templates (digest),
    overrides      TEXT    NOT NULL,
    sealed         BYTEA,
    enabled        BOOLEAN NOT NULL,
    wanted         TEXT    NOT NULL,
    slot           BIGINT  NOT NULL,
    UNIQUE (stack_id, name),
    UNIQUE (stack_id, slot)
);
CREATE INDEX instances_template ON instances (template);

-- The host ports instances have been given, on each host.
CREATE TABLE ports (
    instance_id TEXT    NOT NULL REFERENCES instances (id) ON DELETE CASCADE,
    host        TEXT    NOT NULL,
    target      BIGINT  NOT NULL,
    protocol    TEXT    NOT NULL,
    host_ip     TEXT    NOT NULL,
    host_port   BIGINT  NOT NULL,
    PRIMARY KEY (instance_id, host, target, protocol),
    UNIQUE (host, host_ip, host_port, protocol)
);

CREATE TABLE volumes (
    instance_id   TEXT NOT NULL REFERENCES instances (id) ON DELETE CASCADE,
    name          TEXT NOT NULL,
    physical_name TEXT NOT NULL UNIQUE,
    PRIMARY KEY (instance_id, name)
);

-- Values of secrets: a stack's own, and those made for a variable of an instance.
CREATE TABLE secrets (
    id          TEXT    NOT NULL PRIMARY KEY,
    stack_id    TEXT    NOT NULL REFERENCES stacks (id) ON DELETE CASCADE,
    instance_id TEXT    REFERENCES instances (id) ON DELETE CASCADE,
    name        TEXT    NOT NULL,
    sealed      BYTEA   NOT NULL,
    changed_at  BIGINT  NOT NULL
);
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
    deleted_at    BIGINT  NOT NULL,
    PRIMARY KEY (engine_id, physical_name)
);

-- What containers were made from: the one that runs, and those kept or left by an apply that failed. A row outlives its
-- instance: it says that the container is still to be removed. written: their order, the newest has the highest.
CREATE TABLE applied (
    stack_id     TEXT    NOT NULL REFERENCES stacks (id) ON DELETE CASCADE,
    instance_id  TEXT    NOT NULL,
    hash         TEXT    NOT NULL,
    written      BIGINT  NOT NULL,
    engine_id    TEXT    NOT NULL,
    form         BIGINT  NOT NULL,
    spec         TEXT    NOT NULL,
    sealed       BYTEA,
    image_id     TEXT    NOT NULL,
    state        TEXT    NOT NULL,
    PRIMARY KEY (stack_id, instance_id, hash)
);

-- Saved plans. Times here and below are milliseconds since 1970, UTC. applied_by: outlives that apply's own row.
CREATE TABLE plans (
    id          TEXT    NOT NULL PRIMARY KEY,
    stack_id    TEXT    NOT NULL REFERENCES stacks (id) ON DELETE CASCADE,
    author_user TEXT    NOT NULL,
    author_host TEXT    NOT NULL,
    author_pid  BIGINT  NOT NULL,
    made_at     BIGINT  NOT NULL,
    expires_at  BIGINT  NOT NULL,
    request     TEXT    NOT NULL,
    assumed     TEXT    NOT NULL,
    shown       TEXT    NOT NULL,
    applied_by  TEXT
);
CREATE INDEX plans_stack ON plans (stack_id);

-- The journal. number: the order in which a stack's applies began, whatever the clocks of their machines said.
CREATE TABLE applies (
    id           TEXT    NOT NULL PRIMARY KEY,
    stack_id     TEXT    NOT NULL REFERENCES stacks (id) ON DELETE CASCADE,
    number       BIGINT  NOT NULL,
    engine_id    TEXT    NOT NULL,
    plan_id      TEXT,
    author_user  TEXT    NOT NULL,
    author_host  TEXT    NOT NULL,
    author_pid   BIGINT  NOT NULL,
    command      TEXT    NOT NULL,
    started_at   BIGINT  NOT NULL,
    committed_at BIGINT,
    ended_at     BIGINT,
    outcome      TEXT    NOT NULL,
    resumes      TEXT,
    before_state TEXT    NOT NULL,
    shown        TEXT    NOT NULL,
    definition   TEXT    NOT NULL,
    sealed       BYTEA,
    error        TEXT,
    UNIQUE (stack_id, number),
    CHECK ((outcome = 'running') = (ended_at IS NULL))
);

CREATE TABLE apply_steps (
    apply_id TEXT    NOT NULL REFERENCES applies (id) ON DELETE CASCADE,
    at       BIGINT  NOT NULL,
    begun_at BIGINT  NOT NULL,
    ended_at BIGINT,
    error    TEXT,
    PRIMARY KEY (apply_id, at)
);

-- Who holds or last held a stack's lock. The lock itself is the operating system's or the session's: holder is the one
-- taking of it that this row speaks of, NULL once it was given back. fence is raised when the lock is taken away by force.
CREATE TABLE locks (
    stack_id    TEXT    NOT NULL PRIMARY KEY REFERENCES stacks (id) ON DELETE CASCADE,
    fence       BIGINT  NOT NULL,
    holder      TEXT,
    operation   TEXT    NOT NULL,
    author_user TEXT    NOT NULL,
    author_host TEXT    NOT NULL,
    author_pid  BIGINT  NOT NULL,
    since       BIGINT  NOT NULL,
    lease_plan  TEXT,
    lease_until BIGINT,
    raised_user TEXT,
    raised_host TEXT,
    raised_pid  BIGINT,
    CHECK ((lease_plan IS NULL) = (lease_until IS NULL))
);
