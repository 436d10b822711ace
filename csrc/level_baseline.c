#define FL1_TABLE fl1_ops_baseline
#define FL1_LEVEL "baseline"
#define FL1_LANES 2
#include "ops.inc"
