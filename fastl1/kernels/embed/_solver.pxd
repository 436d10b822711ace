# The path solver for fastl1.h.
from libc.stdint cimport int32_t, int64_t

from fastl1.capi cimport (
    fl1_design,
    fl1_path,
    fl1_problem,
    fl1_solver,
    fl1_solver_info,
)

cdef int solver_create(
    const fl1_design* X, const fl1_problem* problem, fl1_solver** solver
) noexcept nogil
cdef void solver_free(fl1_solver* solver) noexcept nogil
cdef int solver_info(const fl1_solver* solver, fl1_solver_info* info) noexcept nogil
cdef int solver_start(
    fl1_solver* solver, const double* coef, double intercept
) noexcept nogil
cdef int solver_solve(
    fl1_solver* solver, double alpha, double tol, int32_t max_iter
) noexcept nogil
cdef int solver_path(
    fl1_solver* solver, const fl1_path* path, int64_t* n_done
) noexcept nogil
cdef int solver_coef(fl1_solver* solver, double* coef) noexcept nogil
cdef int solver_coef_sparse(
    fl1_solver* solver, int64_t room, int64_t* features, double* values, int64_t* count
) noexcept nogil
cdef int solver_certify(
    fl1_solver* solver, double alpha, double* gap, double* objective
) noexcept nogil
