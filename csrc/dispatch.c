/* Which instruction-set level to run: decided once, at import. */
#include <string.h>

#include "fl1_ops.h"

static int has_v3(void) {
#if defined(FL1_X86_LEVELS)
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
           __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
#else
    return 0;
#endif
}

static int has_v4(void) {
#if defined(FL1_X86_LEVELS)
    return has_v3() && __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#else
    return 0;
#endif
}

int fl1_ops_levels(const char *names[3]) {
    int k = 0;
    names[k++] = "baseline";
    if (has_v3()) names[k++] = "v3";
    if (has_v4()) names[k++] = "v4";
    return k;
}

const fl1_ops *fl1_ops_select(const char *level) {
    const char *names[3];
    int k = fl1_ops_levels(names);
    if (level == NULL || level[0] == '\0') level = names[k - 1];
    for (int i = 0; i < k; i++) {
        if (strcmp(level, names[i]) != 0) continue;
#if defined(FL1_X86_LEVELS)
        if (i == 1) return &fl1_ops_v3;
        if (i == 2) return &fl1_ops_v4;
#endif
        return &fl1_ops_baseline;
    }
    return NULL;
}
