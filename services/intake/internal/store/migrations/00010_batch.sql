-- +goose Up
-- Id of the order with which the CERT wrote the message to many cases at once;
-- who deals with several of them reads it once.
ALTER TABLE report_message ADD COLUMN IF NOT EXISTS batch text NOT NULL DEFAULT '';
