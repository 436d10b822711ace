import signal
import sys

from .run import main

# so that the worker under way ends with a terminated driver
signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
sys.exit(main())
