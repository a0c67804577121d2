-- Which server and database this session reached, to compare sessions with each other and source with target.
-- Servers: 13 and later. Parameters: none.
SELECT current_setting('server_version_num')::int AS version_num,
       current_setting('server_version') AS version,
       (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint AS started_us,
       host(inet_server_addr()) AS address,
       inet_server_port() AS port,
       (SELECT oid::bigint FROM pg_database WHERE datname = current_database()) AS database_oid,
       current_database() AS database,
       current_user AS role,
       pg_is_in_recovery() AS standby,
       current_setting('server_encoding') AS encoding,
       current_setting('block_size')::int AS block_bytes,
       (SELECT reset_val = 'off' FROM pg_settings WHERE name = 'standard_conforming_strings') AS escapes_in_texts,
       pg_encoding_to_char(d.encoding) AS database_encoding,
       d.datcollate AS collate,
       d.datctype AS ctype,
       to_jsonb(d) ->> 'datlocprovider' AS locale_provider,
       coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') AS icu_locale,
       CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END::text AS lsn,
       pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS snapshot_xmin,
       (SELECT count(*) FROM pg_largeobject_metadata) AS large_objects,
       coalesce((SELECT json_agg(e.extname ORDER BY e.extname) FROM pg_extension e WHERE e.extname <> 'plpgsql'), '[]')
         AS extensions,
       coalesce((SELECT json_agg(DISTINCT n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
                 WHERE n.nspname <> 'pg_catalog'), '[]') AS extension_schemas,
       coalesce((SELECT json_agg(n.nspname ORDER BY n.nspname) FROM pg_namespace n
                 WHERE n.nspname !~ '^pg_(toast|temp)'), '[]') AS schemas
FROM pg_database d
WHERE d.datname = current_database()
