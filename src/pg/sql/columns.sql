-- Live columns of every user relation, in attribute order (dropped columns leave gaps in attnum).
-- A NOT NULL that is not proven yet (from 18) promises nothing about the rows that are there.
-- Servers: 13 and later. Parameters: none. Run with search_path = ''.
SELECT a.attrelid::bigint AS relation,
       a.attnum AS attnum,
       a.attname AS name,
       a.atttypid::bigint AS type,
       a.atttypmod AS modifier,
       format_type(a.atttypid, a.atttypmod) AS sql_name,
       a.attnotnull AND NOT EXISTS (SELECT FROM pg_constraint k
                                    WHERE k.conrelid = a.attrelid AND k.contype = 'n' AND NOT k.convalidated
                                      AND a.attnum = ANY (k.conkey)) AS not_null,
       a.attgenerated <> '' AS generated,
       CASE WHEN a.attgenerated <> '' THEN pg_get_expr(e.adbin, e.adrelid) END AS expression,
       a.attidentity <> '' AS identity,
       CASE WHEN NOT l.collisdeterministic THEN l.oid::bigint END AS loose_collation,
       col_description(a.attrelid, a.attnum) AS comment
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_attrdef e ON e.adrelid = a.attrelid AND e.adnum = a.attnum
LEFT JOIN pg_collation l ON l.oid = a.attcollation
WHERE a.attnum > 0
  AND NOT a.attisdropped
  AND c.relkind IN ('r', 'p', 'f')
  AND NOT c.relispartition
  AND c.relpersistence <> 't'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND n.nspname !~ '^pg_(toast|temp)'
ORDER BY a.attrelid, a.attnum
