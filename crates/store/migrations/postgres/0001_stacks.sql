-- Who this store is: objects on engines carry its id, config hashes are made with its key.
CREATE TABLE identity (
    one      BIGINT  NOT NULL PRIMARY KEY CHECK (one = 1),
    store_id TEXT    NOT NULL,
    hash_key BYTEA   NOT NULL CHECK (length(hash_key) = 32)
);

-- Template bodies that instances are pinned to.
CREATE TABLE templates (
    digest TEXT NOT NULL PRIMARY KEY,
    name   TEXT NOT NULL,
    body   TEXT NOT NULL
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
    host            TEXT,
    engine_kind     TEXT,
    engine_id       TEXT,
    engine_endpoint TEXT,
    subnet          TEXT,
    UNIQUE (host, subnet)
);

CREATE TABLE instances (
    id             TEXT    NOT NULL PRIMARY KEY,
    stack_id       TEXT    NOT NULL REFERENCES stacks (id) ON DELETE CASCADE,
    name           TEXT    NOT NULL,
    container_name TEXT    NOT NULL UNIQUE,
    template       TEXT    NOT NULL REFERENCES templates (digest),
    overrides      TEXT    NOT NULL,
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

-- What was last applied. A row outlives its instance: it says that the container is still to be removed.
CREATE TABLE applied (
    stack_id     TEXT    NOT NULL REFERENCES stacks (id) ON DELETE CASCADE,
    instance_id  TEXT    NOT NULL,
    engine_id    TEXT    NOT NULL,
    hash         TEXT    NOT NULL,
    form         BIGINT  NOT NULL,
    spec         TEXT    NOT NULL,
    image_id     TEXT    NOT NULL,
    container_id TEXT,
    PRIMARY KEY (stack_id, instance_id)
);
