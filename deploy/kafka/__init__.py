"""Apache Kafka itself, one node on loopback, fetched through Maven: for tests, and for the stack that keeps
its data.
"""

from deploy.kafka.broker import QUICK_START, ApacheKafka
from deploy.kafka.distribution import KAFKA_VERSION, fetch, is_fetched, missing_programs

__all__ = ["KAFKA_VERSION", "QUICK_START", "ApacheKafka", "fetch", "is_fetched", "missing_programs"]
