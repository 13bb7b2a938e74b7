-- +goose Up
-- claimed_until is the end of a courier's claim: a row whose sender died is due
-- again then. It is in no index, and the pages keep room for it, so that a claim
-- costs no index entry.
ALTER TABLE deliveries ADD COLUMN claimed_until timestamptz;
ALTER TABLE deliveries SET (fillfactor = 60);
