-- Constraints with column pairs in the constraint's own order (conkey and confkey; a join by name would give a cross
-- product for composite keys); by name, since a partition numbers its columns differently from its root. Copies that partitions inherit are left out.
-- A NOT NULL that is not proven yet (from 18) is a CHECK: old rows may break it, new ones may not.
-- Servers: 13 and later (conperiod, from 18, is read through jsonb). Parameters: none. Run with search_path = ''.
SELECT k.oid::bigint AS oid,
       k.conname COLLATE "C" AS name,
       CASE k.contype WHEN 'n' THEN 'c' ELSE k.contype END::text AS kind,
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
       k.contype = 'f' AND coalesce((to_jsonb(k) ->> 'conperiod')::boolean, false) AS temporal,
       k.contype = 'f' AND EXISTS (SELECT FROM pg_depend d
                                   WHERE d.classid = 'pg_class'::regclass AND d.objid = k.confrelid
                                     AND d.deptype = 'e') AS into_extension,
       CASE k.contype WHEN 'n' THEN 'CHECK (IS NOT NULL)' ELSE pg_get_constraintdef(k.oid) END AS definition
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE (k.contype IN ('p', 'u', 'x', 'f', 'c') OR (k.contype = 'n' AND NOT k.convalidated))
  AND c.relkind IN ('r', 'p', 'f')
  AND c.relpersistence <> 't'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND n.nspname !~ '^pg_(toast|temp)'
  AND NOT (k.contype = 'c' AND c.relispartition AND k.coninhcount > 0)
UNION ALL
-- A NOT NULL of one partition binds its rows only: a CHECK as well.
SELECT 0, a.attname, 'c', c.oid::bigint, 0, ARRAY[a.attname], '{}', true, false, false, false, false,
       'CHECK (IS NOT NULL)'
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND a.attnotnull AND NOT a.attisdropped
JOIN pg_attribute r ON r.attrelid = pg_partition_root(c.oid) AND r.attname = a.attname AND NOT r.attnotnull
WHERE c.relispartition
  AND c.relkind IN ('r', 'p', 'f')
  AND n.nspname NOT IN ('pg_catalog', 'information_schema')
ORDER BY relation, name
