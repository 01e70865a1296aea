/*
 * timing.h: clocks, what it costs to read one, and what many readings say together. Nanoseconds throughout.
 */
#ifndef TIMING_H
#define TIMING_H

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

static inline int64_t read_clock(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline int64_t now(void) { return read_clock(CLOCK_MONOTONIC); }

/* How long this process has had a processor. */
static inline int64_t worked_until_now(void) { return read_clock(CLOCK_PROCESS_CPUTIME_ID); }

static inline int is_greater(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

/* The reading that `part` of all are not greater than. Sorts them. */
static inline double quantile(double *readings, int count, double part) {
  int place = (int)(part * count);
  qsort(readings, (size_t)count, sizeof *readings, is_greater);
  return readings[place < count ? place : count - 1];
}

static inline double median(double *readings, int count) { return quantile(readings, count, 0.5); }

/* From one reading of the clock to the next, with nothing in between. */
static inline double clock_cost(void) {
  enum { READINGS = 10001 };
  static double readings[READINGS];
  for (int i = 0; i < READINGS; i++) {
    int64_t begin = now();
    readings[i] = (double)(now() - begin);
  }
  return median(readings, READINGS);
}

#endif
