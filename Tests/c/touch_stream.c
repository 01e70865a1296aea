/*
 * touch_stream.c is the part of smoke --short that walks through lanes, blocks, states as bytes and swaps, with
 * memory of exactly the right size that is not initialised.
 */
#include "touch_stream.h"

#include <math.h>

enum { B = 3, STEPS = 2 };

static void *uninitialized(size_t bytes) {
  void *memory = malloc(bytes);
  if (!memory) exit(EXIT_FAILURE);
  return memory;
}

/* Looks at every number of a lane's output, in each step of a block. */
static void check_lane(const void *output, size_t step_bytes, int steps, int lane, rnn_dtype dtype) {
  const size_t size = dtype == RNN_FLOAT32 ? sizeof(float) : sizeof(double), row = step_bytes / B / size;
  int finite = 1;
  for (int step = 0; step < steps; step++) {
    for (size_t place = 0; place < row; place++) {
      const char *at = (const char *)output + (size_t)step * step_bytes + ((size_t)lane * row + place) * size;
      finite &= isfinite(dtype == RNN_FLOAT32 ? (double)*(const float *)at : *(const double *)at);
    }
  }
  CHECK(finite);
}

/* From its own lane to the idle one, by bytes at an odd address, by a copy, and from zeros. */
static void touch_lanes(rnn_stream *stream, size_t state_bytes) {
  char *bytes = uninitialized(state_bytes + 1);
  REQUIRE_OK(rnn_stream_export(stream, 0, bytes + 1, state_bytes));
  CHECK_BYTES(bytes + 1, "RNNSTATE", 8);
  REQUIRE_OK(rnn_stream_import(stream, B - 1, bytes + 1, state_bytes));
  REQUIRE_OK(rnn_stream_copy(stream, 1, stream, B - 1));
  REQUIRE_OK(rnn_stream_leave(stream, 0));
  REQUIRE_OK(rnn_stream_import(stream, 0, NULL, 0));
  REQUIRE_OK(rnn_stream_leave(stream, 1));
  free(bytes);
}

void touch_stream_of(rnn_model *model, rnn_dtype integers, rnn_in input, size_t output_bytes) {
  rnn_model_info model_info;
  rnn_stream_options options;
  rnn_stream_info info;
  rnn_stream *stream = NULL;
  char *block = uninitialized(STEPS * input.bytes), *output = uninitialized(STEPS * output_bytes);
  RNN_INIT(model_info);
  RNN_INIT(options);
  RNN_INIT(info);
  options.batch_size = B;
  options.token_type = integers;
  options.idle_lanes = 1;
  for (int step = 0; step < STEPS; step++)
    memcpy(block + (size_t)step * input.bytes, input.data, input.bytes);
  REQUIRE_OK(rnn_model_describe(model, &model_info));
  REQUIRE_OK(rnn_stream_create(model, &options, &stream));
  REQUIRE_OK(rnn_stream_prepare(stream));
  REQUIRE_OK(rnn_stream_process(stream, STEPS, block, STEPS * input.bytes, output, STEPS * output_bytes));
  check_lane(output, output_bytes, STEPS, 1, model_info.dtype);
  REQUIRE_OK(rnn_stream_swap_model(stream, model)); /* replaced before it is used */
  REQUIRE_OK(rnn_stream_swap_model(stream, model));
  REQUIRE_OK(rnn_stream_describe(stream, &info));
  CHECK(info.active_lanes == B - 1 && info.swaps == 0 && info.weight_bytes > 0);
  touch_lanes(stream, info.state_bytes);
  REQUIRE_OK(rnn_stream_step(stream, input.data, input.bytes, output, output_bytes));
  check_lane(output, output_bytes, 1, 0, model_info.dtype);
  check_lane(output, output_bytes, 1, B - 1, model_info.dtype);
  REQUIRE_OK(rnn_stream_describe(stream, &info));
  CHECK(info.active_lanes == B - 1 && info.swaps == 1);
  REQUIRE_OK(rnn_stream_swap_model(stream, model)); /* never used: freed with the stream */
  REQUIRE_OK(rnn_stream_free(stream));
  free(block);
  free(output);
}
