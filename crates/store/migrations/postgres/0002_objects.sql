-- Objects this store created on engines, and those it was about to create: whose an object is, is judged by these. A row
-- outlives its stack and instance until the object has been seen gone. name: the one it was created under. object_id: the
-- engine's; NULL while the outcome of the call that creates it is not known.
CREATE TABLE objects (
    engine_id   TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    apply_id    TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    object_id   TEXT,
    stack_id    TEXT    NOT NULL,
    instance_id TEXT,
    hash        TEXT    NOT NULL,
    begun_at    BIGINT NOT NULL,
    PRIMARY KEY (engine_id, kind, apply_id, name),
    UNIQUE (engine_id, kind, object_id)
);
CREATE INDEX objects_stack ON objects (stack_id);

-- unrecorded: the stack's objects were created before their ids were kept.
ALTER TABLE stacks ADD COLUMN unrecorded BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE stacks SET unrecorded = TRUE WHERE engine_id IS NOT NULL;
