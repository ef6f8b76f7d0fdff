-- The values that belong to the data of a kept volume: their names, and the sealed values.
ALTER TABLE kept_volumes ADD COLUMN used_with TEXT NOT NULL DEFAULT '{}';
ALTER TABLE kept_volumes ADD COLUMN sealed BYTEA;
