# The rows of the sample, table by table; sourced by expert-strict.sh and expert-pull.sh after lib.sh.
# What becomes of a reference that leaves the sample is theirs: user_or_null, post_or_null, player_or_null.

open_draw() { # after open_snapshot: the draw as a predicate, its exceptions as a list
    [[ $percent =~ ^[0-9]+(\.[0-9]+)?$ ]] || die "--percent P is missing or no number"
    [[ $key =~ ^[A-Za-z0-9_-]+$ ]] || die "MASK_KEY: letters, digits, - and _ only"
    ask "SELECT least(floor(-9223372036854775808 + $percent * 184467440737095516.16), 9223372036854775807);"
    bound=$answer
    ask "SELECT coalesce(string_agg(id::text, ','), '') FROM users WHERE banned_until > '$as_of';"
    banned=$answer

    posts="SELECT p.id FROM posts p WHERE $(sampled p.owner_id)"
    blog_posts="SELECT b.id FROM blog_posts b WHERE $(sampled b.owner_id)"
    comments="SELECT c.id FROM comments c WHERE c.post_id IN ($posts)"
    member_player="num_nonnulls(e.owner_id, e.current_post_id) > 0
   AND (e.owner_id IS NULL OR $(sampled e.owner_id))
   AND (e.current_post_id IS NULL OR e.current_post_id IN ($posts))"
    players="SELECT e.id FROM players e WHERE $member_player"
}

# A reference to users is to a drawn one: decided from the value alone.
sampled() { echo "(hashint4extended($1, $seed) < $bound AND $1 <> ALL ('{$banned}'))"; }

# Masks. NULL stays NULL.
digest() { echo "md5($1 || '$key')"; }
hash64() { echo "repeat(md5($1 || '$key'), 2)"; }
address() { echo "regexp_replace('fd' || left(md5($1 || '$key'), 30), '(.{4})(?=.)', '\1:', 'g')"; }

# Comments of the site stand under the same post as the comment they answer, so a kept one has its parent.
# Structure only: refresh_tokens, password_reset_tokens, email_verification_tokens, batch_download_requests, player_tokens.

copy_users() { # WHERE AVATAR_POST
copy 'users (
    id, user_key, public_sqid, handle, bio, tagline, website, avatar_url, email, email_normalized, email_verified,
    welcome_completed, reputation, roles, hidden_by_user, hidden_by_mod, non_conformant, deactivated, banned_until,
    auto_public_approval, approved_hashtags, created_at, updated_at, handle_normalized, terms_version_accepted,
    avatar_source_post_id)' <<SQL
SELECT
    e.id, e.user_key, e.public_sqid, e.handle, e.bio, e.tagline, e.website, e.avatar_url,
    'user' || e.id || '@dev.makapix.local',
    CASE WHEN e.email_normalized IS NOT NULL THEN 'user' || e.id || '@dev.makapix.local' END, e.email_verified,
    e.welcome_completed, e.reputation, e.roles, e.hidden_by_user, e.hidden_by_mod, e.non_conformant, e.deactivated,
    e.banned_until, e.auto_public_approval, e.approved_hashtags, e.created_at, e.updated_at, e.handle_normalized,
    e.terms_version_accepted, $2
  FROM users e
 WHERE $1
SQL
}

copy_posts() { # WHERE
copy 'posts (
    id, storage_key, storage_shard, public_sqid, kind, owner_id, title, description, hashtags, art_url, width,
    height, base, size, frame_count, min_frame_duration_ms, max_frame_duration_ms, unique_colors, transparency_meta,
    alpha_meta, transparency_actual, alpha_actual, hash, visible, hidden_by_user, hidden_by_mod, non_conformant,
    public_visibility, deleted_by_user, deleted_by_user_date, promoted, promoted_category, created_at, updated_at,
    metadata_modified_at, artwork_modified_at, dwell_time_ms, license_id, mkpx_file_bytes, mkpx_attached_at,
    mod_hashtags, total_duration_ms, view_count, upload_channel, creation_method, source_details, remixable)' <<SQL
SELECT
    e.id, e.storage_key, e.storage_shard, e.public_sqid, e.kind, e.owner_id, e.title, e.description, e.hashtags,
    e.art_url, e.width, e.height, e.base, e.size, e.frame_count, e.min_frame_duration_ms, e.max_frame_duration_ms,
    e.unique_colors, e.transparency_meta, e.alpha_meta, e.transparency_actual, e.alpha_actual, e.hash, e.visible,
    e.hidden_by_user, e.hidden_by_mod, e.non_conformant, e.public_visibility, e.deleted_by_user,
    e.deleted_by_user_date, e.promoted, e.promoted_category, e.created_at, e.updated_at, e.metadata_modified_at,
    e.artwork_modified_at, e.dwell_time_ms, e.license_id, e.mkpx_file_bytes, e.mkpx_attached_at, e.mod_hashtags,
    e.total_duration_ms, e.view_count, e.upload_channel, e.creation_method, e.source_details, e.remixable
  FROM posts e
 WHERE $1
SQL
}

copy_players() { # WHERE OWNER POST
copy 'players (
    id, player_key, owner_id, name, device_model, firmware_version, registration_status, registration_code,
    registration_code_expires_at, registered_at, connection_status, last_seen_at, current_post_id,
    cert_serial_number, cert_issued_at, cert_expires_at, cert_pem, key_pem, created_at, updated_at, capabilities,
    capabilities_updated_at, is_paused, brightness, rotation, mirror, state_updated_at)' <<SQL
SELECT
    e.id, e.player_key, $2, e.name, e.device_model, e.firmware_version, e.registration_status, NULL::varchar,
    e.registration_code_expires_at, e.registered_at, e.connection_status, e.last_seen_at, $3,
    $(digest e.cert_serial_number), e.cert_issued_at, e.cert_expires_at,
    CASE WHEN e.cert_pem IS NOT NULL THEN 'masked' END, CASE WHEN e.key_pem IS NOT NULL THEN 'masked' END,
    e.created_at, e.updated_at, e.capabilities, e.capabilities_updated_at, e.is_paused, e.brightness, e.rotation,
    e.mirror, e.state_updated_at
  FROM players e
 WHERE $1
SQL
}

copy_members() { # the longest first
copy 'view_events (
    id, post_id, viewer_user_id, viewer_ip_hash, country_code, device_type, view_source, view_type, user_agent_hash,
    referrer_domain, player_id, local_datetime, local_timezone, play_order, channel, channel_context, created_at)' <<SQL
SELECT
    e.id, e.post_id, $(user_or_null e.viewer_user_id), $(hash64 e.viewer_ip_hash), e.country_code, e.device_type,
    e.view_source, e.view_type, $(hash64 e.user_agent_hash), e.referrer_domain, $(player_or_null e.player_id),
    e.local_datetime, e.local_timezone, e.play_order, e.channel, e.channel_context, e.created_at
  FROM view_events e
 WHERE e.post_id IN ($posts)
SQL

copy 'comments (
    id, post_id, author_id, author_ip, parent_id, depth, body, hidden_by_mod, deleted_by_owner, created_at,
    updated_at, deleted_by_mod, original_body)' <<SQL
SELECT
    e.id, e.post_id, $(user_or_null e.author_id), $(address e.author_ip), e.parent_id, e.depth, e.body,
    e.hidden_by_mod, e.deleted_by_owner, e.created_at, e.updated_at, e.deleted_by_mod, e.original_body
  FROM comments e
 WHERE e.post_id IN ($posts)
SQL

copy 'social_notifications (
    id, user_id, notification_type, post_id, actor_id, actor_handle, actor_avatar_url, emoji, comment_id,
    comment_preview, content_title, content_sqid, content_art_url, is_read, read_at, created_at)' <<SQL
SELECT
    e.id, e.user_id, e.notification_type, $(post_or_null e.post_id), $(user_or_null e.actor_id), e.actor_handle,
    e.actor_avatar_url, e.emoji, e.comment_id, e.comment_preview, e.content_title, e.content_sqid, e.content_art_url,
    e.is_read, e.read_at, e.created_at
  FROM social_notifications e
 WHERE $(sampled e.user_id)
SQL

copy 'reactions (
    id, post_id, user_id, user_ip, emoji, created_at)' <<SQL
SELECT
    e.id, e.post_id, $(user_or_null e.user_id), $(address e.user_ip), e.emoji, e.created_at
  FROM reactions e
 WHERE e.post_id IN ($posts)
SQL

copy 'site_events (
    id, event_type, page_path, visitor_ip_hash, user_id, device_type, country_code, referrer_domain, event_data,
    created_at)' <<SQL
SELECT
    e.id, e.event_type, e.page_path, $(hash64 e.visitor_ip_hash), e.user_id, e.device_type, e.country_code,
    e.referrer_domain, e.event_data, e.created_at
  FROM site_events e
 WHERE $(sampled e.user_id)
SQL

copy 'post_stats_daily (
    id, post_id, date, total_views, unique_viewers, views_by_country, views_by_device, views_by_type,
    total_views_authenticated, unique_viewers_authenticated, views_by_country_authenticated,
    views_by_device_authenticated, views_by_type_authenticated, created_at, total_impressions,
    total_impressions_authenticated)' <<SQL
SELECT
    e.id, e.post_id, e.date, e.total_views, e.unique_viewers, e.views_by_country, e.views_by_device, e.views_by_type,
    e.total_views_authenticated, e.unique_viewers_authenticated, e.views_by_country_authenticated,
    e.views_by_device_authenticated, e.views_by_type_authenticated, e.created_at, e.total_impressions,
    e.total_impressions_authenticated
  FROM post_stats_daily e
 WHERE e.post_id IN ($posts)
SQL

copy_posts "$(sampled e.owner_id)"

copy 'comment_likes (
    id, comment_id, user_id, created_at)' <<SQL
SELECT
    e.id, e.comment_id, e.user_id, e.created_at
  FROM comment_likes e
 WHERE $(sampled e.user_id) AND e.comment_id IN ($comments)
SQL

copy 'follows (
    id, follower_id, following_id, created_at)' <<SQL
SELECT
    e.id, e.follower_id, e.following_id, e.created_at
  FROM follows e
 WHERE $(sampled e.follower_id) AND $(sampled e.following_id)
SQL

copy 'blog_post_view_events (
    id, blog_post_id, viewer_user_id, viewer_ip_hash, country_code, device_type, view_source, view_type,
    user_agent_hash, referrer_domain, created_at)' <<SQL
SELECT
    e.id, e.blog_post_id, $(user_or_null e.viewer_user_id), $(hash64 e.viewer_ip_hash), e.country_code,
    e.device_type, e.view_source, e.view_type, $(hash64 e.user_agent_hash), e.referrer_domain, e.created_at
  FROM blog_post_view_events e
 WHERE e.blog_post_id IN ($blog_posts)
SQL

copy_users "$(sampled e.id)" "$(post_or_null e.avatar_source_post_id)"

copy_players "$member_player" e.owner_id e.current_post_id

small 'player_command_logs (
    id, player_id, command_type, payload, created_at, ack_status, acked_at)' <<SQL
SELECT
    e.id, e.player_id, e.command_type, e.payload, e.created_at, e.ack_status, e.acked_at
  FROM player_command_logs e
 WHERE e.player_id IN ($players)
SQL

small 'reputation_history (
    id, user_id, delta, reason, created_at)' <<SQL
SELECT
    e.id, e.user_id, e.delta, e.reason, e.created_at
  FROM reputation_history e
 WHERE $(sampled e.user_id)
SQL

small 'audit_logs (
    id, actor_id, action, target_type, target_id, reason_code, note, created_at)' <<SQL
SELECT
    e.id, e.actor_id, e.action, e.target_type, e.target_id, e.reason_code, e.note, e.created_at
  FROM audit_logs e
 WHERE $(sampled e.actor_id)
SQL

small 'auth_identities (
    id, user_id, provider, provider_user_id, secret_hash, email, provider_metadata, created_at, updated_at)' <<SQL
SELECT
    e.id, e.user_id, e.provider, $(digest e.provider_user_id), CASE WHEN e.secret_hash IS NOT NULL THEN '!' END,
    CASE WHEN e.email IS NOT NULL THEN 'user' || e.user_id || '@dev.makapix.local' END, e.provider_metadata,
    e.created_at, e.updated_at
  FROM auth_identities e
 WHERE $(sampled e.user_id)
SQL

small 'post_files (
    id, post_id, format, file_bytes, is_native)' <<SQL
SELECT
    e.id, e.post_id, e.format, e.file_bytes, e.is_native
  FROM post_files e
 WHERE e.post_id IN ($posts)
SQL

small 'post_stats_cache (
    id, post_id, stats_json, computed_at, expires_at)' <<SQL
SELECT
    e.id, e.post_id, e.stats_json, e.computed_at, e.expires_at
  FROM post_stats_cache e
 WHERE e.post_id IN ($posts)
SQL

small 'download_stats_daily (
    id, post_id, date, downloads_human, downloads_bot, updated_at)' <<SQL
SELECT
    e.id, e.post_id, e.date, e.downloads_human, e.downloads_bot, e.updated_at
  FROM download_stats_daily e
 WHERE e.post_id IN ($posts)
SQL

small 'blog_post_comments (
    id, blog_post_id, author_id, author_ip, parent_id, depth, body, hidden_by_mod, deleted_by_owner, created_at,
    updated_at, deleted_by_mod, original_body)' <<SQL
SELECT
    e.id, e.blog_post_id, $(user_or_null e.author_id), $(address e.author_ip), e.parent_id, e.depth, e.body,
    e.hidden_by_mod, e.deleted_by_owner, e.created_at, e.updated_at, e.deleted_by_mod, e.original_body
  FROM blog_post_comments e
 WHERE e.blog_post_id IN ($blog_posts)
SQL

small 'blog_post_stats_daily (
    id, blog_post_id, date, total_views, unique_viewers, views_by_country, views_by_device, views_by_type, created_at)' <<SQL
SELECT
    e.id, e.blog_post_id, e.date, e.total_views, e.unique_viewers, e.views_by_country, e.views_by_device,
    e.views_by_type, e.created_at
  FROM blog_post_stats_daily e
 WHERE e.blog_post_id IN ($blog_posts)
SQL

small 'category_follows (
    id, user_id, category, created_at)' <<SQL
SELECT
    e.id, e.user_id, e.category, e.created_at
  FROM category_follows e
 WHERE $(sampled e.user_id)
SQL

small 'badge_grants (
    id, user_id, badge, granted_at)' <<SQL
SELECT
    e.id, e.user_id, e.badge, e.granted_at
  FROM badge_grants e
 WHERE $(sampled e.user_id)
SQL

small 'blog_post_reactions (
    id, blog_post_id, user_id, user_ip, emoji, created_at)' <<SQL
SELECT
    e.id, e.blog_post_id, $(user_or_null e.user_id), $(address e.user_ip), e.emoji, e.created_at
  FROM blog_post_reactions e
 WHERE e.blog_post_id IN ($blog_posts)
SQL

small 'playlist_items (
    id, playlist_post_id, artwork_post_id, "position", dwell_time_ms, created_at)' <<SQL
SELECT
    e.id, e.playlist_post_id, e.artwork_post_id, e."position", e.dwell_time_ms, e.created_at
  FROM playlist_items e
 WHERE e.playlist_post_id IN ($posts) AND e.artwork_post_id IN ($posts)
SQL

small 'reports (
    id, reporter_id, target_type, target_id, reason_code, notes, status, action_taken, created_at, updated_at,
    reporter_ip, mod_notes)' <<SQL
SELECT
    e.id, e.reporter_id, e.target_type, e.target_id, e.reason_code, e.notes, e.status, e.action_taken, e.created_at,
    e.updated_at, $(address e.reporter_ip), e.mod_notes
  FROM reports e
 WHERE $(sampled e.reporter_id)
SQL

small 'blog_posts (
    id, blog_post_key, public_sqid, owner_id, title, body, image_urls, visible, hidden_by_user, hidden_by_mod,
    public_visibility, created_at, updated_at, published_at)' <<SQL
SELECT
    e.id, e.blog_post_key, e.public_sqid, e.owner_id, e.title, e.body, e.image_urls, e.visible, e.hidden_by_user,
    e.hidden_by_mod, e.public_visibility, e.created_at, e.updated_at, e.published_at
  FROM blog_posts e
 WHERE $(sampled e.owner_id)
SQL

small 'post_lineage (
    id, child_post_id, parent_post_id, parent_sqid, "position", created_at)' <<SQL
SELECT
    e.id, e.child_post_id, $(post_or_null e.parent_post_id), e.parent_sqid, e."position", e.created_at
  FROM post_lineage e
 WHERE e.child_post_id IN ($posts)
SQL

small 'user_highlights (
    id, user_id, post_id, "position", created_at)' <<SQL
SELECT
    e.id, e.user_id, e.post_id, e."position", e.created_at
  FROM user_highlights e
 WHERE $(sampled e.user_id) AND e.post_id IN ($posts)
SQL

small 'playlists (
    id, owner_id, title, description, post_ids, visible, hidden_by_user, hidden_by_mod, created_at, updated_at)' <<SQL
SELECT
    e.id, e.owner_id, e.title, e.description, e.post_ids, e.visible, e.hidden_by_user, e.hidden_by_mod, e.created_at,
    e.updated_at
  FROM playlists e
 WHERE $(sampled e.owner_id)
SQL

small 'admin_notes (
    id, post_id, created_by, note, created_at)' <<SQL
SELECT
    e.id, e.post_id, e.created_by, e.note, e.created_at
  FROM admin_notes e
 WHERE $(sampled e.created_by) AND e.post_id IN ($posts)
SQL

small 'retired_artworks (
    id, post_id, storage_key, storage_shard, formats, had_mkpx, created_at, delete_after)' <<SQL
SELECT
    e.id, e.post_id, e.storage_key, e.storage_shard, e.formats, e.had_mkpx, e.created_at, e.delete_after
  FROM retired_artworks e
 WHERE e.post_id IN ($posts)
SQL

small 'vault_sharding_stats_daily (
    id, date, asset_class, shard_level, post_id, downloads_human, downloads_bot, misses, updated_at)' <<SQL
SELECT
    e.id, e.date, e.asset_class, e.shard_level, e.post_id, e.downloads_human, e.downloads_bot, e.misses, e.updated_at
  FROM vault_sharding_stats_daily e
 WHERE e.post_id IN ($posts)
SQL

small 'site_stats_daily (
    id, date, total_page_views, unique_visitors, new_signups, new_posts, total_api_calls, total_errors,
    views_by_page, views_by_country, views_by_device, errors_by_type, top_referrers, created_at, total_player_views,
    active_players, views_by_player, authenticated_page_views, authenticated_unique_visitors,
    authenticated_views_by_page, authenticated_views_by_country, authenticated_views_by_device,
    authenticated_top_referrers)' <<SQL
SELECT
    e.id, e.date, e.total_page_views, e.unique_visitors, e.new_signups, e.new_posts, e.total_api_calls,
    e.total_errors, e.views_by_page, e.views_by_country, e.views_by_device, e.errors_by_type, e.top_referrers,
    e.created_at, e.total_player_views, e.active_players, e.views_by_player, e.authenticated_page_views,
    e.authenticated_unique_visitors, e.authenticated_views_by_page, e.authenticated_views_by_country,
    e.authenticated_views_by_device, e.authenticated_top_referrers
  FROM site_stats_daily e
SQL

small 'violations (
    id, user_id, moderator_id, reason, created_at)' <<SQL
SELECT
    e.id, e.user_id, e.moderator_id, e.reason, e.created_at
  FROM violations e
 WHERE $(sampled e.user_id) AND $(sampled e.moderator_id)
SQL

small 'user_blocks (
    id, blocker_id, blocked_id, created_at)' <<SQL
SELECT
    e.id, e.blocker_id, e.blocked_id, e.created_at
  FROM user_blocks e
 WHERE $(sampled e.blocker_id) AND $(sampled e.blocked_id)
SQL

small 'playlist_posts (
    post_id, legacy_playlist_id)' <<SQL
SELECT
    e.post_id, e.legacy_playlist_id
  FROM playlist_posts e
 WHERE e.post_id IN ($posts)
SQL

small 'licenses (
    id, identifier, title, canonical_url, badge_path, created_at)' <<SQL
SELECT
    e.id, e.identifier, e.title, e.canonical_url, e.badge_path, e.created_at
  FROM licenses e
SQL

small 'badge_definitions (
    id, badge, label, description, icon_url_64, icon_url_16, is_tag_badge, created_at)' <<SQL
SELECT
    e.id, e.badge, e.label, e.description, e.icon_url_64, e.icon_url_16, e.is_tag_badge, e.created_at
  FROM badge_definitions e
SQL

small 'rollup_watermarks (
    name, value_date, updated_at)' <<SQL
SELECT
    e.name, e.value_date, e.updated_at
  FROM rollup_watermarks e
SQL
}
