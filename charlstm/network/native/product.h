// The product of a step: a tile of a few lanes, times the weights of a vector's cells; the sums stay in registers.
//
// Weights are packed once a window, in the order in which the product reads them: for every WIDTH cells a block; in it,
// for every column (bfloat16: for every two), each gate's weights of these cells.
#pragma once

#include <type_traits>
#include <vector>

#include "vectors.h"

// What one instruction multiplies: a number of a lane by a vector of weights, or a pair of numbers by a vector of pairs.
template <class T>
struct Operand;

template <>
struct Operand<float> {
    static constexpr int COLUMNS = 1;
    typedef float Scalar;
    typedef Floats Vector;
};

template <>
struct Operand<bfloat16> {
    static constexpr int COLUMNS = 2;
    typedef uint32_t Scalar;
    typedef Words Vector;
};

static inline Floats multiply_add(Floats sum, float x, Floats weights) { return sum + x * weights; }

static inline Floats multiply_add(Floats sum, uint32_t x, Words weights) {
#ifdef __AVX512BF16__
    return (Floats)_mm512_dpbf16_ps((__m512)sum, (__m512bh)(Words{} + x), (__m512bh)weights);
#else
    const uint32_t upper = 0xffff0000;
    sum += (Floats)(Words{} + (x << 16)) * (Floats)(weights << 16);
    return sum + (Floats)(Words{} + (x & upper)) * (Floats)(weights & upper);
#endif
}

template <class T>
static inline long operands(long columns) {
    return (columns + Operand<T>::COLUMNS - 1) / Operand<T>::COLUMNS;
}

// How long the packed weights of WIDTH cells are.
template <class T>
static inline long packed_block(long gates, long columns) {
    return operands<T>(columns) * Operand<T>::COLUMNS * gates * WIDTH;
}

// Pack weights: of gate g the row of cell j begins at weights[(g * cells + j) * row], its columns are `column` apart.
//
// Some columns at a time, so that what is read and what is written both fit into the nearest cache.
template <class T>
static void pack(const T *weights, long gates, long cells, long columns, long row, long column, T *packed) {
    constexpr long PER = Operand<T>::COLUMNS, SOME = 16;
    const long length = operands<T>(columns);
    for (long cell = 0; cell < cells; cell += WIDTH, packed += packed_block<T>(gates, columns))
        for (long begin = 0; begin < length; begin += SOME)
            for (long g = 0; g < gates; g++)
                for (long k = begin; k < length && k < begin + SOME; k++) {
                    const T *from = weights + (g * cells + cell) * row + k * PER * column;
                    T *to = packed + (k * gates + g) * WIDTH * PER;
                    const bool whole = cell + WIDTH <= cells && (k + 1) * PER <= columns;
                    for (long j = 0; j < WIDTH; j++)
                        for (long p = 0; p < PER; p++)
                            to[j * PER + p] = whole || (cell + j < cells && k * PER + p < columns)
                                                  ? from[j * row + p * column]
                                                  : T{};
                }
}

// Lanes that go through a product together: as many as leave eight registers for what is not a sum.
constexpr int tile_lanes(int gates) { return (REGISTERS - 8) / gates; }

// Call `tile` with some lanes after the other: how many, known when this is compiled, and the first of them.
template <int LANES, class Tile>
static inline void one_tile(long lanes, long first, Tile tile) {
    if (lanes == LANES)
        tile(std::integral_constant<int, LANES>(), first);
    else if constexpr (LANES > 1)
        one_tile<LANES - 1>(lanes, first, tile);
}

template <int MOST, class Tile>
static inline void each_tile(long begin, long end, Tile tile) {
    while (begin < end) {
        const long tiles = (end - begin + MOST - 1) / MOST, lanes = (end - begin + tiles - 1) / tiles;
        one_tile<MOST>(lanes, begin, tile);
        begin += lanes;
    }
}

// What the lanes from `begin` to `end` multiply: rows of numbers.
//
// Long rows are copied, tile after tile and column after column, the lanes of a tile side by side: where they are, rows
// some pages apart push each other out of the cache.
template <int MOST, class T>
class Lanes {
    typedef typename Operand<T>::Scalar Scalar;
    static constexpr long PER = Operand<T>::COLUMNS, PAGE = 4096;
    const long begin, end, columns, row = columns * sizeof(T);
    const bool copied = row >= PAGE || columns % PER;  // also rows that end in half a pair
    std::vector<Scalar> copy;
    const T *rows = nullptr;

   public:
    Lanes(long begin, long end, long columns)
        : begin(begin), end(end), columns(columns), copy(copied ? (end - begin) * operands<T>(columns) : 0) {}

    // The numbers of all lanes; they must stay where they are.
    void take(const T *x) {
        rows = x;
        if (!copied) return;
        each_tile<MOST>(begin, end, [&](auto lanes, long first) {
            Scalar *to = copy.data() + (first - begin) * operands<T>(columns);
            for (long lane = 0; lane < lanes; lane++) {
                const T *from = x + (first + lane) * columns;
                for (long k = 0; k < operands<T>(columns); k++) {
                    Scalar number = 0;
                    memcpy(&number, from + k * PER, sizeof(T) * (k * PER + PER <= columns ? PER : 1));
                    to[k * lanes + lane] = number;
                }
            }
        });
    }

    // sums[lane][gate] = the numbers of a tile's lane, times the packed weights of WIDTH cells.
    //
    // A sum goes through the columns from the first to the last, whatever the other lanes are: how many lanes there
    // are, and who computes them, changes no bit.
    template <int LANES, int GATES>
    void times(long first, const T *weights, Floats (&sums)[LANES][GATES]) const {
        typedef typename Operand<T>::Vector Vector;
        const char *x = copied ? (const char *)(copy.data() + (first - begin) * operands<T>(columns))
                               : (const char *)(rows + first * columns);
        const long lane_after = copied ? sizeof(Scalar) : row, column_after = (copied ? LANES : 1) * sizeof(Scalar);
        Floats sum[LANES][GATES] = {};  // of its own, so that the compiler keeps it in registers
        for (long k = operands<T>(columns); k > 0; k--, x += column_after, weights += PER * GATES * WIDTH) {
            Vector w[GATES];
            memcpy(w, weights, sizeof w);
#pragma GCC unroll 16
            for (int lane = 0; lane < LANES; lane++) {
                Scalar number;
                memcpy(&number, x + lane * lane_after, sizeof number);
#pragma GCC unroll 4
                for (int gate = 0; gate < GATES; gate++)
                    sum[lane][gate] = multiply_add(sum[lane][gate], number, w[gate]);
            }
        }
        memcpy(sums, sum, sizeof sum);
    }
};
