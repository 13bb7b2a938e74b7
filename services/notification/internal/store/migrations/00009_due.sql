-- +goose Up
-- What waits to be sent, apart from the deliveries: sending 2,000 mails marks
-- 2,000 deliveries without touching one index of theirs. A row stands here as
-- long as its delivery is pending. claimed_until is the end of a courier's
-- claim: a row whose sender died is due again then.
CREATE TABLE due (
    delivery      uuid        PRIMARY KEY,
    priority      smallint    NOT NULL,
    next_at       timestamptz NOT NULL,
    claimed_until timestamptz
) WITH (fillfactor = 60); -- room for the claims on the same page
CREATE INDEX due_order ON due (priority, next_at, delivery);
INSERT INTO due (delivery, priority, next_at, claimed_until)
SELECT id, priority, next_at, claimed_until FROM deliveries WHERE state = 'pending';

DROP INDEX deliveries_due;
ALTER TABLE deliveries DROP COLUMN claimed_until;

-- What was done long ago was made before: found by the blocks it lies in.
DROP INDEX deliveries_done;
CREATE INDEX deliveries_created ON deliveries USING brin (created_at);
