"""What engine, delivery, imports and projections share of the log: topics, wire, readers, sealing."""
