/*
 * quiet_numbers.c is the part of quiet that is about numbers which become very small: a network that is fed zeros
 * forgets, and neither its outputs nor its states ever are denormal, which would cost a hundred times as much; at the
 * end they are zero. The host's own floating-point state is the same after every call.
 */
#include "quiet.h"

#include <math.h>
#include <signal.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

static void set_all(rnn_model *model, const char *name, rnn_dtype dtype, double value) {
  rnn_tensor_info tensor;
  double values[4 * H * H] = {0};
  RNN_INIT(tensor);
  REQUIRE_OK(rnn_model_find(model, name, &tensor));
  const size_t count = tensor.bytes / (dtype == RNN_FLOAT64 ? sizeof(double) : sizeof(float));
  for (size_t i = 0; i < count; i++) {
    if (dtype == RNN_FLOAT64)
      values[i] = value;
    else
      ((float *)values)[i] = (float)value;
  }
  REQUIRE_OK(rnn_model_set(model, name, values, tensor.bytes));
}

/* No bias, and a state that is some fraction of the one before. */
static rnn_model *forgetful_model(rnn_layer_kind kind, rnn_dtype dtype, double weight) {
  rnn_model *model = quiet_model(kind, kind == RNN_ELMAN ? RNN_IDENTITY : RNN_TANH, dtype, 1);
  set_all(model, "0.bias_ih_l0", dtype, 0);
  set_all(model, "0.bias_hh_l0", dtype, 0);
  set_all(model, "0.weight_hh_l0", dtype, weight);
  return model;
}

/* How many of the numbers are denormal, and how many are not zero. */
typedef struct tally {
  int denormal, not_zero;
} tally;

static tally count_numbers(const void *numbers, size_t count, rnn_dtype dtype) {
  tally result = {0, 0};
  for (size_t i = 0; i < count; i++) {
    const float narrow = dtype == RNN_FLOAT64 ? 0 : ((const float *)numbers)[i];
    const double wide = dtype == RNN_FLOAT64 ? ((const double *)numbers)[i] : 0;
    result.denormal += fpclassify(narrow) == FP_SUBNORMAL || fpclassify(wide) == FP_SUBNORMAL;
    result.not_zero += fpclassify(narrow) != FP_ZERO || fpclassify(wide) != FP_ZERO;
  }
  return result;
}

/* Ones for a step, then zeros until long after everything has been forgotten. */
static void forget(rnn_layer_kind kind, rnn_dtype dtype, double weight, int64_t lanes) {
  enum { MOST = 4, STEPS = 3000 };
  double input[MOST * H] = {0}, output[MOST * H] = {0}, state[2 * MOST * H] = {0};
  rnn_model *model = forgetful_model(kind, dtype, weight);
  rnn_stream *stream = quiet_stream(model, lanes);
  const size_t count = (size_t)lanes * H, size = dtype == RNN_FLOAT64 ? sizeof(double) : sizeof(float);
  const size_t states = kind == RNN_LSTM ? 2 * count : count;
  tally answers = {0, 0}, memories = {0, 0}, first = {0, 0};
  int denormal = 0;
  for (size_t i = 0; i < count; i++) {
    if (dtype == RNN_FLOAT64)
      input[i] = 1;
    else
      ((float *)input)[i] = 1;
  }
  for (int step = 0; step < STEPS; step++) {
    REQUIRE_OK(rnn_stream_step(stream, input, count * size, output, count * size));
    REQUIRE_OK(rnn_stream_get_state(stream, state, states * size));
    answers = count_numbers(output, count, dtype);
    memories = count_numbers(state, states, dtype);
    denormal += answers.denormal + memories.denormal;
    if (step == 0) first = memories;
    memset(input, 0, sizeof input);
  }
  CHECK(first.not_zero == (int)states && answers.not_zero == 0 && memories.not_zero == 0);
  if (!CHECK_INTEGER(denormal, 0)) fprintf(stderr, "  layer kind %d, element type %d\n", kind, dtype);
  REQUIRE_OK(rnn_stream_free(stream));
  REQUIRE_OK(rnn_model_free(model));
}

#if defined(__x86_64__)
/* Rounding up, denormals as they are, and a signal at a division by zero: and so it is after whatever was called. */
#define KEEPS_HOST(call)                                                                                     \
  do {                                                                                                       \
    _mm_setcsr(0x1D80u | 0x4000u);                                                                           \
    (void)(call);                                                                                            \
    const unsigned after = _mm_getcsr();                                                                     \
    _mm_setcsr(0x1F80u);                                                                                     \
    CHECK_INTEGER(after, 0x1D80u | 0x4000u);                                                                 \
  } while (0)

static void keep_host(void) {
  rnn_model *model = quiet_model(RNN_LSTM, RNN_TANH, RNN_FLOAT32, 1);
  rnn_stream *stream = quiet_stream(model, 1);
  float x[H] = {1e-40f, 1e30f}, y[H], nan[H] = {NAN}, state[2 * H];
  char bytes[24 + sizeof state];
  KEEPS_HOST(rnn_stream_prepare(stream));
  KEEPS_HOST(rnn_stream_step(stream, x, sizeof x, y, sizeof y));
  KEEPS_HOST(rnn_stream_step(stream, nan, sizeof nan, y, sizeof y));
  KEEPS_HOST(rnn_stream_step(NULL, x, sizeof x, y, sizeof y));
  KEEPS_HOST(rnn_stream_process(stream, 1, x, sizeof x, y, sizeof y));
  KEEPS_HOST(rnn_stream_process(stream, 0, x, sizeof x, y, sizeof y));
  KEEPS_HOST(rnn_stream_process((rnn_stream *)model, 1, x, sizeof x, y, sizeof y));
  KEEPS_HOST(rnn_stream_get_state(stream, state, sizeof state));
  KEEPS_HOST(rnn_stream_set_state(stream, state, sizeof state));
  KEEPS_HOST(rnn_stream_export(stream, 0, bytes, sizeof bytes));
  KEEPS_HOST(rnn_stream_import(stream, 0, bytes, sizeof bytes));
  KEEPS_HOST(rnn_stream_import(stream, 7, bytes, sizeof bytes));
  KEEPS_HOST(rnn_stream_copy(stream, 0, stream, 0));
  KEEPS_HOST(rnn_stream_swap_model(stream, model));
  KEEPS_HOST(rnn_stream_reset(stream));
  KEEPS_HOST(rnn_stream_leave(stream, 0));
  KEEPS_HOST(rnn_stream_free(stream));
  REQUIRE_OK(rnn_model_free(model));
}
#endif

void check_numbers(void) {
  for (rnn_layer_kind kind = RNN_ELMAN; kind <= RNN_LSTM; kind++)
    for (rnn_dtype dtype = RNN_FLOAT32; dtype <= RNN_FLOAT64; dtype++)
      for (int64_t lanes = 1; lanes <= 4; lanes += 3) {
        forget(kind, dtype, 0.0625, lanes); /* times H it is a half */
        forget(kind, dtype, kind == RNN_ELMAN ? 0.08 : 0, lanes);
      }
#if defined(__x86_64__)
  keep_host();
#endif
}
