/* The C library from C:
 *
 *   cc -std=c99 -I"$(python -c 'import mypackage; print(mypackage.get_include())')" \
 *      interfaces.c "$(python -c 'import mypackage; print(mypackage.get_library())')" -o interfaces
 */
#include <mypackage.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(mypackage_status status)
{
    if (status != MYPACKAGE_OK) {
        fprintf(stderr, "status %d: %s\n", (int)status, mypackage_error_message());
        exit(EXIT_FAILURE);
    }
}

int main(void)
{
    int32_t eight;
    int64_t n[] = {10, -6, 92}, fibonacci[3];
    const uint64_t index = UINT64_C(1000000000000000000), modulus = UINT64_C(1000000007);
    uint64_t residue;
    struct sample { char name; double value; } samples[] = {{'a', 1e16}, {'b', 1}, {'c', -1e16}};
    double sum;
    mypackage_accumulator *left, *right;
    uint8_t *bytes;
    size_t length;
    const char *request = "{\"name\": \"Jan\", \"age\": 42}";
    char *answer;

    puts(mypackage_hello());
    check(mypackage_add_i32(3, 5, &eight));
    printf("3 + 5 = %" PRId32 "\n", eight);

    check(mypackage_fibonacci_i64(n, 3, sizeof *n, fibonacci, sizeof *fibonacci));
    printf("F(92) = %" PRId64 "\n", fibonacci[2]);
    check(mypackage_fibonacci_mod_u64(&index, &modulus, 1, 0, 0, &residue, 0));
    printf("F(10^18) mod (10^9 + 7) = %" PRIu64 "\n", residue);

    /* A field of a struct is an array with a stride. */
    check(mypackage_sum_f64(&samples[0].value, 3, sizeof *samples, &sum));
    printf("1e16 + 1 - 1e16 = %g\n", sum);

    /* Parts summed apart, one of them moved as bytes, and merged. */
    check(mypackage_accumulator_new(&left));
    check(mypackage_accumulator_add_f64(left, &samples[0].value, 2, sizeof *samples));
    check(mypackage_accumulator_to_bytes(left, NULL, 0, &length));
    bytes = malloc(length);
    check(mypackage_accumulator_to_bytes(left, bytes, length, &length));
    check(mypackage_accumulator_from_bytes(bytes, length, &right));
    check(mypackage_accumulator_add_f64(right, &samples[2].value, 1, 0));
    check(mypackage_accumulator_merge(left, right));
    check(mypackage_accumulator_value_f64(left, &sum));
    printf("merged: %.17g\n", sum);
    free(bytes);
    mypackage_accumulator_free(left);
    mypackage_accumulator_free(right);

    check(mypackage_greet(request, strlen(request), &answer));
    puts(answer);
    mypackage_string_free(answer);

    /* A failure is a status and a message. */
    if (mypackage_add_i32(INT32_MAX, 1, &eight) != MYPACKAGE_ERROR_OVERFLOW)
        return EXIT_FAILURE;
    puts(mypackage_error_message());
    return EXIT_SUCCESS;
}
