"""ClickHouse tables made from facts: thrown away and made again at will, exact whatever comes twice."""
