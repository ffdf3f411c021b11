-- Suppressions: sends that were not made, or not then, by reason. suppressed: never; postponed: decided anew later, so
-- one send may be postponed more than once. contacts: how many different ones. hour, weekday and day are the zone's.
--
--   clickhouse-client --database attesa --param_as_of=1767225600000 --param_since=0 --param_until=18446744073709551615 \
--     --param_workspace= --param_flow= --param_zone=UTC --param_by="['flow','step']" < projections/queries/suppressions.sql
-- Times are ms since the epoch, UTC; as_of comes from as_of.sql; an empty workspace or flow means all. Days are the zone's.
-- What stands before /* where */ is replaced by the conditions of --where; by hand, write your own.
SELECT
    if(has({by:Array(String)}, 'workspace'), workspace, NULL) AS by_workspace,
    if(has({by:Array(String)}, 'flow'), flow, NULL) AS by_flow,
    if(has({by:Array(String)}, 'version'), version, NULL) AS by_version,
    if(has({by:Array(String)}, 'step'), step, NULL) AS by_step,
    if(has({by:Array(String)}, 'channel'), channel, NULL) AS by_channel,
    if(has({by:Array(String)}, 'template'), template, NULL) AS by_template,
    if(has({by:Array(String)}, 'purpose'), purpose, NULL) AS by_purpose,
    if(has({by:Array(String)}, 'hour'), toHour(fromUnixTimestamp64Milli(toInt64(at), {zone:String})), NULL) AS by_hour,
    if(has({by:Array(String)}, 'weekday'), toDayOfWeek(fromUnixTimestamp64Milli(toInt64(at), {zone:String})), NULL) AS by_weekday,
    if(has({by:Array(String)}, 'day'), toDate(fromUnixTimestamp64Milli(toInt64(at), {zone:String})), NULL) AS by_day,
    decision AS by_decision,
    reason AS by_reason,
    count() AS times,
    uniqExact(workspace, contact) AS contacts
FROM suppressions FINAL
WHERE at <= {as_of:UInt64} AND at >= {since:UInt64} AND at < {until:UInt64}
    AND ({workspace:String} = '' OR workspace = {workspace:String}) AND ({flow:String} = '' OR flow = {flow:String})
    AND true /* where */
GROUP BY by_workspace, by_flow, by_version, by_step, by_channel, by_template, by_purpose, by_hour, by_weekday, by_day, by_decision, by_reason
ORDER BY by_workspace, by_flow, by_version, by_step, by_channel, by_template, by_purpose, by_hour, by_weekday, by_day, by_decision, by_reason
SETTINGS do_not_merge_across_partitions_select_final = 1
