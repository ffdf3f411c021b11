"""The whole system, as its users meet it: the command line, processes, Apache Kafka, ClickHouse's engine."""
