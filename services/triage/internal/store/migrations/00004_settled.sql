-- +goose Up
-- Whether a case ended, with the case that took it in, and none of them is on
-- hold: what names people there may be replaced.
CREATE FUNCTION case_settled(which uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    WITH RECURSIVE up (id, above, state, hold) AS (
        SELECT id, merged_into, state, hold FROM cases WHERE id = which
        UNION
        SELECT c.id, c.merged_into, c.state, c.hold FROM cases c JOIN up u ON c.id = u.above
    )
    SELECT bool_and(state IN ('closed', 'merged') AND NOT hold) FROM up
$$;
