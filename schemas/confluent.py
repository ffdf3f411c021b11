"""A Confluent-compatible schema registry, through confluent-kafka's client.

Several records share a topic, so subjects follow TopicRecordName: `<topic>-attesa.<Record>`.
"""

import json
import threading
import time
from typing import Final

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient, SchemaRegistryError

from schemas.catalog import NAMESPACE, Catalog, RecordSchema, catalog, fingerprint, stem_of
from schemas.errors import AttesaError, NotReachableError, UsageError
from schemas.registry import NotRegisteredError, WriterSchema

__all__ = ["ConfluentRegistry", "RegistryRefusedError"]

_NOT_FOUND: Final = 404
_FORGET_UNKNOWN_S: Final = 30.0


class RegistryRefusedError(AttesaError):
    """The registry answered with an error: its text, subject and code are in ours."""


class ConfluentRegistry:
    """Ids from a schema registry at a URL (`mock://` for tests), for the topics of one prefix.

    Lookups block on the network once per schema and are kept for ever; an unknown id is asked for again
    after 30 s at the soonest, so that garbage in a topic does not become load on the registry. Raises
    `NotReachableError` when the registry is away. Safe between threads.
    """

    def __init__(self, url: str, *, prefix: str = "attesa", files: Catalog | None = None) -> None:
        self.url = url
        self.prefix = prefix
        self.files = files if files is not None else catalog()
        try:
            self._client = SchemaRegistryClient.new_client({"url": url})
        except ValueError as error:
            raise UsageError(
                f"{url!r} is no schema registry's address ({error}); ATTESA_REGISTRY_URL is as https://host:8081"
            ) from error
        self._ids: dict[tuple[str, int], int] = {}
        self._schemas: dict[int, WriterSchema] = {}
        self._unknown: dict[int, float] = {}
        self._lock = threading.Lock()

    def subject(self, schema: RecordSchema) -> str:
        """TopicRecordName: `attesa.inbound-attesa.MessageReceived`."""
        return f"{self.prefix}.{stem_of(schema)}-{NAMESPACE}.{schema.name}"

    def id_of(self, record: str, version: int | None = None) -> int:
        """The id of a record's version, by default the newest; `NotRegisteredError` if it has none there."""
        found = self.files.versions(record)[version - 1] if version else self.files.newest(record)
        key = (record, found.version)
        if key not in self._ids:
            subject = self.subject(found)
            try:
                registered = self._client.lookup_schema(subject, Schema(found.text, "AVRO"))
            except Exception as error:
                if _is_not_found(error):
                    raise NotRegisteredError(
                        f"{subject} version {found.version} is not in {self.url}; run attesa schemas register"
                    ) from error
                raise self._failed(f"looking up {subject}", error) from error
            self._ids[key] = _known_id(registered.schema_id)
        return self._ids[key]

    def schema(self, schema_id: int) -> WriterSchema:
        """What an id stands for; `KeyError` if nothing."""
        found = self._schemas.get(schema_id)
        if found is not None:
            return found
        with self._lock:
            if time.monotonic() < self._unknown.get(schema_id, 0.0):
                raise KeyError(schema_id)
            try:
                text = self._client.get_schema(schema_id).schema_str
            except Exception as error:
                if _is_not_found(error):
                    self._forget(schema_id)
                    raise KeyError(schema_id) from error
                raise self._failed(f"asking for schema {schema_id}", error) from error
            found = self._schemas[schema_id] = self._written(json.loads(text or "null"))
        return found

    def register(self, schema: RecordSchema) -> int:
        """Registers a version under its subject and gives its id; the same id when it is there already."""
        subject = self.subject(schema)
        try:
            schema_id = self._client.register_schema(subject, Schema(schema.text, "AVRO"))
        except Exception as error:
            raise self._failed(f"registering {subject}", error) from error
        self._ids[schema.name, schema.version] = schema_id
        return schema_id

    def registered(self, schema: RecordSchema) -> list[WriterSchema]:
        """Every version that the registry has of a record, oldest first; none: never registered."""
        subject = self.subject(schema)
        try:
            numbers = self._client.get_versions(subject)
            versions = [self._client.get_version(subject, number) for number in sorted(numbers)]
        except Exception as error:
            if _is_not_found(error):
                return []
            raise self._failed(f"reading {subject}", error) from error
        return [self._written(json.loads(version.schema.schema_str or "null")) for version in versions]

    def _written(self, schema: object) -> WriterSchema:
        """Which of our versions a schema is; None for one that our files do not have."""
        if not isinstance(schema, dict) or schema.get("namespace") != NAMESPACE:
            return WriterSchema("a schema that is not Attesa's", None, {})
        record, mark = str(schema["name"]), fingerprint(schema)
        ours = self.files.versions(record) if record in self.files.names() else []
        version = next((found.version for found in ours if fingerprint(found.schema) == mark), None)
        return WriterSchema(record, version, schema)

    def _forget(self, schema_id: int) -> None:
        now = time.monotonic()
        self._unknown = {known: until for known, until in self._unknown.items() if until > now}
        self._unknown[schema_id] = now + _FORGET_UNKNOWN_S

    def _failed(self, doing: str, error: Exception) -> AttesaError:
        if isinstance(error, SchemaRegistryError):
            return RegistryRefusedError(
                f"schema registry {self.url}, {doing}: {error.error_message} (code {error.error_code})"
            )
        return NotReachableError(
            f"schema registry {self.url}, {doing}: {error}. Is ATTESA_REGISTRY_URL right, and is it up?"
        )


def _is_not_found(error: Exception) -> bool:
    return isinstance(error, SchemaRegistryError) and error.http_status_code == _NOT_FOUND


def _known_id(schema_id: int | None) -> int:
    if schema_id is None:
        raise RegistryRefusedError("the registry gave a schema without an id")
    return schema_id
