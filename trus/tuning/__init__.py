"""Tuning: Optuna proposes settings, a cross-validation in a process of its own scores them."""
