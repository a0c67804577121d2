-- Indexes, valid or not; NULL stands for an expression among the key columns. A partition's columns are counted as its
-- root counts them.
-- Servers: 13 and later (indnullsnotdistinct, from 15, is read through jsonb). Run with search_path = ''.
SELECT i.indexrelid::bigint AS oid,
       i.indrelid::bigint AS relation,
       ic.relname AS name,
       ARRAY(SELECT CASE WHEN c.relispartition
                         THEN (SELECT r.attnum FROM pg_attribute a
                               JOIN pg_attribute r ON r.attrelid = pg_partition_root(c.oid) AND r.attname = a.attname
                               WHERE a.attrelid = c.oid AND a.attnum = k.attnum)
                         ELSE nullif(k.attnum, 0) END
             FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, position)
             WHERE k.position <= i.indnkeyatts ORDER BY k.position) AS columns,
       ARRAY(SELECT coalesce(NOT l.collisdeterministic, false)
             FROM unnest(i.indcollation::oid[]) WITH ORDINALITY AS k(collation_oid, position)
             LEFT JOIN pg_collation l ON l.oid = k.collation_oid ORDER BY k.position) AS loose,
       i.indisunique AS is_unique,
       i.indisprimary AS is_primary,
       i.indisvalid AS valid,
       ic.relispartition AS inherited,
       i.indpred IS NOT NULL AS partial,
       coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false) AS nulls_not_distinct,
       i.indimmediate AS immediate,
       pg_get_indexdef(i.indexrelid) AS definition,
       (SELECT k.oid::bigint FROM pg_constraint k
        WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x') AND k.conrelid = i.indrelid LIMIT 1)
         AS constraint_oid
FROM pg_index i
JOIN pg_class ic ON ic.oid = i.indexrelid
JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p')
  AND c.relpersistence <> 't'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND n.nspname !~ '^pg_(toast|temp)'
ORDER BY i.indrelid, i.indisprimary DESC, ic.relname COLLATE "C"
