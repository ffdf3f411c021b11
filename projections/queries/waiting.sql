-- Waiting: the waits open at as_of, and when they fall due. due is deadline and grace; a prompt that was accepted
-- after the opening moved it. Not started: no channel has accepted the prompt, and due is when the send itself ends.
-- overdue: due, and the time-out is not decided: the worker lags, or the flow is paused. Spans are from as_of.
--
--   clickhouse-client --database attesa --param_as_of=1767225600000 --param_since=0 --param_until=18446744073709551615 \
--     --param_workspace= --param_flow= --param_zone=UTC --param_by="['flow','step']" < projections/queries/waiting.sql
-- Times are ms since the epoch, UTC; as_of comes from as_of.sql; an empty workspace or flow means all. Days are the zone's.
-- What stands before /* where */ is replaced by the conditions of --where; by hand, write your own.
WITH still_open AS
(
    SELECT workspace, flow, step, version, channel, template, arm, local_hour, local_weekday, wait, started, started_at
    FROM waits_open(as_of = {as_of:UInt64}, workspace = {workspace:String}, flow = {flow:String})
    WHERE started_at >= {since:UInt64} AND started_at < {until:UInt64} AND true /* where */
),
openings AS
(
    SELECT wait, prompt, prompted_at, opened_at, within_ms, deadline, due
    FROM waits_opened FINAL
    WHERE at <= {as_of:UInt64} AND ({workspace:String} = '' OR workspace = {workspace:String}) AND ({flow:String} = '' OR flow = {flow:String})
),
waiting AS
(
    -- The few open waits are the side that is held in memory.
    SELECT still_open.*, if(started AND prompt != '' AND prompted_at = 0,
        toUInt64(greatest(started_at, opened_at) + within_ms + due - deadline), due) AS due_at
    FROM openings INNER JOIN still_open USING (wait)
)
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
    count() AS open,
    countIf(NOT started) AS not_started,
    countIf(due_at <= {as_of:UInt64}) AS overdue,
    countIf(due_at > {as_of:UInt64} AND due_at <= {as_of:UInt64} + 3600000) AS due_1h,
    countIf(due_at > {as_of:UInt64} + 3600000 AND due_at <= {as_of:UInt64} + 21600000) AS due_6h,
    countIf(due_at > {as_of:UInt64} + 21600000 AND due_at <= {as_of:UInt64} + 86400000) AS due_24h,
    countIf(due_at > {as_of:UInt64} + 86400000 AND due_at <= {as_of:UInt64} + 604800000) AS due_7d,
    countIf(due_at > {as_of:UInt64} + 604800000) AS due_later,
    min(due_at) AS next_due
FROM waiting
GROUP BY by_workspace, by_flow, by_version, by_step, by_channel, by_template, by_arm, by_hour, by_weekday, by_day
ORDER BY by_workspace, by_flow, by_version, by_step, by_channel, by_template, by_arm, by_hour, by_weekday, by_day
SETTINGS do_not_merge_across_partitions_select_final = 1
