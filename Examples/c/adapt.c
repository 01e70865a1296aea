/*
 * adapt: learns a guitar pedal while it is being listened to.
 *
 *     adapt DRY.wav RECORDED.wav WET.wav MODEL.safetensors
 *
 * One thread plays DRY through a GRU in real time, block by block, as an audio callback would. Another trains it
 * on what has been heard so far, DRY and what a pedal made of it, RECORDED, and hands its weights over every now and
 * then; the states carry over. Each error is of sound that no weights had seen before. In the end WET is what
 * was heard and MODEL what was learned. The first weights are the same at every run; what follows depends on how
 * the two threads get on.
 */
#define _POSIX_C_SOURCE 200809L

#include "audio.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BLOCK = 64, HIDDEN = 8, ROWS = 16, STEPS = 256, HAND_OVER = 20 /* updates */ };

/* What the two threads have in common. */
typedef struct session {
  const audio *dry, *recorded;
  rnn_model *model; /* of the thread that trains */
  rnn_stream *stream;
  atomic_size_t heard; /* samples so far */
  atomic_long updates;
  atomic_bool over;
} session;

/* ---- The thread that trains ---- */

/* Readers of what has been heard, each at a place of its own: x and y [T, B], the state [1, B, H]. */
typedef struct readers {
  uint64_t random;
  size_t places[ROWS];
  float state[ROWS][HIDDEN], x[STEPS][ROWS], y[STEPS][ROWS];
} readers;

/* Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators". */
static size_t below(size_t bound, uint64_t *random) {
  uint64_t z = *random += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return (size_t)((z ^ (z >> 31)) % bound);
}

/* Each goes on where it was, with its state; at the end of what has been heard it begins elsewhere, from zeros. */
static void read_on(readers *r, const session *s, size_t heard) {
  for (int row = 0; row < ROWS; row++) {
    if (r->places[row] + STEPS > heard) {
      r->places[row] = below(heard - STEPS + 1, &r->random);
      memset(r->state[row], 0, sizeof r->state[row]);
    }
    for (int t = 0; t < STEPS; t++) {
      r->x[t][row] = s->dry->samples[r->places[row]];
      r->y[t][row] = s->recorded->samples[r->places[row]++];
    }
  }
}

/* Truncated backpropagation: the state that ends a batch begins the next one. */
static rnn_batch batch_of(readers *r) {
  rnn_batch batch;
  RNN_INIT(batch);
  batch.time_steps = STEPS;
  batch.batch_size = ROWS;
  batch.input = (rnn_in){r->x, sizeof r->x};
  batch.target = (rnn_in){r->y, sizeof r->y};
  batch.state = (rnn_in){r->state, sizeof r->state};
  batch.state_out = (rnn_out){r->state, sizeof r->state};
  return batch;
}

static rnn_trainer *new_trainer(rnn_model *model) {
  rnn_trainer_options options;
  RNN_INIT(options);
  options.loss = RNN_MEAN_SQUARED;
  options.clip_norm = 1;
  rnn_trainer *trainer = NULL;
  check(rnn_trainer_create(model, &options, &trainer));
  return trainer;
}

/* Ever smaller steps: weights that are found are to stay put. */
static double rate_after(long updates) { return 5e-3 / (1 + (double)updates / 500); }

static void rest(void) { nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL); }

static void *train(void *argument) {
  session *s = argument;
  static readers r; /* at first at the end of what has been heard: all begin at random */
  for (int row = 0; row < ROWS; row++)
    r.places[row] = s->dry->count;
  rnn_trainer *trainer = new_trainer(s->model);
  const rnn_batch batch = batch_of(&r);
  rnn_step_report report;
  RNN_INIT(report);
  while (!atomic_load(&s->over)) {
    size_t heard = atomic_load(&s->heard);
    if (heard < STEPS) {
      rest();
      continue;
    }
    read_on(&r, s, heard);
    check(rnn_trainer_set_learning_rate(trainer, rate_after(report.step)));
    check(rnn_trainer_step(trainer, &batch, &report));
    atomic_store(&s->updates, (long)report.step);
    if (report.step % HAND_OVER == 0) check(rnn_stream_swap_model(s->stream, s->model));
  }
  check(rnn_trainer_free(trainer));
  return NULL;
}

/* ---- The thread that plays ---- */

/* What there is to say about the performance. */
typedef struct notes {
  size_t told;      /* samples whose error has been told */
  size_t late;      /* blocks that were not there when the next one was due */
  long swaps;       /* so far */
  double jumps[2];  /* changes of the error from a block's last sample to the next, summed: */
  size_t places[2]; /* with the old weights, with new ones */
} notes;

static void wait_until(double due) {
  double left = due - seconds();
  if (left <= 0) return;
  nanosleep(&(struct timespec){.tv_sec = (time_t)left, .tv_nsec = (long)(1e9 * fmod(left, 1))}, NULL);
}

/* Tells the error of each tenth of the first second, then of each second. */
static void tell(notes *n, const session *s, const audio *wet, size_t end) {
  size_t rate = wet->rate, part = end <= rate ? rate / 10 : rate;
  if (end / part == n->told / part && end < wet->count) return;
  distance d = distance_between(wet->samples + n->told, s->recorded->samples + n->told, end - n->told);
  printf("%6.1f s  error to signal %8.5f  %6ld updates  %5ld swaps\n", (double)end / (double)rate, d.ratio,
         atomic_load(&s->updates), n->swaps);
  fflush(stdout);
  n->told = end;
}

/* How much the error changes where a block begins: a click would show. */
static void note_jump(notes *n, const session *s, const audio *wet, size_t begin) {
  rnn_stream_info info;
  RNN_INIT(info);
  check(rnn_stream_describe(s->stream, &info));
  int swapped = info.swaps != n->swaps;
  n->swaps = (long)info.swaps;
  if (begin == 0) return;
  const float *got = wet->samples + begin, *expected = s->recorded->samples + begin;
  n->jumps[swapped] += fabs((double)(got[0] - expected[0]) - (got[-1] - expected[-1]));
  n->places[swapped]++;
}

/* A block is played when it has been heard, and has to be there a block later. */
static notes play(session *s, audio *wet) {
  notes n = {0};
  go_first();
  check(rnn_stream_prepare(s->stream));
  double start = seconds(), length = (double)BLOCK / wet->rate;
  for (size_t begin = 0; begin < wet->count; begin += BLOCK) {
    size_t count = wet->count - begin < BLOCK ? wet->count - begin : BLOCK, bytes = count * sizeof(float);
    double due = start + (double)(begin + count) / wet->rate;
    wait_until(due);
    check(rnn_stream_process(s->stream, (int64_t)count, s->dry->samples + begin, bytes, wet->samples + begin,
                             bytes));
    n.late += seconds() > due + length;
    atomic_store(&s->heard, begin + count);
    note_jump(&n, s, wet, begin);
    tell(&n, s, wet, begin + count);
  }
  return n;
}

/* ---- The program ---- */

static rnn_model *new_model(void) {
  rnn_layer layers[2];
  rnn_model_options options;
  rnn_model *model = NULL;
  RNN_INIT(layers[0]);
  RNN_INIT(layers[1]);
  RNN_INIT(options);
  layers[0].kind = RNN_GRU;
  layers[1].kind = RNN_LINEAR;
  layers[0].input_size = layers[1].output_size = 1;
  layers[0].output_size = layers[1].input_size = HIDDEN;
  options.seed = 1;
  check(rnn_model_create(layers, 2, &options, &model));
  return model;
}

static void print_notes(const notes *n, size_t blocks) {
  printf("new weights came in %zu times; there the error changed by %.5f from one sample to the next, "
         "elsewhere by %.5f, on average\n",
         n->places[1], n->jumps[1] / fmax(1, (double)n->places[1]),
         n->jumps[0] / fmax(1, (double)n->places[0]));
  printf("%zu of %zu blocks were late\n", n->late, blocks);
}

int main(int count, char **words) {
  if (count != 5) fail("usage: adapt DRY.wav RECORDED.wav WET.wav MODEL.safetensors");
  audio dry = audio_read(words[1]), recorded = audio_read(words[2]);
  audio_expect_alike(words[2], &recorded, &dry);
  audio wet = audio_silence(dry.count, dry.rate);
  check(rnn_set_num_threads(1)); /* each of the two threads computes by itself */
  session s = {.dry = &dry, .recorded = &recorded, .model = new_model()};
  check(rnn_stream_create(s.model, NULL, &s.stream));
  pthread_t trainer;
  if (pthread_create(&trainer, NULL, train, &s) != 0) fail("expected a thread to train on, got none");
  notes n = play(&s, &wet);
  atomic_store(&s.over, true);
  pthread_join(trainer, NULL);
  print_notes(&n, (wet.count + BLOCK - 1) / BLOCK);
  audio_write(words[3], &wet);
  check(rnn_model_save(s.model, words[4]));
  check(rnn_stream_free(s.stream));
  check(rnn_model_free(s.model));
  audio_free(&wet);
  audio_free(&recorded);
  audio_free(&dry);
  return EXIT_SUCCESS;
}
