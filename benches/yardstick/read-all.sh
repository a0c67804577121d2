#!/usr/bin/env bash
# Reads every table of a database once, in lanes of binary COPY to nowhere: the measure of what the others do.
#   read-all.sh --from URL [--lanes N]
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
options "$@"
export from
# Each lane is one session; the next largest table goes to the lane with the least bytes so far.
list_tables | awk -F '\t' -v lanes="$lanes" -v work="$work" '{
    best = 1
    for (i = 2; i <= lanes; i++) if (load[i] < load[best]) best = i
    load[best] += $3
    print "COPY " $1 " (" $2 ") TO STDOUT (FORMAT binary);" > (work "/lane" best)
}'
find "$work" -name 'lane*' | xargs -P "$lanes" -n 1 bash -c 'exec psql -Xq -v ON_ERROR_STOP=1 -d "$from" -f "$1" >/dev/null' read
lap "read"
