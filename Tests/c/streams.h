/*
 * streams.h: what the parts of streams share: networks of every kind, their inputs, and numbers that look random but
 * depend on nothing but a counter.
 */
#ifndef STREAMS_H
#define STREAMS_H

#include "check.h"

/* For valgrind. */
extern int is_short;

enum { NETWORKS = 21, FIRST_IN_PHASES = 16, MOST_ROWS = 16, MOST_WIDTH = 64 };

/* A model of the table in streams_networks.c and what it takes, gives and keeps, in bytes. */
typedef struct network {
  int index;
  rnn_dtype dtype;
  rnn_weights weights;
  rnn_model *model;
  rnn_model_info info;
  size_t size;          /* of a number, or a token */
  size_t input, output; /* of one row */
  size_t state;         /* of one row */
} network;

/* The same index, element type, form and seed give the same weights. */
network open_network(int index, rnn_dtype dtype, rnn_weights weights, uint64_t seed);
void close_network(network *net);
void describe_failure(const network *net); /* to stderr */

rnn_stream *open_stream(const network *net, int64_t lanes, int64_t idle);

/* The next number of a sequence, in 0 ..< limit. */
unsigned draw(uint64_t *counter, unsigned limit);

/* So many rows of input: tokens, or numbers in [-1, 1). */
void draw_input(const network *net, void *input, size_t rows, uint64_t *counter);

/* A row that no active lane may have. */
void spoil_input(const network *net, void *row);

rnn_status step(rnn_stream *stream, const network *net, size_t rows, const void *input, void *output);
rnn_status process(rnn_stream *stream, const network *net, size_t rows, size_t steps, const void *input,
                   void *output);

/* Calls body for every network, in float32, also with small weights, and in float64; with --short in one of these. */
void for_each_network(void (*body)(const network *));

/* The parts. */
void check_blocks(const network *net);
void check_in_place(const network *net);
void check_lanes(const network *net);
void check_bytes_of_states(const network *net);
void check_swaps(const network *net);
void check_swaps_beside_steps(const network *net);

#endif
