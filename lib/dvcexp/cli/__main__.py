"""`python -m dvcexp.cli`: `git exp` for programs of ours, wherever they are installed."""

import sys

from dvcexp.cli import main

sys.exit(main())
