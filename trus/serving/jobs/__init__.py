"""Clips and batches, segmented beside single requests."""
