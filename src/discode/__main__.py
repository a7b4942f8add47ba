"""`python -m discode` is `discode`."""

from .cli.main import main

main()
