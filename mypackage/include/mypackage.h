/*
 * The C library of mypackage: exact, bit-reproducible sums and exact Fibonacci numbers.
 *
 * Arrays are a pointer to the first element, a count and a stride in bytes from each element to the
 * next. The stride may be anything: the element's size for a dense array, negative to go backwards,
 * 0 to repeat one element, no multiple of the size for a field of a packed struct. No alignment is
 * needed. A pointer may be null if the count is 0.
 *
 * Functions that can fail return a status and write nothing to `out` unless it is MYPACKAGE_OK
 * (arrays named `out` may be written in part). mypackage_error_message() explains a failure. Null
 * pointers and sizes beyond the address space are failures, not crashes. No error jumps or throws.
 *
 * Memory is allocated for the caller only where a matching `_free` is named. Every function may be
 * called from any thread; one accumulator must not be changed by two threads at once. Long sums use
 * several threads: MYPACKAGE_NUM_THREADS or mypackage_set_num_threads(). No result depends on it.
 */
#ifndef MYPACKAGE_H
#define MYPACKAGE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef int32_t mypackage_status;

enum {
    MYPACKAGE_OK = 0,
    /* A value is outside the domain of the function. */
    MYPACKAGE_ERROR_VALUE = 1,
    /* An exact result does not fit its type. */
    MYPACKAGE_ERROR_OVERFLOW = 2,
    /* A record's field is missing, unknown or of another type. */
    MYPACKAGE_ERROR_TYPE = 3,
    /* A pointer is null, or cannot be that of an accumulator. */
    MYPACKAGE_ERROR_POINTER = 4,
    /* A file cannot be read. */
    MYPACKAGE_ERROR_IO = 5,
    /* A defect in the library. */
    MYPACKAGE_ERROR_INTERNAL = 6,
    /* There is not enough memory. */
    MYPACKAGE_ERROR_MEMORY = 7
};

/* The version of the package, "1.2.3". Static. */
const char *mypackage_version(void);

/* The calling thread's last failure, in UTF-8; "" if there was none. Valid until the thread's next
   failure. */
const char *mypackage_error_message(void);

/* "Hello from rust". Static. */
const char *mypackage_hello(void);

/* left + right, or MYPACKAGE_ERROR_OVERFLOW. */
mypackage_status mypackage_add_i32(int32_t left, int32_t right, int32_t *out);

/* How many threads a call may use. */
size_t mypackage_get_num_threads(void);

/* Sets it, from 1 to 4096, for the whole process. */
mypackage_status mypackage_set_num_threads(size_t count);

/* out[i] = F(n[i]) with F(0) = 0, F(1) = 1; for negative n, F(-n) = (-1)^(n+1) F(n). If some F(n)
   does not fit, MYPACKAGE_ERROR_OVERFLOW names the first such n. `out` may be `n`. */
mypackage_status mypackage_fibonacci_i64(const int64_t *n, size_t count, ptrdiff_t stride,
                                         int64_t *out, ptrdiff_t out_stride);
mypackage_status mypackage_fibonacci_u64(const uint64_t *n, size_t count, ptrdiff_t stride,
                                         uint64_t *out, ptrdiff_t out_stride);

/* out[i] = F(n[i]) modulo m[i]. One modulus for all (m_stride 0) is fastest. A modulus of 0 is
   MYPACKAGE_ERROR_VALUE. `out` may be `n` or `m`. */
mypackage_status mypackage_fibonacci_mod_u64(const uint64_t *n, const uint64_t *m, size_t count,
                                             ptrdiff_t n_stride, ptrdiff_t m_stride, uint64_t *out,
                                             ptrdiff_t out_stride);

/* The exact sum, rounded once, half to even; 0.0 of nothing, NaN where an element is NaN or
   infinities of both signs meet. */
mypackage_status mypackage_sum_f64(const double *values, size_t count, ptrdiff_t stride,
                                   double *out);
mypackage_status mypackage_sum_f32(const float *values, size_t count, ptrdiff_t stride, float *out);

/* The exact sum of the products x[i] * y[i], rounded once. */
mypackage_status mypackage_vecdot_f64(const double *x, const double *y, size_t count,
                                      ptrdiff_t x_stride, ptrdiff_t y_stride, double *out);

/* The exact variance, sum((x - mean)^2) / (count - ddof), and its root, rounded once. NaN if an element
   is infinite or NaN, or count is 0; if count <= ddof, infinite, or NaN where all are equal. */
mypackage_status mypackage_var_f64(const double *values, size_t count, ptrdiff_t stride, double ddof,
                                   double *out);
mypackage_status mypackage_std_f64(const double *values, size_t count, ptrdiff_t stride, double ddof,
                                   double *out);

/* The root of the exact sum of squares, rounded once; no square overflows or underflows. */
mypackage_status mypackage_norm_f64(const double *values, size_t count, ptrdiff_t stride,
                                    double *out);

/* The exact sum as a value: add to it, merge it with others, round it when needed. */
typedef struct mypackage_accumulator mypackage_accumulator;

/* A new, empty accumulator; release it with mypackage_accumulator_free(). */
mypackage_status mypackage_accumulator_new(mypackage_accumulator **out);

/* Releases an accumulator. Null is allowed. */
void mypackage_accumulator_free(mypackage_accumulator *accumulator);

/* Adds numbers. */
mypackage_status mypackage_accumulator_add_f64(mypackage_accumulator *accumulator,
                                               const double *values, size_t count,
                                               ptrdiff_t stride);

/* Adds everything that `other` holds; `other` may be the accumulator itself. More than 2^62 numbers,
   or a sum that reaches 2^2112, are MYPACKAGE_ERROR_OVERFLOW, and then nothing has changed. */
mypackage_status mypackage_accumulator_merge(mypackage_accumulator *accumulator,
                                             const mypackage_accumulator *other);

/* The sum, rounded once. */
mypackage_status mypackage_accumulator_value_f64(const mypackage_accumulator *accumulator,
                                                 double *out);

/* How many numbers were added. */
mypackage_status mypackage_accumulator_count(const mypackage_accumulator *accumulator,
                                             int64_t *out);

/* Writes the accumulator's bytes to `buffer` and their number to `length`. Equal sums have equal
   bytes, on every machine. If `capacity` is too small, the status is MYPACKAGE_ERROR_VALUE and
   only `length` is written; with a null buffer of capacity 0 it is MYPACKAGE_OK: ask, then call. */
mypackage_status mypackage_accumulator_to_bytes(const mypackage_accumulator *accumulator,
                                                uint8_t *buffer, size_t capacity, size_t *length);

/* A new accumulator from such bytes; release it with mypackage_accumulator_free(). Other bytes are
   MYPACKAGE_ERROR_VALUE. */
mypackage_status mypackage_accumulator_from_bytes(const uint8_t *bytes, size_t length,
                                                  mypackage_accumulator **out);

/*
 * Records: a request of `length` bytes of JSON in, an answer in JSON out, terminated by a null.
 * A request that fails is answered too, by {"error": {"kind": ..., "message": ...}}, and the status
 * is that of the kind: "syntax", "too_large" or "value" (MYPACKAGE_ERROR_VALUE), "type"
 * (MYPACKAGE_ERROR_TYPE), "not_found" or "io" (MYPACKAGE_ERROR_IO). Release every answer with
 * mypackage_string_free(). Numbers that are not finite are the strings "NaN", "Infinity" and
 * "-Infinity". A request has 16 MiB at most.
 */

/* {"name": string, "age": integer >= 0} -> {"person": the request, "message": string} */
mypackage_status mypackage_greet(const char *request, size_t length, char **answer);

/* {"path": an .npy file of float64 or float32} or {"values": [number, ...]} -> {"count",
   "nan_count", "sum", "mean", "min", "max", "condition_number", "naive_sum", "naive_ulps",
   "pairwise_sum", "pairwise_ulps"}: see mypackage.records.Summary for what they mean. */
mypackage_status mypackage_summarize(const char *request, size_t length, char **answer);

/* Releases an answer. Null is allowed. */
void mypackage_string_free(char *string);

#ifdef __cplusplus
}
#endif

#endif
