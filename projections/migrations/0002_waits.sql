CREATE TABLE IF NOT EXISTS waits_opened
(
    workspace LowCardinality(String) COMMENT 'The tenant',
    flow LowCardinality(String) COMMENT 'The flow',
    step LowCardinality(String) COMMENT 'The step''s id',
    at UInt64 COMMENT 'The clock at the opening, ms since the epoch, UTC' CODEC(Delta, ZSTD(1)),
    wait String COMMENT 'The wait' CODEC(ZSTD(1)),
    version UInt32 COMMENT 'The flow''s version, 1 for its first',
    journey String COMMENT 'The journey' CODEC(ZSTD(1)),
    contact String COMMENT 'The contact''s opaque id within the workspace' CODEC(ZSTD(1)),
    prompt String COMMENT 'The command of the message that it waits on; empty if it waits on none' CODEC(ZSTD(1)),
    prompt_step LowCardinality(String) COMMENT 'The step that sent it; empty for none',
    channel LowCardinality(String) COMMENT 'The channel that an answer must come by; empty for any',
    template LowCardinality(String) COMMENT 'The prompt''s template; empty for none',
    arm LowCardinality(String) COMMENT 'The arm of the last split; empty for none',
    visit UInt32 COMMENT 'How often the journey has come to this step, from 1',
    opened_at UInt64 COMMENT 'When the step was reached, ms since the epoch, UTC' CODEC(Delta, ZSTD(1)),
    prompted_at UInt64 COMMENT 'When the prompt was accepted by its channel; 0 if it has none or was not yet' CODEC(Delta, ZSTD(1)),
    started_at UInt64 COMMENT 'When its time began: prompted_at, or opened_at where that is 0. Its day is the day of the prompt' CODEC(Delta, ZSTD(1)),
    deadline UInt64 COMMENT 'An answer said by then, inclusive, is in time' CODEC(Delta, ZSTD(1)),
    due UInt64 COMMENT 'Deadline and grace: from then on the wait is matured' CODEC(Delta, ZSTD(1)),
    within_ms UInt64 COMMENT 'The time given, ms',
    local_hour UInt8 COMMENT 'Hour of the day, 0–23, of the prompt, else of the opening, in the contact''s zone',
    local_weekday UInt8 COMMENT 'Its day of the week, 1 Monday – 7 Sunday',
    partition UInt32 COMMENT 'The fact''s partition of the facts topic',
    offset UInt64 COMMENT 'Its offset there; the version of the row'
)
ENGINE = ReplacingMergeTree(offset)
PARTITION BY intDiv(at, 604800000)
ORDER BY (workspace, flow, step, at, wait)
COMMENT 'Every wait that was opened, as it stood then: one row a WaitOpened. Open now = opened − closed. Read FINAL';

CREATE TABLE IF NOT EXISTS waits_closed
(
    workspace LowCardinality(String) COMMENT 'The tenant',
    flow LowCardinality(String) COMMENT 'The flow',
    step LowCardinality(String) COMMENT 'The step''s id',
    at UInt64 COMMENT 'The clock at the closing, ms since the epoch, UTC' CODEC(Delta, ZSTD(1)),
    wait String COMMENT 'The wait' CODEC(ZSTD(1)),
    version UInt32 COMMENT 'The flow''s version, 1 for its first',
    journey String COMMENT 'The journey' CODEC(ZSTD(1)),
    contact String COMMENT 'The contact''s opaque id within the workspace' CODEC(ZSTD(1)),
    prompt String COMMENT 'The command of the message that it waits on; empty if it waits on none' CODEC(ZSTD(1)),
    prompt_step LowCardinality(String) COMMENT 'The step that sent it; empty for none',
    channel LowCardinality(String) COMMENT 'The channel that an answer must come by; empty for any',
    template LowCardinality(String) COMMENT 'The prompt''s template; empty for none',
    arm LowCardinality(String) COMMENT 'The arm of the last split; empty for none',
    visit UInt32 COMMENT 'How often the journey has come to this step, from 1',
    opened_at UInt64 COMMENT 'When the step was reached, ms since the epoch, UTC' CODEC(Delta, ZSTD(1)),
    prompted_at UInt64 COMMENT 'When the prompt was accepted by its channel; 0 if it has none or was not yet' CODEC(Delta, ZSTD(1)),
    started_at UInt64 COMMENT 'When its time began: prompted_at, or opened_at where that is 0. Its day is the day of the prompt' CODEC(Delta, ZSTD(1)),
    deadline UInt64 COMMENT 'An answer said by then, inclusive, is in time' CODEC(Delta, ZSTD(1)),
    due UInt64 COMMENT 'Deadline and grace: from then on the wait is matured' CODEC(Delta, ZSTD(1)),
    within_ms UInt64 COMMENT 'The time given, ms',
    local_hour UInt8 COMMENT 'Hour of the day, 0–23, of the prompt, else of the opening, in the contact''s zone',
    local_weekday UInt8 COMMENT 'Its day of the week, 1 Monday – 7 Sunday',
    outcome LowCardinality(String) COMMENT 'responded, timed_out or cancelled',
    reason LowCardinality(String) COMMENT 'Why it was cancelled; empty for others',
    matched_by LowCardinality(String) COMMENT 'How the answer was told: reply, channel or conversation; empty for others',
    response_ms UInt64 COMMENT 'From the prompt''s acceptance (the opening, where there is no prompt) to the answer, ms; 0 for others',
    lateness_ms UInt64 COMMENT 'How long after due the time-out was decided, ms; 0 for others',
    partition UInt32 COMMENT 'The fact''s partition of the facts topic',
    offset UInt64 COMMENT 'Its offset there; the version of the row'
)
ENGINE = ReplacingMergeTree(offset)
PARTITION BY intDiv(at, 604800000)
ORDER BY (workspace, flow, step, at, wait)
COMMENT 'Every wait that was closed, complete: one row a ResponseReceived, ResponseTimedOut or WaitCancelled. Read FINAL';
