-- Heat map: response rate by hour and weekday of the prompt in the contact's own zone (1 Monday – 7 Sunday).
-- Numerator and denominator are of matured waits, as in response_rate.sql. opened = denominator + pending + excluded:
-- pending are open, or answered and not matured; excluded are cancelled.
--
--   clickhouse-client --database attesa --param_as_of=1767225600000 --param_since=0 --param_until=18446744073709551615 \
--     --param_workspace= --param_flow= --param_zone=UTC < projections/queries/heatmap.sql
-- Times are ms since the epoch, UTC; as_of comes from as_of.sql; an empty workspace or flow means all. Days are the zone's.
-- What stands before /* where */ is replaced by the conditions of --where; by hand, write your own.
SELECT
    local_weekday AS by_weekday,
    local_hour AS by_hour,
    count() AS opened,
    countIf(outcome = 'responded') AS responded,
    countIf(outcome = 'responded' AND matured) AS numerator,
    countIf(outcome IN ('responded', 'timed_out') AND matured) AS denominator,
    countIf(outcome = 'pending' OR (outcome != 'cancelled' AND NOT matured)) AS pending,
    countIf(outcome = 'cancelled') AS excluded,
    if(denominator = 0, NULL, numerator / denominator) AS rate
FROM waits_as_of(as_of = {as_of:UInt64}, since = {since:UInt64}, until = {until:UInt64},
    workspace = {workspace:String}, flow = {flow:String})
WHERE true /* where */
GROUP BY by_weekday, by_hour
ORDER BY by_weekday, by_hour
SETTINGS do_not_merge_across_partitions_select_final = 1
