"""The round that turns chunks of the log into rows. Begin at rounds.py."""
