"""The parts of scripts/benchmark_service.py."""
