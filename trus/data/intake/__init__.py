"""Intake: raw exports of a scanner become de-identified frames and a manifest."""
