"""`python -m bnas`."""

from bnas.cli.main import main

main()
