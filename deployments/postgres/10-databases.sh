#!/usr/bin/env bash
# SPDX-License-Identifier: EUPL-1.2
#
# Runs once, when the server's data folder is empty (the image's
# docker-entrypoint-initdb.d): one database a service, each owned by the login
# of that service, which migrates it at its start. No login sees another's.
# intake_writer is the login of intake's writer, intake_reader and
# notification_reader are those that read on behalf of people under row-level
# security; the services' migrations give them what they need.
set -euo pipefail

secrets=${SECRETS:-/run/secrets}

# The password stands in the URL that the service reads.
password() { sed -E 's#^postgres://[^:]+:([^@]+)@.*$#\1#' "$secrets/$1"; }

create() {
	psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
		-v name="$1" -v password="$2" <<-'SQL'
		CREATE ROLE :"name" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'password';
	SQL
}

create intake_writer "$(password intake_writer_url)"
create intake_reader "$(password intake_reader_url)"
create notification_reader "$(password notification_reader_url)"
for service in directory intake triage notification; do
	create "$service" "$(password "${service}_database_url")"
	psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres -v name="$service" <<-'SQL'
		CREATE DATABASE :"name" OWNER :"name" ENCODING 'UTF8' LOCALE 'C.UTF-8' TEMPLATE template0;
		REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
	SQL
	psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$service" -v name="$service" <<-'SQL'
		ALTER SCHEMA public OWNER TO :"name";
		REVOKE ALL ON SCHEMA public FROM PUBLIC;
	SQL
done
psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname intake <<-'SQL'
	GRANT CONNECT ON DATABASE intake TO intake_writer, intake_reader;
	GRANT USAGE ON SCHEMA public TO intake_writer;
	GRANT intake_reader TO intake;
	GRANT CONNECT ON DATABASE notification TO notification_reader;
	GRANT notification_reader TO notification;
SQL
