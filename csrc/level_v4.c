#define FL1_TABLE fl1_ops_v4
#define FL1_LEVEL "v4"
#define FL1_LANES 8
#include "ops.inc"
