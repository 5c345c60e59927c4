/* The cost of a call from C; benchmarks/interfaces.py compiles it and reads the output. */
#define _POSIX_C_SOURCE 199309L
#include <mypackage.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* The nanoseconds of a call: the best of nine runs. */
#define MEASURE(name, times, call)                                      \
    do {                                                                \
        double best = 1e300;                                            \
        for (int run = 0; run < 9; run++) {                             \
            double start = now();                                       \
            for (int i = 0; i < (times); i++)                           \
                (void)(call);                                           \
            double elapsed = (now() - start) / (times);                 \
            best = elapsed < best ? elapsed : best;                     \
        }                                                               \
        printf("%s %.1f\n", name, best);                                \
    } while (0)

int main(void)
{
    size_t size = 1000000;
    double few[8], total, *many = malloc(size * sizeof *many);
    int64_t n = 50, out;
    int32_t eight;

    for (size_t i = 0; i < 8; i++)
        few[i] = 0.1;
    for (size_t i = 0; i < size; i++)
        many[i] = (double)(i % 1000) + 0.1;
    MEASURE("add", 1000000, mypackage_add_i32(3, 5, &eight));
    MEASURE("fibonacci", 1000000, mypackage_fibonacci_i64(&n, 1, 0, &out, 0));
    MEASURE("sum_few", 100000, mypackage_sum_f64(few, 8, sizeof *few, &total));
    MEASURE("sum_many", 20, mypackage_sum_f64(many, size, sizeof *many, &total));
    free(many);
    return 0;
}
