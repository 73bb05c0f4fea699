// The gates of `gru.py`, on as many cells at once as a vector holds.
#pragma once

#include "../native/vectors.h"

struct GRU {
    static constexpr int GATES = 3, BIASES = 4;  // blocks of the weights, r, z, n; of the bias, r, z, n_input, n_recurrent
    static constexpr bool ONE_GRADIENT = false;  // the reset gate stands between W_hh h and the candidate

    // gates: r, z, n, q as `backward` wants them; h: h_{t-1} when called, h_t after, which is also what is shown.
    static inline Floats forward(const Floats *z_x, const Floats *z_h, const Floats *bias, Floats *gates, Floats &h) {
        const Floats r = gates[0] = sigmoid(z_x[0] + bias[0] + z_h[0]);  // reset gate
        const Floats z = gates[1] = sigmoid(z_x[1] + bias[1] + z_h[1]);  // update gate
        const Floats q = gates[3] = z_h[2] + bias[3];
        const Floats n = gates[2] = tanh(z_x[2] + bias[2] + r * q);      // candidate
        return h = n + z * (h - n);
    }

    // d_shown: from above and from the products of step t + 1; d_h: what step t + 1 kept of h_t when called, what this
    // one kept of h_{t-1} after.
    static inline void backward(const Floats *gates, Floats h_prev, Floats, Floats d_shown, Floats &d_h, Floats *d_zx,
                                Floats *d_zh) {
        const Floats r = gates[0], z = gates[1], n = gates[2], q = gates[3], d = d_shown + d_h;
        const Floats d_n = tanh_backward(d * (1.0f - z), n);
        d_zx[0] = d_zh[0] = sigmoid_backward(d_n * q, r);
        d_zx[1] = d_zh[1] = sigmoid_backward(d * (h_prev - n), z);
        d_zx[2] = d_n;
        d_zh[2] = d_n * r;
        d_h = d * z;
    }
};
