-- +goose Up
CREATE TABLE audit (
    seq           bigint      PRIMARY KEY,
    at            timestamptz NOT NULL,
    actor         text        NOT NULL,
    on_behalf_of  text        NOT NULL,
    action        text        NOT NULL,
    object_type   text        NOT NULL,
    object_id     text        NOT NULL,
    result        text        NOT NULL,
    request_id    text        NOT NULL,
    body          bytea       NOT NULL, -- the exact bytes that were hashed
    prev          bytea       NOT NULL,
    hash          bytea       NOT NULL
);
CREATE INDEX audit_object ON audit (object_type, object_id, seq);

-- The end of the chain. Whoever appends locks this row last and commits at once.
CREATE TABLE audit_head (
    one  boolean PRIMARY KEY DEFAULT true CHECK (one),
    seq  bigint  NOT NULL,
    hash bytea   NOT NULL
);
INSERT INTO audit_head (seq, hash) VALUES (0, decode(repeat('00', 32), 'hex'));

-- +goose StatementBegin
CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit only grows';
END $$;
-- +goose StatementEnd
CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
