"""`python -m weftline.query.cli`: the `weftline` command where no script is installed."""

from weftline.query.cli import main

main()
