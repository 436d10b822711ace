/* Counting on and off, from within the process that valgrind runs. */
#include <valgrind/callgrind.h>

void gate_start(void) { CALLGRIND_START_INSTRUMENTATION; }

void gate_zero(void) { CALLGRIND_ZERO_STATS; }

/* The counts since they were zero go to a file that bears the name. */
void gate_dump(const char *name) { CALLGRIND_DUMP_STATS_AT(name); }

void gate_stop(void) { CALLGRIND_STOP_INSTRUMENTATION; }
