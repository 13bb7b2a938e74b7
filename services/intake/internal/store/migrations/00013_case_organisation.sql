-- +goose Up
-- Whose case it is, so that a body's case is found among the hundreds of a provider's
-- report without asking the rules about each. '' is what an instance of the version
-- before wrote: then the snapshot says it.
ALTER TABLE case_report ADD COLUMN organisation text NOT NULL DEFAULT '';
UPDATE case_report l SET organisation = coalesce(c.snapshot -> 'organisation' ->> 'id', '') FROM case_copy c WHERE c.id = l.case_id;
CREATE INDEX case_report_organisation ON case_report (report_id, organisation);
