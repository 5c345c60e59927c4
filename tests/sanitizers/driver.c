/* Calls every function of the C library with arguments of all sorts.
 *
 * Each buffer is allocated on its own and ends where the call is told that it ends, so a sanitizer
 * sees every byte that is touched beyond it. Answers are compared with those of plain loops where
 * these are exact. */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mypackage.h"

#define CHECK(condition)                                                                    \
    do {                                                                                    \
        if (!(condition)) {                                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                 \
            exit(1);                                                                        \
        }                                                                                   \
    } while (0)

/* Wide enough for exact comparisons; long double is not that under valgrind. */
typedef unsigned __int128 wide_t;

static uint64_t state = 88172645463325252u;
static unsigned long calls = 0;

static uint64_t any(void) {
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

static uint64_t below(uint64_t limit) { return any() % limit; }

static size_t some_length(void) {
    static const size_t most[] = {3, 20, 300, 5000};
    return (size_t)below(most[below(4)]);
}

/* Numbers of any bits, or small integers whose sums are exact in any order. */
static double number(int exact) {
    double x;
    uint64_t bits = any();
    if (exact) return (double)(int64_t)below(1 << 20) - (1 << 19);
    memcpy(&x, &bits, 8);
    return x;
}

/* A buffer of `count` items at a stride, one that `count` items reach to the last byte. `first` is
   where element 0 is: the last item of the buffer if the stride is negative. */
static char *buffer(size_t count, ptrdiff_t stride, size_t item, char **first) {
    size_t step = (size_t)(stride < 0 ? -stride : stride);
    size_t size = count ? (count - 1) * step + item : 0;
    char *memory = malloc(size ? size : 1);
    *first = stride < 0 && count ? memory + size - item : memory;
    return memory;
}

static ptrdiff_t some_stride(size_t item) {
    static const int factors[] = {1, 1, 2, 3, -1, -2};
    ptrdiff_t stride = (ptrdiff_t)item * factors[below(6)];
    return below(8) ? stride : stride + (stride > 0 ? 1 : -1); /* misaligned */
}

/* x >= 0 as whole * 2^-shift. */
static wide_t parts(double x, int *shift) {
    int exponent;
    double fraction = frexp(x, &exponent);
    *shift = 53 - exponent;
    return (wide_t)ldexp(fraction, 53);
}

/* Whether x is over / under, of at most 64 and 26 bits, to half a unit in the last place. */
static int is_quotient(wide_t over, wide_t under, double x) {
    int shift;
    wide_t whole = parts(x, &shift);
    if (over == 0) return x == 0;
    if (shift < 0 || shift > 100) return 0;
    over <<= shift;
    return (2 * whole - 1) * under <= 2 * over && 2 * over <= (2 * whole + 1) * under;
}

/* The same of x * x, for `under` of at most 18 bits. */
static int is_root(wide_t over, wide_t under, double x) {
    int shift;
    wide_t whole = parts(x, &shift);
    if (over == 0) return x == 0;
    if (shift < 0 || shift > 60) return 0;
    over <<= 2 * shift + 2;
    return (2 * whole - 1) * (2 * whole - 1) * under <= over &&
           over <= (2 * whole + 1) * (2 * whole + 1) * under;
}

/* Of `n` numbers at a stride; their sum and that of their squares if they are small integers. */
static void moments(char *first, size_t n, ptrdiff_t step, int exact, double total,
                    double squares) {
    double out;
    size_t ddof = (size_t)below(3);
    int defined = exact && n > ddof;
    wide_t count = n, magnitude = (wide_t)fabs(total);
    wide_t over = exact ? count * (wide_t)squares - magnitude * magnitude : 0;
    wide_t under = count * (count - ddof);
    CHECK(mypackage_norm_f64((void *)first, n, step, &out) == MYPACKAGE_OK);
    CHECK(!exact || out == sqrt(squares));
    CHECK(mypackage_var_f64((void *)first, n, step, (double)ddof, &out) == MYPACKAGE_OK);
    CHECK(!defined || is_quotient(over, under, out));
    CHECK(mypackage_std_f64((void *)first, n, step, (double)ddof, &out) == MYPACKAGE_OK);
    CHECK(!defined || n > 500 || is_root(over, under, out));
    calls += 3;
}

static void sums(void) {
    size_t n = some_length();
    int exact = (int)below(2);
    ptrdiff_t step = some_stride(8), other_step = some_stride(8), step32 = some_stride(4);
    char *first, *other_first, *first32;
    char *x = buffer(n, step, 8, &first), *y = buffer(n, other_step, 8, &other_first);
    char *x32 = buffer(n, step32, 4, &first32);
    double total = 0, products = 0, squares = 0, out;
    float out32;
    for (size_t i = 0; i < n; i++) {
        double a = number(exact), b = number(exact);
        float c = (float)number(1);
        memcpy(first + (ptrdiff_t)i * step, &a, 8);
        memcpy(other_first + (ptrdiff_t)i * other_step, &b, 8);
        memcpy(first32 + (ptrdiff_t)i * step32, &c, 4);
        total += a;
        products += a * b;
        squares += a * a;
    }
    CHECK(mypackage_sum_f64((void *)first, n, step, &out) == MYPACKAGE_OK);
    CHECK(!exact || out == total);
    CHECK(mypackage_sum_f32((void *)first32, n, step32, &out32) == MYPACKAGE_OK);
    CHECK(mypackage_vecdot_f64((void *)first, (void *)other_first, n, step, other_step, &out) ==
          MYPACKAGE_OK);
    CHECK(!exact || out == products);
    moments(first, n, step, exact, total, squares);
    mypackage_accumulator *sum, *copy;
    CHECK(mypackage_accumulator_new(&sum) == MYPACKAGE_OK);
    CHECK(mypackage_accumulator_add_f64(sum, (void *)first, n, step) == MYPACKAGE_OK);
    CHECK(mypackage_accumulator_merge(sum, sum) == MYPACKAGE_OK);
    size_t length;
    CHECK(mypackage_accumulator_to_bytes(sum, NULL, 0, &length) == MYPACKAGE_OK);
    uint8_t *bytes = malloc(length);
    CHECK(mypackage_accumulator_to_bytes(sum, bytes, length - 1, &length) == MYPACKAGE_ERROR_VALUE);
    CHECK(mypackage_accumulator_to_bytes(sum, bytes, length, &length) == MYPACKAGE_OK);
    CHECK(mypackage_accumulator_from_bytes(bytes, length, &copy) == MYPACKAGE_OK);
    int64_t count;
    CHECK(mypackage_accumulator_count(copy, &count) == MYPACKAGE_OK && count == 2 * (int64_t)n);
    CHECK(mypackage_accumulator_value_f64(copy, &out) == MYPACKAGE_OK);
    CHECK(!exact || out == 2 * total);
    mypackage_accumulator_free(copy);
    bytes[below(length)] ^= (uint8_t)(1 + below(255));
    CHECK(mypackage_accumulator_from_bytes(bytes, length, &copy) == MYPACKAGE_ERROR_VALUE);
    CHECK(strlen(mypackage_error_message()) > 0);
    free(bytes);
    mypackage_accumulator_free(sum);
    free(x), free(y), free(x32);
    calls += 12;
}

static void fibonacci(void) {
    size_t count = some_length();
    ptrdiff_t step = some_stride(8), out_step = some_stride(8), m_step = some_stride(8);
    char *first, *out_first, *m_first;
    char *n = buffer(count, step, 8, &first), *out = buffer(count, out_step, 8, &out_first);
    char *m = buffer(count, m_step, 8, &m_first);
    uint64_t bad = below(2), worst = 0, zero = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t index = below(91) + (bad && below(50) == 0 ? 10 : 0), modulus = below(99);
        memcpy(first + (ptrdiff_t)i * step, &index, 8);
        memcpy(m_first + (ptrdiff_t)i * m_step, &modulus, 8);
        worst = index > worst ? index : worst;
        zero |= modulus == 0;
    }
    mypackage_status status =
        mypackage_fibonacci_u64((void *)first, count, step, (void *)out_first, out_step);
    CHECK(status == (worst > 93 ? MYPACKAGE_ERROR_OVERFLOW : MYPACKAGE_OK));
    status = mypackage_fibonacci_i64((void *)first, count, step, (void *)out_first, out_step);
    CHECK(status == (worst > 92 ? MYPACKAGE_ERROR_OVERFLOW : MYPACKAGE_OK));
    status = mypackage_fibonacci_mod_u64((void *)first, (void *)m_first, count, step, m_step,
                                         (void *)out_first, out_step);
    CHECK(status == (zero ? MYPACKAGE_ERROR_VALUE : MYPACKAGE_OK));
    free(n), free(out), free(m);
    calls += 3;
}

static void records(void) {
    static const char *const texts[] = {
        "{\"values\": [1, 2.5, \"NaN\", 1e-310]}", "{\"values\": [\"Infinity\"]}",
        "{\"name\": \"Jan\", \"age\": 42}",        "{\"name\": \"J\\u00e4n\\u0000\", \"age\": -1}",
        "[[[[[[[[", "{\"path\": \"/nowhere\"}"};
    const char *text = texts[below(6)];
    size_t length = below(2) ? strlen(text) : (size_t)below(strlen(text));
    char *request = malloc(length ? length : 1), *answer;
    memcpy(request, text, length);
    if (length && below(2)) request[below(length)] ^= (char)(1 << below(8));
    mypackage_status first = mypackage_summarize(request, length, &answer);
    CHECK(answer && answer[0] == '{' && first != MYPACKAGE_ERROR_INTERNAL);
    mypackage_string_free(answer);
    mypackage_status second = mypackage_greet(request, length, &answer);
    CHECK(answer && answer[0] == '{' && second != MYPACKAGE_ERROR_INTERNAL);
    mypackage_string_free(answer);
    free(request);
    calls += 2;
}

static void others(void) {
    int32_t sum, left = (int32_t)any(), right = (int32_t)any();
    int64_t wide = (int64_t)left + right;
    mypackage_status status = mypackage_add_i32(left, right, &sum);
    CHECK(status == (wide == (int32_t)wide ? MYPACKAGE_OK : MYPACKAGE_ERROR_OVERFLOW));
    CHECK(status != MYPACKAGE_OK || sum == wide);
    CHECK(mypackage_set_num_threads(below(2) ? 0 : 4097) == MYPACKAGE_ERROR_VALUE);
    size_t threads = (size_t)below(3) + 1;
    CHECK(mypackage_set_num_threads(threads) == MYPACKAGE_OK);
    CHECK(mypackage_get_num_threads() == threads);
    CHECK(strlen(mypackage_version()) >= 5 && strcmp(mypackage_hello(), "Hello from rust") == 0);
    calls += 6;
}

int main(int argc, char **argv) {
    long rounds = argc > 1 ? atol(argv[1]) : 1000;
    for (long round = 0; round < rounds; round++) {
        sums();
        fibonacci();
        records();
        if (round % 8 == 0) others();
    }
    printf("%lu calls passed\n", calls);
    return 0;
}
