-- +goose Up
-- locked keeps a case file for those who need to know it: of the analysts it is
-- there only for whom it is assigned to. Lists leave it out for the others.
ALTER TABLE cases ADD COLUMN locked boolean NOT NULL DEFAULT false;
-- Locked ones are few: the filter for them reads no archive.
CREATE INDEX cases_locked ON cases (received_at DESC, id DESC) WHERE locked;
-- Whose sight a case left with a change: '*' of all who see no locked ones, a
-- person's id, '' nobody's. The stream tells it to them and nobody else.
ALTER TABLE case_changes ADD COLUMN left_sight text NOT NULL DEFAULT '';
