-- Two of a kind beside each other: what compare counts for each version, arm, channel …, named by dimension. The
-- intervals and the test are made from these numbers alone (projections/statistics.py).
-- Numerator, denominator, pending and excluded are those of heatmap.sql.
--
--   clickhouse-client --database attesa --param_as_of=1767225600000 --param_since=0 --param_until=18446744073709551615 \
--     --param_workspace= --param_flow= --param_zone=UTC --param_dimension=version < projections/queries/compare.sql
-- Times are ms since the epoch, UTC; as_of comes from as_of.sql; an empty workspace or flow means all. Days are the zone's.
-- What stands before /* where */ is replaced by the conditions of --where; by hand, write your own.
SELECT
    multiIf({dimension:String} = 'workspace', toString(workspace), {dimension:String} = 'flow', toString(flow),
        {dimension:String} = 'version', toString(version), {dimension:String} = 'step', toString(step),
        {dimension:String} = 'channel', toString(channel), {dimension:String} = 'template', toString(template),
        toString(arm)) AS value,
    count() AS opened,
    countIf(outcome = 'responded' AND matured) AS numerator,
    countIf(outcome IN ('responded', 'timed_out') AND matured) AS denominator,
    countIf(outcome = 'pending' OR (outcome != 'cancelled' AND NOT matured)) AS pending,
    countIf(outcome = 'cancelled') AS excluded,
    if(denominator = 0, NULL, numerator / denominator) AS rate
FROM waits_as_of(as_of = {as_of:UInt64}, since = {since:UInt64}, until = {until:UInt64},
    workspace = {workspace:String}, flow = {flow:String})
WHERE true /* where */
GROUP BY value
ORDER BY value
SETTINGS do_not_merge_across_partitions_select_final = 1
