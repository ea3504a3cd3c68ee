"""What predictions are worth: from one frame's scores to a summary with intervals."""
