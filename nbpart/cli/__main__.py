"""`python -m nbpart.cli` is `nbpart`."""

from nbpart.cli.main import main

main(prog_name="nbpart")
