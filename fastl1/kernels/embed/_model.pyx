"""Models that predict, for fastl1.h; see there for contracts."""
from cython.parallel cimport prange
from libc.math cimport M_SQRT1_2, erfc, exp, expm1
from libc.stdint cimport INT32_MAX, int32_t, int64_t, uint32_t
from libc.stdlib cimport free, malloc, qsort

from fastl1.kernels.embed._base cimport (
    IS_FREE,
    IS_MODEL,
    fail,
    fail_handle,
    is_kind,
    outside,
    pointer_at,
    take_matrix,
    take_struct,
)
from fastl1._ops cimport FL1_F32, FL1_F64, FL1_I32, FL1_I64
from fastl1.kernels.infer._dense cimport column_scores, column_t, dense_scores
from fastl1.kernels.infer._map cimport NO_ROOM, arrange_map, map_bytes, map_t
from fastl1.kernels.infer._sparse cimport (
    SCRATCH,
    csc_scores,
    csr_link,
    csr_scores,
    csr_t,
    hits_t,
    make_hits,
)
from fastl1._runtime cimport OPS, threads_of
from fastl1.capi cimport (
    FL1_CSC,
    FL1_CSR,
    FL1_E_INDEX,
    FL1_E_KIND,
    FL1_E_MEMORY,
    FL1_E_NULL,
    FL1_E_SIZE,
    FL1_E_STRUCT,
    FL1_E_VALUE,
    FL1_FLOAT32,
    FL1_FLOAT64,
    FL1_INT32,
    FL1_INT64,
    FL1_LINK_CLOGLOG,
    FL1_LINK_IDENTITY,
    FL1_LINK_LOG,
    FL1_LINK_LOGIT,
    FL1_LINK_PROBIT,
    FL1_LINK_SOFTMAX,
    FL1_OK,
    FL1_PREDICT_LINK,
    FL1_PREDICT_RESPONSE,
    FL1_ROWS,
    fl1_coefs,
    fl1_matrix,
    fl1_model,
)

cdef enum:
    LINK_BLOCK = 4096        # responses of one unit of work
    MIN_PARALLEL = 1 << 15   # responses below which a second thread does not pay

cdef double LARGEST = 1.7976931348623157e308
cdef double MAX_EXPONENT = 708.0     # of e, as everywhere in fastl1
cdef int64_t MAX_FEATURES = <int64_t> 1 << 48

# What fl1_model stands for.
cdef struct model_t:
    uint32_t kind            # IS_MODEL
    int link
    map_t map
    void* arrays             # of the map
    void* lookup             # made of them


cdef struct term_t:
    int64_t feature
    int32_t output
    double value


cdef int _by_feature(const void* a, const void* b) noexcept nogil:
    cdef const term_t* x = <const term_t*> a
    cdef const term_t* y = <const term_t*> b
    if x.feature != y.feature:
        return 1 if x.feature > y.feature else -1
    return (x.output > y.output) - (x.output < y.output)


cdef int _take_coefs(fl1_coefs* own, const fl1_coefs* given) noexcept nogil:
    """own <- given, checked but for what only the order of the coefficients shows."""
    cdef ptrdiff_t c
    cdef int status = take_struct(
        own, sizeof(fl1_coefs), given, sizeof(fl1_coefs), "the coefficients"
    )
    if status < 0:
        return status
    if own.zero != 0:
        return fail(FL1_E_STRUCT, "zero", "of the coefficients is not 0", 0)
    if not FL1_LINK_IDENTITY <= own.link <= FL1_LINK_SOFTMAX:
        return fail(FL1_E_KIND, "link", "%lld does not exist", own.link)
    if not 0 < own.n_features <= MAX_FEATURES:
        return fail(FL1_E_SIZE, "n_features", "is %lld", own.n_features)
    if not 0 < own.n_outputs < INT32_MAX:
        return fail(FL1_E_SIZE, "n_outputs", "is %lld", own.n_outputs)
    if not 0 <= own.n_coefs < INT32_MAX - 1:
        return fail(FL1_E_SIZE, "n_coefs", "is %lld", own.n_coefs)
    if own.n_coefs > 0 and (own.features == NULL or own.values == NULL):
        return fail(
            FL1_E_NULL, "features" if own.features == NULL else "values", "is NULL", 0
        )
    c = outside(own.n_coefs, own.values, -LARGEST, LARGEST)
    if c >= 0:
        return fail(FL1_E_VALUE, "values", "has no finite number at %lld", c)
    for c in range(own.n_coefs):
        if not 0 <= own.features[c] < own.n_features:
            return fail(FL1_E_INDEX, "features", "has no feature at %lld", c)
        if own.outputs != NULL and not 0 <= own.outputs[c] < own.n_outputs:
            return fail(FL1_E_INDEX, "outputs", "has no output at %lld", c)
    if own.intercepts != NULL:
        c = outside(own.n_outputs, own.intercepts, -LARGEST, LARGEST)
        if c >= 0:
            return fail(FL1_E_VALUE, "intercepts", "has no finite number at %lld", c)
    return FL1_OK


cdef ptrdiff_t _sort_terms(const fl1_coefs* own, term_t* terms) noexcept nogil:
    """The coefficients but for zeros by feature and output; how many, or -1 - c where
    coefficient c of them repeats the one before."""
    cdef ptrdiff_t c, count = 0
    for c in range(own.n_coefs):
        terms[count].feature = own.features[c]
        terms[count].output = own.outputs[c] if own.outputs != NULL else 0
        terms[count].value = own.values[c]
        count += own.values[c] != 0.0
    qsort(terms, count, sizeof(term_t), _by_feature)
    for c in range(1, count):
        if _by_feature(terms + c - 1, terms + c) == 0:
            return -1 - c
    return count


cdef int _fill(
    model_t* M, const fl1_coefs* own, const term_t* terms, ptrdiff_t count
) noexcept nogil:
    """The arrays of the map; 0, or -1 without memory."""
    cdef map_t* map = &M.map
    cdef ptrdiff_t c, k, m = 0
    cdef int64_t* features
    cdef int64_t* start
    cdef double* value
    cdef double* intercept
    cdef int32_t* output
    for c in range(count):
        m += c == 0 or terms[c].feature != terms[c - 1].feature
    M.arrays = malloc(
        (2 * m + 2 + count + own.n_outputs) * sizeof(int64_t)
        + count * sizeof(int32_t)
    )
    if M.arrays == NULL:
        return -1
    features = <int64_t*> M.arrays
    start = features + m + 1
    value = <double*> (start + m + 1)
    intercept = value + count
    output = <int32_t*> (intercept + own.n_outputs)
    m = 0
    for c in range(count):
        if c == 0 or terms[c].feature != terms[c - 1].feature:
            features[m], start[m] = terms[c].feature, c
            m += 1
        value[c], output[c] = terms[c].value, terms[c].output
    features[m], start[m] = -1, count
    for k in range(own.n_outputs):
        intercept[k] = own.intercepts[k] if own.intercepts != NULL else 0.0
    map.p, map.m, map.n_outputs = own.n_features, m, own.n_outputs
    map.features, map.start, map.output = features, start, output
    map.value, map.intercept = value, intercept
    M.lookup = malloc(map_bytes(map))
    if M.lookup == NULL:
        return -1
    arrange_map(map, M.lookup)
    return 0


cdef int model_create(const fl1_coefs* coefs, fl1_model** model) noexcept nogil:
    cdef fl1_coefs own
    cdef ptrdiff_t count
    cdef term_t* terms
    cdef model_t* M
    cdef int status
    if model == NULL:
        return fail(FL1_E_NULL, "model", "is NULL", 0)
    model[0] = NULL
    status = _take_coefs(&own, coefs)
    if status < 0:
        return status
    M = <model_t*> malloc(sizeof(model_t))
    terms = <term_t*> malloc((own.n_coefs + 1) * sizeof(term_t))
    if M == NULL or terms == NULL:
        free(M)
        free(terms)
        return fail(FL1_E_MEMORY, "the model", "does not fit into memory", 0)
    M.kind, M.link, M.arrays, M.lookup = IS_MODEL, own.link, NULL, NULL
    count = _sort_terms(&own, terms)
    if count < 0:
        status = fail(
            FL1_E_INDEX, "features", "has feature %lld twice for one output",
            terms[-1 - count].feature
        )
    elif _fill(M, &own, terms, count) < 0:
        status = fail(FL1_E_MEMORY, "the model", "does not fit into memory", 0)
    free(terms)
    model[0] = <fl1_model*> M
    if status < 0:
        model_free(model[0])
        model[0] = NULL
    return status


cdef void model_free(fl1_model* model) noexcept nogil:
    cdef model_t* M = <model_t*> model
    if model == NULL or not is_kind(model, IS_MODEL):
        return
    M.kind = IS_FREE
    free(M.arrays)
    free(M.lookup)
    free(M)


cdef void _respond_block(
    int link, ptrdiff_t n, ptrdiff_t k, double* eta
) noexcept nogil:
    """Responses of n rows of k linear predictors, in place."""
    cdef ptrdiff_t i
    if link == FL1_LINK_LOGIT:
        OPS.infer.sigmoid(n * k, 1.0, eta, eta)
    elif link == FL1_LINK_SOFTMAX:
        OPS.infer.softmax(n, k, eta, eta)
    elif link == FL1_LINK_LOG:
        for i in range(n * k):
            eta[i] = exp(min(eta[i], MAX_EXPONENT))
    elif link == FL1_LINK_PROBIT:
        for i in range(n * k):
            eta[i] = 0.5 * erfc(-M_SQRT1_2 * eta[i])
    elif link == FL1_LINK_CLOGLOG:
        for i in range(n * k):
            eta[i] = -expm1(-exp(min(eta[i], MAX_EXPONENT)))


cdef void _respond(
    int link, ptrdiff_t n, ptrdiff_t k, double* eta, int threads
) noexcept nogil:
    cdef ptrdiff_t b, rows = max(1, LINK_BLOCK // k), blocks = (n + rows - 1) // rows
    if link == FL1_LINK_IDENTITY:
        return
    if n * k < MIN_PARALLEL:
        threads = 1
    for b in prange(
        blocks, schedule="static", num_threads=threads, use_threads_if=threads > 1
    ):
        _respond_block(link, min(rows, n - b * rows), k, eta + b * rows * k)


cdef inline int _check_call(
    const fl1_model* model, int32_t kind, const double* out
) noexcept nogil:
    if model == NULL or not is_kind(model, IS_MODEL):
        return fail_handle(model, "the model")
    if kind != FL1_PREDICT_LINK and kind != FL1_PREDICT_RESPONSE:
        return fail(FL1_E_KIND, "kind", "%lld does not exist", kind)
    if out == NULL:
        return fail(FL1_E_NULL, "out", "is NULL", 0)
    return FL1_OK


cdef ptrdiff_t _bad_row(const fl1_matrix* X, ptrdiff_t first) noexcept nogil:
    """The first CSR row from `first` on with an index that is no feature."""
    cdef ptrdiff_t i
    cdef int64_t e, j
    for i in range(first, X.n_rows):
        for e in range(pointer_at(X, i), pointer_at(X, i + 1)):
            j = (
                (<const int32_t*> X.indices)[e] if X.index_type == FL1_INT32
                else (<const int64_t*> X.indices)[e]
            )
            if not 0 <= j < X.n_cols:
                return i
    return first


cdef int _sparse_scores(
    const map_t* M, const fl1_matrix* X, double* out, int threads
) noexcept nogil:
    cdef csr_t lines
    cdef bint by_rows = X.layout == FL1_CSR
    cdef ptrdiff_t bad
    lines.n = X.n_rows if by_rows else X.n_cols
    lines.nnz = pointer_at(X, lines.n)
    lines.itype = FL1_I32 if X.index_type == FL1_INT32 else FL1_I64
    lines.vtype = FL1_F32 if X.value_type == FL1_FLOAT32 else FL1_F64
    lines.indptr, lines.indices = <const char*> X.indptr, <const char*> X.indices
    lines.data = <const char*> X.values
    if by_rows:
        bad = csr_scores(M, &lines, out, threads)
    else:
        bad = csc_scores(M, &lines, X.n_rows, out, threads)
    if bad < 0:
        return 0 if bad == -1 else NO_ROOM
    if by_rows:
        return fail(
            FL1_E_INDEX, "indices", "has one that is no feature in row %lld",
            _bad_row(X, bad)
        )
    return fail(FL1_E_INDEX, "indices", "has one that is no row in column %lld", bad)


cdef int _dense_scores(
    const map_t* M, const fl1_matrix* X, double* out, int threads
) noexcept nogil:
    cdef int vtype = FL1_F32 if X.value_type == FL1_FLOAT32 else FL1_F64
    cdef ptrdiff_t size = sizeof(float) if vtype == FL1_F32 else sizeof(double)
    cdef ptrdiff_t stride = X.stride * size, s
    cdef const char* values = <const char*> X.values
    cdef column_t* columns
    cdef int status
    if X.layout == FL1_ROWS:
        return dense_scores(M, values, X.n_rows, stride, size, vtype, out, threads)
    if X.n_rows == 1:
        return dense_scores(M, values, 1, size, stride, vtype, out, threads)
    columns = <column_t*> malloc((M.m + 1) * sizeof(column_t))
    if columns == NULL:
        return NO_ROOM
    for s in range(M.m):
        columns[s].data, columns[s].stride = values + M.features[s] * stride, size
        columns[s].vtype = vtype
    status = column_scores(M, columns, X.n_rows, out, threads)
    free(columns)
    return status


cdef int predict(
    const fl1_model* model, const fl1_matrix* X, int32_t kind, int32_t n_threads,
    double* out
) noexcept nogil:
    cdef const model_t* M = <const model_t*> model
    cdef fl1_matrix own
    cdef int threads
    cdef int status = _check_call(model, kind, out)
    if status < 0:
        return status
    status = take_matrix(&own, X)
    if status < 0:
        return status
    if n_threads < 0:
        return fail(FL1_E_SIZE, "n_threads", "is %lld", n_threads)
    if own.n_cols != M.map.p:
        return fail(
            FL1_E_SIZE, "n_cols", "is %lld, not the model's n_features", own.n_cols
        )
    if own.n_rows > MAX_FEATURES // M.map.n_outputs:
        return fail(FL1_E_SIZE, "n_rows", "%lld makes out too large", own.n_rows)
    if own.n_rows == 0:
        return FL1_OK
    threads = threads_of(n_threads)
    if own.layout == FL1_CSR or own.layout == FL1_CSC:
        status = _sparse_scores(&M.map, &own, out, threads)
    else:
        status = _dense_scores(&M.map, &own, out, threads)
    if status == NO_ROOM:
        return fail(FL1_E_MEMORY, "prediction", "needs more memory than there is", 0)
    if status == FL1_OK and kind == FL1_PREDICT_RESPONSE:
        _respond(M.link, own.n_rows, M.map.n_outputs, out, threads)
    return status


cdef int predict_row(
    const fl1_model* model, int64_t nnz, int32_t index_type, const void* indices,
    int32_t value_type, const void* values, int32_t kind, double* out
) noexcept nogil:
    cdef const model_t* M = <const model_t*> model
    cdef csr_t row
    cdef hits_t hits
    cdef int32_t room[SCRATCH]
    cdef int32_t ends32[2]
    cdef int64_t ends64[2]
    cdef int status = _check_call(model, kind, out)
    if status < 0:
        return status
    if not 0 <= nnz < (INT32_MAX if index_type == FL1_INT32 else MAX_FEATURES):
        return fail(FL1_E_SIZE, "nnz", "is %lld", nnz)
    if index_type != FL1_INT32 and index_type != FL1_INT64:
        return fail(FL1_E_KIND, "index_type", "%lld does not exist", index_type)
    if value_type != FL1_FLOAT32 and value_type != FL1_FLOAT64:
        return fail(FL1_E_KIND, "value_type", "%lld does not exist", value_type)
    if nnz > 0 and (indices == NULL or values == NULL):
        return fail(
            FL1_E_NULL, "indices" if indices == NULL else "values", "is NULL", 0
        )
    row.n, row.nnz = 1, nnz
    row.indices, row.data = <const char*> indices, <const char*> values
    row.vtype = FL1_F32 if value_type == FL1_FLOAT32 else FL1_F64
    if index_type == FL1_INT32:
        ends32[0], ends32[1] = 0, <int32_t> nnz
        row.itype, row.indptr = FL1_I32, <const char*> ends32
    else:
        ends64[0], ends64[1] = 0, nnz
        row.itype, row.indptr = FL1_I64, <const char*> ends64
    make_hits(&hits, room)
    if csr_link(&M.map, &row, 0, 1, &hits, out) >= 0:
        return fail(FL1_E_INDEX, "indices", "has one that is no feature", 0)
    if kind == FL1_PREDICT_RESPONSE:
        _respond_block(M.link, 1, M.map.n_outputs, out)
    return FL1_OK
