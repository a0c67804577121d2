-- Average width in bytes of each column that was analysed.
-- Servers: 13 and later. Parameters: none. Run with search_path = ''.
SELECT schemaname AS schema, tablename AS table, attname AS column, max(avg_width) AS bytes
FROM pg_stats
WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND schemaname !~ '^pg_(toast|temp)'
GROUP BY 1, 2, 3
