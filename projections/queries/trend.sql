-- Trend: response rate by day of the prompt, with Wilson's 95 % score interval (Wilson 1927): of n waits k answered,
-- p = k / n, z = 1.96: (p + z²/2n ± z √(p(1 − p)/n + z²/4n²)) / (1 + z²/n). Numerator, denominator, pending and
-- excluded are those of heatmap.sql.
--
--   clickhouse-client --database attesa --param_as_of=1767225600000 --param_since=0 --param_until=18446744073709551615 \
--     --param_workspace= --param_flow= --param_zone=UTC --param_by="['flow']" < projections/queries/trend.sql
-- Times are ms since the epoch, UTC; as_of comes from as_of.sql; an empty workspace or flow means all. Days are the zone's.
-- What stands before /* where */ is replaced by the conditions of --where; by hand, write your own.
WITH 1.959963984540054 AS z
SELECT
    if(has({by:Array(String)}, 'workspace'), workspace, NULL) AS by_workspace,
    if(has({by:Array(String)}, 'flow'), flow, NULL) AS by_flow,
    if(has({by:Array(String)}, 'version'), version, NULL) AS by_version,
    if(has({by:Array(String)}, 'step'), step, NULL) AS by_step,
    if(has({by:Array(String)}, 'channel'), channel, NULL) AS by_channel,
    if(has({by:Array(String)}, 'template'), template, NULL) AS by_template,
    if(has({by:Array(String)}, 'arm'), arm, NULL) AS by_arm,
    if(has({by:Array(String)}, 'hour'), local_hour, NULL) AS by_hour,
    if(has({by:Array(String)}, 'weekday'), local_weekday, NULL) AS by_weekday,
    toDate(fromUnixTimestamp64Milli(toInt64(started_at), {zone:String})) AS by_day,
    count() AS opened,
    countIf(outcome = 'responded' AND matured) AS numerator,
    countIf(outcome IN ('responded', 'timed_out') AND matured) AS denominator,
    countIf(outcome = 'pending' OR (outcome != 'cancelled' AND NOT matured)) AS pending,
    countIf(outcome = 'cancelled') AS excluded,
    if(denominator = 0, NULL, numerator / denominator) AS rate,
    if(denominator = 0, NULL, greatest(0, (rate + z * z / (2 * denominator)
        - z * sqrt(rate * (1 - rate) / denominator + z * z / (4 * denominator * denominator))) / (1 + z * z / denominator))) AS low,
    if(denominator = 0, NULL, least(1, (rate + z * z / (2 * denominator)
        + z * sqrt(rate * (1 - rate) / denominator + z * z / (4 * denominator * denominator))) / (1 + z * z / denominator))) AS high
FROM waits_as_of(as_of = {as_of:UInt64}, since = {since:UInt64}, until = {until:UInt64},
    workspace = {workspace:String}, flow = {flow:String})
WHERE true /* where */
GROUP BY by_workspace, by_flow, by_version, by_step, by_channel, by_template, by_arm, by_hour, by_weekday, by_day
ORDER BY by_workspace, by_flow, by_version, by_step, by_channel, by_template, by_arm, by_hour, by_weekday, by_day
SETTINGS do_not_merge_across_partitions_select_final = 1
