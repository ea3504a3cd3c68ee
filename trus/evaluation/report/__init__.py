"""The report of an evaluation: one HTML file without scripts and without anything from elsewhere."""
