#!/usr/bin/env bash
# Copies a whole database with pgcopydb.
#   clone-pgcopydb.sh --from URL --to URL [--lanes N] [--counts]
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
options "$@"
[ -n "$to" ] || die "--to URL is missing"
command -v pgcopydb >/dev/null || die "pgcopydb is not installed (Debian: apt-get install pgcopydb)"

open_snapshot
new_database
close_snapshot
# It analyses each table itself once its copy and indexes are done.
pgcopydb clone --source "$from" --target "$to" --table-jobs "$lanes" --index-jobs "$lanes" --dir "$work/pgcopydb" \
    >"$work/log" 2>&1 || { tail -20 "$work/log" >&2; exit 1; }
lap "clone"
print_counts
