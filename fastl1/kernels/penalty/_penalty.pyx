"""The table of penalties (csrc/penalties.inc), compiled here and nowhere else."""

cdef extern from "penalties.inc":
    const fl1_penalty_row* fl1_penalties


cdef fl1_penalty elastic_net(double l1_ratio) noexcept nogil:
    """The penalty of single columns, l1_ratio |w| + (1 - l1_ratio)/2 w^2."""
    cdef fl1_penalty pen
    pen.row = fl1_penalties + FL1_L1
    pen.l1, pen.l2, pen.group = l1_ratio, 1.0 - l1_ratio, NULL
    return pen


cdef fl1_penalty group_norms(const ptrdiff_t* group, double l2) noexcept nogil:
    """Of the Euclidean norms of groups, numbered from 0 for each column, which the
    penalty borrows, and l2/2 |w|^2."""
    cdef fl1_penalty pen
    pen.row = fl1_penalties + FL1_GROUP_L1
    pen.l1, pen.l2, pen.group = 1.0, l2, group
    return pen
