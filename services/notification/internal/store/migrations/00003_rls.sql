-- +goose Up
-- Row-level security: what is read on behalf of people is read as
-- notification_reader, which owns nothing, changes nothing and sees what the
-- settings app.* of the transaction allow (shared/pg, As); without them no row.
-- The service's own work, as the owner, is named by policies of its own.
-- +goose StatementBegin
DO $$
BEGIN
    BEGIN
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'notification_reader') THEN
            CREATE ROLE notification_reader LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
        END IF;
    EXCEPTION
        WHEN duplicate_object OR unique_violation THEN NULL; -- another database of the server was faster
        WHEN insufficient_privilege THEN
            RAISE EXCEPTION 'the role notification_reader is missing: see "Logins" in docs/operations.md';
    END;
    IF NOT pg_has_role(current_user, 'notification_reader', 'MEMBER') THEN
        GRANT notification_reader TO CURRENT_USER;
    END IF;
END
$$;
-- +goose StatementEnd
GRANT USAGE ON SCHEMA public TO notification_reader;

CREATE FUNCTION app_everything() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
    RETURN coalesce(current_setting('app.everything', true) = 'on', false);
CREATE FUNCTION app_orgs() RETURNS uuid[] LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('app.orgs', true), '')::uuid[];
CREATE FUNCTION app_mandated() RETURNS uuid[] LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('app.mandated', true), '')::uuid[];
CREATE FUNCTION app_person() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('app.person', true), '');
CREATE FUNCTION app_object() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('app.object', true), '')::uuid;
CREATE FUNCTION app_key() RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE
    RETURN decode(nullif(current_setting('app.key', true), ''), 'hex');

-- +goose StatementBegin
DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['alerts', 'alert_versions', 'alert_bodies', 'answers', 'answer_tokens',
        'notices', 'deliveries', 'contacts', 'cases', 'subscriptions'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY service ON %I TO %I USING (true) WITH CHECK (true)', t, current_user);
    END LOOP;
END
$$;
-- +goose StatementEnd
GRANT SELECT ON alerts, alert_versions, alert_bodies, answers, answer_tokens, notices, deliveries, cases, subscriptions
    TO notification_reader;

-- A body of an audience is its own people's, and its agents'.
CREATE POLICY people ON alert_bodies FOR SELECT TO notification_reader USING (
    (SELECT app_everything())
    OR organisation = ANY ((SELECT app_orgs())::uuid[])
    OR organisation = ANY ((SELECT app_mandated())::uuid[]));
-- An alert is for those whom it was sent to; agents know it up to AMBER (TLP 2.0).
CREATE POLICY people ON alert_versions FOR SELECT TO notification_reader USING (
    (SELECT app_everything())
    OR published_at IS NOT NULL AND (
        alert = (SELECT app_object())
        OR EXISTS (SELECT FROM alert_bodies b WHERE b.alert = alert_versions.alert AND b.organisation = ANY ((SELECT app_orgs())::uuid[]))
        OR content ->> 'TLP' IN ('AMBER', 'GREEN', 'CLEAR')
            AND EXISTS (SELECT FROM alert_bodies b WHERE b.alert = alert_versions.alert AND b.organisation = ANY ((SELECT app_mandated())::uuid[]))));
CREATE POLICY people ON alerts FOR SELECT TO notification_reader USING (
    (SELECT app_everything())
    OR EXISTS (SELECT FROM alert_versions v WHERE v.alert = alerts.id AND v.number = alerts.current_version));
CREATE POLICY people ON answers FOR SELECT TO notification_reader USING (
    (SELECT app_everything())
    OR organisation = ANY ((SELECT app_orgs())::uuid[])
    OR organisation = ANY ((SELECT app_mandated())::uuid[]));
-- A link opens itself and shows no other.
CREATE POLICY people ON answer_tokens FOR SELECT TO notification_reader USING (hash = (SELECT app_key()));
-- How mail fares, and what a draft takes from a case, is the CERT's.
CREATE POLICY people ON notices FOR SELECT TO notification_reader USING ((SELECT app_everything()));
CREATE POLICY people ON deliveries FOR SELECT TO notification_reader USING ((SELECT app_everything()));
CREATE POLICY people ON cases FOR SELECT TO notification_reader USING ((SELECT app_everything()));
-- A setting is the person's, that of a functional mailbox the organisation's.
CREATE POLICY people ON subscriptions FOR SELECT TO notification_reader USING (
    (SELECT app_everything())
    OR person = (SELECT app_person())
    OR person = '' AND organisation = ANY ((SELECT app_orgs())::uuid[]));
