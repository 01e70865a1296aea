/*
 * misuse_handles.c is the part of misuse that is the same for many functions: handles that are none, are closed,
 * damaged or of another type, and structs of sizes that no version has, or that an older or newer one has.
 */
#include "misuse.h"

#include <stddef.h>

/* ---- Handles ---- */

/* A function that takes a handle, where among the arguments it stands, and of what type it is. */
typedef struct handle_use {
  const function *function;
  const char *named;
  size_t offset, type;
} handle_use;

#define TAKES_AS(named, function, field, type)                                                               \
  { &(function), named, offsetof(arguments, field), offsetof(arguments, type) }
#define TAKES(function, handle) TAKES_AS(#handle, function, handle, handle)

static const handle_use handle_uses[] = {
    TAKES(model_free, model),
    TAKES(model_describe, model),
    TAKES(model_layer, model),
    TAKES(model_tensor, model),
    TAKES(model_find, model),
    TAKES(model_state_tensor, model),
    TAKES(model_get, model),
    TAKES(model_set, model),
    TAKES(model_quantize, model),
    TAKES(model_forward, model),
    TAKES(trainer_create, model),
    TAKES(stream_create, model),
    TAKES(model_save, model),
    TAKES(trainer_free, trainer),
    TAKES(trainer_step, trainer),
    TAKES(trainer_evaluate, trainer),
    TAKES(trainer_describe, trainer),
    TAKES(trainer_gradient, trainer),
    TAKES(trainer_set_learning_rate, trainer),
    TAKES(trainer_model, trainer),
    TAKES(trainer_save, trainer),
    TAKES(trainer_set_penalties, trainer),
    TAKES_AS("trainer", trainer_report_metric, patient_trainer, trainer),
    TAKES_AS("trainer", trainer_average, patient_trainer, trainer),
    TAKES(trainer_set_group, trainer),
    TAKES(trainer_flow, trainer),
    TAKES(trainer_flow_series, trainer),
    TAKES(trainer_tensor_flow, trainer),
    TAKES_AS("trainer", trainer_class_weights, ctc_trainer, trainer),
    TAKES(stream_free, stream),
    TAKES(stream_prepare, stream),
    TAKES(stream_describe, stream),
    TAKES(stream_step, stream),
    TAKES(stream_process, stream),
    TAKES(stream_reset, stream),
    TAKES(stream_get_state, stream),
    TAKES(stream_set_state, stream),
    TAKES_AS("stream", stream_export, sparse_stream, stream),
    TAKES_AS("stream", stream_import, sparse_stream, stream),
    TAKES_AS("stream", stream_copy, stream, stream),
    TAKES_AS("other", stream_copy, sparse_stream, stream),
    TAKES_AS("stream", stream_leave, sparse_stream, stream),
    TAKES(stream_swap_model, stream),
    TAKES(stream_swap_model, model),
    TAKES(model_spectrum, model),
    TAKES(model_jacobian, model),
    TAKES(model_lyapunov, model),
    TAKES(trainer_floss, trainer),
};

/* What a handle is not: nothing, numbers, addresses, closed handles, damaged ones, and those of other types. */
static void check_handle(const handle_use *use) {
  static const size_t others[] = {offsetof(arguments, model), offsetof(arguments, trainer),
                                  offsetof(arguments, stream)};
  static const size_t places[] = {offsetof(arguments, on_stack),       offsetof(arguments, on_heap),
                                  offsetof(arguments, in_text),        offsetof(arguments, closed_model),
                                  offsetof(arguments, closed_trainer), offsetof(arguments, closed_stream)};
  static const uint64_t numbers[] = {
      0, 1, 2, 3, 4096, UINT64_MAX, UINT64_MAX - 1, INT64_MAX, UINT64_C(1) << 63};
  static const uint64_t damages[] = {UINT64_C(1) << 40, UINT64_C(1) << 63, UINT64_MAX, 1, 1 << 12};
  misuse m = {use->function, RNN_ERR_HANDLE, use->named, {{0}}};
  const int is_free = strstr(use->function->name, "_free") != NULL;
  for (size_t i = is_free ? 1 : 0; i < sizeof numbers / sizeof *numbers; i++) {
    m.changes[0] = (change){SET, use->offset, sizeof(void *), numbers[i], "a number for a handle"};
    check_misuse(&m);
  }
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    m.changes[0] = (change){COPY, use->offset, sizeof(void *), places[i], "an address or a closed handle"};
    check_misuse(&m);
  }
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    m.changes[0] = (change){COPY, use->offset, sizeof(void *), others[i], "a handle of another type"};
    if (others[i] != use->type) check_misuse(&m);
  }
  for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
    m.changes[0] = (change){ADD, use->offset, sizeof(void *), damages[i], "a damaged handle"};
    check_misuse(&m);
  }
}

static void free_twice(const void *argument) {
  const function *function = argument;
  CHECK_STATUS(function->call(&valid), RNN_OK);
  for (int i = 0; i < 3; i++)
    check_refusal(function->call(&valid), RNN_ERR_HANDLE, "closed");
}

void check_handles(void) {
  static const function *const frees[] = {&model_free, &trainer_free, &stream_free};
  for (size_t i = 0; i < sizeof handle_uses / sizeof *handle_uses; i++)
    check_handle(&handle_uses[i]);
  for (int i = 0; i < 3; i++)
    check_in_child(frees[i]->name, "a handle twice", free_twice, frees[i]);
}

/* ---- Struct sizes ---- */

typedef struct struct_use {
  const function *function;
  const char *named;
  size_t offset, size;
  int is_written, can_be_shorter;
} struct_use;

#define STRUCT(function, field, named, is_written, can_be_shorter)                                           \
  {                                                                                                          \
    &(function), named, offsetof(arguments, field), sizeof(((arguments *)0)->field), is_written,             \
        can_be_shorter                                                                                       \
  }
#define READS(function, field, named) STRUCT(function, field, named, 0, 1)
#define WRITES(function, field, named) STRUCT(function, out.field, named, 1, 1)

static const struct_use struct_uses[] = {
    READS(model_create, model_options, "options"),
    READS(model_forward, batch, "batch"),
    READS(trainer_create, trainer_options, "options"),
    READS(trainer_set_group, group, "group"),
    READS(trainer_step, batch, "batch"),
    READS(trainer_evaluate, batch, "batch"),
    READS(stream_create, stream_options, "options"),
    READS(layer_plan, layer, "layer"),
    READS(layer_tensor, layer, "layer"),
    READS(layer_initialize, layer, "layer"),
    READS(layer_forward, layer, "layer"),
    READS(layer_forward, call, "call"),
    READS(layer_backward, layer, "layer"),
    STRUCT(layer_backward, call, "call", 0, 0), /* its last field is needed */
    READS(model_jacobian, moving_batch, "batch"),
    READS(model_lyapunov, moving_batch, "batch"),
    READS(model_lyapunov, lyapunov, "lyapunov"),
    READS(trainer_floss, moving_batch, "batch"),
    READS(trainer_floss, lyapunov, "lyapunov"),
    READS(sample, sampling, "sampling"),
    STRUCT(ctc_decode, decoding, "decoding", 0, 0),
    WRITES(model_describe, info, "info"),
    WRITES(model_layer, layer, "layer"),
    WRITES(model_tensor, tensor, "info"),
    WRITES(model_find, tensor, "info"),
    WRITES(model_state_tensor, tensor, "info"),
    WRITES(trainer_step, report, "report"),
    WRITES(trainer_evaluate, report, "report"),
    WRITES(trainer_floss, report, "report"),
    WRITES(trainer_describe, options, "options"),
    WRITES(trainer_flow, flow, "flow"),
    WRITES(stream_describe, stream_info, "info"),
    WRITES(layer_plan, sizes, "sizes"),
    WRITES(layer_tensor, tensor, "info"),
    WRITES(model_spectrum, spectrum, "spectrum"),
};

/* A newer program's struct is written as far as the library knows it; an older one's as far as it goes. */
static void write_struct_of(const struct_use *use, size_t size) {
  unsigned char *start = (unsigned char *)&valid + use->offset, expected[1024];
  const size_t known = size < use->size ? size : use->size;
  memcpy(start, &size, sizeof size);
  memset(start + sizeof size, 0xA5, use->size + TAIL - sizeof size);
  memcpy(expected, start, use->size + TAIL);
  CHECK_STATUS(use->function->call(&valid), RNN_OK);
  CHECK_BYTES(start, &size, sizeof size);
  CHECK(memcmp(start + sizeof size, expected + sizeof size, known - sizeof size) != 0);
  CHECK_BYTES(start + known, expected + known, use->size + TAIL - known);
}

static void write_structs(const void *argument) {
  const struct_use *use = argument;
  write_struct_of(use, 2 * sizeof(size_t));
  write_struct_of(use, use->size - 8);
  write_struct_of(use, use->size);
  write_struct_of(use, use->size + 8);
}

static void check_struct_size(const struct_use *use) {
  const uint64_t wrong[] = {0,
                            1,
                            7,
                            8,
                            use->size - 1,
                            use->size + 1,
                            use->size + 4,
                            UINT64_C(1) << 20,
                            SIZE_MAX,
                            SIZE_MAX - 7,
                            UINT64_C(1) << 63};
  misuse m = {use->function, RNN_ERR_STRUCT_SIZE, use->named, {{0}}};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    m.changes[0] = (change){SET, use->offset, sizeof(size_t), wrong[i], "a wrong struct_size"};
    check_misuse(&m);
  }
  if (use->is_written) {
    check_in_child(use->function->name, "a longer or shorter struct", write_structs, use);
    return;
  }
  m.changes[0] = (change){SET, use->offset, sizeof(size_t), use->size + 8, "a longer struct"};
  m.changes[1] =
      (change){SET, use->offset + use->size, 8, UINT64_C(1) << 63, "what this version does not know"};
  check_misuse(&m);
  m.expected = RNN_OK;
  m.changes[1] = (change){SET, use->offset + use->size, 8, 0, "zeros"};
  check_misuse(&m);
  m.changes[0] = (change){SET, use->offset, sizeof(size_t), use->size - 8, "a shorter struct"};
  m.changes[1].how = NO_CHANGE;
  if (use->can_be_shorter) check_misuse(&m);
}

/* An array of layers is as far apart as the first says. */
static void create_from_array(const void *argument) {
  struct {
    WITH_TAIL(rnn_layer, layer);
  } layers[3];
  rnn_model *model = NULL;
  (void)argument;
  for (int i = 0; i < 3; i++) {
    layers[i].layer = valid.layers[i];
    layers[i].layer.struct_size = sizeof layers[i];
    layers[i].layer_tail = 0;
  }
  CHECK_STATUS(rnn_model_create(&layers[0].layer, 3, NULL, &model), RNN_OK);
  CHECK_STATUS(rnn_model_free(model), RNN_OK);
  layers[2].layer_tail = 1;
  check_refusal(rnn_model_create(&layers[0].layer, 3, NULL, &model), RNN_ERR_STRUCT_SIZE, "layers[2]");
}

/* A program from before steps were observed: what stands behind its structs is neither read nor written. */
static void call_as_before(const void *argument) {
  rnn_trainer *trainer = NULL;
  rnn_step_report *report = &valid.out.report, untouched;
  const size_t options_size = offsetof(rnn_trainer_options, clip_tensor_norm);
  const size_t report_size = offsetof(rnn_step_report, action);
  (void)argument;
  memset((char *)&valid.trainer_options + options_size, 0xA5, sizeof valid.trainer_options - options_size);
  valid.trainer_options.struct_size = options_size;
  REQUIRE_OK(rnn_trainer_create(valid.model, &valid.trainer_options, &trainer));
  memset(report, 0xA5, sizeof *report);
  report->struct_size = report_size;
  untouched = *report;
  valid.batch.struct_size = offsetof(rnn_batch, observe);
  valid.batch.observe = -1;
  CHECK_STATUS(rnn_trainer_step(trainer, &valid.batch, report), RNN_OK);
  CHECK(report->step == 1);
  CHECK_BYTES((char *)report + report_size, (char *)&untouched + report_size, sizeof *report - report_size);
  RNN_INIT(valid.out.flow);
  check_refusal(rnn_trainer_flow(trainer, 0, &valid.out.flow), RNN_ERR_ARGUMENT, "observe");
  valid.trainer_options.struct_size = sizeof valid.trainer_options;
  check_refusal(rnn_trainer_create(valid.model, &valid.trainer_options, &trainer), RNN_ERR_ARGUMENT, "");
}

/* A program from before lanes could be idle: its options end in bytes that are no field. */
static void stream_as_before(const void *argument) {
  rnn_stream *stream = NULL;
  rnn_stream_info info;
  (void)argument;
  RNN_INIT(info);
  memset((char *)&valid.stream_options + offsetof(rnn_stream_options, token_type) + 4, 0xA5, 12);
  valid.stream_options.struct_size = offsetof(rnn_stream_options, idle_lanes);
  REQUIRE_OK(rnn_stream_create(valid.model, &valid.stream_options, &stream));
  REQUIRE_OK(rnn_stream_describe(stream, &info));
  CHECK(info.batch_size == B && info.active_lanes == B && info.swaps == 0);
}

void check_struct_sizes(void) {
  for (size_t i = 0; i < sizeof struct_uses / sizeof *struct_uses; i++)
    check_struct_size(&struct_uses[i]);
  check_in_child("rnn_trainer_create", "structs of an older program", call_as_before, NULL);
  check_in_child("rnn_stream_create", "options of an older program", stream_as_before, NULL);
  check_in_child("rnn_model_create", "longer structs in an array", create_from_array, NULL);
}
