-- +goose Up
-- The local copy of organisations, people, mandates and sessions. The body is
-- the record as the directory sent it; everybody reads it from memory.
CREATE TABLE register_record (
    kind    text   NOT NULL,
    id      text   NOT NULL,
    version bigint NOT NULL,
    body    text   NOT NULL,
    PRIMARY KEY (kind, id)
);
