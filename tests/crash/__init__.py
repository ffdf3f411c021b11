"""Processes killed, stopped and lied to: what the engine decided stays decided once."""
