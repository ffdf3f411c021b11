"""What Apache Kafka and its stand-in have in common: an address, and the question whether they answer."""

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from deploy.errors import ServerFailedError
from deploy.ports import LOOPBACK, is_listening
from deploy.processes import Server

__all__ = ["Broker", "answers_metadata"]


class Broker(Server):
    """A server that speaks Kafka's protocol at `bootstrap`."""

    port_setting = "ATTESA_KAFKA_PORT"

    @property
    def bootstrap(self) -> str:
        """The address for clients, `127.0.0.1:PORT`. Raises `ServerFailedError` while no port is chosen."""
        if not self.port:
            raise ServerFailedError(self.name, "has no address before its first start", log=self.log_path)
        return f"{LOOPBACK}:{self.port}"

    def is_ready(self) -> bool:
        """Whether it answers a metadata request, and names a broker."""
        return answers_metadata(self.port)


def answers_metadata(port: int) -> bool:
    """Whether a broker on this loopback port answers a metadata request within a second, and names itself."""
    if not is_listening(port):
        return False
    # log_level 0: a client that is turned away while the broker starts would say so on standard error.
    client = AdminClient(
        {"bootstrap.servers": f"{LOOPBACK}:{port}", "log_level": 0, "socket.timeout.ms": 1000}
    )
    try:
        return bool(client.list_topics(timeout=1.0).brokers)
    except KafkaException:
        return False
