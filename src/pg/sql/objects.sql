-- Names of the schema's other objects, to prove that they arrived: one row each, the same text on both servers.
-- Servers: 13 and later. Parameters: none. Run with search_path = ''.
WITH user_schemas AS (
    SELECT oid, nspname FROM pg_namespace
    WHERE nspname NOT IN ('pg_catalog', 'information_schema') AND nspname !~ '^pg_(toast|temp)'
), members AS (
    SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
), relations AS (
    SELECT c.*, n.nspname FROM pg_class c JOIN user_schemas n ON n.oid = c.relnamespace
    WHERE c.relpersistence <> 't'
      AND NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_class'::regclass AND m.objid = c.oid)
)
SELECT kind, schema, identity, class_oid::bigint AS class_oid, oid::bigint AS oid, on_relation
FROM (
    SELECT CASE relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' END AS kind,
           nspname AS schema, format('%I.%I', nspname, relname) AS identity,
           'pg_class'::regclass AS class_oid, oid,
           -- An identity's sequence goes with its table.
           (SELECT d.refobjid::bigint FROM pg_depend d
            WHERE relations.relkind = 'S' AND d.classid = 'pg_class'::regclass AND d.objid = relations.oid
              AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'i' LIMIT 1) AS on_relation
    FROM relations WHERE relkind IN ('v', 'm', 'S')
    UNION ALL
    SELECT CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END,
           n.nspname, format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)),
           'pg_proc'::regclass, p.oid, NULL
    FROM pg_proc p JOIN user_schemas n ON n.oid = p.pronamespace
    WHERE NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_proc'::regclass AND m.objid = p.oid)
      AND NOT EXISTS (SELECT FROM pg_depend d
                      WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'i')
    UNION ALL
    SELECT 'type', n.nspname, format('%I.%I', n.nspname, t.typname), 'pg_type'::regclass, t.oid, NULL
    FROM pg_type t JOIN user_schemas n ON n.oid = t.typnamespace
    WHERE (t.typtype IN ('e', 'd', 'r')
           OR (t.typtype = 'c' AND EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c')))
      AND NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_type'::regclass AND m.objid = t.oid)
    UNION ALL
    SELECT 'trigger', r.nspname,
           format('%I on %I.%I', t.tgname, r.nspname, r.relname)
             || CASE t.tgenabled WHEN 'D' THEN ' (disabled)' WHEN 'R' THEN ' (replica)' WHEN 'A' THEN ' (always)'
                ELSE '' END,
           'pg_trigger'::regclass, t.oid, r.oid::bigint
    FROM pg_trigger t JOIN relations r ON r.oid = t.tgrelid
    WHERE NOT t.tgisinternal AND NOT r.relispartition
    UNION ALL
    SELECT 'policy', r.nspname, format('%I on %I.%I', p.polname, r.nspname, r.relname),
           'pg_policy'::regclass, p.oid, r.oid::bigint
    FROM pg_policy p JOIN relations r ON r.oid = p.polrelid
    UNION ALL
    SELECT 'row security', r.nspname,
           format('on %I.%I', r.nspname, r.relname) || CASE WHEN r.relforcerowsecurity THEN ' (forced)' ELSE '' END,
           'pg_class'::regclass, r.oid, r.oid::bigint
    FROM relations r WHERE r.relrowsecurity
    UNION ALL
    SELECT 'statistics object', n.nspname, format('%I.%I', n.nspname, x.stxname),
           'pg_statistic_ext'::regclass, x.oid, x.stxrelid::bigint
    FROM pg_statistic_ext x JOIN user_schemas n ON n.oid = x.stxnamespace
    UNION ALL
    SELECT 'collation', n.nspname, format('%I.%I', n.nspname, l.collname), 'pg_collation'::regclass, l.oid, NULL
    FROM pg_collation l JOIN user_schemas n ON n.oid = l.collnamespace
    WHERE NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_collation'::regclass AND m.objid = l.oid)
    UNION ALL
    SELECT 'operator', n.nspname,
           format('%I.%s(%s,%s)', n.nspname, p.oprname, nullif(p.oprleft, 0)::regtype, nullif(p.oprright, 0)::regtype),
           'pg_operator'::regclass, p.oid, NULL
    FROM pg_operator p JOIN user_schemas n ON n.oid = p.oprnamespace
    WHERE p.oprcode <> 0  -- else a shell, of which only the name is known
      AND NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_operator'::regclass AND m.objid = p.oid)
    UNION ALL
    SELECT 'text search configuration', n.nspname, format('%I.%I', n.nspname, f.cfgname),
           'pg_ts_config'::regclass, f.oid, NULL
    FROM pg_ts_config f JOIN user_schemas n ON n.oid = f.cfgnamespace
    WHERE NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_ts_config'::regclass AND m.objid = f.oid)
    UNION ALL
    SELECT 'text search dictionary', n.nspname, format('%I.%I', n.nspname, d.dictname),
           'pg_ts_dict'::regclass, d.oid, NULL
    FROM pg_ts_dict d JOIN user_schemas n ON n.oid = d.dictnamespace
    WHERE NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_ts_dict'::regclass AND m.objid = d.oid)
    UNION ALL
    SELECT 'rule', r.nspname,
           format('%I on %I.%I', w.rulename, r.nspname, r.relname)
             || CASE w.ev_enabled WHEN 'D' THEN ' (disabled)' WHEN 'R' THEN ' (replica)' WHEN 'A' THEN ' (always)'
                ELSE '' END,
           'pg_rewrite'::regclass, w.oid, r.oid::bigint
    FROM pg_rewrite w JOIN relations r ON r.oid = w.ev_class
    WHERE w.rulename <> '_RETURN'
    UNION ALL
    -- Not so where somebody has switched the key's triggers off.
    SELECT 'foreign key in force', r.nspname, format('%I on %I.%I', k.conname, r.nspname, r.relname),
           'pg_constraint'::regclass, k.oid, r.oid::bigint
    FROM pg_constraint k JOIN relations r ON r.oid = k.conrelid
    WHERE k.contype = 'f' AND k.conparentid = 0
      AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgconstraint = k.oid AND t.tgenabled = 'D')
    UNION ALL
    SELECT 'index', r.nspname, format('%I on %I.%I', x.relname, r.nspname, r.relname),
           'pg_class'::regclass, x.oid, r.oid::bigint
    FROM pg_index i JOIN relations r ON r.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid
    WHERE i.indisvalid
    UNION ALL
    SELECT 'constraint', r.nspname, format('%I on %I.%I', k.conname, r.nspname, r.relname),
           'pg_constraint'::regclass, k.oid, r.oid::bigint
    FROM pg_constraint k JOIN relations r ON r.oid = k.conrelid
    WHERE k.contype IN ('p', 'u', 'x', 'f', 'c') AND k.conparentid = 0
) o
ORDER BY kind COLLATE "C", identity COLLATE "C"
