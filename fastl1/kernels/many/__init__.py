"""Many problems at a time: on one X in lock step, or small ones on stacked rows."""
