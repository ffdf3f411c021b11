CREATE TABLE IF NOT EXISTS journeys_started
(
    workspace LowCardinality(String) COMMENT 'The tenant',
    flow LowCardinality(String) COMMENT 'The flow',
    step LowCardinality(String) COMMENT 'The first step',
    at UInt64 COMMENT 'The clock at the start, ms since the epoch, UTC' CODEC(Delta, ZSTD(1)),
    journey String COMMENT 'The journey' CODEC(ZSTD(1)),
    version UInt32 COMMENT 'The flow''s version, 1 for its first',
    contact String COMMENT 'The contact''s opaque id within the workspace' CODEC(ZSTD(1)),
    trigger LowCardinality(String) COMMENT 'What kind of thing started it: message, agent_message, event, manual …',
    channel LowCardinality(String) COMMENT 'The channel of the conversation that started it; empty for none',
    rules UInt32 COMMENT 'The version of the decision rules',
    partition UInt32 COMMENT 'The fact''s partition of the facts topic',
    offset UInt64 COMMENT 'Its offset there; the version of the row'
)
ENGINE = ReplacingMergeTree(offset)
PARTITION BY intDiv(at, 604800000)
ORDER BY (workspace, flow, step, at, journey)
COMMENT 'Every journey that began: one row a JourneyStarted. Running = started − ended. Read FINAL';

CREATE TABLE IF NOT EXISTS journeys_ended
(
    workspace LowCardinality(String) COMMENT 'The tenant',
    flow LowCardinality(String) COMMENT 'The flow',
    step LowCardinality(String) COMMENT 'The last step',
    at UInt64 COMMENT 'The clock at the end, ms since the epoch, UTC' CODEC(Delta, ZSTD(1)),
    journey String COMMENT 'The journey' CODEC(ZSTD(1)),
    version UInt32 COMMENT 'The flow''s version, 1 for its first',
    contact String COMMENT 'The contact''s opaque id within the workspace' CODEC(ZSTD(1)),
    reason LowCardinality(String) COMMENT 'completed, end, exit, cancelled, erased, step_limit, held_out …',
    trigger LowCardinality(String) COMMENT 'What had started it',
    started_at UInt64 COMMENT 'When it had started, ms since the epoch, UTC' CODEC(Delta, ZSTD(1)),
    duration_ms UInt64 COMMENT 'From start to end, ms',
    partition UInt32 COMMENT 'The fact''s partition of the facts topic',
    offset UInt64 COMMENT 'Its offset there; the version of the row'
)
ENGINE = ReplacingMergeTree(offset)
PARTITION BY intDiv(at, 604800000)
ORDER BY (workspace, flow, step, at, journey)
COMMENT 'Every journey that is over: one row a JourneyEnded. Read FINAL';
