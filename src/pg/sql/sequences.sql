-- Sequences with their owners and the columns they fill; last_value is NULL when never used or when the role may not read
-- it.
-- Servers: 13 and later. Parameters: none. Run with search_path = ''.
WITH filled AS (
    SELECT d.objid AS sequence, d.refobjid AS relation, d.refobjsubid::int AS attnum
    FROM pg_depend d
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
      AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
    UNION
    -- Columns whose default draws from it.
    SELECT d.refobjid, f.adrelid, f.adnum::int
    FROM pg_depend d JOIN pg_attrdef f ON f.oid = d.objid
    WHERE d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> f.adrelid
)
SELECT n.nspname AS schema,
       c.relname AS name,
       d.refobjid::bigint AS owner_relation,
       coalesce((SELECT json_agg(json_build_array(f.relation::bigint, a.attname))
                 FROM filled f JOIN pg_attribute a ON a.attrelid = f.relation AND a.attnum = f.attnum
                 WHERE f.sequence = c.oid), '[]') AS fills,
       r.readable,
       CASE WHEN r.readable THEN pg_sequence_last_value(c.oid) END AS last_value,
       s.seqincrement AS increment,
       s.seqmin AS least,
       s.seqmax AS greatest,
       s.seqstart AS start,
       r.readable AND has_sequence_privilege(c.oid, 'SELECT') AS selectable
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_sequence s ON s.seqrelid = c.oid
CROSS JOIN LATERAL (SELECT (has_sequence_privilege(c.oid, 'SELECT') OR has_sequence_privilege(c.oid, 'USAGE'))
                           -- A standby has no content of unlogged ones.
                           AND (c.relpersistence = 'p' OR NOT pg_is_in_recovery()) AS readable) r
LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid
                     AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
WHERE c.relkind = 'S'
  AND c.relpersistence <> 't'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND n.nspname !~ '^pg_(toast|temp)'
  AND NOT EXISTS (SELECT FROM pg_depend e
                  WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"
