"""The shell around the pure core: a Faust app that decides whole batches, each in one Kafka transaction.

transport      Faust over aiokafka, a batch a message          app, assignments   the Faust app, who has what
owner          one partition: its states and its thread        recovery           from an assignment to open
fold           decides records, commits what came of them      inbound            from bytes to entries
contacts       the contacts as the decider sees them           store, deadlines   RocksDB and its index
transaction    a transactional producer                        envelope           what the changelog holds
dead_letters   what is refused, and how much is too much       ticker, worker     what `attesa` runs
"""
