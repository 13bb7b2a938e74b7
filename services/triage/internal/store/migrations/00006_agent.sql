-- +goose Up
-- Name of the organisation that acted on behalf of the case's organisation, ''
-- for its own people.
ALTER TABLE case_messages ADD COLUMN agent text NOT NULL DEFAULT '';
ALTER TABLE case_supplements ADD COLUMN agent text NOT NULL DEFAULT '';
ALTER TABLE case_attachments ADD COLUMN agent text NOT NULL DEFAULT '';
