"""Uploads, decoded in processes of their own, which may die."""
