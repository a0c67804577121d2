-- Relations that hold rows: ordinary, partitioned and foreign tables, partitions included (folded by the caller).
-- Servers: 13 and later. Parameters: none. Run with search_path = ''.
SELECT c.oid::bigint AS oid,
       n.nspname AS schema,
       c.relname AS name,
       c.relkind::text AS kind,
       CASE WHEN c.relispartition THEN pg_partition_root(c.oid)::oid::bigint END AS partition_root,
       CASE WHEN c.relispartition
            THEN (SELECT i.inhparent::bigint FROM pg_inherits i WHERE i.inhrelid = c.oid) END AS partition_parent,
       c.reltuples::float8 AS rows_estimate,
       CASE WHEN c.relkind = 'r' THEN coalesce(pg_table_size(c.oid), 0) ELSE 0 END AS heap_bytes,
       ARRAY(SELECT i.inhparent::bigint FROM pg_inherits i
             WHERE i.inhrelid = c.oid AND NOT c.relispartition ORDER BY i.inhseqno) AS inherits,
       -- Columns within expressions too: each column of a partition key depends on the table as a whole.
       ARRAY(SELECT a.attname FROM pg_partitioned_table p JOIN pg_attribute a ON a.attrelid = p.partrelid
             WHERE p.partrelid = c.oid AND a.attnum > 0
               AND (a.attnum = ANY (p.partattrs::int2[])
                    OR EXISTS (SELECT FROM pg_depend d
                               WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = a.attnum
                                 AND d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid
                                 AND d.refobjsubid = 0 AND d.deptype = 'i'))
             ORDER BY a.attnum) AS partition_key,
       -- Some row may have no partition.
       EXISTS (SELECT FROM pg_partitioned_table p
               WHERE p.partrelid = c.oid AND p.partstrat <> 'h' AND p.partdefid = 0) AS has_gaps,
       -- Another server puts a row into the same partition: not so where it hashes by oids or sorts by another locale.
       NOT EXISTS (SELECT FROM pg_partitioned_table p
                   CROSS JOIN LATERAL unnest(p.partclass::oid[], p.partcollation::oid[]) AS k(opclass, collation_oid)
                   JOIN pg_opclass o ON o.oid = k.opclass
                   JOIN pg_type y ON y.oid = o.opcintype
                   LEFT JOIN pg_collation l ON l.oid = k.collation_oid
                   WHERE p.partrelid = c.oid
                     AND CASE p.partstrat
                         WHEN 'r' THEN k.collation_oid <> 0 AND l.collname NOT IN ('C', 'POSIX')
                         WHEN 'h' THEN y.typtype <> 'b' OR o.opcnamespace <> 'pg_catalog'::regnamespace
                                       OR NOT coalesce(l.collisdeterministic, true)
                         ELSE NOT coalesce(l.collisdeterministic, true) END) AS routes_alike,
       -- Before 16 a partition's column may be generated where its parent's is not.
       c.relispartition AND EXISTS (SELECT FROM pg_attribute a
                                    JOIN pg_attribute r ON r.attrelid = pg_partition_root(c.oid)
                                      AND r.attname = a.attname
                                    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                                      AND a.attgenerated <> r.attgenerated) AS generates_otherwise,
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
