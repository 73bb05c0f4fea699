// The gates of `lstm.py`, on as many cells at once as a vector holds.
#pragma once

#include "../native/vectors.h"

struct LSTM {
    static constexpr int GATES = 4, BIASES = 4;   // blocks of the weights, and of the bias: i, f, g, o
    static constexpr bool ONE_GRADIENT = true;    // whether W_ih x and W_hh h are only ever added

    // gates: i, f, g, o as `backward` wants them; c: c_{t-1} when called, c_t after; returns h_t.
    static inline Floats forward(const Floats *z_x, const Floats *z_h, const Floats *bias, Floats *gates, Floats &c) {
        const Floats i = gates[0] = sigmoid(z_x[0] + bias[0] + z_h[0]);  // input gate
        const Floats f = gates[1] = sigmoid(z_x[1] + bias[1] + z_h[1]);  // forget gate
        const Floats g = gates[2] = tanh(z_x[2] + bias[2] + z_h[2]);     // candidate
        const Floats o = gates[3] = sigmoid(z_x[3] + bias[3] + z_h[3]);  // output gate
        c = f * c + i * g;
        return o * tanh(c);
    }

    // d_h: from above and from step t + 1; d_c: d_c_t when called, d_c_{t-1} after; d_z: the four pre-activations.
    static inline void backward(const Floats *gates, Floats c_prev, Floats c, Floats d_h, Floats &d_c, Floats *d_z,
                                Floats *) {
        const Floats i = gates[0], f = gates[1], g = gates[2], o = gates[3], tanh_c = tanh(c);
        const Floats d = d_c + tanh_backward(d_h * o, tanh_c);
        d_z[0] = sigmoid_backward(d * g, i);
        d_z[1] = sigmoid_backward(d * c_prev, f);
        d_z[2] = tanh_backward(d * i, g);
        d_z[3] = sigmoid_backward(d_h * tanh_c, o);
        d_c = d * f;
    }
};
