"""Measuring: each file prints what it measured, with a yardstick beside it in the same run."""
