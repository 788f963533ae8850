"""Everything that reads the log: the worker loop and the folds."""
