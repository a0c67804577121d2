-- Integer columns that a sequence fills: it is owned by the column (serial, identity), or the column's default draws
-- from it. Sequences that start over (CYCLE) promise nothing and are left out.
-- Servers: 13 and later. Parameters: none. Run with search_path = ''.
WITH filled AS (
    SELECT d.objid AS sequence, d.refobjid AS relation, d.refobjsubid AS attnum
    FROM pg_depend d
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
      AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
    UNION
    SELECT d.refobjid, f.adrelid, f.adnum
    FROM pg_depend d JOIN pg_attrdef f ON f.oid = d.objid
    WHERE d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> f.adrelid
)
SELECT sn.nspname AS sequence_schema, sc.relname AS sequence, n.nspname AS schema, c.relname AS table,
       a.attname AS column, s.seqincrement AS increment, s.seqmin AS least, s.seqmax AS greatest
FROM filled f
JOIN pg_sequence s ON s.seqrelid = f.sequence AND NOT s.seqcycle
JOIN pg_class sc ON sc.oid = f.sequence
JOIN pg_namespace sn ON sn.oid = sc.relnamespace
JOIN pg_class c ON c.oid = f.relation
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = f.relation AND a.attnum = f.attnum
JOIN pg_type t ON t.oid = a.atttypid
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence = 'p'
  AND coalesce(nullif(t.typbasetype, 0), t.oid) IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
  AND NOT EXISTS (SELECT FROM pg_depend e
                  WHERE e.classid = 'pg_class'::regclass AND e.objid = f.sequence AND e.deptype = 'e')
ORDER BY 1, 2, 3, 4, 5
