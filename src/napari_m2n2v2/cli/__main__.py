"""``python -m napari_m2n2v2.cli``."""

import sys

from napari_m2n2v2.cli.main import main

sys.exit(main())
