-- +goose Up
-- Which cases there are about a report is told of each case by itself: a member
-- of a provider's report is not to count the others' cases. It looks past the
-- policies, or those of case_report and case_copy would ask each other for ever.
CREATE FUNCTION case_organisation(text) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'SELECT c.snapshot -> ''organisation'' ->> ''id'' FROM public.case_copy c WHERE c.id = $1';
REVOKE ALL ON FUNCTION case_organisation(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION case_organisation(text) TO intake_reader;
DROP POLICY people ON case_report;
CREATE POLICY people ON case_report FOR SELECT TO intake_reader USING (
    (SELECT app_everything())
    OR (SELECT app_reach()) ? case_organisation(case_id) AND EXISTS (SELECT FROM report_body b WHERE b.report_id = case_report.report_id)
    OR report_id = (SELECT app_object()) AND ((SELECT app_part()) IS NULL OR case_organisation(case_id) = (SELECT app_part()))
    OR (SELECT app_person()) IS NOT NULL AND own_report(report_id));
