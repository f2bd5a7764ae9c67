"""`python -m dvcexp.cli`: `git exp` for programs of ours, wherever they are installed."""

from dvcexp.cli import main

main()
