-- +goose Up
-- Name of the organisation that acted on behalf of the bodies, '' for who acted
-- for themselves: the principal reads "KIV im Auftrag von Klettbach".
ALTER TABLE report_message ADD COLUMN agent text NOT NULL DEFAULT '';
ALTER TABLE report_supplement ADD COLUMN agent text NOT NULL DEFAULT '';
ALTER TABLE report_attachment ADD COLUMN agent text NOT NULL DEFAULT '';
