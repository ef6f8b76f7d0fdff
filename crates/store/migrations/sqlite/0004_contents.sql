-- Large contents of config files, each once, in parts of one MiB: definitions and specs name them by their SHA-256.
CREATE TABLE contents (
    digest TEXT    NOT NULL,
    part   INTEGER NOT NULL,
    bytes  BLOB    NOT NULL,
    PRIMARY KEY (digest, part)
) STRICT;
