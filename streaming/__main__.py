"""`python -m streaming` is the `trader` command."""

import sys

from streaming.cli.main import main

sys.exit(main())
