-- +goose Up
-- What is done long ago is found by the blocks it lies in: an entry for each
-- delivery would make marking 2,000 of them dearer.
DROP INDEX deliveries_done;
CREATE INDEX deliveries_done ON deliveries USING brin (done_at);
