"""What all tests share."""

import signal

# A test run started in the background inherits an ignored SIGINT, and would wait for
# ever in the tests that interrupt a fit.
signal.signal(signal.SIGINT, signal.default_int_handler)
