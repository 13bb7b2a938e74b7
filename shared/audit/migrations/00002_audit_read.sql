-- +goose Up
-- A long chain takes longer than the statements of a request may.
SET LOCAL statement_timeout = 0;
-- What the auditors' lists are read from, each in the order of the list: a page
-- of the newest entries costs the same however long the chain has become.
CREATE INDEX audit_at ON audit (at, seq);
CREATE INDEX audit_actor ON audit (actor, at, seq);
CREATE INDEX audit_behalf ON audit (on_behalf_of, at, seq) WHERE on_behalf_of <> '';
CREATE INDEX audit_action ON audit (action, at, seq);
