-- Relations that hold rows: ordinary, partitioned and foreign tables, partitions included (folded by the caller).
-- Servers: 13 and later. Parameters: none. Run with search_path = ''.
SELECT c.oid::bigint AS oid,
       n.nspname AS schema,
       c.relname AS name,
       c.relkind::text AS kind,
       CASE WHEN c.relispartition THEN pg_partition_root(c.oid)::oid::bigint END AS partition_root,
       c.reltuples::float8 AS rows_estimate,
       CASE WHEN c.relkind = 'r' THEN coalesce(pg_table_size(c.oid), 0) ELSE 0 END AS heap_bytes,
       ARRAY(SELECT i.inhparent::bigint FROM pg_inherits i
             WHERE i.inhrelid = c.oid AND NOT c.relispartition ORDER BY i.inhseqno) AS inherits,
       coalesce((SELECT array_agg(k.attnum ORDER BY k.position)
                 FROM pg_partitioned_table p,
                      unnest(p.partattrs::int2[]) WITH ORDINALITY AS k(attnum, position)
                 WHERE p.partrelid = c.oid), '{}') AS partition_key,
       row_security_active(c.oid) AS rls_applies,
       has_schema_privilege(n.oid, 'USAGE')
         AND (has_table_privilege(c.oid, 'SELECT')
              OR NOT EXISTS (SELECT FROM pg_attribute a
                             WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                               AND NOT has_column_privilege(c.oid, a.attnum, 'SELECT'))) AS readable,
       obj_description(c.oid, 'pg_class') AS comment
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'f')
  AND c.relpersistence <> 't'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND n.nspname !~ '^pg_(toast|temp)'
  AND NOT EXISTS (SELECT FROM pg_depend d
                  WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"
