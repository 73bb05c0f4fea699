// All steps of a window of one layer: the mathematics of `cells`, each step's product and gates in one pass.
//
// What a step multiplies and what it adds never leaves the registers between the two, and nobody is called in between.
// The lanes are shared out among threads, each of which goes through the whole window alone. Compiled for a cell type
// and a type of the products: CELL and NUMBER. Called from `functions.py`.
//
//     Legend: T steps, B lanes, H cells a layer; memory: the cell state of an LSTM, else the hidden state.
#include <system_error>
#include <thread>
#include <vector>

#include "../cells/gru.h"
#include "../cells/lstm.h"
#include "product.h"

typedef CELL Cell;
typedef NUMBER Number;

constexpr int SAVED = 4;  // blocks that the backward pass reads again, with either cell type

constexpr int FORWARD_TILE = tile_lanes(Cell::GATES);
constexpr int BACKWARD_TILE = tile_lanes(2);  // one sum a lane, and so many are enough to keep the processor busy

// Call `run` with the part of `all` that each thread takes: OpenMP's threads, which are awake, or new ones without it.
template <class Run>
static inline void share_out(long all, long threads, Run run) {
    const auto part = [=](long k) { run(all * k / threads, all * (k + 1) / threads); };
#ifdef _OPENMP
#pragma omp parallel for num_threads(threads) schedule(static, 1)
    for (long k = 0; k < threads; k++) part(k);
#else
    std::vector<std::thread> others;
    for (long k = 1; k < threads; k++) {
        try {
            others.emplace_back(part, k);
        } catch (const std::system_error &) {  // the system gives us no more
            part(k);
        }
    }
    part(0);
    for (auto &other : others) other.join();
#endif
}

// The gates of some cells of one lane, and their gradients: every pointer leads to the first of these cells, blocks are
// H apart, and `count` cells are left from there on. Without `gates` they are not kept.
static inline void cells_forward(long H, long count, const Floats *z_x, const Floats *z_h, const Floats *bias,
                                 const float *memory_prev, float *gates, float *memory, Number *shown) {
    Floats g[SAVED], m = load(memory_prev, count);
    store(shown, Cell::forward(z_x, z_h, bias, g, m), count);
    store(memory, m, count);
    if (gates)
        for (int k = 0; k < SAVED; k++) store(gates + k * H, g[k], count);
}

static inline void cells_backward(long H, long count, const float *gates, const float *memory_prev,
                                  const float *memory, Floats d_h, float *d_memory, Number *d_zx, Number *d_zh) {
    Floats g[SAVED], d_z_x[Cell::GATES], d_z_h[Cell::GATES], d_m = load(d_memory, count);
    for (int k = 0; k < SAVED; k++) g[k] = load(gates + k * H, count);
    Cell::backward(g, load(memory_prev, count), load(memory, count), d_h, d_m, d_z_x, d_z_h);
    store(d_memory, d_m, count);
    for (int k = 0; k < Cell::GATES; k++) {
        store(d_zx + k * H, d_z_x[k], count);
        if (!Cell::ONE_GRADIENT) store(d_zh + k * H, d_z_h[k], count);
    }
}

// Blocks of as many cells as a vector holds: the first begins at `from`, the others H apart.
template <int BLOCKS>
struct Blocks {
    Floats of[BLOCKS];

    template <class T>
    Blocks(const T *from, long H, long count) {
        for (int k = 0; k < BLOCKS; k++) of[k] = load(from + k * H, count);
    }
};

typedef Blocks<Cell::GATES> Sums;
typedef Blocks<Cell::BIASES> Bias;

// The gradients of a step, but for its product, of the lanes from `begin` to `end`. D: the type of `d_h`.
template <class D>
static inline void lanes_backward(long begin, long end, long H, const float *gates, const float *memory_prev,
                                  const float *memory, const Number *d_above, const D *d_h, float *d_memory,
                                  Number *d_zx, Number *d_zh) {
    for (long lane = begin; lane < end; lane++)
        for (long j = 0; j < H; j += WIDTH) {
            const long at = lane * H + j, z = lane * Cell::GATES * H + j, count = H - j;
            cells_backward(H, count, gates + lane * SAVED * H + j, memory_prev + at, memory + at,
                           load(d_above + at, count) + load(d_h + at, count), d_memory + at, d_zx + z, d_zh + z);
        }
}

extern "C" {

// How many numbers `pack_weights` writes.
long packed_length(long gates, long cells, long columns) {
    return (cells + WIDTH - 1) / WIDTH * packed_block<Number>(gates, columns);
}

void pack_weights(long gates, long cells, long columns, long row, long column, const Number *weights, Number *packed) {
    pack(weights, gates, cells, columns, row, column, packed);
}

// Args:
//     keeps: whether a backward pass follows; without, `gates` has room for one step and `memory` for two.
//     z_x: W_ih x, (T, B, GATES*H); or (V, GATES*H), and `ids` (T, B) says which of its rows each lane reads.
//     weights: W_hh (GATES*H, H), packed; bias: (BIASES*H).
//     gates: (T, B, SAVED*H), written; memory: (T + 1, B, H), the first given, the others written.
//     shown: (T + 1, B, H), likewise: the hidden state in the type of the products.
void window_forward(long T, long B, long H, long keeps, long threads, const Number *z_x, const int64_t *ids,
                    const Number *weights, const float *bias, float *gates, float *memory, Number *shown) {
    const long block = packed_block<Number>(Cell::GATES, H);
    share_out(B, threads, [=](long begin, long end) {
        Lanes<FORWARD_TILE, Number> h(begin, end, H);
        for (long t = 0; t < T; t++) {
            const float *memory_prev = memory + (keeps ? t : t % 2) * B * H;
            float *memory_now = memory + (keeps ? t + 1 : 1 - t % 2) * B * H;
            float *gates_now = gates + (keeps ? t : 0) * B * SAVED * H;
            Number *shown_now = shown + (t + 1) * B * H;
            h.take(shown + t * B * H);
            for (long j = 0; j < H; j += WIDTH) {
                const Bias b(bias + j, H, H - j);
                each_tile<FORWARD_TILE>(begin, end, [&](auto lanes, long first) {
                    Floats z_h[lanes][Cell::GATES];
                    h.times(first, weights + j / WIDTH * block, z_h);
                    for (long l = 0; l < lanes; l++) {
                        const long lane = first + l, row = ids ? ids[t * B + lane] : t * B + lane, at = lane * H + j;
                        const Sums x(z_x + row * Cell::GATES * H + j, H, H - j);
                        cells_forward(H, H - j, x.of, z_h[l], b.of, memory_prev + at,
                                      gates_now + lane * SAVED * H + j, memory_now + at, shown_now + at);
                    }
                });
            }
        }
    });
}

// Args:
//     weights: the transpose of W_hh, (H, GATES*H), packed as one gate.
//     d_above: (T, B, H), from the layer above; gates, memory: as `window_forward` left them.
//     d_h, d_memory: (B, H), of the states after the window when called, of those before it after; where the hidden
//         state is the memory, d_h is what came through the products.
//     d_zx, d_zh: (T, B, GATES*H), written: of W_ih x and W_hh h; with one gradient for both, the same memory.
void window_backward(long T, long B, long H, long threads, const Number *weights, const Number *d_above,
                     const float *gates, const float *memory, float *d_h, float *d_memory, Number *d_zx,
                     Number *d_zh) {
    const long columns = Cell::GATES * H, block = packed_block<Number>(1, columns);
    share_out(B, threads, [=](long begin, long end) {
        Lanes<BACKWARD_TILE, Number> d_z(begin, end, columns);
        for (long t = T - 1; t >= 0; t--) {
            const long state = t * B * H, z = t * B * columns;
            lanes_backward(begin, end, H, gates + t * B * SAVED * H, memory + state, memory + state + B * H,
                           d_above + state, d_h, d_memory, d_zx + z, d_zh + z);
            d_z.take(d_zh + z);
            for (long j = 0; j < H; j += WIDTH)
                each_tile<BACKWARD_TILE>(begin, end, [&](auto lanes, long first) {
                    Floats through[lanes][1];
                    d_z.times(first, weights + j / WIDTH * block, through);
                    for (long l = 0; l < lanes; l++) store(d_h + (first + l) * H + j, through[l][0], H - j);
                });
        }
    });
}

// One character, when no window is known: a step of a layer, whose cells the threads share out.
//
// Args:
//     table: W_ih x of every character, (V, GATES*H), and `ids` (B); or nothing, and what the layer below shows is read:
//     below: (B, H), and weights_ih: W_ih, packed as W_hh is.
//     memory: (B, H), before the step when called, after it after; shown_prev, shown: (B, H), before and after.
void layer_step(long B, long H, long threads, const Number *table, const int64_t *ids, const Number *below,
                const Number *weights_ih, const Number *weights_hh, const float *bias, float *memory,
                const Number *shown_prev, Number *shown) {
    const long block = packed_block<Number>(Cell::GATES, H), vectors = (H + WIDTH - 1) / WIDTH;
    share_out(vectors, threads, [=](long begin, long end) {
        Lanes<FORWARD_TILE, Number> h(0, B, H), x(0, below ? B : 0, H);
        h.take(shown_prev);
        if (below) x.take(below);
        for (long j = begin * WIDTH; j < end * WIDTH; j += WIDTH) {
            const Bias b(bias + j, H, H - j);
            each_tile<FORWARD_TILE>(0, B, [&](auto lanes, long first) {
                Floats z_x[lanes][Cell::GATES], z_h[lanes][Cell::GATES];
                h.times(first, weights_hh + j / WIDTH * block, z_h);
                if (below)
                    x.times(first, weights_ih + j / WIDTH * block, z_x);
                else
                    for (long l = 0; l < lanes; l++) {
                        const Sums row(table + ids[first + l] * Cell::GATES * H + j, H, H - j);
                        memcpy(z_x[l], row.of, sizeof row.of);
                    }
                for (long l = 0; l < lanes; l++) {
                    const long at = (first + l) * H + j;
                    cells_forward(H, H - j, z_x[l], z_h[l], b.of, memory + at, nullptr, memory + at, shown + at);
                }
            });
        }
    });
}

// One step without its product, for those who have one that is faster: z_x and z_h are W_ih x and W_hh h, (B, GATES*H).
void gates_forward(long B, long H, const Number *z_x, const Number *z_h, const float *bias, const float *memory_prev,
                   float *gates, float *memory, Number *shown) {
    for (long lane = 0; lane < B; lane++)
        for (long j = 0; j < H; j += WIDTH) {
            const long at = lane * H + j, z = lane * Cell::GATES * H + j;
            const Sums x(z_x + z, H, H - j), h(z_h + z, H, H - j);
            const Bias b(bias + j, H, H - j);
            cells_forward(H, H - j, x.of, h.of, b.of, memory_prev + at, gates + lane * SAVED * H + j, memory + at,
                          shown + at);
        }
}

void gates_backward(long B, long H, const float *gates, const float *memory_prev, const float *memory,
                    const Number *d_above, const Number *d_h_next, float *d_memory, Number *d_zx, Number *d_zh) {
    lanes_backward(0, B, H, gates, memory_prev, memory, d_above, d_h_next, d_memory, d_zx, d_zh);
}
}
