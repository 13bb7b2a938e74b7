#!/usr/bin/env bash
# SPDX-License-Identifier: EUPL-1.2
#
# Installs what is missing of the named parts with the system's package manager,
# when it may (as root or with a sudo that asks nothing); else it says in plain
# words what to install.
#
#   deployments/setup.sh postgresql chromium gcc
set -euo pipefail

have_postgresql() {
	[ -n "${PG_BIN:-}" ] && return 0
	command -v initdb >/dev/null && return 0
	compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null
}

have_chromium() { command -v chromium >/dev/null; }

# For the race detector.
have_gcc() { command -v gcc >/dev/null && [ -e /usr/include/stdio.h ]; }

# Two tests look at our ZIP and at the broker's syncs with them.
have_7zip() { command -v 7z >/dev/null || command -v 7zz >/dev/null; }
have_strace() { command -v strace >/dev/null; }

missing=()
for part in "$@"; do
	"have_$part" || missing+=("$part")
done
[ ${#missing[@]} -eq 0 ] && exit 0
packages=("${missing[@]/gcc/gcc libc6-dev}")
read -ra packages <<<"${packages[*]}"

explain() {
	{
		echo "Leitstelle needs: ${missing[*]}"
		echo "They are not installed, and this user may not install them."
		echo "On Debian or Ubuntu, please run:"
		echo
		echo "    sudo apt-get update && sudo apt-get install ${packages[*]}"
		echo
		echo "Elsewhere install PostgreSQL 15 or newer (its programs in PATH, or name their"
		echo "folder in PG_BIN) and, for the tests, Chromium as the command chromium and a C compiler."
	} >&2
	exit 1
}

command -v apt-get >/dev/null || explain
run=()
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null && sudo -n true 2>/dev/null || explain
	run=(sudo -n)
fi

echo "== install: ${packages[*]}"
apt() { "${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Use-Pty=0 "$@" </dev/null; }
apt update
apt install --no-install-recommends "${packages[@]}" >/dev/null

# The package starts a server of its own. We start a private one where one is
# needed, so the fresh one may rest; its data stays.
for part in "${missing[@]}"; do
	if [ "$part" = postgresql ] && command -v pg_lsclusters >/dev/null; then
		pg_lsclusters -h | while read -r version name _ state _; do
			[ "$state" = online ] && "${run[@]}" pg_ctlcluster "$version" "$name" stop -m fast || true
		done
	fi
done
