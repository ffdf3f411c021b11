"""A broker and ClickHouse without installing either, and the stack of both."""
