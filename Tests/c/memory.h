/*
 * memory.h: what the parts of memory share.
 */
#ifndef MEMORY_H
#define MEMORY_H

#include "misuse.h"

/* The number of the buffer that is refused, counted from zero; -1: none. */
extern int refused;

void count_from_zero(void);

/* Called again, it must do with what the first call has planned, and so many small objects. */
void check_frugal(const function *function, int most_small);

/* Refuses buffer 0, 1, 2, ... until there is none left to refuse: there must be more than so many. */
void check_refused_buffers(const function *function, int least);

/* Layers with what they may be asked for, in memory_cells.c. */
void check_cells(void);

/* Streams, in memory_streams.c. */
extern const function comings_and_goings, refusals_in_real_time, first_preparation, first_swap;

#endif
