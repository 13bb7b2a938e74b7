-- +goose Up
-- Row-level security: what is read on behalf of people is read as intake_reader,
-- which owns nothing, changes nothing and sees what the settings app.* of the
-- transaction allow (shared/pg, As); without them no row. The service's own work,
-- as the owner, and its writer are named by policies of their own.
-- +goose StatementBegin
DO $$
BEGIN
    BEGIN
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'intake_reader') THEN
            CREATE ROLE intake_reader LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
        END IF;
    EXCEPTION
        WHEN duplicate_object OR unique_violation THEN NULL; -- another database of the server was faster
        WHEN insufficient_privilege THEN
            RAISE EXCEPTION 'the role intake_reader is missing: see "Logins" in docs/operations.md';
    END;
    IF NOT pg_has_role(current_user, 'intake_reader', 'MEMBER') THEN
        GRANT intake_reader TO CURRENT_USER;
    END IF;
END
$$;
-- +goose StatementEnd
GRANT USAGE ON SCHEMA public TO intake_reader;

CREATE FUNCTION app_everything() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
    RETURN coalesce(current_setting('app.everything', true) = 'on', false);
-- The organisations that the reader reaches, as keys: a provider has hundreds, and
-- an object finds one of them by halves.
CREATE FUNCTION app_reach() RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (SELECT jsonb_object_agg(id, true) FROM unnest(
        nullif(current_setting('app.orgs', true), '')::text[] || nullif(current_setting('app.mandated', true), '')::text[]) AS id);
CREATE FUNCTION app_homes() RETURNS text[] LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('app.homes', true), '')::text[];
CREATE FUNCTION app_person() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('app.person', true), '');
CREATE FUNCTION app_object() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('app.object', true), '')::uuid;
CREATE FUNCTION app_part() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('app.part', true), '');
CREATE FUNCTION app_key() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('app.key', true), '');
-- Whether the reader reported it. It looks past the policies, or those of report
-- and report_body would ask each other for ever.
CREATE FUNCTION own_report(uuid) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'SELECT EXISTS (SELECT FROM public.report r WHERE r.id = $1 AND r.reporter_id = public.app_person())';
REVOKE ALL ON FUNCTION own_report(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION own_report(uuid) TO intake_reader;

-- +goose StatementBegin
DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['report', 'report_body', 'report_message', 'report_supplement', 'report_attachment', 'report_step',
        'case_copy', 'case_report', 'alert_copy', 'draft'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY service ON %I TO %I USING (true) WITH CHECK (true)', t, current_user);
    END LOOP;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'intake_writer') THEN -- 00002: it adds, and reads keys
        CREATE POLICY writer ON report TO intake_writer USING (true) WITH CHECK (true);
        CREATE POLICY writer ON report_body FOR INSERT TO intake_writer WITH CHECK (true);
    END IF;
END
$$;
-- +goose StatementEnd
GRANT SELECT ON report, report_body, report_message, report_supplement, report_attachment, report_step, case_copy, case_report, draft
    TO intake_reader;

-- All others follow from this one: a body of a report is its own people's and
-- their agents', the reporter's, and who shows the code of the report or of this
-- part of it.
CREATE POLICY people ON report_body FOR SELECT TO intake_reader USING (
    (SELECT app_everything())
    OR visible_to <> '' AND (SELECT app_reach()) ? visible_to
    OR report_id = (SELECT app_object()) AND ((SELECT app_part()) IS NULL OR organisation = (SELECT app_part()))
    OR (SELECT app_person()) IS NOT NULL AND own_report(report_id));
CREATE POLICY people ON report FOR SELECT TO intake_reader USING (
    (SELECT app_everything()) OR EXISTS (SELECT FROM report_body b WHERE b.report_id = report.id));
-- What came later is for who sees one of the bodies that it is about.
CREATE POLICY people ON report_message FOR SELECT TO intake_reader USING (
    (SELECT app_everything())
    OR EXISTS (SELECT FROM report_body b WHERE b.report_id = report_message.report_id AND b.organisation = ANY (bodies)));
CREATE POLICY people ON report_supplement FOR SELECT TO intake_reader USING (
    (SELECT app_everything())
    OR EXISTS (SELECT FROM report_body b WHERE b.report_id = report_supplement.report_id AND b.organisation = ANY (bodies)));
CREATE POLICY people ON report_step FOR SELECT TO intake_reader USING (
    (SELECT app_everything())
    OR EXISTS (SELECT FROM report_body b WHERE b.report_id = report_step.report_id AND b.organisation = ANY (bodies)));
CREATE POLICY people ON report_attachment FOR SELECT TO intake_reader USING (
    (SELECT app_everything())
    OR (only_home = '' OR only_home = ANY ((SELECT app_homes())::text[]))
        AND EXISTS (SELECT FROM report_body b WHERE b.report_id = report_attachment.report_id AND b.organisation = ANY (bodies)));
-- A case is its organisation's once an analyst confirmed which one it is.
CREATE POLICY people ON case_report FOR SELECT TO intake_reader USING (
    (SELECT app_everything()) OR EXISTS (SELECT FROM report_body b WHERE b.report_id = case_report.report_id));
CREATE POLICY people ON case_copy FOR SELECT TO intake_reader USING (
    (SELECT app_everything())
    OR snapshot ->> 'verified' = 'true' AND (SELECT app_reach()) ? (snapshot -> 'organisation' ->> 'id')
    OR EXISTS (SELECT FROM case_report l WHERE l.case_id = case_copy.id AND (
        l.report_id = (SELECT app_object()) AND ((SELECT app_part()) IS NULL OR snapshot -> 'organisation' ->> 'id' = (SELECT app_part()))
        OR (SELECT app_person()) IS NOT NULL AND own_report(l.report_id))));
-- A draft is for who holds its code.
CREATE POLICY people ON draft FOR SELECT TO intake_reader USING (id = (SELECT app_key()));
