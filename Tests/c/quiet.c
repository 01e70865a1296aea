/*
 * quiet.c proves that a stream allocates nothing, calls no system and waits for no page: for each recurrent layer, some
 * with more than their plain cells, and
 * element type a child process prepares a stream, has no page fault in a hundred thousand steps, then forbids itself
 * every system call but write and exit, on pain of death, and makes a million steps, with blocks, states in and out,
 * lanes that come and go and refusals in between, while another thread hands weights over; memory is asked for by
 * nobody on the way. quiet_numbers.c has what is said of small numbers.
 */
#include "quiet.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <link.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LANES = 3, BLOCK = 4, STEPS = 1000000, FEWER_STEPS = 100000, MOST_STATE = 5 * H };

/* ---- Memory: these stand before libc's ---- */

/* Volatile: compilers think that malloc looks at nothing. */
static _Thread_local volatile int is_counting, memory_calls;

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *memory, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);
void __libc_free(void *memory);

static void count_call(void) { memory_calls += is_counting; }

void *malloc(size_t bytes) { return count_call(), __libc_malloc(bytes); }
void *calloc(size_t count, size_t bytes) { return count_call(), __libc_calloc(count, bytes); }
void *realloc(void *memory, size_t bytes) { return count_call(), __libc_realloc(memory, bytes); }
void *aligned_alloc(size_t alignment, size_t bytes) {
  return count_call(), __libc_memalign(alignment, bytes);
}
void free(void *memory) { count_call(), __libc_free(memory); }

int posix_memalign(void **memory, size_t alignment, size_t bytes) {
  count_call();
  *memory = __libc_memalign(alignment, bytes);
  return *memory ? 0 : ENOMEM;
}

void *mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset) {
  count_call();
  return (void *)syscall(SYS_mmap, address, bytes, protection, flags, file, offset);
}

int munmap(void *address, size_t bytes) {
  count_call();
  return (int)syscall(SYS_munmap, address, bytes);
}

/* ---- The system ---- */

#define ALLOW(call)                                                                                          \
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (call), 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/* From now on this thread may write, return from a signal and exit. Anything else ends the process. */
static int forbid_system(void) {
  struct sock_filter rules[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                                ALLOW(SYS_write), ALLOW(SYS_exit_group), ALLOW(SYS_rt_sigreturn),
                                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)};
  const struct sock_fprog program = {sizeof rules / sizeof *rules, rules};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* Code that is in no page table, as at first: any that runs now is a page fault, until it has been run. */
static int forget_code(struct dl_phdr_info *object, size_t size, void *dropped) {
  (void)size;
  if (!strstr(object->dlpi_name, "librnn")) return 0;
  for (int i = 0; i < object->dlpi_phnum; i++) {
    const ElfW(Phdr) *part = &object->dlpi_phdr[i];
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), start = object->dlpi_addr + part->p_vaddr;
    if (part->p_type != PT_LOAD || !(part->p_flags & PF_X)) continue;
    const uintptr_t first = start / page * page;
    *(int *)dropped += madvise((void *)first, start + part->p_memsz - first, MADV_DONTNEED) == 0;
  }
  return 0;
}

static long page_faults(void) {
  struct rusage usage;
  return getrusage(RUSAGE_THREAD, &usage) == 0 ? usage.ru_minflt + usage.ru_majflt : -1;
}

/* ---- A child ---- */

typedef struct scene {
  rnn_layer layer;
  rnn_dtype dtype;
  rnn_weights weights;
  rnn_model *models[2];
  rnn_stream *stream, *twin;
  size_t step, state, lane_state; /* in bytes */
  double data[BLOCK * LANES * H], saved[MOST_STATE * LANES], lane[MOST_STATE + 3], bad[MOST_STATE + 3];
  int swaps;
} scene;

static void fill_scene(scene *s) {
  rnn_stream_info info;
  rnn_model_info model_info;
  RNN_INIT(info);
  RNN_INIT(model_info);
  for (uint64_t i = 0; i < 2; i++) {
    s->models[i] = model_of(s->layer, s->dtype, i);
    if (s->weights != RNN_WEIGHTS_OWN)
      REQUIRE_OK(rnn_model_quantize(s->models[i], s->weights, &s->models[i]));
  }
  s->stream = quiet_stream(s->models[0], LANES);
  s->twin = quiet_stream(s->models[1], LANES);
  REQUIRE_OK(rnn_stream_describe(s->stream, &info));
  REQUIRE_OK(rnn_model_describe(s->models[0], &model_info));
  s->step = LANES * H * (s->dtype == RNN_FLOAT64 ? sizeof(double) : sizeof(float));
  s->state = LANES * model_info.state_bytes_per_row;
  s->lane_state = info.state_bytes;
  CHECK(s->lane_state <= sizeof s->lane && s->state <= sizeof s->saved);
}

/* Hands weights over again and again. */
static void *swap_often(void *argument) {
  scene *s = argument;
  for (;; __atomic_fetch_add(&s->swaps, 1, __ATOMIC_RELEASE))
    if (rnn_stream_swap_model(s->stream, s->models[__atomic_load_n(&s->swaps, __ATOMIC_RELAXED) % 2]) !=
        RNN_OK)
      _exit(30);
}

/* The output of a step is the input of the next. */
static int run_steps(scene *s, int steps) {
  int wrong = 0;
  for (int step = 0; step < steps; step++)
    wrong += rnn_stream_step(s->stream, s->data, s->step, s->data, s->step) != RNN_OK;
  return wrong;
}

/* Everything else that may be called in real time. */
static int run_others(scene *s) {
  int wrong = 0;
  const int64_t lane = 1;
  wrong += rnn_stream_process(s->stream, BLOCK, s->data, BLOCK * s->step, s->data, BLOCK * s->step) != RNN_OK;
  wrong += rnn_stream_get_state(s->stream, s->saved, s->state) != RNN_OK;
  wrong += rnn_stream_reset(s->stream) != RNN_OK;
  wrong += rnn_stream_set_state(s->stream, s->saved, s->state) != RNN_OK;
  wrong += rnn_stream_export(s->stream, lane, s->lane, s->lane_state) != RNN_OK;
  wrong += rnn_stream_copy(s->stream, lane, s->twin, 0) != RNN_OK;
  wrong += rnn_stream_leave(s->stream, lane) != RNN_OK;
  wrong += run_steps(s, 1);
  wrong += rnn_stream_export(s->stream, lane, s->lane, s->lane_state) != RNN_ERR_ARGUMENT;
  wrong += rnn_stream_import(s->stream, lane, s->lane, s->lane_state) != RNN_OK;
  wrong += rnn_stream_import(s->stream, lane, s->bad, s->lane_state) != RNN_ERR_FORMAT;
  wrong += rnn_stream_step(s->stream, s->data, s->step - 1, s->data, s->step) != RNN_ERR_SHAPE;
  return wrong + (*rnn_last_error() == 0);
}

/* 0 if all is well; after the system is forbidden there is no other way to tell. */
static int run_scene(scene *s) {
  pthread_t other;
  int wrong = 0, dropped = 0;
  fill_scene(s);
  dl_iterate_phdr(forget_code, &dropped);
  CHECK_INTEGER(dropped, 1);
  CHECK_STATUS(rnn_stream_prepare(s->stream), RNN_OK);
  const long before = page_faults();
  wrong += run_steps(s, FEWER_STEPS);
  CHECK_INTEGER(page_faults() - before, 0);
  CHECK(pthread_create(&other, NULL, swap_often, s) == 0);
  CHECK(wrong == 0 && forbid_system());
  if (check_failures > 0) return 20;
  is_counting = 1;
  while (__atomic_load_n(&s->swaps, __ATOMIC_ACQUIRE) < 10)
    wrong += run_steps(s, 1); /* also where other threads rarely run */
  for (int round = 0; round < 1000; round++)
    wrong += run_steps(s, STEPS / 1000) + run_others(s);
  is_counting = 0;
  return wrong ? 21 : memory_calls ? 22 : 0;
}

/* Megabytes of rows whose lanes are idle when the stream is prepared, and join later. */
static int join_later(scene *s) {
  enum { ROWS = 1200, WIDTH = 512 };
  rnn_stream_options options;
  const size_t input = ROWS * 2 * sizeof(float), output = ROWS * WIDTH * sizeof(float);
  float *x = check_allocate(input), *y = check_allocate(output);
  int wrong = 0;
  RNN_INIT(options);
  options.batch_size = options.idle_lanes = ROWS;
  rnn_model *model = layer_model(RNN_LSTM, RNN_TANH, s->dtype, 1, 2, WIDTH);
  memset(x, 0, input), memset(y, 1, output);
  REQUIRE_OK(rnn_stream_create(model, &options, &s->stream));
  REQUIRE_OK(rnn_stream_prepare(s->stream));
  const long before = page_faults();
  for (int64_t lane = 0; lane < ROWS; lane++)
    wrong += rnn_stream_import(s->stream, lane, NULL, 0) != RNN_OK;
  wrong += rnn_stream_step(s->stream, x, input, y, output) != RNN_OK;
  CHECK_INTEGER(page_faults() - before, 0);
  return wrong + check_failures;
}

/* What the two instruments are for must not go unnoticed by them. */
static int count_allocation(scene *s) {
  void *volatile memory;
  (void)s;
  is_counting = 1;
  free(memory = malloc(1));
  is_counting = 0;
  return memory_calls;
}

static int call_system(scene *s) {
  (void)s;
  if (!forbid_system()) return 20;
  return (int)syscall(SYS_getppid) & 1;
}

/* The status of a child that does something. */
static int status_of_child(int (*body)(scene *), rnn_layer layer, rnn_dtype dtype, rnn_weights weights) {
  static scene s;
  int status = -1;
  s.layer = layer;
  s.dtype = dtype;
  s.weights = weights;
  fflush(NULL);
  const pid_t child = fork();
  if (child == 0) {
    check_failures = 0;
    _exit(body(&s));
  }
  CHECK(child > 0 && waitpid(child, &status, 0) == child);
  return status;
}

/* H to H. */
static const rnn_layer layers[] = {
    {.kind = RNN_ELMAN, .input_size = H, .output_size = H},
    {.kind = RNN_GRU, .input_size = H, .output_size = H},
    {.kind = RNN_LSTM, .input_size = H, .output_size = H},
    {.kind = RNN_GRU, .input_size = H, .output_size = H, .residual = 1, .learn_state = 1},
    /* From here on cells in phases, which have no small weights. */
    {.kind = RNN_LSTM, .input_size = H, .output_size = 3 * H / 2, .proj_size = H, .peepholes = 1},
    {.kind = RNN_LSTM,
     .input_size = H,
     .output_size = H,
     .num_layers = 2,
     .layer_norm = 1,
     .zoneout_cell = 0.5},
    {.kind = RNN_CELL, .cell = "gru_reset_before", .input_size = H, .output_size = H, .zoneout = 0.25},
    {.kind = RNN_CELL, .cell = "min_gru", .input_size = H, .output_size = H, .learn_state = 1},
};

enum { LAYERS = sizeof layers / sizeof *layers, FIRST_IN_PHASES = 4 };

int main(void) {
  CHECK_INTEGER(WEXITSTATUS(status_of_child(count_allocation, layers[0], 0, 0)), 2);
  CHECK_INTEGER(WTERMSIG(status_of_child(call_system, layers[0], 0, 0)), SIGSYS);
  for (int i = 0; i < LAYERS; i++) {
    for (int form = 0; form < (i < FIRST_IN_PHASES ? 4 : 2);
         form++) { /* float64, then the forms of float32 */
      const rnn_weights weights = form > 0 ? (rnn_weights)(form - 1) : RNN_WEIGHTS_OWN;
      const rnn_dtype dtype = form > 0 ? RNN_FLOAT32 : RNN_FLOAT64;
      if (!CHECK_INTEGER(status_of_child(run_scene, layers[i], dtype, weights), 0))
        fprintf(stderr, "  layer %d, form %d\n", i, form);
    }
  }
  CHECK_INTEGER(status_of_child(join_later, layers[2], RNN_FLOAT32, RNN_WEIGHTS_OWN), 0);
  check_numbers();
  return check_finish("quiet");
}
