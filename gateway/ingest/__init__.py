"""The path of a beacon: from its bytes to the log. Begin at endpoint.py."""
