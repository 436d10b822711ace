"""Every measure of predictions against what was observed, defined once."""
