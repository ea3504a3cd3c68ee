"""A cross-validation on disk, and its result."""
