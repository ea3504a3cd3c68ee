"""What scripts/benchmark_app.py measures with: a real browser on a real `trus app`."""
