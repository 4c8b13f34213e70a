"""The parts of tests/lab, one subject per module."""
