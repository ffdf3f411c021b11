-- Messages and their direct replies: any outbound message, human or automatic, and the first message that answers it.
-- Threaded channels: a message from any contact answers the one that its reply_to names, however late.
-- Others: the contact's next message on the channel answers, if no other outbound came in between and within window_ms.
-- Receipts, reactions and out-of-office replies are no messages here. hour, weekday and day are the zone's, of the outbound.
-- Percentiles are quantileExact: the value at index floor(level · n), from 0, of the n sorted values.
--
--   clickhouse-client --database attesa --param_as_of=1767225600000 --param_since=0 --param_until=18446744073709551615 \
--     --param_workspace= --param_flow= --param_zone=UTC --param_by="['flow','step']" --param_window_ms=3600000 < projections/queries/messages.sql
-- Times are ms since the epoch, UTC; as_of comes from as_of.sql; an empty workspace or flow means all.
-- What stands before /* where */ is replaced by the conditions of --where; by hand, write your own.
-- What stands before /* where */ is replaced by the conditions of --where; by hand, write your own.
-- What stands before /* where */ is replaced by the conditions of --where; by hand, write your own.
-- What stands before /* where */ is replaced by the conditions of --where; by hand, write your own.
WITH noted AS
(
    SELECT workspace, channel, contact, direction, message, reply_to, threaded, said_at, offset,
        flow, version, step, template, author
    FROM messages FINAL
    WHERE at <= {as_of:UInt64} AND at >= {since:UInt64} AND kind NOT IN ('receipt', 'reaction', 'out_of_office')
        AND ({workspace:String} = '' OR workspace = {workspace:String})
),
naming AS
(
    SELECT workspace, channel, reply_to AS message, min(said_at) AS named_at
    FROM noted
    WHERE direction = 'in' AND reply_to != ''
    GROUP BY workspace, channel, message
),
followed AS
(
    SELECT *, leadInFrame(direction) OVER following AS next_direction, leadInFrame(said_at) OVER following AS next_at
    FROM noted
    WINDOW following AS (PARTITION BY workspace, channel, contact, threaded ORDER BY said_at, offset
        ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING)
),
sent_messages AS
(
    -- A message that is brought again long after makes another fact: it is one message, answered if either is.
    SELECT workspace, channel, message, threaded, min(said_at) AS sent_at,
        minIf(next_at, next_direction = 'in' AND next_at <= said_at + {window_ms:UInt64}) AS next_reply_at,
        any(followed.flow) AS flow, any(followed.version) AS version, any(followed.step) AS step,
        any(followed.template) AS template, any(followed.author) AS author
    FROM followed
    WHERE direction = 'out' AND said_at >= {since:UInt64} AND said_at < {until:UInt64}
        AND ({flow:String} = '' OR followed.flow = {flow:String})
    GROUP BY workspace, channel, contact, message, threaded
),
answered AS
(
    SELECT workspace, channel, flow, version, step, template, author, sent_at,
        if(threaded, named_at, next_reply_at) AS replied_at, replied_at != 0 AS is_replied
    FROM sent_messages LEFT JOIN naming USING (workspace, channel, message)
)
SELECT
    if(has({by:Array(String)}, 'workspace'), workspace, NULL) AS by_workspace,
    if(has({by:Array(String)}, 'flow'), flow, NULL) AS by_flow,
    if(has({by:Array(String)}, 'version'), version, NULL) AS by_version,
    if(has({by:Array(String)}, 'step'), step, NULL) AS by_step,
    if(has({by:Array(String)}, 'channel'), channel, NULL) AS by_channel,
    if(has({by:Array(String)}, 'template'), template, NULL) AS by_template,
    if(has({by:Array(String)}, 'author'), author, NULL) AS by_author,
    if(has({by:Array(String)}, 'hour'), toHour(fromUnixTimestamp64Milli(toInt64(sent_at), {zone:String})), NULL) AS by_hour,
    if(has({by:Array(String)}, 'weekday'), toDayOfWeek(fromUnixTimestamp64Milli(toInt64(sent_at), {zone:String})), NULL) AS by_weekday,
    if(has({by:Array(String)}, 'day'), toDate(fromUnixTimestamp64Milli(toInt64(sent_at), {zone:String})), NULL) AS by_day,
    count() AS sent,
    countIf(is_replied) AS replied,
    countIf(is_replied AND replied_at <= sent_at + {window_ms:UInt64}) AS replied_in_window,
    quantilesExactIf(0.1, 0.5, 0.9)(toUInt64(greatest(replied_at, sent_at) - sent_at), is_replied) AS response_ms_quantiles
FROM answered
WHERE true /* where */
GROUP BY by_workspace, by_flow, by_version, by_step, by_channel, by_template, by_author, by_hour, by_weekday, by_day
ORDER BY by_workspace, by_flow, by_version, by_step, by_channel, by_template, by_author, by_hour, by_weekday, by_day
SETTINGS do_not_merge_across_partitions_select_final = 1
