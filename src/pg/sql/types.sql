-- Every type that a user relation's column uses, resolved through domains, arrays, composites and ranges to what
-- its binary form contains.
-- Servers: 13 and later. Parameters: none. Run with search_path = ''.
WITH RECURSIVE used AS (
    SELECT a.atttypid AS oid
    FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'f')
      AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
    UNION
    SELECT x.oid
    FROM used u
    JOIN pg_type t ON t.oid = u.oid
    CROSS JOIN LATERAL (
        SELECT t.typbasetype AS oid WHERE t.typtype = 'd'
        UNION ALL
        SELECT t.typelem WHERE t.typcategory = 'A' AND t.typelem <> 0
        UNION ALL
        SELECT a.atttypid FROM pg_attribute a
        WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
    ) x
), parts (root, oid) AS (
    SELECT oid, oid FROM used
    UNION
    SELECT p.root, x.oid
    FROM parts p
    JOIN pg_type t ON t.oid = p.oid
    CROSS JOIN LATERAL (
        SELECT t.typbasetype AS oid WHERE t.typtype = 'd'
        UNION ALL
        SELECT t.typelem WHERE t.typcategory = 'A' AND t.typelem <> 0
        UNION ALL
        SELECT a.atttypid FROM pg_attribute a
        WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
        UNION ALL
        SELECT r.rngsubtype FROM pg_range r WHERE r.rngtypid = t.oid
    ) x
), bases (root, oid, modifier, not_null, domains) AS (
    SELECT u.oid, u.oid, -1, false, '{}'::oid[] FROM used u
    UNION ALL
    SELECT b.root, t.typbasetype, t.typtypmod, b.not_null OR t.typnotnull, b.domains || t.oid
    FROM bases b JOIN pg_type t ON t.oid = b.oid
    WHERE t.typtype = 'd'
)
SELECT b.root::bigint AS oid,
       -- -1 is any length; without it `bit` would mean `bit(1)`.
       format_type(t.oid, -1) AS base_sql_name,
       t.typname AS base_name,
       tn.nspname AS base_schema,
       t.typtype::text AS base_kind,
       t.typcategory::text AS category,
       d.typtype = 'd' AS domain,
       b.not_null OR d.typnotnull AS domain_not_null,
       b.modifier AS domain_modifier,
       ARRAY(SELECT pg_get_constraintdef(k.oid) FROM pg_constraint k
             WHERE k.contypid = ANY (b.domains) AND k.contype = 'c' ORDER BY k.contypid, k.conname) AS domain_checks,
       ARRAY(SELECT e.enumlabel FROM pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder) AS enum_labels,
       CASE WHEN t.typcategory = 'A' AND t.typelem <> 0 THEN t.typelem::bigint END AS element,
       ARRAY(SELECT f.attname::text FROM pg_attribute f
             WHERE t.typtype = 'c' AND f.attrelid = t.typrelid AND f.attnum > 0 AND NOT f.attisdropped
             ORDER BY f.attnum) AS field_names,
       ARRAY(SELECT f.atttypid::bigint FROM pg_attribute f
             WHERE t.typtype = 'c' AND f.attrelid = t.typrelid AND f.attnum > 0 AND NOT f.attisdropped
             ORDER BY f.attnum) AS field_types,
       ARRAY(SELECT f.atttypmod FROM pg_attribute f
             WHERE t.typtype = 'c' AND f.attrelid = t.typrelid AND f.attnum > 0 AND NOT f.attisdropped
             ORDER BY f.attnum) AS field_modifiers,
       (SELECT bool_and(pt.typsend <> 0 AND pt.typreceive <> 0)
        FROM parts p JOIN pg_type pt ON pt.oid = p.oid WHERE p.root = b.root) AS has_binary,
       (SELECT bool_or(pt.typname LIKE 'reg%' AND pt.typnamespace = 'pg_catalog'::regnamespace)
        FROM parts p JOIN pg_type pt ON pt.oid = p.oid WHERE p.root = b.root) AS sends_oids,
       (SELECT coalesce(bool_or((pt.typcategory = 'A' AND pt.typelem >= 16384) OR pt.typtype = 'c'), false)
        FROM parts p JOIN pg_type pt ON pt.oid = p.oid WHERE p.root = b.root) AS carries_type_oids
FROM bases b
JOIN pg_type t ON t.oid = b.oid AND t.typtype <> 'd'
JOIN pg_namespace tn ON tn.oid = t.typnamespace
JOIN pg_type d ON d.oid = b.root
