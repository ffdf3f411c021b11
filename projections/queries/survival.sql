-- Time to response by Kaplan–Meier: the share still without an answer after ms. An open wait is censored at as_of, a
-- timed-out one at its deadline, a cancelled one at its cancellation; one whose prompt was never accepted is left out.
-- Times are put in logarithmic bins, 64 an octave (the top bits of the double), which keeps the rows few and the curve
-- within 1e-4; ms is the longest answer in its bin. Counts are integers, so that the order of rows cannot matter.
--
--   clickhouse-client --database attesa --param_as_of=1767225600000 --param_since=0 --param_until=18446744073709551615 \
--     --param_workspace= --param_flow= --param_zone=UTC --param_by="['flow','step']" < projections/queries/survival.sql
-- Times are ms since the epoch, UTC; as_of comes from as_of.sql; an empty workspace or flow means all. Days are the zone's.
-- What stands before /* where */ is replaced by the conditions of --where; by hand, write your own.
WITH bins AS
(
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
        bitShiftRight(reinterpretAsUInt64(toFloat64(span_ms)), 46) AS bin,
        countIf(outcome = 'responded') AS answered,
        count() AS n,
        maxIf(span_ms, outcome = 'responded') AS ms
    FROM waits_as_of(as_of = {as_of:UInt64}, since = {since:UInt64}, until = {until:UInt64},
        workspace = {workspace:String}, flow = {flow:String})
    WHERE timed AND true /* where */
    GROUP BY by_workspace, by_flow, by_version, by_step, by_channel, by_template, by_arm, by_hour, by_weekday, by_day, bin
),
watched AS
(
    SELECT *, sum(n) OVER (PARTITION BY by_workspace, by_flow, by_version, by_step, by_channel, by_template, by_arm, by_hour, by_weekday, by_day ORDER BY bin DESC) AS at_risk
    FROM bins
),
curve AS
(
    SELECT *, exp(sum(log(1 - answered / at_risk)) OVER (PARTITION BY by_workspace, by_flow, by_version, by_step, by_channel, by_template, by_arm, by_hour, by_weekday, by_day ORDER BY bin)) AS waiting
    FROM watched
)
SELECT by_workspace, by_flow, by_version, by_step, by_channel, by_template, by_arm, by_hour, by_weekday, by_day, ms, answered, at_risk, waiting
FROM curve
WHERE answered > 0
ORDER BY by_workspace, by_flow, by_version, by_step, by_channel, by_template, by_arm, by_hour, by_weekday, by_day, bin
SETTINGS do_not_merge_across_partitions_select_final = 1
