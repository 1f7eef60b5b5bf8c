"""The log under examination: past states, replays, comparisons, the first record that is not as it should be."""
