CREATE TABLE IF NOT EXISTS facts
(
    workspace LowCardinality(String) COMMENT 'The tenant; empty for a fact about a partition',
    contact String COMMENT 'The contact''s opaque id within the workspace; empty for a fact about a partition' CODEC(ZSTD(1)),
    partition UInt32 COMMENT 'The fact''s partition of the facts topic',
    offset UInt64 COMMENT 'Its offset there',
    at UInt64 COMMENT 'The clock at the decision, ms since the epoch, UTC' CODEC(Delta, ZSTD(1)),
    id String COMMENT 'The fact''s id, derived, the same in every run' CODEC(ZSTD(1)),
    fact LowCardinality(String) COMMENT 'Its record name: WaitOpened, ResponseReceived …',
    cause_partition UInt32 COMMENT 'The partition of the inbound topic where its cause stands',
    cause_offset UInt64 COMMENT 'The offset of its cause there' CODEC(Delta, ZSTD(1)),
    cause_input String COMMENT 'Source and id of that input, joined by a slash; empty for a tick' CODEC(ZSTD(1)),
    cause_timer String COMMENT 'The deadline that fell due and made it; empty where the input itself did' CODEC(ZSTD(1)),
    flow LowCardinality(String) COMMENT 'The flow; empty where the fact is about none',
    version UInt32 COMMENT 'The flow''s version, 1 for its first; 0 for none',
    journey String COMMENT 'The journey; empty for none' CODEC(ZSTD(1)),
    step LowCardinality(String) COMMENT 'The step''s id; empty for none',
    visit UInt32 COMMENT 'How often the journey has come to this step, from 1; 0 for none',
    channel LowCardinality(String) COMMENT 'The channel; empty for none or any',
    template LowCardinality(String) COMMENT 'The template; empty for none',
    command String COMMENT 'The command that it is about; empty for none' CODEC(ZSTD(1)),
    wait String COMMENT 'The wait that it is about; empty for none' CODEC(ZSTD(1)),
    message String COMMENT 'The id of the message that it is about; empty for none' CODEC(ZSTD(1)),
    reason LowCardinality(String) COMMENT 'Why, where the engine said it in a word of its own; never what a person or a provider wrote'
)
ENGINE = ReplacingMergeTree(offset)
PARTITION BY intDiv(at, 604800000)
ORDER BY (workspace, contact, partition, offset, at)
COMMENT 'Every fact, its place in the log and the columns one asks by. No text, no names, nothing sealed. One part a week of the fact''s own time';

CREATE TABLE IF NOT EXISTS clocks
(
    partition UInt32 COMMENT 'The partition',
    clock UInt64 COMMENT 'Its clock, ms since the epoch, UTC',
    settled UInt64 COMMENT 'All that was due before this has fired, ms since the epoch, UTC. The smallest over the partitions is every report''s as-of',
    engine LowCardinality(String) COMMENT 'The version of Attesa that decided',
    tzdata LowCardinality(String) COMMENT 'The version of its time zone data',
    offset UInt64 COMMENT 'The offset of the ClockAdvanced; the largest stands'
)
ENGINE = ReplacingMergeTree(offset)
ORDER BY partition
COMMENT 'How far time has got: the newest ClockAdvanced of each partition. Read FINAL';

CREATE TABLE IF NOT EXISTS positions
(
    topic LowCardinality(String) COMMENT 'The topic of the facts',
    partition UInt32 COMMENT 'Its partition',
    next UInt64 COMMENT 'The offset to read next: every row of the facts before it is in the tables'
)
ENGINE = ReplacingMergeTree(next)
ORDER BY (topic, partition)
COMMENT 'How far the facts have been projected. Inserted after the rows that it speaks of; the largest stands. Read FINAL';
