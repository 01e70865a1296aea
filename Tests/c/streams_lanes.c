/*
 * streams_lanes.c is the part of streams that is about lanes: two streams whose lanes leave, join, fork and go over
 * from one to the other in random order answer, lane by lane, as streams of one lane each do. Idle lanes are given
 * what nobody may be given, and nothing is written for them.
 */
#include "streams.h"

enum { LANES = 11, GUESTS = 4, ALL = LANES + GUESTS, BLOCK = 6 };

/* Lanes 0 ..< LANES are those of the first stream, the others are the second's. */
typedef struct world {
  const network *net;
  rnn_stream *streams[2], *alone[ALL]; /* each lane by itself */
  int is_active[ALL];
  uint64_t counter;
  char *input, *output, *row, *states[2];
  size_t lane_bytes;
} world;

static rnn_stream *stream_of(const world *w, int lane) { return w->streams[lane >= LANES]; }
static int64_t place_of(int lane) { return lane < LANES ? lane : lane - LANES; }

static int any_lane(world *w, int is_active) {
  for (int tries = 0; tries < 100; tries++) {
    const int lane = (int)draw(&w->counter, ALL);
    if (w->is_active[lane] == is_active) return lane;
  }
  return -1;
}

/* ---- What happens to lanes ---- */

static void leave(world *w) {
  const int lane = any_lane(w, 1);
  if (lane < 0) return;
  REQUIRE_OK(rnn_stream_leave(stream_of(w, lane), place_of(lane)));
  w->is_active[lane] = 0;
}

/* An idle lane joins from zeros; so does one that is active. */
static void begin(world *w) {
  const int lane = (int)draw(&w->counter, ALL);
  REQUIRE_OK(rnn_stream_import(stream_of(w, lane), place_of(lane), NULL, 0));
  REQUIRE_OK(rnn_stream_reset(w->alone[lane]));
  w->is_active[lane] = 1;
}

/* The lane that is alone takes its state in another way. */
static void go_on_as(world *w, int lane, int from) {
  const size_t bytes = w->net->state;
  if (bytes > 0) REQUIRE_OK(rnn_stream_get_state(w->alone[from], w->states[0], bytes));
  if (bytes > 0) REQUIRE_OK(rnn_stream_set_state(w->alone[lane], w->states[0], bytes));
  w->is_active[lane] = 1;
}

static void copy(world *w) {
  const int from = any_lane(w, 1), to = (int)draw(&w->counter, ALL);
  if (from < 0) return;
  REQUIRE_OK(rnn_stream_copy(stream_of(w, from), place_of(from), stream_of(w, to), place_of(to)));
  go_on_as(w, to, from);
}

/* A state as bytes, of which there is one form for each state. */
static void carry(world *w) {
  const int from = any_lane(w, 1), to = (int)draw(&w->counter, ALL);
  if (from < 0) return;
  REQUIRE_OK(rnn_stream_export(stream_of(w, from), place_of(from), w->states[0], w->lane_bytes));
  REQUIRE_OK(rnn_stream_export(w->alone[from], 0, w->states[1], w->lane_bytes));
  CHECK_BYTES(w->states[0], w->states[1], w->lane_bytes);
  REQUIRE_OK(rnn_stream_import(stream_of(w, to), place_of(to), w->states[0], w->lane_bytes));
  go_on_as(w, to, from);
}

static void reset(world *w) {
  const int which = (int)draw(&w->counter, 2);
  REQUIRE_OK(rnn_stream_reset(w->streams[which]));
  for (int lane = which ? LANES : 0; lane < (which ? ALL : LANES); lane++)
    REQUIRE_OK(rnn_stream_reset(w->alone[lane]));
}

/* ---- What they answer ---- */

/* One lane's part of a block: the same as alone, or untouched. */
static void check_lane(world *w, int lane, size_t lanes, size_t steps) {
  const network *net = w->net;
  const size_t place = (size_t)place_of(lane);
  for (size_t t = 0; t < steps; t++) {
    const char *got = w->output + (t * lanes + place) * net->output;
    if (w->is_active[lane])
      REQUIRE_OK(step(w->alone[lane], net, 1, w->input + (t * lanes + place) * net->input, w->row));
    else
      memset(w->row, 0xA5, net->output);
    CHECK_BYTES(got, w->row, net->output);
  }
}

static void run_block(world *w, int which) {
  const network *net = w->net;
  const int first = which ? LANES : 0;
  const size_t lanes = which ? GUESTS : LANES, steps = 1 + draw(&w->counter, BLOCK);
  draw_input(net, w->input, steps * lanes, &w->counter);
  for (size_t row = 0; row < steps * lanes; row++)
    if (!w->is_active[first + (int)(row % lanes)]) spoil_input(net, w->input + row * net->input);
  memset(w->output, 0xA5, steps * lanes * net->output);
  if (steps == 1)
    REQUIRE_OK(step(w->streams[which], net, lanes, w->input, w->output));
  else
    REQUIRE_OK(process(w->streams[which], net, lanes, steps, w->input, w->output));
  for (int lane = first; lane < first + (int)lanes; lane++)
    check_lane(w, lane, lanes, steps);
}

/* The states of all lanes, row by row of each part; idle lanes give zeros. What comes out can be put in again. */
static void check_states(world *w) {
  const size_t bytes = LANES * w->net->state;
  rnn_tensor_info all, one;
  if (bytes == 0) return;
  RNN_INIT(all);
  RNN_INIT(one);
  REQUIRE_OK(rnn_stream_get_state(w->streams[0], w->states[0], bytes));
  REQUIRE_OK(rnn_stream_set_state(w->streams[0], w->states[0], bytes));
  for (int lane = 0; lane < LANES; lane++) {
    memset(w->states[1], 0, w->net->state);
    if (w->is_active[lane]) REQUIRE_OK(rnn_stream_get_state(w->alone[lane], w->states[1], w->net->state));
    for (size_t part = 0; part < w->net->info.state_tensor_count; part++) {
      REQUIRE_OK(rnn_model_state_tensor(w->net->model, part, LANES, &all));
      REQUIRE_OK(rnn_model_state_tensor(w->net->model, part, 1, &one));
      const size_t row = (size_t)one.shape[2] * w->net->size;
      for (size_t level = 0; level < (size_t)one.shape[0]; level++)
        CHECK_BYTES(w->states[0] + all.offset + (level * LANES + (size_t)lane) * row,
                    w->states[1] + one.offset + level * row, row);
    }
  }
}

static void check_description(const world *w) {
  for (int which = 0; which < 2; which++) {
    rnn_stream_info info;
    int active = 0;
    RNN_INIT(info);
    REQUIRE_OK(rnn_stream_describe(w->streams[which], &info));
    for (int lane = which ? LANES : 0; lane < (which ? ALL : LANES); lane++)
      active += w->is_active[lane];
    CHECK(info.active_lanes == active && info.batch_size == (which ? GUESTS : LANES) && info.swaps == 0);
  }
}

void check_lanes(const network *net) {
  static void (*const events[])(world *) = {leave, leave, begin, copy, copy, carry, reset};
  world w = {.net = net, .counter = (uint64_t)net->index + 1};
  rnn_stream_info info;
  RNN_INIT(info);
  w.streams[0] = open_stream(net, LANES, 3);
  w.streams[1] = open_stream(net, GUESTS, GUESTS);
  for (int lane = 0; lane < ALL; lane++) {
    w.alone[lane] = open_stream(net, 1, 0);
    w.is_active[lane] = lane < LANES - 3;
  }
  REQUIRE_OK(rnn_stream_describe(w.streams[0], &info));
  w.lane_bytes = info.state_bytes;
  w.input = check_allocate(BLOCK * LANES * net->input);
  w.output = check_allocate(BLOCK * LANES * net->output);
  w.row = check_allocate(net->output);
  for (int i = 0; i < 2; i++)
    w.states[i] = check_allocate(LANES * net->state + info.state_bytes);
  for (int round = 0; round < (is_short ? 12 : 1000); round++) {
    if (round % 50 != 0) events[draw(&w.counter, sizeof events / sizeof *events)](&w);
    if (round % 10 == 9) check_states(&w);
    run_block(&w, round % 3 == 2);
    check_description(&w);
  }
  for (int i = 0; i < 2; i++) {
    REQUIRE_OK(rnn_stream_free(w.streams[i]));
    free(w.states[i]);
  }
  for (int lane = 0; lane < ALL; lane++)
    REQUIRE_OK(rnn_stream_free(w.alone[lane]));
  free(w.input), free(w.output), free(w.row);
}
