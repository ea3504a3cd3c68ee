"""The parts of scripts/compare_peers.py; fit_*.py run as programs, each in an environment of its own."""
