-- +goose Up
-- Whose the report was before another body took over; '' as long as it is the
-- body's own. Name and organisation stay: only who sees it changes.
ALTER TABLE report_body ADD COLUMN formerly text NOT NULL DEFAULT '';

-- Which body took over from one that is gone: what is opened again later follows.
CREATE TABLE succession (
    predecessor text        PRIMARY KEY,
    successor   text        NOT NULL,
    at          timestamptz NOT NULL
);
ALTER TABLE succession ENABLE ROW LEVEL SECURITY;
ALTER TABLE succession FORCE ROW LEVEL SECURITY;
-- +goose StatementBegin
DO $$
BEGIN
    EXECUTE format('CREATE POLICY service ON succession TO %I USING (true) WITH CHECK (true)', current_user);
END
$$;
-- +goose StatementEnd

-- Whether the case of an organisation belongs to a report that the reader's
-- organisation took over from it. It looks past the policies, or those of the
-- tables would ask each other for ever.
CREATE FUNCTION case_succeeded(text, text) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'SELECT EXISTS (SELECT FROM public.case_report l JOIN public.report_body b ON b.report_id = l.report_id
        WHERE l.case_id = $1 AND b.formerly <> '''' AND b.formerly = $2 AND public.app_reach() ? b.visible_to)';
REVOKE ALL ON FUNCTION case_succeeded(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION case_succeeded(text, text) TO intake_reader;

DROP POLICY people ON case_copy;
CREATE POLICY people ON case_copy FOR SELECT TO intake_reader USING (
    (SELECT app_everything())
    OR snapshot ->> 'verified' = 'true' AND (SELECT app_reach()) ? (snapshot -> 'organisation' ->> 'id')
    OR snapshot ->> 'verified' = 'true' AND case_succeeded(id, snapshot -> 'organisation' ->> 'id')
    OR EXISTS (SELECT FROM case_report l WHERE l.case_id = case_copy.id AND (
        l.report_id = (SELECT app_object()) AND ((SELECT app_part()) IS NULL OR snapshot -> 'organisation' ->> 'id' = (SELECT app_part()))
        OR (SELECT app_person()) IS NOT NULL AND own_report(l.report_id))));
DROP POLICY people ON case_report;
CREATE POLICY people ON case_report FOR SELECT TO intake_reader USING (
    (SELECT app_everything())
    OR ((SELECT app_reach()) ? case_organisation(case_id) OR case_succeeded(case_id, case_organisation(case_id)))
        AND EXISTS (SELECT FROM report_body b WHERE b.report_id = case_report.report_id)
    OR report_id = (SELECT app_object()) AND ((SELECT app_part()) IS NULL OR case_organisation(case_id) = (SELECT app_part()))
    OR (SELECT app_person()) IS NOT NULL AND own_report(report_id));
