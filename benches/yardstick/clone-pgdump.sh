#!/usr/bin/env bash
# Copies a whole database with pg_dump -Fd -j and pg_restore -j, by way of a folder ($TMPDIR).
#   clone-pgdump.sh --from URL --to URL [--lanes N] [--counts]
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
options "$@"
[ -n "$to" ] || die "--to URL is missing"

open_snapshot
new_database
close_snapshot
pg_dump -Fd -Z0 -j "$lanes" -f "$work/dump" -d "$from"
lap "dump"
PGOPTIONS='-c maintenance_work_mem=256MB' pg_restore -j "$lanes" -d "$to" "$work/dump"
lap "restore"
analyze
lap "analyze"
print_counts
