"""Settings: the environment, then `.env`, under one prefix."""

import os
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.errors import UsageError

__all__ = ["KEPT", "Settings", "load"]

RESERVED: Final = frozenset({"system", "default", "information-schema"})
"""Names that are databases of ClickHouse's own."""

DATA_DIR: Final = Path("~/.local/share/attesa").expanduser()
KEPT: Final = "attesa.env"
"""Settings of the stack on this machine, in the data folder."""

Port = Annotated[int, Field(ge=1, le=65_535)]


class Settings(BaseSettings):
    """What every process reads. Each is an environment variable: `ATTESA_` and the name in capitals."""

    model_config = SettingsConfigDict(env_prefix="ATTESA_", env_file=".env", extra="ignore", frozen=True)

    kafka: str = Field(
        "127.0.0.1:19092", description="Kafka's bootstrap servers, host:port, separated by commas."
    )
    clickhouse: SecretStr = Field(
        SecretStr("clickhouse://127.0.0.1:19000/attesa"),
        description="ClickHouse, native protocol: clickhouse://user:password@host:port/database. "
        "On another prefix than `attesa` the database's name is the prefix's.",
    )
    prefix: str = Field(
        "attesa",
        pattern=r"^[a-z0-9][a-z0-9-]{0,40}$",
        description="The first part of every topic's name; with `_` for `-`, ClickHouse's database.",
    )
    partitions: int = Field(
        12, ge=1, le=1024, description="Partitions of the contacts' topics, at `attesa topics apply`."
    )
    replication: int = Field(1, ge=1, le=9, description="Replicas of each topic, at `attesa topics apply`.")
    data_dir: Path = Field(DATA_DIR, description="Local stores and the embedded stack's data.")
    master_key: SecretStr | None = Field(
        None,
        description="The master key that wraps contacts' data keys: 64 hexadecimal digits. "
        "Without it nothing personal can be written or read.",
    )
    master_key_name: str = Field(
        "main", description="The master key's name: stands beside each key it wrapped."
    )
    old_master_keys: dict[str, SecretStr] = Field(
        default_factory=dict,
        description='Master keys of earlier times by name, as JSON: {"2024": "…"}. They read, never write.',
    )
    registry_url: str | None = Field(
        None, description="A schema registry's URL; without it ids come from the checked-in files."
    )
    worker_name: str | None = Field(
        None,
        description="A worker's fixed name (Kafka's group.instance.id) where workers restart in place; "
        "one each.",
    )
    session_timeout_s: float = Field(
        10.0, ge=1, le=300, description="How long the group waits for a silent worker, s."
    )
    max_batch: int = Field(
        1_000, ge=1, le=100_000, description="Inputs of one partition decided in one transaction at most."
    )
    max_text_bytes: int = Field(
        65_536, ge=1, description="A message text longer than this (UTF-8) is a dead letter."
    )
    clock_ahead_limit_s: float = Field(
        300.0, gt=0, description="A record timestamp further ahead than this stops its partition, s."
    )
    dead_letters_in_a_row: int = Field(100, ge=1, description="So many failures on end stop the worker.")
    dead_letters_share: float = Field(
        0.1, gt=0, le=1, description="A larger share of failures in the last 10,000 inputs stops the worker."
    )
    tick_s: float = Field(1.0, gt=0, le=60, description="Time between two ticks, s.")
    fire_limit: int = Field(
        500, ge=0, description="Due deadlines fired at one tick and partition at most; 0: no limit."
    )
    http_host: str = Field("127.0.0.1", description="Where /healthz, /readyz and /metrics listen.")
    http_port: int = Field(0, ge=0, le=65_535, description="Their port; 0: they are off.")
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$", description="What to log.")
    log_format: str = Field(
        "auto", pattern="^(auto|json|console)$", description="auto: console on a terminal, else json."
    )
    kafka_port: Port = Field(19_092, description="The embedded stack's Kafka port.")
    clickhouse_port: Port = Field(19_000, description="The embedded stack's ClickHouse port.")
    webhook_secret: SecretStr | None = Field(None, description="Signs outgoing webhooks (HMAC-SHA256).")

    @field_validator("clickhouse")
    @classmethod
    def _is_native(cls, url: SecretStr) -> SecretStr:
        """The driver takes any scheme, and would speak its own protocol to a server's HTTP port."""
        parts = urlsplit(url.get_secret_value())
        if parts.scheme not in {"clickhouse", "clickhouses"} or not parts.hostname:
            raise ValueError(
                "must be clickhouse://user:password@host:port/database, with the port of the native protocol "
                "(clickhouses:// with TLS)"
            )
        return url

    @field_validator("prefix")
    @classmethod
    def _not_reserved(cls, prefix: str) -> str:
        if prefix in RESERVED:
            raise ValueError(f"{prefix} is the name of a database of ClickHouse's own; choose another")
        return prefix


def load(**changes: object) -> Settings:
    """The settings with these changes on top; `UsageError` names each setting that is wrong.

    Read from the environment, else `.env` here, else `attesa.env` in the data folder, which `attesa up`
    writes (that stack's master key).
    """
    data_dir = changes.get("data_dir") or os.environ.get("ATTESA_DATA_DIR") or DATA_DIR
    kept = Path(str(data_dir)).expanduser() / KEPT
    try:
        return Settings(_env_file=(kept, ".env"), **changes)  # type: ignore[arg-type, call-arg]
    except ValidationError as error:
        wrong = "; ".join(
            f"ATTESA_{'_'.join(str(part) for part in item['loc']).upper()}: {item['msg']}"
            for item in error.errors()
        )
        message = f"wrong settings: {wrong}. `attesa config show` lists all with their meaning."
        raise UsageError(message) from None
