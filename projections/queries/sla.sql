-- Service level: how soon the business answers a customer. A question is the first message of a customer after the last
-- of the business (on a threaded channel: each message of a customer), and its answer the next message of the business
-- to that contact on that channel (threaded: the first whose reply_to names it). people = 1 counts agents' messages only,
-- as if automatic ones had not been. rate: of the questions at least within_ms old at as_of, the share answered within it;
-- pending are younger. Receipts, reactions and out-of-office replies are no messages. hour, weekday and day are the zone's.
--
--   clickhouse-client --database attesa --param_as_of=1767225600000 --param_since=0 --param_until=18446744073709551615 \
--     --param_workspace= --param_zone=UTC --param_by="['channel']" --param_within_ms=360000 --param_people=0 < projections/queries/sla.sql
-- Times are ms since the epoch, UTC; as_of comes from as_of.sql; an empty workspace means all. Days are the zone's.
-- What stands before /* where */ is replaced by the conditions of --where; by hand, write your own.
WITH noted AS
(
    -- A message that is brought again long after makes another fact: it is one message.
    SELECT workspace, channel, contact, threaded, direction, message, max(messages.reply_to) AS reply_to,
        min(messages.said_at) AS said_at, min(messages.offset) AS place
    FROM messages FINAL
    WHERE at <= {as_of:UInt64} AND kind NOT IN ('receipt', 'reaction', 'out_of_office')
        AND ({workspace:String} = '' OR workspace = {workspace:String})
        AND (direction = 'in' OR {people:UInt8} = 0 OR author = 'agent')
    GROUP BY workspace, channel, contact, threaded, direction, message
),
naming AS
(
    SELECT workspace, channel, reply_to AS message, min(said_at) AS named_at
    FROM noted
    WHERE direction = 'out' AND reply_to != ''
    GROUP BY workspace, channel, message
),
turns AS
(
    SELECT workspace, channel, threaded, direction, message, said_at,
        lagInFrame(direction) OVER (PARTITION BY workspace, channel, contact, threaded ORDER BY said_at, place
            ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS before,
        minIf(said_at, direction = 'out') OVER (PARTITION BY workspace, channel, contact, threaded
            ORDER BY said_at DESC, place DESC ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS next_out_at
    FROM noted
),
questions AS
(
    SELECT workspace, channel, said_at, if(threaded, named_at, next_out_at) AS answered_at, answered_at != 0 AS is_answered,
        toUInt64(greatest(answered_at, said_at) - said_at) AS answer_ms
    FROM turns LEFT JOIN naming USING (workspace, channel, message)
    WHERE direction = 'in' AND (threaded OR before != 'in')
        AND said_at >= {since:UInt64} AND said_at < {until:UInt64}
)
SELECT
    if(has({by:Array(String)}, 'workspace'), workspace, NULL) AS by_workspace,
    if(has({by:Array(String)}, 'channel'), channel, NULL) AS by_channel,
    if(has({by:Array(String)}, 'hour'), toHour(fromUnixTimestamp64Milli(toInt64(said_at), {zone:String})), NULL) AS by_hour,
    if(has({by:Array(String)}, 'weekday'), toDayOfWeek(fromUnixTimestamp64Milli(toInt64(said_at), {zone:String})), NULL) AS by_weekday,
    if(has({by:Array(String)}, 'day'), toDate(fromUnixTimestamp64Milli(toInt64(said_at), {zone:String})), NULL) AS by_day,
    count() AS questions,
    countIf(is_answered) AS answered,
    countIf(is_answered AND answer_ms <= {within_ms:UInt64} AND said_at + {within_ms:UInt64} <= {as_of:UInt64}) AS numerator,
    countIf(said_at + {within_ms:UInt64} <= {as_of:UInt64}) AS denominator,
    questions - denominator AS pending,
    0 AS excluded,
    if(denominator = 0, NULL, numerator / denominator) AS rate,
    quantilesExactIf(0.5, 0.9)(answer_ms, is_answered) AS answer_ms_quantiles
FROM questions
WHERE true /* where */
GROUP BY by_workspace, by_channel, by_hour, by_weekday, by_day
ORDER BY by_workspace, by_channel, by_hour, by_weekday, by_day
SETTINGS do_not_merge_across_partitions_select_final = 1
