-- +goose Up
-- When the report about this body was taken in: with the report, or later when the
-- body joined it. Figures of a period are found by it, however old the archive is.
-- An instance of the version before does not write it: the default is what it does.
ALTER TABLE report_body ADD COLUMN taken_in_at timestamptz NOT NULL DEFAULT now();
UPDATE report_body b SET taken_in_at = coalesce(b.added_at, r.received_at) FROM report r WHERE r.id = b.report_id;
CREATE INDEX report_body_taken_in ON report_body (visible_to, taken_in_at) WHERE visible_to <> '';
