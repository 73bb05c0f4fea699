// As many numbers as a register of this processor holds, and what the gates compute with all of them at once.
//
// The types are GCC's and Clang's vectors: one source for every processor.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__AVX512F__)
#include <immintrin.h>
constexpr int WIDTH = 16, REGISTERS = 32;
#elif defined(__AVX__)
constexpr int WIDTH = 8, REGISTERS = 16;
#elif defined(__aarch64__)
constexpr int WIDTH = 4, REGISTERS = 32;
#else
constexpr int WIDTH = 4, REGISTERS = 16;
#endif

typedef float Floats __attribute__((vector_size(4 * WIDTH)));
typedef uint32_t Words __attribute__((vector_size(4 * WIDTH)));
typedef uint16_t Halves __attribute__((vector_size(2 * WIDTH)));

struct bfloat16 {
    uint16_t bits;  // the upper half of a float
};

// The first `count` numbers at `from`, or as many as a vector holds; the rest are zero.
template <class Vector, class T>
static inline Vector read(const T *from, long count) {
    static_assert(sizeof(Vector) == WIDTH * sizeof(T));
    Vector x = {};
    if (count >= WIDTH)
        memcpy(&x, from, sizeof x);
    else
        memcpy(&x, from, count * sizeof(T));
    return x;
}

template <class Vector, class T>
static inline void write(T *to, Vector x, long count) {
    static_assert(sizeof(Vector) == WIDTH * sizeof(T));
    if (count >= WIDTH)
        memcpy(to, &x, sizeof x);
    else
        memcpy(to, &x, count * sizeof(T));
}

static inline Floats load(const float *from, long count) { return read<Floats>(from, count); }

static inline Floats load(const bfloat16 *from, long count) {
    return (Floats)(__builtin_convertvector(read<Halves>(from, count), Words) << 16);
}

static inline void store(float *to, Floats x, long count) { write(to, x, count); }

// Rounded to the nearest, ties to even; what is not a number stays so.
static inline void store(bfloat16 *to, Floats x, long count) {
    const Words bits = (Words)x, rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16, none = Words{} + 0x7fc0;
    const Words is_number = (Words)(x == x);
    write(to, __builtin_convertvector((rounded & is_number) | (none & ~is_number), Halves), count);
}

// e^x, to two units in the last place: x = n log 2 + r, a polynomial for e^r (Moshier's, in Cephes), n as the exponent.
// Beyond -87 and 87, where a float's range ends soon, as there.
static inline Floats exponential(Floats x) {
    const Floats low = Floats{} - 87.0f, high = Floats{} + 87.0f;
    x = x < low ? low : x;
    x = x > high ? high : x;
    const float to_integer = 12582912.0f;  // 1.5 * 2^23: adding it leaves no room for a fraction
    const Floats shifted = x * 1.44269504f + to_integer, n = shifted - to_integer;
    const Floats r = x - n * 0.693359375f + n * 2.12194440e-4f;
    Floats y = Floats{} + 1.9875691500e-4f;
    y = y * r + 1.3981999507e-3f;
    y = y * r + 8.3334519073e-3f;
    y = y * r + 4.1665795894e-2f;
    y = y * r + 1.6666665459e-1f;
    y = y * r + 5.0000001201e-1f;
    y = y * r * r + r + 1.0f;
    return y * (Floats)(((Words)shifted << 23) + (127 << 23));
}

static inline Floats sigmoid(Floats x) { return 1.0f / (1.0f + exponential(-x)); }
static inline Floats tanh(Floats x) { return 2.0f * sigmoid(2.0f * x) - 1.0f; }

// Gradients, given the value y of the function.
static inline Floats sigmoid_backward(Floats gradient, Floats y) { return gradient * y * (1.0f - y); }
static inline Floats tanh_backward(Floats gradient, Floats y) { return gradient * (1.0f - y * y); }
