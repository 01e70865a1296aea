/*
 * streams.c proves what rnn.h says of the bits of a stream, for the networks of streams_networks.c. Here: steps, blocks
 * of any lengths and the forward pass over the whole sequence give the same outputs and states, also from a state that
 * the other has left, and so does an output in the place of its input. In streams_lanes.c: lanes that come, go and
 * fork; in streams_states.c: states as bytes; in streams_swap.c: weights that are handed over.
 *
 * With --short there are fewer rounds, on one thread: for valgrind.
 */
#include "streams.h"

int is_short;

enum { T = 29, ROWS = 5 };

/* The forward pass over `steps` steps; `state` is where it begins and where it ends. */
static void forward(const network *net, size_t rows, size_t steps, const char *input, char *output,
                    char *state) {
  rnn_batch batch;
  RNN_INIT(batch);
  batch.time_steps = (int64_t)steps;
  batch.batch_size = (int64_t)rows;
  batch.token_type = net->dtype == RNN_FLOAT64 ? RNN_INT64 : RNN_INT32;
  batch.input = (rnn_in){input, steps * rows * net->input};
  batch.output = (rnn_out){output, (net->info.last_step ? 1 : steps) * rows * net->output};
  if (net->state > 0) {
    batch.state = (rnn_in){state, rows * net->state};
    batch.state_out = (rnn_out){state, rows * net->state};
  }
  REQUIRE_OK(rnn_model_forward(net->model, &batch));
}

/* Steps one by one, or blocks of 1 to `longest` steps. */
static void stream_on(rnn_stream *stream, const network *net, size_t rows, size_t steps, unsigned longest,
                      const char *input, char *output) {
  uint64_t counter = longest;
  for (size_t done = 0, count = 1; done < steps; done += count) {
    const char *x = input + done * rows * net->input;
    char *y = output + done * rows * net->output;
    if (longest > 1) count = 1 + draw(&counter, longest);
    if (count > steps - done) count = steps - done;
    if (longest == 1)
      REQUIRE_OK(step(stream, net, rows, x, y));
    else
      REQUIRE_OK(process(stream, net, rows, count, x, y));
  }
}

/* The outputs, or with a head at the last step the last, and the states. */
static void check_end(rnn_stream *stream, const network *net, size_t rows, const char *output,
                      const char *expected, const char *state) {
  const size_t last = (T - 1) * rows * net->output;
  char *own = check_allocate(rows * net->state);
  if (net->info.last_step && net->weights == RNN_WEIGHTS_OWN)
    CHECK_BYTES(output + last, expected, rows * net->output);
  else
    CHECK_BYTES(output, expected, T * rows * net->output);
  if (net->state > 0) REQUIRE_OK(rnn_stream_get_state(stream, own, rows * net->state));
  CHECK_BYTES(own, state, rows * net->state);
  free(own);
}

/* What is expected: of small weights, with which the forward pass does not compute, what a stream makes of single steps. */
static void expect(rnn_stream *stream, const network *net, size_t rows, const char *input, char *expected,
                   char *state) {
  if (net->weights == RNN_WEIGHTS_OWN) {
    forward(net, rows, T, input, expected, state);
    return;
  }
  stream_on(stream, net, rows, T, 1, input, expected);
  if (net->state > 0) REQUIRE_OK(rnn_stream_get_state(stream, state, rows * net->state));
}

/* Twice T steps, from the state that a stream begins with: the second time all go on from the one that is expected. */
static void check_rows(const network *net, size_t rows) {
  static const unsigned longest[] = {1, 2, 7, T};
  uint64_t counter = rows;
  char *input = check_allocate(T * rows * net->input), *expected = check_allocate(T * rows * net->output);
  char *output = check_allocate(T * rows * net->output), *state = check_allocate(rows * net->state);
  rnn_stream *streams[5];
  for (int i = 0; i < 5; i++)
    streams[i] = open_stream(net, (int64_t)rows, 0);
  if (net->state > 0) REQUIRE_OK(rnn_stream_get_state(streams[4], state, rows * net->state));
  for (int round = 0; round < 2; round++) {
    draw_input(net, input, T * rows, &counter);
    expect(streams[4], net, rows, input, expected, state);
    for (int i = 0; i < 4; i++) {
      stream_on(streams[i], net, rows, T, longest[i], input, output);
      check_end(streams[i], net, rows, output, expected, state);
      if (net->state > 0) REQUIRE_OK(rnn_stream_set_state(streams[i], state, rows * net->state));
    }
  }
  for (int i = 0; i < 5; i++)
    REQUIRE_OK(rnn_stream_free(streams[i]));
  free(input), free(expected), free(output), free(state);
}

void check_blocks(const network *net) {
  check_rows(net, ROWS);
  if (is_short) return;
  check_rows(net, 1);
  check_rows(net, 2);
  check_rows(net, MOST_ROWS);
}

/* ---- In place ---- */

/* Where an input and an output have one size, a stream that writes over its input answers as one that does not. */
static void check_lanes_in_place(const network *net, size_t rows, int64_t idle) {
  const size_t bytes = T * rows * net->input;
  uint64_t counter = rows;
  char *input = check_allocate(bytes), *expected = check_allocate(bytes), *both = check_allocate(bytes);
  rnn_stream *apart = open_stream(net, (int64_t)rows, idle),
             *stepping = open_stream(net, (int64_t)rows, idle),
             *processing = open_stream(net, (int64_t)rows, idle);
  draw_input(net, input, T * rows, &counter);
  memcpy(expected, input, bytes); /* what idle lanes have is left */
  REQUIRE_OK(process(apart, net, rows, T, input, expected));
  memcpy(both, input, bytes);
  for (size_t t = 0; t < T; t++)
    REQUIRE_OK(step(stepping, net, rows, both + t * rows * net->input, both + t * rows * net->input));
  CHECK_BYTES(both, expected, bytes);
  memcpy(both, input, bytes);
  REQUIRE_OK(process(processing, net, rows, T, both, both));
  CHECK_BYTES(both, expected, bytes);
  REQUIRE_OK(rnn_stream_free(apart));
  REQUIRE_OK(rnn_stream_free(stepping));
  REQUIRE_OK(rnn_stream_free(processing));
  free(input), free(expected), free(both);
}

void check_in_place(const network *net) {
  if (net->input != net->output) return;
  check_lanes_in_place(net, 1, 0);
  check_lanes_in_place(net, ROWS, 0);
  check_lanes_in_place(net, ROWS, 2);
  check_lanes_in_place(net, ROWS, ROWS);
}

int main(int count, char **arguments) {
  is_short = count == 2 && strcmp(arguments[1], "--short") == 0;
  if (is_short) REQUIRE_OK(rnn_set_num_threads(1));
  for_each_network(check_blocks);
  for_each_network(check_in_place);
  for_each_network(check_lanes);
  for_each_network(check_bytes_of_states);
  for_each_network(check_swaps);
  for_each_network(check_swaps_beside_steps);
  return check_finish(is_short ? "streams --short" : "streams");
}
