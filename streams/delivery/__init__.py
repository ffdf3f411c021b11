"""The dispatcher: it carries commands out, and says through the log what became of each.

Data flows one way: commands → `queue` (order, fairness, pace) → `decision` (what to do now) → an adapter → an
outcome on inbound. `decision`, `queue`, `pace`, `ledger` and `world` know no Kafka and no clock; `dispatcher`
is the shell around them.
"""
