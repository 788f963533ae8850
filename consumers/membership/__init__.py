"""Who is in which segment: kept as users change, as time passes and as segments become others."""
