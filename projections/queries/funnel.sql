-- Funnel: of the journeys that began in [since, until), how many reached each step, and where they were at as_of.
-- A journey is at a step from the first fact that it made there until the first one at the next, or its end; steps that
-- make no fact are not seen. reached = went_on + completed + dropped + still_there, by the last visit of each journey.
-- dropped: it ended there by no step's doing (exit, cancelled, erased, opted_out, step_limit). drop-off = dropped of those that left.
-- share = reached / started. seconds in the step: of every visit that is over, quantileExact. nth: as early as it was met.
--
--   clickhouse-client --database attesa --param_as_of=1767225600000 --param_since=0 --param_until=18446744073709551615 \
--     --param_workspace= --param_flow= --param_zone=UTC --param_by="['version']" < projections/queries/funnel.sql
-- Times are ms since the epoch, UTC; as_of comes from as_of.sql; an empty workspace or flow means all. Days are the zone's.
-- What stands before /* where */ is replaced by the conditions of --where; by hand, write your own.
WITH started AS
(
    SELECT workspace, flow, version, journey, trigger, channel
    FROM journeys_started FINAL
    WHERE at <= {as_of:UInt64} AND at >= {since:UInt64} AND at < {until:UInt64}
        AND ({workspace:String} = '' OR workspace = {workspace:String}) AND ({flow:String} = '' OR flow = {flow:String})
        AND true /* where */
),
visits AS
(
    -- Whatever stands twice has the same smallest offset: no FINAL.
    SELECT workspace, flow, journey, step, visit, min(offset) AS place, min(at) AS arrived_at
    FROM facts
    WHERE at <= {as_of:UInt64} AND at >= {since:UInt64} AND step != ''
        AND ({workspace:String} = '' OR workspace = {workspace:String}) AND ({flow:String} = '' OR flow = {flow:String})
        AND fact IN ('JourneyStarted', 'SendCommanded', 'SendSuppressed', 'SendPostponed', 'WaitOpened', 'WaitSkipped',
            'TimerSet', 'BranchTaken', 'ArmTaken', 'ContactChanged', 'VariablesSet', 'ConversationAssignCommanded',
            'ConversationCloseCommanded', 'JourneyHeld')
        AND journey IN (SELECT journey FROM started)
    GROUP BY workspace, flow, journey, step, visit
),
walks AS
(
    SELECT workspace, flow, journey, step, arrived_at,
        leadInFrame(arrived_at) OVER way AS next_at, leadInFrame(toUInt8(1)) OVER way AS has_next,
        row_number() OVER (PARTITION BY workspace, flow, journey ORDER BY place) AS nth
    FROM visits
    WINDOW way AS (PARTITION BY workspace, flow, journey ORDER BY place ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING)
),
ended AS
(
    SELECT workspace, flow, journey, at AS ended_at, reason
    FROM journeys_ended FINAL
    WHERE at <= {as_of:UInt64} AND at >= {since:UInt64} AND ({workspace:String} = '' OR workspace = {workspace:String}) AND ({flow:String} = '' OR flow = {flow:String})
),
seen AS
(
    SELECT workspace, flow, version, trigger, channel, journey, step, nth, arrived_at, has_next, next_at,
        toUInt64(ended.ended_at) AS ended_at, toString(ended.reason) AS reason
    FROM walks INNER JOIN started USING (workspace, flow, journey) LEFT JOIN ended USING (workspace, flow, journey)
    UNION ALL
    -- All that started, as a step without a name.
    SELECT workspace, flow, version, trigger, channel, journey, '' AS step, 0 AS nth, 0 AS arrived_at, 1 AS has_next,
        0 AS next_at, toUInt64(0) AS ended_at, '' AS reason
    FROM started
),
counted AS
(
    SELECT
        if(has({by:Array(String)}, 'workspace'), workspace, NULL) AS by_workspace,
        if(has({by:Array(String)}, 'flow'), flow, NULL) AS by_flow,
        if(has({by:Array(String)}, 'version'), version, NULL) AS by_version,
        if(has({by:Array(String)}, 'trigger'), trigger, NULL) AS by_trigger,
        if(has({by:Array(String)}, 'channel'), channel, NULL) AS by_channel,
        step AS by_step,
        uniqExact(journey) AS reached,
        uniqExactIf(journey, NOT has_next AND ended_at = 0) AS still_there,
        uniqExactIf(journey, NOT has_next AND ended_at != 0 AND reason NOT IN ('exit', 'cancelled', 'erased', 'opted_out', 'step_limit')) AS completed,
        uniqExactIf(journey, NOT has_next AND ended_at != 0 AND reason IN ('exit', 'cancelled', 'erased', 'opted_out', 'step_limit')) AS dropped,
        quantilesExactIf(0.5, 0.9)(toUInt64(if(has_next, next_at, ended_at) - arrived_at), has_next OR ended_at != 0) AS step_ms_quantiles,
        countIf(has_next OR ended_at != 0) AS visits_over,
        min(nth) AS nth
    FROM seen
    GROUP BY by_workspace, by_flow, by_version, by_trigger, by_channel, by_step
),
shared AS
(
    SELECT *, maxIf(reached, by_step = '') OVER (PARTITION BY by_workspace, by_flow, by_version, by_trigger, by_channel) AS started FROM counted
)
SELECT by_workspace, by_flow, by_version, by_trigger, by_channel, by_step, nth, started, reached, reached / started AS share,
    reached - still_there - completed - dropped AS went_on, completed, dropped, still_there,
    dropped AS numerator, reached - still_there AS denominator, still_there AS pending, 0 AS excluded,
    if(denominator = 0, NULL, numerator / denominator) AS drop_off, visits_over, step_ms_quantiles
FROM shared
WHERE by_step != ''
ORDER BY by_workspace, by_flow, by_version, by_trigger, by_channel, nth, reached DESC, by_step
SETTINGS do_not_merge_across_partitions_select_final = 1
