"""All that runs on Kafka: the pure core, flows, the log, the engine, delivery, imports, the command line."""
