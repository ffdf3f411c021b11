-- Cohorts: journeys by the week (its Monday) in which they began. rate: of those that have ended and were asked
-- something, the share that answered at least once in time. pending: still running. excluded: ended and never asked (no
-- wait was answered or timed out). started = denominator + pending + excluded.
--
--   clickhouse-client --database attesa --param_as_of=1767225600000 --param_since=0 --param_until=18446744073709551615 \
--     --param_workspace= --param_flow= --param_zone=UTC --param_by="['flow']" < projections/queries/cohort.sql
-- Times are ms since the epoch, UTC; as_of comes from as_of.sql; an empty workspace or flow means all. Days are the zone's.
-- What stands before /* where */ is replaced by the conditions of --where; by hand, write your own.
WITH pieces AS
(
    SELECT workspace, flow, journey, version, trigger, channel, at AS started_at, 0 AS is_ended, 0 AS was_asked, 0 AS has_answered
    FROM journeys_started FINAL
    WHERE at <= {as_of:UInt64} AND at >= {since:UInt64} AND at < {until:UInt64} AND ({workspace:String} = '' OR workspace = {workspace:String}) AND ({flow:String} = '' OR flow = {flow:String})
    UNION ALL
    SELECT workspace, flow, journey, 0, '', '', 0, 1, 0, 0
    FROM journeys_ended FINAL
    WHERE at <= {as_of:UInt64} AND at >= {since:UInt64} AND ({workspace:String} = '' OR workspace = {workspace:String}) AND ({flow:String} = '' OR flow = {flow:String})
    UNION ALL
    SELECT workspace, flow, journey, 0, '', '', 0, 0, outcome != 'cancelled', outcome = 'responded'
    FROM waits_closed FINAL
    WHERE at <= {as_of:UInt64} AND at >= {since:UInt64} AND ({workspace:String} = '' OR workspace = {workspace:String}) AND ({flow:String} = '' OR flow = {flow:String})
),
journeys AS
(
    SELECT workspace, flow, journey, max(pieces.version) AS version, max(pieces.trigger) AS trigger, max(pieces.channel) AS channel,
        max(pieces.started_at) AS started_at, max(is_ended) AS has_ended, max(was_asked) AS asked, max(has_answered) AS answered
    FROM pieces
    GROUP BY workspace, flow, journey
    HAVING started_at != 0
)
SELECT
    if(has({by:Array(String)}, 'workspace'), workspace, NULL) AS by_workspace,
    if(has({by:Array(String)}, 'flow'), flow, NULL) AS by_flow,
    if(has({by:Array(String)}, 'version'), version, NULL) AS by_version,
    if(has({by:Array(String)}, 'trigger'), trigger, NULL) AS by_trigger,
    if(has({by:Array(String)}, 'channel'), channel, NULL) AS by_channel,
    toMonday(toDate(fromUnixTimestamp64Milli(toInt64(started_at), {zone:String}))) AS by_week,
    count() AS started,
    countIf(has_ended) AS ended,
    countIf(has_ended AND answered) AS numerator,
    countIf(has_ended AND asked) AS denominator,
    countIf(NOT has_ended) AS pending,
    countIf(has_ended AND NOT asked) AS excluded,
    if(denominator = 0, NULL, numerator / denominator) AS rate
FROM journeys
WHERE true /* where */
GROUP BY by_workspace, by_flow, by_version, by_trigger, by_channel, by_week
ORDER BY by_workspace, by_flow, by_version, by_trigger, by_channel, by_week
SETTINGS do_not_merge_across_partitions_select_final = 1
