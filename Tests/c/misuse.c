/*
 * misuse.c proves that no misuse of any function of rnn.h crashes, hangs or changes anything: every case runs
 * in a child process with a time limit and must end normally, with the expected status, a message in UTF-8 that
 * names the argument, all outputs, weights and states as they were, and a library that goes on working.
 * The cases are those of misuse_table.c, and for every function every wrong handle and every wrong struct size;
 * misuse_files.c has those of files. Functions of the header that no case has called are failures too.
 */
#include "misuse.h"

#include <stddef.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

arguments valid;

/* ---- Which functions have been misused: the names come from rnn.h itself ---- */

static struct {
  const char *name;
  int cases;
} functions[] = {
#define NAMED(name) {#name, 0},
#include "functions.inc"
#undef NAMED
};

static void cover(const char *name) {
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    if (strcmp(functions[i].name, name) == 0) {
      functions[i].cases++;
      return;
    }
  }
  if (!CHECK(!"a function of rnn.h")) fprintf(stderr, "  %s\n", name);
}

static void check_coverage(void) {
  CHECK(sizeof functions / sizeof *functions >= 35);
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    if (!CHECK(functions[i].cases > 0)) fprintf(stderr, "  %s has no misuse\n", functions[i].name);
  }
}

/* ---- A child ---- */

static long memory_before;

/* The most memory that this process has ever had resident, in kilobytes. */
static long peak_memory(void) {
  struct rusage usage;
  return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_maxrss : -1;
}

void check_in_child(const char *function, const char *text, void (*body)(const void *),
                    const void *argument) {
  int status = -1;
  pid_t child;
  cover(function);
  fflush(NULL);
  child = fork();
  if (child == 0) {
    const struct rlimit space = {(rlim_t)4 << 30, (rlim_t)4 << 30};
    check_failures = 0;
    alarm(20);
    (void)setrlimit(RLIMIT_AS, &space);
    memory_before = peak_memory();
    body(argument);
    _exit(check_failures > 0);
  }
  CHECK(child > 0 && waitpid(child, &status, 0) == child);
  if (CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0)) return;
  fprintf(stderr, "  %s with %s", function, text);
  if (WIFSIGNALED(status))
    fprintf(stderr, ": ended by signal %d, %s", WTERMSIG(status), strsignal(WTERMSIG(status)));
  fputc('\n', stderr);
}

/* Well-formed, shortest form, no surrogates, at most U+10FFFF. */
static int is_utf8(const char *text) {
  static const uint32_t smallest[] = {0, 0x80, 0x800, 0x10000};
  for (const unsigned char *byte = (const unsigned char *)text; *byte; byte++) {
    int more = *byte < 0x80 ? 0 : *byte >> 5 == 6 ? 1 : *byte >> 4 == 14 ? 2 : *byte >> 3 == 30 ? 3 : -1;
    uint32_t code = more > 0 ? *byte & (0x3Fu >> more) : *byte;
    if (more < 0) return 0;
    for (int i = 0; i < more; i++) {
      if (*++byte >> 6 != 2) return 0;
      code = code << 6 | (*byte & 0x3F);
    }
    if (code < smallest[more] || code > 0x10FFFF || code >> 11 == 27) return 0;
  }
  return 1;
}

void check_refusal(rnn_status got, rnn_status expected, const char *named) {
  if (expected == TOO_LARGE) {
    CHECK(got == RNN_ERR_ARGUMENT || got == RNN_ERR_SHAPE || got == RNN_ERR_OUT_OF_MEMORY);
  } else {
    CHECK_STATUS(got, expected);
  }
  CHECK(*rnn_last_error() != 0 && is_utf8(rnn_last_error()));
  CHECK_CONTAINS(rnn_last_error(), named);
  CHECK_AT_MOST((double)(peak_memory() - memory_before), 64e3);
}

/* ---- One misuse ---- */

/* All weights and the states of the streams. */
typedef struct contents {
  unsigned char bytes[8192];
  size_t used;
} contents;

static void append_model(contents *all, const rnn_model *model) {
  rnn_model_info info;
  rnn_tensor_info tensor;
  RNN_INIT(info);
  RNN_INIT(tensor);
  REQUIRE_OK(rnn_model_describe(model, &info));
  for (size_t i = 0; i < info.tensor_count; i++) {
    REQUIRE_OK(rnn_model_tensor(model, i, &tensor));
    CHECK(all->used + tensor.bytes <= sizeof all->bytes);
    REQUIRE_OK(rnn_model_get(model, tensor.name, all->bytes + all->used, tensor.bytes));
    all->used += tensor.bytes;
  }
}

static contents read_contents(const arguments *a) {
  contents all;
  memset(&all, 0, sizeof all);
  append_model(&all, a->model);
  append_model(&all, a->sensor_model);
  all.used = (all.used + 7) / 8 * 8;
  REQUIRE_OK(rnn_stream_get_state(a->stream, all.bytes + all.used, a->state_bytes));
  all.used = (all.used + a->state_bytes + 7) / 8 * 8;
  REQUIRE_OK(rnn_stream_get_state(a->sensor_stream, all.bytes + all.used, a->sensor_state_bytes));
  return all;
}

static void apply(const change *change, arguments *a) {
  unsigned char *field = (unsigned char *)a + change->offset;
  uint64_t value = 0;
  if (change->how == NO_CHANGE) return;
  if (change->how == COPY) memcpy(&value, (unsigned char *)a + change->value, change->size);
  if (change->how == ADD) memcpy(&value, field, change->size);
  if (change->how != COPY) value += change->value;
  memcpy(field, &value, change->size);
}

static void run_misuse(const void *argument) {
  static arguments before;
  static outputs expected;
  const misuse *m = argument;
  contents unchanged = read_contents(&valid);
  memcpy(&before, &valid, sizeof before);
  for (int i = 0; i < 4; i++)
    apply(&m->changes[i], &valid);
  expected = valid.out;
  rnn_status status = m->function->call(&valid);
  if (m->expected == RNN_OK) {
    CHECK_STATUS(status, RNN_OK);
    return;
  }
  if (m->named)
    check_refusal(status, m->expected, m->named);
  else
    CHECK(status == m->expected);
  CHECK_BYTES(&valid.out, &expected, sizeof expected);
  memcpy(&valid, &before, sizeof before);
  contents after = read_contents(&valid);
  CHECK_BYTES(&after, &unchanged, sizeof after);
  CHECK_STATUS(m->function->call(&valid), RNN_OK);
}

void check_misuse(const misuse *m) { check_in_child(m->function->name, m->text, run_misuse, m); }

/* ---- Handles ---- */

/* A function that takes a handle, and where among the arguments it stands. */
typedef struct handle_use {
  const function *function;
  const char *named;
  size_t offset;
} handle_use;

#define TAKES(function, handle)                                                                              \
  { &(function), #handle, offsetof(arguments, handle) }

static const handle_use handle_uses[] = {
    TAKES(model_free, model),         TAKES(model_describe, model),
    TAKES(model_layer, model),        TAKES(model_tensor, model),
    TAKES(model_find, model),         TAKES(model_state_tensor, model),
    TAKES(model_get, model),          TAKES(model_set, model),
    TAKES(model_forward, model),      TAKES(trainer_create, model),
    TAKES(stream_create, model),      TAKES(model_save, model),
    TAKES(trainer_free, trainer),     TAKES(trainer_step, trainer),
    TAKES(trainer_evaluate, trainer), TAKES(trainer_describe, trainer),
    TAKES(trainer_gradient, trainer), TAKES(trainer_set_learning_rate, trainer),
    TAKES(trainer_model, trainer),    TAKES(trainer_save, trainer),
    TAKES(stream_free, stream),       TAKES(stream_step, stream),
    TAKES(stream_reset, stream),      TAKES(stream_get_state, stream),
    TAKES(stream_set_state, stream),
};

/* What a handle is not: nothing, numbers, addresses, closed handles, damaged ones, and those of other types. */
static void check_handles(const handle_use *use) {
  static const size_t others[] = {offsetof(arguments, model), offsetof(arguments, trainer),
                                  offsetof(arguments, stream)};
  static const size_t places[] = {offsetof(arguments, on_stack),       offsetof(arguments, on_heap),
                                  offsetof(arguments, in_text),        offsetof(arguments, closed_model),
                                  offsetof(arguments, closed_trainer), offsetof(arguments, closed_stream)};
  static const uint64_t numbers[] = {
      0, 1, 2, 3, 4096, UINT64_MAX, UINT64_MAX - 1, INT64_MAX, UINT64_C(1) << 63};
  static const uint64_t damages[] = {UINT64_C(1) << 40, UINT64_C(1) << 63, UINT64_MAX, 1, 1 << 12};
  misuse m = {use->function, RNN_ERR_HANDLE, use->named, {{0}}, "a number or a NULL for a handle"};
  const int is_free = strstr(use->function->name, "_free") != NULL;
  for (size_t i = is_free ? 1 : 0; i < sizeof numbers / sizeof *numbers; i++) {
    m.changes[0] = (change){SET, use->offset, sizeof(void *), numbers[i]};
    check_misuse(&m);
  }
  m.text = "an address or a closed handle";
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    m.changes[0] = (change){COPY, use->offset, sizeof(void *), places[i]};
    check_misuse(&m);
  }
  m.text = "a handle of another type";
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    m.changes[0] = (change){COPY, use->offset, sizeof(void *), others[i]};
    if (others[i] != use->offset) check_misuse(&m);
  }
  m.text = "a damaged handle";
  for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
    m.changes[0] = (change){ADD, use->offset, sizeof(void *), damages[i]};
    check_misuse(&m);
  }
}

static void free_twice(const void *argument) {
  const function *function = argument;
  CHECK_STATUS(function->call(&valid), RNN_OK);
  for (int i = 0; i < 3; i++)
    check_refusal(function->call(&valid), RNN_ERR_HANDLE, "closed");
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
    WRITES(model_describe, info, "info"),
    WRITES(model_layer, layer, "layer"),
    WRITES(model_tensor, tensor, "info"),
    WRITES(model_find, tensor, "info"),
    WRITES(model_state_tensor, tensor, "info"),
    WRITES(trainer_step, report, "report"),
    WRITES(trainer_evaluate, report, "report"),
    WRITES(trainer_describe, options, "options"),
    WRITES(layer_plan, sizes, "sizes"),
    WRITES(layer_tensor, tensor, "info"),
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

static void check_struct_sizes(const struct_use *use) {
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
  misuse m = {use->function, RNN_ERR_STRUCT_SIZE, use->named, {{0}}, "a wrong struct_size"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    m.changes[0] = (change){SET, use->offset, sizeof(size_t), wrong[i]};
    check_misuse(&m);
  }
  if (use->is_written) {
    check_in_child(use->function->name, "a longer or shorter struct", write_structs, use);
    return;
  }
  m.text = "a longer struct with something unknown in it";
  m.changes[0].value = use->size + 8;
  m.changes[1] = (change){SET, use->offset + use->size, 8, UINT64_C(1) << 63};
  check_misuse(&m);
  m.text = "a longer struct with zeros at its end";
  m.expected = RNN_OK;
  m.changes[1].value = 0;
  check_misuse(&m);
  m.text = "a shorter struct";
  m.changes[0].value = use->size - 8;
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

/* ---- A gradient that is not finite ---- */

/* RNN_ERR_NONFINITE fills the report and writes nothing else; skipping is no error. */
static void fail_at_gradient(rnn_model *model, rnn_batch *batch, rnn_loss loss, rnn_nonfinite policy) {
  rnn_trainer_options options;
  rnn_trainer *trainer = NULL;
  contents unchanged = read_contents(&valid);
  outputs *out = &valid.out, *expected = check_allocate(sizeof *expected);
  RNN_INIT(options);
  options.nonfinite = policy;
  options.loss = loss;
  options.reduction = RNN_SUM;
  REQUIRE_OK(rnn_trainer_create(model, &options, &trainer));
  *expected = *out;
  rnn_status status = rnn_trainer_step(trainer, batch, &out->report);
  CHECK_STATUS(status, policy == RNN_NONFINITE_FAIL ? RNN_ERR_NONFINITE : RNN_OK);
  CHECK(out->report.skipped == 1 && out->report.step == 1 && out->report.skipped_steps == 1);
  CHECK(!(out->report.grad_norm <= 1.7e308));
  contents after = read_contents(&valid);
  CHECK_BYTES(&after, &unchanged, sizeof after);
  if (policy == RNN_NONFINITE_FAIL) {
    expected->report = out->report;
    CHECK_BYTES(out->data, expected->data, sizeof out->data);
    CHECK_BYTES(out->state, expected->state, sizeof out->state);
  }
  CHECK_STATUS(rnn_trainer_free(trainer), RNN_OK);
  free(expected);
}

static void fail_at_gradients(const void *argument) {
  const rnn_nonfinite policy = *(const rnn_nonfinite *)argument;
  valid.weights[2] = 1e38F * 10; /* infinity */
  valid.targets[0] = 1e308 * 10;
  fail_at_gradient(valid.model, &valid.batch, RNN_CROSS_ENTROPY, policy);
  fail_at_gradient(valid.sensor_model, &valid.sensor_batch, RNN_MEAN_SQUARED, policy);
}

/* ---- */

int main(void) {
  static const rnn_nonfinite policies[] = {RNN_NONFINITE_SKIP, RNN_NONFINITE_FAIL};
  static const function *const frees[] = {&model_free, &trainer_free, &stream_free};
  char directory[] = "/tmp/librnn-misuse-XXXXXX", on_stack[8] = "";
  REQUIRE_OK(mkdtemp(directory) ? RNN_OK : RNN_ERR_IO);
  fill_arguments(&valid, directory);
  valid.on_stack = on_stack;
  for (size_t i = 0; i < misuse_count; i++)
    check_misuse(&misuses[i]);
  for (size_t i = 0; i < sizeof handle_uses / sizeof *handle_uses; i++)
    check_handles(&handle_uses[i]);
  for (size_t i = 0; i < sizeof struct_uses / sizeof *struct_uses; i++)
    check_struct_sizes(&struct_uses[i]);
  for (int i = 0; i < 3; i++)
    check_in_child(frees[i]->name, "a handle twice", free_twice, frees[i]);
  for (int i = 0; i < 2; i++) {
    check_in_child("rnn_trainer_step", "an infinite gradient", fail_at_gradients, &policies[i]);
  }
  check_in_child("rnn_model_create", "longer structs in an array", create_from_array, NULL);
  check_paths(directory);
  check_contents(directory);
  check_coverage();
  CHECK(unlink(valid.path) == 0);
  CHECK(rmdir(directory) == 0);
  free_arguments(&valid);
  return check_finish("misuse");
}
