"""How far tests of random histories go: a little in each run, far in `make faults`, which sets TEST_SEEDS."""

import os

SEEDS = range(int(os.environ.get("TEST_SEEDS", "2")))  # of random histories, each of which is another story
EXAMPLES = 2 * len(SEEDS)  # of each operation of the API, of calls as described and of forbidden ones
