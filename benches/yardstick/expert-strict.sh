#!/usr/bin/env bash
# What an expert would write by hand for the art site: a strict, masked sample of its users, ready to use.
#   expert-strict.sh --from URL --to URL --percent P [--seed N] [--as-of TIME] [--lanes N] [--counts]
# Creates the database that --to names. Rows of other users are left out, nullable references to them become NULL.
# --seed is the 64-bit seed of the hash (default 42), --as-of the time that bans are compared with (default now).
# --counts prints table<TAB>rows at the end. MASK_KEY is the key of the masks.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/rows.sh"
options "$@"
[ -n "$to" ] || die "--to URL is missing"

open_snapshot
open_draw
user_or_null() { echo "CASE WHEN $(sampled "$1") THEN $1 END"; }
post_or_null() { echo "CASE WHEN $1 IN ($posts) THEN $1 END"; }
player_or_null() { echo "CASE WHEN $1 IN ($players) THEN $1 END"; }

new_database
tables_only
lap "schema"
copy_members
run_copies
sequences
close_snapshot
lap "rows"
keys_and_indexes
lap "keys, indexes, references"
analyze
lap "analyze"
print_counts
