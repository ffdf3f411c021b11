-- Delivery: what became of each message that was commanded. Each command counts once: accepted, if a channel ever took
-- it; else as its last outcome says; else it is pending. rate = accepted / (accepted + failed + expired + unknown);
-- stopped by an operator is excluded. delivered, read and undelivered are receipts, where a channel gives them.
-- By the time of the command; hour, weekday and day are the zone's.
--
--   clickhouse-client --database attesa --param_as_of=1767225600000 --param_since=0 --param_until=18446744073709551615 \
--     --param_workspace= --param_flow= --param_zone=UTC --param_by="['flow','step']" < projections/queries/delivery.sql
-- Times are ms since the epoch, UTC; as_of comes from as_of.sql; an empty workspace or flow means all. Days are the zone's.
-- What stands before /* where */ is replaced by the conditions of --where; by hand, write your own.
WITH commands AS
(
    SELECT workspace, flow, version, step, command, any(sends.channel) AS channel, max(sends.template) AS template,
        max(sends.purpose) AS purpose, min(sends.commanded_at) AS sent_at,
        countIf(event = 'accepted') > 0 AS is_accepted,
        argMaxIf(event, (at, offset), event IN ('failed', 'expired', 'stopped', 'unknown')) AS last_failure,
        multiIf(is_accepted, 'accepted', last_failure != '', last_failure, 'pending') AS state,
        countIf(event IN ('delivered', 'read')) > 0 AS is_delivered,
        countIf(event = 'read') > 0 AS is_read,
        countIf(event = 'undelivered') > 0 AS is_undelivered
    FROM sends FINAL
    WHERE at <= {as_of:UInt64} AND at >= {since:UInt64}
        AND sends.commanded_at >= {since:UInt64} AND sends.commanded_at < {until:UInt64}
        AND ({workspace:String} = '' OR workspace = {workspace:String}) AND ({flow:String} = '' OR flow = {flow:String})
    GROUP BY workspace, flow, version, step, command
)
SELECT
    if(has({by:Array(String)}, 'workspace'), workspace, NULL) AS by_workspace,
    if(has({by:Array(String)}, 'flow'), flow, NULL) AS by_flow,
    if(has({by:Array(String)}, 'version'), version, NULL) AS by_version,
    if(has({by:Array(String)}, 'step'), step, NULL) AS by_step,
    if(has({by:Array(String)}, 'channel'), channel, NULL) AS by_channel,
    if(has({by:Array(String)}, 'template'), template, NULL) AS by_template,
    if(has({by:Array(String)}, 'purpose'), purpose, NULL) AS by_purpose,
    if(has({by:Array(String)}, 'hour'), toHour(fromUnixTimestamp64Milli(toInt64(sent_at), {zone:String})), NULL) AS by_hour,
    if(has({by:Array(String)}, 'weekday'), toDayOfWeek(fromUnixTimestamp64Milli(toInt64(sent_at), {zone:String})), NULL) AS by_weekday,
    if(has({by:Array(String)}, 'day'), toDate(fromUnixTimestamp64Milli(toInt64(sent_at), {zone:String})), NULL) AS by_day,
    count() AS commanded,
    countIf(state = 'accepted') AS accepted,
    countIf(state = 'failed') AS failed,
    countIf(state = 'expired') AS expired,
    countIf(state = 'unknown') AS unknown,
    countIf(state = 'stopped') AS stopped,
    countIf(is_delivered) AS delivered,
    countIf(is_read) AS read,
    countIf(is_undelivered) AS undelivered,
    accepted AS numerator,
    accepted + failed + expired + unknown AS denominator,
    countIf(state = 'pending') AS pending,
    stopped AS excluded,
    if(denominator = 0, NULL, numerator / denominator) AS rate
FROM commands
WHERE true /* where */
GROUP BY by_workspace, by_flow, by_version, by_step, by_channel, by_template, by_purpose, by_hour, by_weekday, by_day
ORDER BY by_workspace, by_flow, by_version, by_step, by_channel, by_template, by_purpose, by_hour, by_weekday, by_day
SETTINGS do_not_merge_across_partitions_select_final = 1
