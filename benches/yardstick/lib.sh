# Shared by the scripts in this folder; sourced, not run.
set -euo pipefail
export PGCLIENTENCODING=UTF8 PGTZ=UTC
unset PGOPTIONS

die() { echo "${0##*/}: $*" >&2; exit 1; }

# The given connection string, pointing at another database of the same server.
with_database() { # URL NAME
    if [[ $1 =~ ^(postgres(ql)?://[^/?]*)(/[^?]*)?(\?.*)?$ ]]; then
        printf '%s/%s%s' "${BASH_REMATCH[1]}" "$2" "${BASH_REMATCH[4]}"
    else
        printf '%s dbname=%s' "$1" "$2"
    fi
}

database_of() { # URL
    if [[ $1 =~ ^postgres(ql)?://[^/?]*/([^?]*) ]]; then
        printf '%s' "${BASH_REMATCH[2]}"
    elif [[ $1 =~ dbname=([^[:space:]]+) ]]; then
        printf '%s' "${BASH_REMATCH[1]}"
    fi
}

export LAPS=${LAPS:-} # LAPS=1: how long each pipe took
from= to= percent= seed=42 as_of= counts=no lanes=2 key=${MASK_KEY:-bench}
options() {
    while [ $# -gt 0 ]; do
        case $1 in
            --from) from=${2:?}; shift ;;
            --to) to=${2:?}; shift ;;
            --percent) percent=${2:?}; shift ;;
            --seed) seed=${2:?}; shift ;;
            --as-of) as_of=${2:?}; shift ;;
            --lanes) lanes=${2:?}; shift ;;
            --counts) counts=yes ;;
            -h|--help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; exit 0 ;;
            *) die "unknown option: $1" ;;
        esac
        shift
    done
    [ -n "$from" ] || die "--from URL is missing"
    [[ $seed =~ ^-?[0-9]+$ ]] || die "--seed is a 64-bit integer, got: $seed"
    [[ $lanes =~ ^[1-9][0-9]*$ ]] || die "--lanes is a number, got: $lanes"
    [ -n "$as_of" ] || as_of=$(date -u '+%Y-%m-%d %H:%M:%S+00')
    [[ $as_of =~ ^[-0-9:.+\ TZ]+$ ]] || die "--as-of is a time, got: $as_of"
    work=$(mktemp -d)
    trap clean_up EXIT
    trap 'exit 130' INT TERM
    lap_start=$(date +%s%N)
}

snapshot_pid=
clean_up() {
    [ -z "$snapshot_pid" ] || kill "$snapshot_pid" 2>/dev/null || true
    rm -rf "$work"
}

lap() { # NAME: says on stderr how long the step before took
    local now
    now=$(date +%s%N)
    printf '%8d ms  %s\n' $(((now - lap_start) / 1000000)) "$1" >&2
    lap_start=$now
}

# One session that holds the snapshot until the end; the others import it.
open_snapshot() {
    coproc PGSNAP { exec psql -XqAt -v ON_ERROR_STOP=1 -d "$from"; }
    snapshot_pid=$PGSNAP_PID
    ask "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT pg_export_snapshot();"
    snapshot=$answer
    [ -n "$snapshot" ] || die "no snapshot from the source"
}
ask() { # SQL with one line of result -> $answer
    echo "$1" >&"${PGSNAP[1]}"
    read -r answer <&"${PGSNAP[0]}" || die "the source session ended"
}
close_snapshot() {
    local pid=$snapshot_pid
    snapshot_pid=
    echo '\q' >&"${PGSNAP[1]}"
    wait "$pid"
}

new_database() { # its encoding and collation are the source's
    local name encoding collate ctype
    name=$(database_of "$to")
    [[ $name =~ ^[a-z_][a-z0-9_]*$ ]] || die "--to names no database, or a name that needs quoting"
    ask "SELECT pg_encoding_to_char(encoding), datcollate, datctype FROM pg_database WHERE datname = current_database();"
    IFS='|' read -r encoding collate ctype <<<"$answer"
    psql -Xq -v ON_ERROR_STOP=1 -d "$(with_database "$to" postgres)" \
        -c "CREATE DATABASE $name TEMPLATE template0 ENCODING '$encoding' LC_COLLATE '$collate' LC_CTYPE '$ctype'"
}

# Types, tables, functions and views now; keys, indexes, references and triggers after the rows.
tables_only() {
    pg_dump -Fc --section=pre-data --section=post-data ${snapshot:+--snapshot="$snapshot"} -f "$work/schema" -d "$from"
    pg_restore --section=pre-data -d "$to" "$work/schema"
}
keys_and_indexes() {
    PGOPTIONS='-c maintenance_work_mem=256MB' pg_restore --section=post-data -j "$lanes" -d "$to" "$work/schema"
}

# copy 'table (columns)' <<SQL: queues one binary pipe. The queue runs in the order of the calls.
# small 'table (columns)' <<SQL: adds a table to one of a few pipes that carry many, as text with the COPY commands
# between them, as pg_dump writes it: starting two psql for a table of some hundred rows costs more than the rows.
jobs=0 smalls=0
copy() {
    jobs=$((jobs + 1))
    local file
    file=$work/$(printf 'job%03d' $jobs)
    echo "COPY $1 FROM STDIN (FORMAT binary)" >"$file.in"
    { in_snapshot; echo 'COPY ('; cat; echo ') TO STDOUT (FORMAT binary);'; } >"$file.out"
}
small() {
    smalls=$((smalls % (2 * lanes) + 1))
    local file
    file=$work/$(printf 'job9%02d.out' $smalls)
    [ -e "$file" ] || in_snapshot >"$file"
    { echo "\\qecho COPY $(tr -d '\n' <<<"$1") FROM STDIN;"; echo 'COPY ('; cat; echo ') TO STDOUT;'; echo "\\qecho '\\\\.'"; } >>"$file"
}
in_snapshot() { # no parallel workers: the lanes keep the cores busy
    echo "SET max_parallel_workers_per_gather = 0; SET work_mem = '64MB';"
    echo "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT '$snapshot';"
}
run_copies() {
    export from to
    find "$work" -name 'job*.out' | sort | xargs -r -P "$lanes" -n 1 bash -c '
        set -o pipefail
        into=(-f -)
        [ ! -e "${1%.out}.in" ] || into=(-c "$(<"${1%.out}.in")")
        [ -z "$LAPS" ] || begun=$(date +%s%N)
        psql -Xq -v ON_ERROR_STOP=1 -d "$from" -f "$1" | psql -Xq -v ON_ERROR_STOP=1 -d "$to" "${into[@]}" ||
            { echo "failed: ${into[*]}" >&2; exit 255; }
        [ -z "$LAPS" ] || printf "%12d ms  %s\n" $((($(date +%s%N) - begun) / 1000000)) "$(tr -d "\n" <<<"${into[1]}" | cut -c1-40)" >&2' copy
    rm -f "$work"/job*
    jobs=0 smalls=0
}

sequences() { # a sequence that was set but not called yet shows only in its own relation
    ask "SELECT coalesce(string_agg(format('SELECT format(%L, %L, last_value, is_called) AS line FROM %s', 'SELECT setval(%L, %s, %L);',
            oid::regclass, oid::regclass), ' UNION ALL '), 'SELECT NULL AS line') FROM pg_class WHERE relkind = 'S';"
    ask "SELECT string_agg(line, ' ') FROM ($answer) AS s;"
    [ -z "$answer" ] || psql -Xq -v ON_ERROR_STOP=1 -o /dev/null -d "$to" -c "$answer"
}

analyze() { vacuumdb -q --analyze-only -j "$lanes" -d "$to"; }

print_counts() {
    [ "$counts" = yes ] || return 0
    psql -XAt -F $'\t' -v ON_ERROR_STOP=1 -d "$to" <<'SQL'
SELECT c.relname,
       (xpath('/row/n/text()', query_to_xml(format('SELECT count(*) AS n FROM %s', c.oid::regclass), false, true, '')))[1]::text
  FROM pg_class c
 WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
 ORDER BY 1;
SQL
}

# Every table with its storable columns, largest first: name<TAB>columns<TAB>bytes.
list_tables() {
    psql -XAt -F $'\t' -v ON_ERROR_STOP=1 -d "$from" <<'SQL'
SELECT c.oid::regclass, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum), pg_table_size(c.oid)
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname !~ '^(pg_|information_schema$)'
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
 WHERE c.relkind = 'r'
 GROUP BY c.oid
 ORDER BY 3 DESC;
SQL
}
