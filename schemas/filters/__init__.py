"""The language in which users are chosen: what it can say, how it is read, and what it means. See docs/filters.md."""
