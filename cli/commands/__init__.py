"""One module for each command of `ask0`."""
