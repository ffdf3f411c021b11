CREATE VIEW IF NOT EXISTS waits_open AS
WITH
(
    -- The first day on which more waits were opened than have been closed since: none before it can be open.
    SELECT if(count() = 0, 4294967295, min(day)) * 86400000
    FROM
    (
        SELECT day
        FROM
        (
            SELECT intDiv(opened_at, 86400000) AS day, 1 AS n FROM waits_opened FINAL
            WHERE at <= {as_of:UInt64} AND ({workspace:String} = '' OR workspace = {workspace:String})
                AND ({flow:String} = '' OR flow = {flow:String})
            UNION ALL
            SELECT intDiv(opened_at, 86400000) AS day, -1 AS n FROM waits_closed FINAL
            WHERE at <= {as_of:UInt64} AND ({workspace:String} = '' OR workspace = {workspace:String})
                AND ({flow:String} = '' OR flow = {flow:String})
        )
        GROUP BY day
        HAVING sum(n) != 0
    )
) AS first_open,
unsettled AS
(
    -- Since then, the same by flow, step and day. Hashed, since a set of integers is small and quick; two that
    -- share a hash are merely both looked through.
    SELECT place
    FROM
    (
        SELECT cityHash64(workspace, flow, step, intDiv(opened_at, 86400000)) AS place, 1 AS n
        FROM waits_opened FINAL
        WHERE at <= {as_of:UInt64} AND at >= first_open AND opened_at >= first_open
            AND ({workspace:String} = '' OR workspace = {workspace:String})
            AND ({flow:String} = '' OR flow = {flow:String})
        UNION ALL
        SELECT cityHash64(workspace, flow, step, intDiv(opened_at, 86400000)) AS place, -1 AS n
        FROM waits_closed FINAL
        WHERE at <= {as_of:UInt64} AND at >= first_open AND opened_at >= first_open
            AND ({workspace:String} = '' OR workspace = {workspace:String})
            AND ({flow:String} = '' OR flow = {flow:String})
    )
    GROUP BY place
    HAVING sum(n) != 0
),
candidates AS
(
    SELECT workspace, flow, step, version, wait, journey, contact, prompt, channel, template, arm,
        local_hour, local_weekday, opened_at, prompted_at
    FROM waits_opened FINAL
    WHERE at <= {as_of:UInt64} AND at >= first_open AND opened_at >= first_open
        AND ({workspace:String} = '' OR workspace = {workspace:String})
        AND ({flow:String} = '' OR flow = {flow:String})
        AND cityHash64(workspace, flow, step, intDiv(opened_at, 86400000)) IN unsettled
        AND wait NOT IN
        (
            SELECT wait FROM waits_closed
            WHERE at <= {as_of:UInt64} AND at >= first_open AND opened_at >= first_open
                AND ({workspace:String} = '' OR workspace = {workspace:String})
                AND ({flow:String} = '' OR flow = {flow:String})
                AND cityHash64(workspace, flow, step, intDiv(opened_at, 86400000)) IN unsettled
        )
),
accepted AS
(
    SELECT command, accepted_at FROM sends
    WHERE event = 'accepted' AND at <= {as_of:UInt64} AND at >= first_open AND ({workspace:String} = '' OR workspace = {workspace:String})
        AND ({flow:String} = '' OR flow = {flow:String})
)
SELECT workspace, flow, step, version, wait, journey, contact, channel, template, arm, local_hour, local_weekday, opened_at,
    prompt = '' OR prompted_at != 0 OR accepted_at != 0 AS started,
    multiIf(prompted_at != 0, prompted_at, accepted_at != 0, accepted_at, opened_at) AS started_at
-- The few open waits are the side that is held in memory.
FROM accepted RIGHT JOIN candidates ON accepted.command = candidates.prompt
-- A send has one acceptance; until parts are merged it may stand there twice.
ORDER BY accepted_at
LIMIT 1 BY wait
SETTINGS do_not_merge_across_partitions_select_final = 1
COMMENT 'waits_open(as_of, workspace, flow): the waits open at as_of (empty workspace or flow: all). started: its time runs, from started_at; a prompt that no channel has accepted yet has not started one';

CREATE VIEW IF NOT EXISTS waits_as_of AS
SELECT workspace, flow, step, version, channel, template, arm, local_hour, local_weekday, wait, started_at,
    outcome, toBool(due <= {as_of:UInt64}) AS matured, response_ms,
    outcome != 'cancelled' OR prompt = '' OR prompted_at != 0 AS timed,
    if(outcome = 'responded', response_ms,
        toUInt64(greatest(if(outcome = 'timed_out', deadline, at), started_at) - started_at)) AS span_ms
FROM waits_closed FINAL
WHERE at <= {as_of:UInt64} AND started_at >= {since:UInt64} AND started_at < {until:UInt64}
    -- Only to skip whole weeks: none is closed a day before its prompt was accepted.
    AND at + 86400000 >= {since:UInt64}
    AND ({workspace:String} = '' OR workspace = {workspace:String}) AND ({flow:String} = '' OR flow = {flow:String})
UNION ALL
SELECT workspace, flow, step, version, channel, template, arm, local_hour, local_weekday, wait, started_at,
    'pending' AS outcome, toBool(false) AS matured, toUInt64(0) AS response_ms, started AS timed,
    toUInt64(greatest({as_of:UInt64}, started_at) - started_at) AS span_ms
FROM waits_open(as_of = {as_of:UInt64}, workspace = {workspace:String}, flow = {flow:String})
WHERE started_at >= {since:UInt64} AND started_at < {until:UInt64}
SETTINGS do_not_merge_across_partitions_select_final = 1
COMMENT 'waits_as_of(as_of, since, until, workspace, flow): every wait begun in [since, until), as it stood at as_of. outcome: responded, timed_out, cancelled or pending. matured: deadline and grace are over. span_ms: how long it was watched, until the answer, the deadline, the cancellation or as_of; timed: its time ran at all';
