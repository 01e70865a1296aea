/*
 * misuse_paths.c is the part of misuse that is about paths at which nothing can be read or written. A failing
 * save leaves the old file, and nothing beside it; what is no regular file is neither waited for nor replaced.
 */
#include "misuse.h"

#include <limits.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

const char *in_directory(const char *directory, const char *name) {
  static char paths[4][PATH_MAX];
  static int next;
  char *path = paths[next++ % 4];
  snprintf(path, PATH_MAX, "%s/%s", directory, name);
  return path;
}

void write_file(const char *path, const void *data, size_t bytes) {
  (void)unlink(path); /* what is written over a file waits for the disk on some systems */
  FILE *file = fopen(path, "wb");
  if (!file || fwrite(data, 1, bytes, file) != bytes || fclose(file) != 0) {
    perror(path);
    exit(EXIT_FAILURE);
  }
}

size_t read_file(const char *path, void *data, size_t limit) {
  FILE *file = fopen(path, "rb");
  size_t bytes = file ? fread(data, 1, limit, file) : 0;
  if (file) fclose(file);
  return bytes;
}

/* The first characters of a path, which a message about it must contain. */
static const char *shown(const char *path) {
  static char text[200];
  snprintf(text, sizeof text, "%s", *path ? path : "path");
  for (char *byte = text; *byte; byte++) {
    if (*byte & 0x80) *byte = 0; /* what is no UTF-8 is shown in some other way */
  }
  return text;
}

/* ---- Paths ---- */

static void refuse_to_read(const void *argument) {
  outputs *before = check_allocate(sizeof *before);
  *before = valid.out;
  check_refusal(rnn_model_load(argument, &valid.out.model), RNN_ERR_IO, shown(argument));
  check_refusal(rnn_trainer_resume(argument, &valid.out.trainer), RNN_ERR_IO, shown(argument));
  CHECK_BYTES(&valid.out, before, sizeof *before);
  free(before);
}

static void refuse_to_write(const void *argument) {
  check_refusal(rnn_model_save(valid.model, argument), RNN_ERR_IO, shown(argument));
  check_refusal(rnn_trainer_save(valid.trainer, argument), RNN_ERR_IO, shown(argument));
}

/* As a user who may not replace devices: renaming over /dev/full would replace it for the whole machine. */
static void refuse_to_write_as_nobody(const void *argument) {
  if (geteuid() == 0 && setuid(65534) != 0) return;
  if (access("/dev", W_OK) != 0) refuse_to_write(argument);
}

/* A file that is no regular file is neither waited for nor replaced. */
static void leave_pipe_alone(const void *argument) {
  struct stat status;
  refuse_to_read(argument);
  refuse_to_write(argument);
  CHECK(stat(argument, &status) == 0 && S_ISFIFO(status.st_mode));
}

/* Paths are bytes: what is no UTF-8 is a name like any other. */
static void use_any_bytes(const void *argument) {
  rnn_model *model = NULL;
  CHECK_STATUS(rnn_model_save(valid.model, argument), RNN_OK);
  CHECK(access(argument, R_OK) == 0);
  CHECK_STATUS(rnn_model_load(argument, &model), RNN_OK);
  CHECK_STATUS(rnn_model_free(model), RNN_OK);
  CHECK(unlink(argument) == 0);
}

/* A disk that is full after 64 bytes: the old file stays, and nothing is left beside it. */
static void keep_old_file(const void *argument) {
  const struct rlimit limit = {64, 64};
  static char before[65536], after[65536];
  size_t bytes = read_file(argument, before, sizeof before);
  char directory[PATH_MAX];
  CHECK(bytes > 64 && bytes < sizeof before);
  signal(SIGXFSZ, SIG_IGN);
  CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
  refuse_to_write(argument);
  CHECK_INTEGER(read_file(argument, after, sizeof after), (long long)bytes);
  CHECK_BYTES(after, before, bytes);
  snprintf(directory, sizeof directory, "%s", (const char *)argument);
  *strrchr(directory, '/') = 0;
  CHECK(unlink(argument) == 0 && rmdir(directory) == 0); /* fails if anything is left there */
}

static void check_both(const char *path, const char *text) {
  check_in_child("rnn_model_load", text, refuse_to_read, path);
  check_in_child("rnn_trainer_resume", text, refuse_to_read, path);
  check_in_child("rnn_model_save", text, refuse_to_write, path);
  check_in_child("rnn_trainer_save", text, refuse_to_write, path);
}

void check_paths(const char *directory) {
  static char long_path[3 * PATH_MAX];
  static const char *const devices[] = {"/dev/null", "/dev/full", "/dev/zero", "/dev/tty"};
  memset(long_path, '/', sizeof long_path - 1);
  check_both("", "an empty path");
  check_both("/", "the root directory");
  check_both(directory, "a directory");
  check_both(in_directory(directory, "none/model"), "a directory that does not exist");
  check_both(in_directory(valid.path, "model"), "a file for a directory");
  check_both(in_directory(directory, "none/\xFF\xC0\x80"), "a path that is no UTF-8");
  check_both(long_path, "a path that is too long");
  check_in_child("rnn_model_load", "a missing file", refuse_to_read, in_directory(directory, "none"));
  for (int i = 0; i < 4; i++) {
    check_in_child("rnn_model_load", devices[i], refuse_to_read, devices[i]);
    check_in_child("rnn_model_save", devices[i], refuse_to_write_as_nobody, devices[i]);
  }
  check_in_child("rnn_model_save", "a name that is no UTF-8", use_any_bytes,
                 in_directory(directory, "\xFF\xFE"));
  const char *pipe = in_directory(directory, "pipe");
  CHECK(mkfifo(pipe, 0600) == 0);
  check_in_child("rnn_model_load", "a pipe", leave_pipe_alone, pipe);
  CHECK(unlink(pipe) == 0);
  CHECK(mkdir(in_directory(directory, "full"), 0700) == 0);
  const char *full = in_directory(directory, "full/run");
  CHECK(rename(valid.path, full) == 0);
  check_in_child("rnn_trainer_save", "a full disk", keep_old_file, full);
  REQUIRE_OK(rnn_trainer_save(valid.trainer, valid.path));
}
