-- As-of: the smallest settled clock over all partitions that are projected; all reports cut there, never at now.
-- unknown: partitions of which no clock is projected yet; while there is one, nothing can be said.
--
--   clickhouse-client --database attesa --param_topic=attesa.facts < projections/queries/as_of.sql
SELECT min(settled) AS as_of, groupArrayIf(partition, settled = 0) AS unknown, count() AS partitions
FROM
(
    SELECT partition, clocks.settled AS settled
    FROM (SELECT partition FROM positions FINAL WHERE topic = {topic:String} ORDER BY partition) AS projected
    LEFT JOIN (SELECT partition, settled FROM clocks FINAL) AS clocks USING (partition)
    ORDER BY partition
)
