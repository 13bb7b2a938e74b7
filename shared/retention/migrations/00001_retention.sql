-- +goose Up
-- What was proposed to be deleted, by whom, who agreed, and how far it is.
CREATE TABLE retention_run (
    id          uuid        PRIMARY KEY,
    class       text        NOT NULL,
    cutoff      timestamptz NOT NULL, -- periods that began before it have ended
    due         integer     NOT NULL,
    held        integer     NOT NULL,
    oldest      timestamptz,
    digest      text        NOT NULL, -- of the ids that were due
    state       text        NOT NULL CHECK (state IN ('proposed', 'approved', 'done', 'withdrawn')),
    proposed_by text        NOT NULL,
    proposed_at timestamptz NOT NULL,
    decided_by  text        NOT NULL DEFAULT '',
    decided_at  timestamptz,
    done        integer     NOT NULL DEFAULT 0,
    finished_at timestamptz
);
CREATE UNIQUE INDEX retention_run_open ON retention_run (class) WHERE state IN ('proposed', 'approved');
CREATE INDEX retention_run_newest ON retention_run (proposed_at DESC, id DESC);

-- The key of the tokens that stand where a name stood. Who deletes the row
-- makes every token of this service anonymous.
CREATE TABLE retention_key (
    one bool  PRIMARY KEY DEFAULT true CHECK (one),
    key bytea NOT NULL
);
INSERT INTO retention_key (key)
VALUES (decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'));

-- A keyed hash that the same value gets again: what was said about one body
-- still counts as one body. Without the key it says nothing about the value.
-- +goose StatementBegin
CREATE FUNCTION retention_token(value text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN value = '' THEN '' ELSE
        coalesce((SELECT 'h' || left(encode(sha256(key || sha256(key || convert_to(value, 'UTF8'))), 'hex'), 31)
            FROM retention_key), 'h')
    END
$$;
-- +goose StatementEnd
