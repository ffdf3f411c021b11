-- Time to response of those who answered in time, and how many waits the survival curve (survival.sql) watches.
-- Percentiles are quantileExact: the value at index floor(level · n), from 0, of the n sorted values.
--
--   clickhouse-client --database attesa --param_as_of=1767225600000 --param_since=0 --param_until=18446744073709551615 \
--     --param_workspace= --param_flow= --param_zone=UTC --param_by="['flow','step']" < projections/queries/time_to_response.sql
-- Times are ms since the epoch, UTC; as_of comes from as_of.sql; an empty workspace or flow means all. Days are the zone's.
-- What stands before /* where */ is replaced by the conditions of --where; by hand, write your own.
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
    if(has({by:Array(String)}, 'day'), toDate(fromUnixTimestamp64Milli(toInt64(started_at), {zone:String})), NULL) AS by_day,
    countIf(timed) AS waits,
    countIf(outcome = 'responded') AS responded,
    quantilesExactIf(0.1, 0.5, 0.75, 0.9, 0.99)(response_ms, outcome = 'responded') AS response_ms_quantiles
FROM waits_as_of(as_of = {as_of:UInt64}, since = {since:UInt64}, until = {until:UInt64},
    workspace = {workspace:String}, flow = {flow:String})
WHERE true /* where */
GROUP BY by_workspace, by_flow, by_version, by_step, by_channel, by_template, by_arm, by_hour, by_weekday, by_day
ORDER BY by_workspace, by_flow, by_version, by_step, by_channel, by_template, by_arm, by_hour, by_weekday, by_day
SETTINGS do_not_merge_across_partitions_select_final = 1
