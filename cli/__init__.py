"""The `ask0` command: the composition root, the only place that wires settings to objects."""
