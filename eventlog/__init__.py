"""The durable log between gateway and workers: one protocol (log.py), two homes (sqlite.py, kafka.py)."""
