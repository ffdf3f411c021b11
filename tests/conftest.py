"""What all tests share: the brokers and servers, each started once and only when a test asks for it."""

pytest_plugins = ["tests.fixtures.clickhouse", "tests.fixtures.kafka"]
