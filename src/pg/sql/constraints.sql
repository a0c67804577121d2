-- Constraints with column pairs in the constraint's own order (conkey and confkey; a join by name would give a cross
-- product for composite keys); by name, since a partition numbers its columns differently from its root. Copies that partitions inherit are left out.
-- Servers: 13 and later. Parameters: none. Run with search_path = ''.
SELECT k.oid::bigint AS oid,
       k.conname AS name,
       k.contype::text AS kind,
       k.conrelid::bigint AS relation,
       k.confrelid::bigint AS parent,
       ARRAY(SELECT a.attname FROM unnest(k.conkey) WITH ORDINALITY AS u(attnum, position)
             JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.attnum ORDER BY u.position) AS columns,
       ARRAY(SELECT a.attname FROM unnest(k.confkey) WITH ORDINALITY AS u(attnum, position)
             JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.attnum ORDER BY u.position)
         AS parent_columns,
       k.convalidated AS validated,
       k.confmatchtype = 'f' AS match_full,
       k.conparentid <> 0 AS inherited,
       pg_get_constraintdef(k.oid) AS definition
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE k.contype IN ('p', 'u', 'x', 'f', 'c')
  AND c.relkind IN ('r', 'p', 'f')
  AND c.relpersistence <> 't'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND n.nspname !~ '^pg_(toast|temp)'
ORDER BY k.conrelid, k.conname COLLATE "C"
