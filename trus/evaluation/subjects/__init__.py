"""What is evaluated: model files that are run now, or predictions that were kept."""
