"""Is one run better than another: paired statistics over patients, figure and plain words."""
