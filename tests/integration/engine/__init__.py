"""The engine on Apache Kafka."""
