-- +goose Up
-- Name of the organisation that answered on behalf of the body, '' for its own
-- people. The body is on_behalf.
ALTER TABLE alert_bodies ADD COLUMN agent text NOT NULL DEFAULT '';
ALTER TABLE answers ADD COLUMN agent text NOT NULL DEFAULT '';
