#define FL1_TABLE fl1_ops_v3
#define FL1_LEVEL "v3"
#define FL1_LANES 4
#include "ops.inc"
