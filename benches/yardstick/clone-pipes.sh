#!/usr/bin/env bash
# Copies a whole database in lanes of binary COPY pipes, then builds keys, indexes and references with pg_restore.
#   clone-pipes.sh --from URL --to URL [--lanes N] [--counts]
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
options "$@"
[ -n "$to" ] || die "--to URL is missing"

open_snapshot
new_database
tables_only
lap "schema"
while IFS=$'\t' read -r table columns _; do
    copy "$table ($columns)" <<<"SELECT $columns FROM $table"
done < <(list_tables)
run_copies
sequences
close_snapshot
lap "rows"
keys_and_indexes
lap "keys, indexes, references"
analyze
lap "analyze"
print_counts
