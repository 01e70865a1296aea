/*
 * stream: how long a step of a stream takes.
 *
 *     stream PEAK CSV [ROUNDS]
 *
 * PEAK is the program of Benchmarks/peak.c, CSV the file for the results. Everything is measured once a
 * round, so that what else the machine does meets all alike; medians over the rounds are printed. One thread.
 */
#define _POSIX_C_SOURCE 200809L

#include "cases.h"
#include "timing.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_ROUNDS = 1000, MAX_READINGS = 20000, BATCHES = 201 };
static const int RING = 64; /* steps of input */
/* ns: of one batch of steps; of all readings of one sort in a round; of steps before them, see warm_up(). */
static const double BATCH_TIME = 3e4, ROUND_TIME = 3e7, WARM_TIME = 2e7;

/* One subject at work, and what each round found. */
typedef struct work {
  const subject *subject;
  rnn_stream *stream;
  float *input, *output;             /* RING steps */
  size_t input_bytes, output_bytes;  /* of one step */
  double step[MAX_ROUNDS];           /* ns of a step: median of batches */
  double tail[MAX_ROUNDS];           /* ns that 999 of 1000 steps do not exceed */
  double tail_to_median[MAX_ROUNDS]; /* both of steps timed one by one */
  double block[MAX_ROUNDS];          /* ns of a step in blocks of RING */
} work;

static work works[SUBJECTS_COUNT];
static double peaks[MAX_ROUNDS], shares[MAX_ROUNDS], readings[MAX_READINGS];

static void fail(const char *what) {
  fprintf(stderr, "stream: %s\n", what);
  exit(EXIT_FAILURE);
}

static void check(rnn_status status) {
  if (status != RNN_OK) fail(rnn_last_error());
}

static void *allocate(size_t bytes) {
  void *memory = calloc(1, bytes);
  if (!memory) fail("no memory");
  return memory;
}

/* ---- Set-up ---- */

/* Noise in +-1: the linear congruential generator of Numerical Recipes. */
static void fill(float *values, size_t count) {
  static uint32_t state = 1;
  for (size_t i = 0; i < count; i++) {
    state = 1664525u * state + 1013904223u;
    values[i] = (float)(state >> 8) / 8388608.0f - 1.0f;
  }
}

static void begin(work *w, const subject *s) {
  rnn_model *model = NULL;
  rnn_stream_options options;
  RNN_INIT(options);
  options.batch_size = s->lanes;
  check(new_model(s, &model));
  check(rnn_stream_create(model, &options, &w->stream));
  check(rnn_model_free(model));
  check(rnn_stream_prepare(w->stream));
  w->subject = s;
  w->input_bytes = sizeof(float) * (size_t)(s->lanes * s->inputs);
  w->output_bytes = sizeof(float) * (size_t)(s->lanes * outputs_of(s));
  w->input = allocate((size_t)RING * w->input_bytes);
  w->output = allocate((size_t)RING * w->output_bytes);
  fill(w->input, (size_t)RING * w->input_bytes / sizeof(float));
}

static void end(work *w) {
  check(rnn_stream_free(w->stream));
  free(w->input);
  free(w->output);
}

/* ---- Measuring ---- */

static inline void step(work *w, int time) {
  const char *input = (const char *)w->input + (size_t)(time % RING) * w->input_bytes;
  if (rnn_stream_step(w->stream, input, w->input_bytes, w->output, w->output_bytes) != RNN_OK)
    fail(rnn_last_error());
}

/* By a clock that goes on while others have the processor, or by one that does not. */
static double batch(work *w, int steps, clockid_t clock) {
  int64_t start = read_clock(clock);
  for (int i = 0; i < steps; i++)
    step(w, i);
  return (double)(read_clock(clock) - start) / steps;
}

static double blocks(work *w, int count) {
  int64_t start = now();
  for (int i = 0; i < count; i++)
    check(rnn_stream_process(w->stream, RING, w->input, (size_t)RING * w->input_bytes, w->output,
                             (size_t)RING * w->output_bytes));
  return (double)(now() - start) / count / RING;
}

/* How many things that take `each` fit into a time, within bounds. */
static int fitting(double time, double each, int least, int most) {
  double count = time / each;
  return count < least ? least : count > most ? most : (int)count;
}

/*
 * Steps until all is as it is when nothing but this stream runs, and how many a batch has. Weights that
 * do not fit into the second cache need some milliseconds until they are back.
 */
static int warm_up(work *w, clockid_t clock) {
  int64_t start = now();
  int steps = 1;
  double least = batch(w, steps, clock);
  do {
    least = fmin(least, batch(w, steps, clock)); /* others may have had the processor meanwhile */
    steps = fitting(BATCH_TIME, least, 1, MAX_READINGS);
  } while ((double)(now() - start) < WARM_TIME);
  return steps;
}

static void measure_steps(work *w, int round, clockid_t clock) {
  int steps = warm_up(w, clock);
  int count = fitting(ROUND_TIME, steps * batch(w, steps, clock), 5, BATCHES);
  for (int i = 0; i < count; i++)
    readings[i] = batch(w, steps, clock);
  w->step[round] = median(readings, count);
}

/* Every step by itself, without what it costs to read the clock. */
static void measure_tail(work *w, int round, double cost) {
  int count = fitting(ROUND_TIME, w->step[round], 1000, MAX_READINGS);
  for (int i = 0; i < count; i++) {
    int64_t start = now();
    step(w, i);
    readings[i] = fmax(0, (double)(now() - start) - cost);
  }
  w->tail[round] = quantile(readings, count, 0.999);
  w->tail_to_median[round] = w->tail[round] / median(readings, count);
}

static void measure_blocks(work *w, int round) {
  int count = fitting(BATCH_TIME, RING * w->step[round], 1, MAX_READINGS);
  int readings_count = fitting(ROUND_TIME, count * RING * w->step[round], 5, BATCHES);
  blocks(w, count);
  for (int i = 0; i < readings_count; i++)
    readings[i] = blocks(w, count);
  w->block[round] = median(readings, readings_count);
}

/* Steps of many lanes take so long that others interrupt most of them: only their own time counts. */
static void measure(int i, int round, double cost) {
  if (i >= FIRST_OF_LANES) {
    measure_steps(&works[i], round, CLOCK_PROCESS_CPUTIME_ID);
    return;
  }
  measure_steps(&works[i], round, CLOCK_MONOTONIC);
  measure_tail(&works[i], round, cost);
  measure_blocks(&works[i], round);
}

/* In every round the streams lie elsewhere: a few places make a short step twice as long. */
static void measure_all(int round, double cost) {
  void *shift = allocate(4096 + 1040 * (size_t)round);
  for (int i = 0; i < SUBJECTS_COUNT; i++) {
    begin(&works[i], &SUBJECTS[i]);
    measure(i, round, cost);
    end(&works[i]);
  }
  free(shift);
}

/* GFLOP/s of multiply-adds on the processor where this runs. */
static double measured_peak(const char *program) {
  double peak = 0;
  FILE *answer = popen(program, "r");
  if (!answer || fscanf(answer, "%lf", &peak) != 1 || pclose(answer) != 0 || !(peak > 0))
    fail("the program that measures the peak gave no answer");
  return peak;
}

/* ---- Results ---- */

static double rtneural_here(const work *w, double peak) {
  return w->subject->rtneural * RTNEURAL_PEAK / peak;
}

static void print_one_lane(const work *w, double peak) {
  const subject *s = w->subject;
  char scaled[32] = "", ratio[32] = "", head[32] = "";
  if (s->rtneural > 0) {
    snprintf(scaled, sizeof scaled, "%.0f", rtneural_here(w, peak));
    snprintf(ratio, sizeof ratio, "%.2f", rtneural_here(w, peak) / w->step[0]);
  }
  if (s->outputs > 0) snprintf(head, sizeof head, " + head %d", s->outputs);
  printf("| %s%s | %s | %d | %d | %.1f | %.1f | %.2f | %.1f | %s | %s |\n", cell_name(s), head,
         WEIGHT_NAMES[s->weights], s->inputs, s->hidden, w->step[0], w->tail[0], w->tail_to_median[0],
         w->block[0], scaled, ratio);
}

static void print_lanes(const work *w, double peak) {
  const subject *s = w->subject;
  double rate = operations_of(s) / w->step[0];
  printf("| %s | %s | %d | %d | %d | %.2f | %.3g | %.1f | %.0f %% |\n", cell_name(s),
         WEIGHT_NAMES[s->weights], s->inputs, s->hidden, s->lanes, w->step[0] / 1e3,
         1e9 * s->lanes / w->step[0], rate, 100 * rate / peak);
}

/* Geometric mean of the ratios to RTNeural; kind 0: of all. */
static double mean_ratio(rnn_layer_kind kind, double peak) {
  double sum = 0;
  int count = 0;
  for (int i = 0; i < SUBJECTS_COUNT; i++)
    if (SUBJECTS[i].rtneural > 0 && (kind == 0 || SUBJECTS[i].kind == kind)) {
      sum += log(rtneural_here(&works[i], peak) / works[i].step[0]);
      count++;
    }
  return exp(sum / count);
}

static void print_tables(double peak, double share, double cost, int rounds) {
  printf("Peak %.1f GFLOP/s, float32 multiply-adds of one core. Medians over %d rounds.\n", peak, rounds);
  printf("Reading the clock takes %.0f ns. This process had %.0f %% of its processor; with much less than "
         "all of it, "
         "the 99.9 %% say what others do.\n",
         cost, 100 * share);
  printf("\nOne lane, ns per step. RTNeural: its best, %.0f / %.1f of what was published.\n\n", RTNEURAL_PEAK,
         peak);
  printf("| cell | weights | I | H | step | 99.9 %% | to median | in blocks of %d | RTNeural | RTNeural / "
         "step |\n",
         RING);
  printf("|---|---|---|---|---|---|---|---|---|---|\n");
  for (int i = 0; i < FIRST_OF_LANES; i++)
    print_one_lane(&works[i], peak);
  printf("\nGeometric mean of RTNeural / step: LSTM %.2f, GRU %.2f, both %.2f\n", mean_ratio(RNN_LSTM, peak),
         mean_ratio(RNN_GRU, peak), mean_ratio((rnn_layer_kind)0, peak));
  printf("\nLanes.\n\n| cell | weights | I | H | lanes | us per step | steps * lanes per s | GFLOP/s | of "
         "the peak |\n");
  printf("|---|---|---|---|---|---|---|---|---|\n");
  for (int i = FIRST_OF_LANES; i < SUBJECTS_COUNT; i++)
    print_lanes(&works[i], peak);
}

static void write_csv(const char *path, double peak) {
  FILE *file = fopen(path, "w");
  if (!file) fail("the file for the results cannot be opened");
  fprintf(file, "cell,weights,inputs,hidden,head,lanes,step_ns,tail_ns,tail_to_median,block_ns,rtneural_ns,"
                "lane_steps_per_s,gflops,peak_gflops\n");
  for (int i = 0; i < SUBJECTS_COUNT; i++) {
    const work *w = &works[i];
    const subject *s = w->subject;
    fprintf(file, "%s,%s,%d,%d,%d,%d,%.2f,%.2f,%.4f,%.2f,%.2f,%.1f,%.3f,%.2f\n", cell_name(s),
            WEIGHT_NAMES[s->weights], s->inputs, s->hidden, s->outputs, s->lanes, w->step[0], w->tail[0],
            w->tail_to_median[0], w->block[0], rtneural_here(w, peak), 1e9 * s->lanes / w->step[0],
            operations_of(s) / w->step[0], peak);
  }
  if (fclose(file) != 0) fail("the file for the results cannot be written");
}

/* What the rounds found becomes its median, in place 0. */
static void conclude(work *w, int rounds) {
  w->step[0] = median(w->step, rounds);
  w->tail[0] = median(w->tail, rounds);
  w->tail_to_median[0] = median(w->tail_to_median, rounds);
  w->block[0] = median(w->block, rounds);
}

int main(int argc, char **argv) {
  int rounds = argc > 3 ? atoi(argv[3]) : 15;
  if (argc < 3 || rounds < 1 || rounds > MAX_ROUNDS) fail("expected PEAK CSV [ROUNDS]");
  check(rnn_set_num_threads(1));
  double cost = clock_cost();
  for (int round = 0; round < rounds; round++) {
    peaks[round] = measured_peak(argv[1]);
    int64_t start = now(), worked = worked_until_now();
    measure_all(round, cost);
    shares[round] = (double)(worked_until_now() - worked) / (double)(now() - start);
  }
  double peak = median(peaks, rounds);
  for (int i = 0; i < SUBJECTS_COUNT; i++)
    conclude(&works[i], rounds);
  print_tables(peak, median(shares, rounds), cost, rounds);
  write_csv(argv[2], peak);
  return 0;
}
