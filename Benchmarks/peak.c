// The peak of float32 multiply-adds: `peak 2` prints what two threads do together, in GFLOP/s.
// Twelve and more independent sums keep both multiply-add units busy; nothing touches memory.

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#ifdef __AVX512F__
enum { BYTES = 64 };
#else
enum { BYTES = 32 };
#endif
enum { LANES = BYTES / 4, SUMS = 12, MAX_THREADS = 256, TRIALS = 5 };
static const long ROUNDS = 2000000;

typedef float vector __attribute__((vector_size(BYTES)));

static pthread_barrier_t together;
static double begin[MAX_THREADS][TRIALS], end[MAX_THREADS][TRIALS];

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// One multiply-add for each sum and round. The empty asm asks for the sums, so none is left out.
static void multiply_add(void) {
  vector sum[SUMS], factor, addend;
  for (int lane = 0; lane < LANES; lane++) {
    factor[lane] = 0.5f;
    addend[lane] = 1.0f;
  }
  for (int i = 0; i < SUMS; i++)
    sum[i] = addend;
  for (long round = 0; round < ROUNDS; round++) {
#pragma GCC unroll 12
    for (int i = 0; i < SUMS; i++)
      sum[i] = sum[i] * factor + addend;
  }
  for (int i = 0; i < SUMS; i++)
    __asm__ volatile("" : : "m"(sum[i]));
}

static void *work(void *argument) {
  long thread = (long)argument;
  for (int trial = 0; trial < TRIALS; trial++) {
    pthread_barrier_wait(&together);
    begin[thread][trial] = now();
    multiply_add();
    end[thread][trial] = now();
  }
  return NULL;
}

// From the first thread's beginning to the last one's end.
static double duration(int threads, int trial) {
  double first = begin[0][trial], last = end[0][trial];
  for (int i = 1; i < threads; i++) {
    first = begin[i][trial] < first ? begin[i][trial] : first;
    last = end[i][trial] > last ? end[i][trial] : last;
  }
  return last - first;
}

// The best trial: whatever else the machine does can only take away from it.
static double best_duration(int threads) {
  double best = duration(threads, 0);
  for (int trial = 1; trial < TRIALS; trial++) {
    double time = duration(threads, trial);
    best = time < best ? time : best;
  }
  return best;
}

int main(int argc, char **argv) {
  int threads = argc > 1 ? atoi(argv[1]) : 1;
  if (threads < 1 || threads > MAX_THREADS) return 2;
  pthread_t thread[MAX_THREADS];
  pthread_barrier_init(&together, NULL, (unsigned)threads);
  for (long i = 0; i < threads; i++)
    if (pthread_create(&thread[i], NULL, work, (void *)i) != 0) return 1;
  for (int i = 0; i < threads; i++)
    pthread_join(thread[i], NULL);
  double flops = 2.0 * LANES * SUMS * (double)ROUNDS * threads;
  printf("%.2f\n", flops / best_duration(threads) / 1e9);
  return 0;
}
