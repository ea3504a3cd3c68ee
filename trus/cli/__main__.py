"""`python -m trus.cli`, where the `trus` command is not on the path."""

from trus.cli import main

main()
