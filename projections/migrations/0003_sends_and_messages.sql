CREATE TABLE IF NOT EXISTS sends
(
    workspace LowCardinality(String) COMMENT 'The tenant',
    flow LowCardinality(String) COMMENT 'The flow',
    step LowCardinality(String) COMMENT 'The step''s id',
    at UInt64 COMMENT 'The clock at the fact, ms since the epoch, UTC' CODEC(Delta, ZSTD(1)),
    id String COMMENT 'The fact''s id, since a command has several' CODEC(ZSTD(1)),
    version UInt32 COMMENT 'The flow''s version, 1 for its first',
    journey String COMMENT 'The journey' CODEC(ZSTD(1)),
    contact String COMMENT 'The contact''s opaque id within the workspace' CODEC(ZSTD(1)),
    command String COMMENT 'The command; several rows are about one' CODEC(ZSTD(1)),
    event LowCardinality(String) COMMENT 'commanded; accepted; failed, expired, stopped or unknown; delivered, read or undelivered',
    channel LowCardinality(String) COMMENT 'The channel',
    template LowCardinality(String) COMMENT 'The template; empty for none',
    purpose LowCardinality(String) COMMENT 'urgent, service or marketing; empty for receipts',
    visit UInt32 COMMENT 'How often the journey has come to this step, from 1',
    commanded_at UInt64 COMMENT 'When it was commanded, ms since the epoch, UTC' CODEC(Delta, ZSTD(1)),
    accepted_at UInt64 COMMENT 'When its channel accepted it, ms since the epoch, UTC; 0 on other rows' CODEC(Delta, ZSTD(1)),
    assumed Bool COMMENT 'True on a history, where a send counts as accepted at once',
    partition UInt32 COMMENT 'The fact''s partition of the facts topic',
    offset UInt64 COMMENT 'Its offset there; the version of the row'
)
ENGINE = ReplacingMergeTree(offset)
PARTITION BY intDiv(at, 604800000)
ORDER BY (workspace, flow, step, at, id)
COMMENT 'What became of each send: one row a SendCommanded, PromptSent, SendFailed or DeliveryNoted. Read FINAL';

CREATE TABLE IF NOT EXISTS suppressions
(
    workspace LowCardinality(String) COMMENT 'The tenant',
    flow LowCardinality(String) COMMENT 'The flow',
    step LowCardinality(String) COMMENT 'The step''s id',
    at UInt64 COMMENT 'The clock at the decision, ms since the epoch, UTC' CODEC(Delta, ZSTD(1)),
    id String COMMENT 'The fact''s id' CODEC(ZSTD(1)),
    version UInt32 COMMENT 'The flow''s version, 1 for its first',
    journey String COMMENT 'The journey' CODEC(ZSTD(1)),
    contact String COMMENT 'The contact''s opaque id within the workspace' CODEC(ZSTD(1)),
    decision LowCardinality(String) COMMENT 'suppressed: never sent; postponed: decided anew later',
    channel LowCardinality(String) COMMENT 'The channel that it would have gone by; empty if none was found',
    template LowCardinality(String) COMMENT 'The template; empty for none',
    purpose LowCardinality(String) COMMENT 'urgent, service or marketing',
    visit UInt32 COMMENT 'How often the journey has come to this step, from 1',
    reason LowCardinality(String) COMMENT 'quiet_hours, cap, opted_out, no_consent, late, no_channel, no_address …',
    until UInt64 COMMENT 'When it is decided anew, ms since the epoch, UTC; 0 if suppressed',
    partition UInt32 COMMENT 'The fact''s partition of the facts topic',
    offset UInt64 COMMENT 'Its offset there; the version of the row'
)
ENGINE = ReplacingMergeTree(offset)
PARTITION BY intDiv(at, 604800000)
ORDER BY (workspace, flow, step, at, id)
COMMENT 'Every send that was not made, or not then, and why: one row a SendSuppressed or SendPostponed. Read FINAL';

CREATE TABLE IF NOT EXISTS messages
(
    workspace LowCardinality(String) COMMENT 'The tenant',
    channel LowCardinality(String) COMMENT 'The channel',
    at UInt64 COMMENT 'The clock at the decision, ms since the epoch, UTC' CODEC(Delta, ZSTD(1)),
    id String COMMENT 'The fact''s id' CODEC(ZSTD(1)),
    message String COMMENT 'The message''s id: the provider''s where there is one' CODEC(ZSTD(1)),
    reply_to String COMMENT 'The message that it quotes or answers; empty for none' CODEC(ZSTD(1)),
    direction LowCardinality(String) COMMENT 'in or out',
    author LowCardinality(String) COMMENT 'customer, agent or automation',
    kind LowCardinality(String) COMMENT 'text, button, media, reaction, receipt or out_of_office',
    threaded Bool COMMENT 'True if on this channel only reply_to answers',
    said_at UInt64 COMMENT 'When it was said, as it counts, ms since the epoch, UTC' CODEC(Delta, ZSTD(1)),
    contact String COMMENT 'The contact''s opaque id within the workspace' CODEC(ZSTD(1)),
    conversation String COMMENT 'The thread on the channel; empty where the platform has none' CODEC(ZSTD(1)),
    flow LowCardinality(String) COMMENT 'The flow of an automatic message; empty for others',
    version UInt32 COMMENT 'Its version; 0 for others',
    step LowCardinality(String) COMMENT 'Its step; empty for others',
    template LowCardinality(String) COMMENT 'Its template; empty for others',
    purpose LowCardinality(String) COMMENT 'Its purpose; empty for others',
    partition UInt32 COMMENT 'The fact''s partition of the facts topic',
    offset UInt64 COMMENT 'Its offset there; the version of the row'
)
ENGINE = ReplacingMergeTree(offset)
PARTITION BY intDiv(at, 604800000)
ORDER BY (workspace, channel, at, id)
COMMENT 'Every message in or out, without its text: one row a MessageNoted. Read FINAL';
