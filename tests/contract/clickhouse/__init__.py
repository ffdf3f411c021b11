"""What clickhouse-driver may expect of the embedded ClickHouse, and where it can, of a real one."""
