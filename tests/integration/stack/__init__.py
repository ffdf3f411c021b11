"""The broker, ClickHouse and the stack of both."""
