"""Messages from files into a log of their own: read, put in order, write, and run the engine over them.

A format (`twcs`, `whatsapp`, `jsonl`) turns a file into rows; `spool` sorts them by time on disk; `load`
writes them to a history prefix with their own times and ticks, or to the live one as of now; `run` runs
worker, dispatcher and projector to the end of that log.
"""
