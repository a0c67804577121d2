#!/usr/bin/env bash
# What an expert would write by hand for the art site: a masked sample of its users with every parent brought along.
#   expert-pull.sh --from URL --to URL --percent P [--seed N] [--as-of TIME] [--lanes N] [--counts]
# The members are those of expert-strict.sh. Where a nullable reference of theirs leaves the sample, its parent comes
# as an extra row, with the parents that it needs itself; its own nullable references become NULL unless chosen anyway.
# Banned accounts never come, nor do posts of theirs; references to them become NULL.
# Which parents are missing is asked of the target, where few rows are, not of the source.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/rows.sh"
options "$@"
[ -n "$to" ] || die "--to URL is missing"

open_snapshot
open_draw
user_or_null() { echo "CASE WHEN $1 <> ALL ('{$banned}') THEN $1 END"; }
post_or_null() { echo "CASE WHEN $1 NOT IN (SELECT p.id FROM posts p WHERE p.owner_id = ANY ('{$banned}')) THEN $1 END"; }
player_or_null() { echo "$1"; }
keys() { psql -XqAt -v ON_ERROR_STOP=1 -d "$to" -c "SELECT coalesce(string_agg(k::text, ','), '') FROM ($1) AS q (k)"; }

new_database
tables_only
lap "schema"
copy_members
run_copies
lap "rows of members"

pulled_posts=$(keys "
    SELECT post_id FROM social_notifications UNION SELECT parent_post_id FROM post_lineage
    UNION SELECT avatar_source_post_id FROM users EXCEPT SELECT id FROM posts")
copy_posts "e.id = ANY ('{$pulled_posts}')"
run_copies
pulled_users=$(keys "
    SELECT viewer_user_id FROM view_events UNION SELECT user_id FROM reactions UNION SELECT author_id FROM comments
    UNION SELECT actor_id FROM social_notifications UNION SELECT viewer_user_id FROM blog_post_view_events
    UNION SELECT user_id FROM blog_post_reactions UNION SELECT author_id FROM blog_post_comments
    UNION SELECT owner_id FROM posts EXCEPT SELECT id FROM users")
pulled_players=$(keys "SELECT player_id FROM view_events EXCEPT SELECT id FROM players")
here_posts=$(keys "SELECT id FROM posts")
here_users=$(keys "SELECT id FROM users"),$pulled_users
here_users=${here_users#,} here_users=${here_users%,}
copy_users "e.id = ANY ('{$pulled_users}')" \
    "CASE WHEN e.avatar_source_post_id = ANY ('{$here_posts}') THEN e.avatar_source_post_id END"
copy_players "e.id = ANY ('{$pulled_players}')" "CASE WHEN e.owner_id = ANY ('{$here_users}') THEN e.owner_id END" \
    "CASE WHEN e.current_post_id = ANY ('{$here_posts}') THEN e.current_post_id END"
run_copies
sequences
close_snapshot
lap "rows of parents"
keys_and_indexes
lap "keys, indexes, references"
analyze
lap "analyze"
print_counts
