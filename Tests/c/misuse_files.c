/*
 * misuse_files.c is the part of misuse that is about files: paths at which nothing can be read or written, and
 * files that are empty, truncated, damaged bit by bit, or made to deceive a reader. Reading one gives
 * RNN_ERR_FORMAT and takes no memory for what the file only claims; failing to write leaves the old file.
 */
#include "misuse.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *in_directory(const char *directory, const char *name) {
  static char paths[4][PATH_MAX];
  static int next;
  char *path = paths[next++ % 4];
  snprintf(path, PATH_MAX, "%s/%s", directory, name);
  return path;
}

static void write_file(const char *path, const void *data, size_t bytes) {
  FILE *file = fopen(path, "wb");
  if (!file || fwrite(data, 1, bytes, file) != bytes || fclose(file) != 0) {
    perror(path);
    exit(EXIT_FAILURE);
  }
}

/* Up to `limit` bytes. */
static size_t read_file(const char *path, void *data, size_t limit) {
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
  const char *pipe = in_directory(directory, "pipe"), *full = in_directory(directory, "full");
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
  CHECK(mkfifo(pipe, 0600) == 0);
  check_in_child("rnn_model_load", "a pipe", leave_pipe_alone, pipe);
  CHECK(unlink(pipe) == 0);
  CHECK(mkdir(full, 0700) == 0);
  full = in_directory(full, "run");
  CHECK(rename(valid.path, full) == 0);
  check_in_child("rnn_trainer_save", "a full disk", keep_old_file, full);
  REQUIRE_OK(rnn_trainer_save(valid.trainer, valid.path));
}

/* ---- Contents ---- */

static const char *hostile_path;

static void check_format(const void *argument) {
  (void)argument;
  check_refusal(rnn_model_load(hostile_path, &valid.out.model), RNN_ERR_FORMAT, hostile_path);
  check_refusal(rnn_trainer_resume(hostile_path, &valid.out.trainer), RNN_ERR_FORMAT, hostile_path);
}

static void check_format_of(const void *data, size_t bytes, const char *text) {
  write_file(hostile_path, data, bytes);
  check_in_child("rnn_model_load", text, check_format, NULL);
  check_in_child("rnn_trainer_resume", text, check_format, NULL);
  CHECK(unlink(hostile_path) == 0);
}

/* The length of the header, the header, and zeros for data. In `text` ' stands for " and ` for \". */
static size_t put_header(unsigned char *file, const char *text, size_t data) {
  size_t bytes = 8;
  for (; *text; text++) {
    if (*text == '`') file[bytes++] = '\\';
    file[bytes++] = *text == '`' || *text == '\'' ? '"' : (unsigned char)*text;
  }
  for (int i = 0; i < 8; i++)
    file[i] = (unsigned char)((bytes - 8) >> (8 * i));
  memset(file + bytes, 0, data);
  return bytes + data;
}

/* A model of one weight and one bias, and a trainer of it by SGD. */
#define LAYER "{`kind`:`Linear`,`input_size`:1,`output_size`:1}"
#define MODEL(layers) "'librnn':'{`format`:1,`dtype`:`float32`,`layers`:[" layers "]}'"
#define RUN                                                                                                  \
  "'trainer':'{`format`:1,`loss`:1,`reduction`:0,`ignore_index`:-100,`optimizer`:2,`nesterov`:false,"        \
  "`learning_rate`:0.1,`momentum`:0.0,`beta1`:0.9,`beta2`:0.999,`alpha`:0.99,`eps`:1e-08,"                   \
  "`weight_decay`:0.0,`clip_value`:0.0,`clip_norm`:0.001,`clip_scope`:0,`nonfinite`:0,`bptt`:0,`seed`:0,"    \
  "`updates`:2,`steps`:2,`clipped_steps`:1,`skipped_steps`:0}'"
#define WEIGHT "'0.weight':{'dtype':'F32','shape':[1,1],'data_offsets':[0,4]}"
#define BIAS "'0.bias':{'dtype':'F32','shape':[1],'data_offsets':[4,8]}"
#define FILE_OF(metadata, tensors) "{'__metadata__':{" metadata "}," tensors "}"
#define GIANT "{`kind`:`LSTM`,`input_size`:1,`output_size`:10000}"
#define TOWER "{`kind`:`LSTM`,`input_size`:1,`output_size`:1,`num_layers`:1024}"
#define TIMES_4(x) x "," x "," x "," x
#define TIMES_64(x) TIMES_4(TIMES_4(TIMES_4(x)))

static const struct {
  const char *text, *header;
  size_t data;
} hostile[] = {
    {"no JSON", "hello", 0},
    {"an empty header", "", 0},
    {"a number for a header", "3", 0},
    {"an array for a header", "[]", 0},
    {"an object that does not end", "{'a':{", 0},
    {"a string that does not end", "{'a", 0},
    {"a comma too many", "{'__metadata__':{},}", 0},
    {"half a character", "{'\\ud800':1}", 0},
    {"an unknown escape", "{'\\x':1}", 0},
    {"no metadata", "{" WEIGHT "," BIAS "}", 8},
    {"metadata of another program", FILE_OF("'format':'pt'", WEIGHT "," BIAS), 8},
    {"metadata that is no object", "{'__metadata__':7," WEIGHT "," BIAS "}", 8},
    {"a description that is no JSON", FILE_OF("'librnn':'{{{'", WEIGHT "," BIAS), 8},
    {"a description that is no text", FILE_OF("'librnn':{}", WEIGHT "," BIAS), 8},
    {"an unknown format", FILE_OF("'librnn':'{`format`:2,`layers`:[" LAYER "]}'", WEIGHT "," BIAS), 8},
    {"format -1", FILE_OF("'librnn':'{`format`:-1,`layers`:[" LAYER "]}'", WEIGHT "," BIAS), 8},
    {"an unknown dtype",
     FILE_OF("'librnn':'{`format`:1,`dtype`:`int8`,`layers`:[" LAYER "]}'", WEIGHT "," BIAS), 8},
    {"no layers", FILE_OF(MODEL(""), WEIGHT "," BIAS), 8},
    {"layers that are numbers", FILE_OF(MODEL("1,2"), WEIGHT "," BIAS), 8},
    {"a kind of layer that is none",
     FILE_OF(MODEL("{`kind`:`X`,`input_size`:1,`output_size`:1}"), WEIGHT "," BIAS), 8},
    {"size 0", FILE_OF(MODEL("{`kind`:`Linear`,`input_size`:0,`output_size`:1}"), WEIGHT "," BIAS), 8},
    {"size -1", FILE_OF(MODEL("{`kind`:`GRU`,`input_size`:1,`output_size`:-1}"), WEIGHT "," BIAS), 8},
    {"a size of 2^63 - 1",
     FILE_OF(MODEL("{`kind`:`LSTM`,`input_size`:1,`output_size`:9223372036854775807}"), WEIGHT), 4},
    {"a size of 2^64",
     FILE_OF(MODEL("{`kind`:`LSTM`,`input_size`:1,`output_size`:18446744073709551616}"), WEIGHT), 4},
    {"a size of 1e9", FILE_OF(MODEL("{`kind`:`LSTM`,`input_size`:1,`output_size`:1e9}"), WEIGHT), 4},
    {"sizes whose product overflows",
     FILE_OF(MODEL("{`kind`:`Embedding`,`input_size`:2147483647,`output_size`:2147483647}"), WEIGHT), 4},
    {"num_layers 2^31",
     FILE_OF(MODEL("{`kind`:`LSTM`,`input_size`:1,`output_size`:1,`num_layers`:2147483648}"), WEIGHT), 4},
    {"dropout 2", FILE_OF(MODEL("{`kind`:`LSTM`,`input_size`:1,`output_size`:1,`dropout`:2}"), WEIGHT), 4},
    {"dropout 1e999",
     FILE_OF(MODEL("{`kind`:`LSTM`,`input_size`:1,`output_size`:1,`dropout`:1e999}"), WEIGHT), 4},
    {"layers that do not fit",
     FILE_OF(MODEL(LAYER ",{`kind`:`Linear`,`input_size`:2,`output_size`:1}"), WEIGHT), 4},
    {"gigabytes of weights that are not there", FILE_OF(MODEL(GIANT), WEIGHT), 4},
    {"a million layers that are not there", FILE_OF(MODEL(TIMES_4(TIMES_4(TIMES_64(TOWER)))), WEIGHT), 4},
    {"no weight", FILE_OF(MODEL(LAYER), BIAS ",'x':{'dtype':'F32','shape':[],'data_offsets':[0,4]}"), 8},
    {"two weights",
     FILE_OF(MODEL(LAYER), WEIGHT ",'0.weight':{'dtype':'F32','shape':[1],'data_offsets':[4,8]}"), 8},
    {"a weight of another shape",
     FILE_OF(MODEL(LAYER), "'0.weight':{'dtype':'F32','shape':[1],'data_offsets':[0,4]}," BIAS), 8},
    {"a weight of another type",
     FILE_OF(MODEL(LAYER), "'0.weight':{'dtype':'I32','shape':[1,1],'data_offsets':[0,4]}," BIAS), 8},
    {"a weight of an unknown type",
     FILE_OF(MODEL(LAYER), "'0.weight':{'dtype':'Q9','shape':[1,1],'data_offsets':[0,4]}," BIAS), 8},
    {"a shape that overflows",
     FILE_OF(MODEL(LAYER),
             "'0.weight':{'dtype':'F32','shape':[4294967296,4294967296],'data_offsets':[0,4]}," BIAS),
     8},
    {"a shape below zero",
     FILE_OF(MODEL(LAYER), "'0.weight':{'dtype':'F32','shape':[-1,-1],'data_offsets':[0,4]}," BIAS), 8},
    {"a weight without a shape",
     FILE_OF(MODEL(LAYER), "'0.weight':{'dtype':'F32','data_offsets':[0,4]}," BIAS), 8},
    {"a weight that is a number", FILE_OF(MODEL(LAYER), "'0.weight':4," BIAS), 8},
    {"offsets beyond the file",
     FILE_OF(MODEL(LAYER), "'0.weight':{'dtype':'F32','shape':[1,1],'data_offsets':[8,12]}," BIAS), 8},
    {"offsets below zero",
     FILE_OF(MODEL(LAYER), "'0.weight':{'dtype':'F32','shape':[1,1],'data_offsets':[-4,0]}," BIAS), 8},
    {"offsets in reverse",
     FILE_OF(MODEL(LAYER), "'0.weight':{'dtype':'F32','shape':[1,1],'data_offsets':[4,0]}," BIAS), 8},
    {"one offset", FILE_OF(MODEL(LAYER), "'0.weight':{'dtype':'F32','shape':[1,1],'data_offsets':[0]}," BIAS),
     8},
    {"tensors that overlap",
     FILE_OF(MODEL(LAYER), WEIGHT ",'0.bias':{'dtype':'F32','shape':[1],'data_offsets':[0,4]}"), 8},
    {"data of no tensor", FILE_OF(MODEL(LAYER), WEIGHT "," BIAS), 12},
    {"too little data", FILE_OF(MODEL(LAYER), WEIGHT "," BIAS), 7},
    {"a checksum of other digits", FILE_OF(MODEL(LAYER) ",'crc32':'00000000'", WEIGHT "," BIAS), 8},
    {"a checksum that is a number", FILE_OF(MODEL(LAYER) ",'crc32':5", WEIGHT "," BIAS), 8},
    {"a checksum that is too short", FILE_OF(MODEL(LAYER) ",'crc32':'0'", WEIGHT "," BIAS), 8},
};

/* What stands in RUN, and what a hostile file has in its place. */
static const struct {
  const char *from, *to;
} hostile_runs[] = {
    {"`steps`:2", "`steps`:-1"},
    {"`steps`:2", "`steps`:1"},
    {"`steps`:2", "`steps`:9223372036854775807"},
    {"`updates`:2", "`updates`:-1"},
    {"`updates`:2", "`updates`:18446744073709551616"},
    {"`clipped_steps`:1", "`clipped_steps`:-1"},
    {"`clipped_steps`:1", "`clipped_steps`:9223372036854775807"},
    {"`skipped_steps`:0", "`skipped_steps`:9223372036854775807"},
    {",`skipped_steps`:0", ""},
    {"`format`:1,`loss`", "`format`:0,`loss`"},
    {"`loss`:1", "`loss`:3"},
    {"`optimizer`:2", "`optimizer`:4"},
    {"`optimizer`:2", "`optimizer`:0"},
    {"`clip_scope`:0", "`clip_scope`:-1"},
    {"`learning_rate`:0.1", "`learning_rate`:1e999"},
    {"`learning_rate`:0.1", "`learning_rate`:-0.1"},
    {"`learning_rate`:0.1", "`learning_rate`:0x10"},
    {"`eps`:1e-08", "`eps`:0"},
    {"`beta2`:0.999", "`beta2`:1"},
    {"`clip_norm`:0.001", "`clip_norm`:-1"},
    {"`nesterov`:false", "`nesterov`:true"},
    {"`bptt`:0", "`bptt`:-1"},
    {"`seed`:0", "`seed`:-1"},
    {"`seed`:0}'", "`seed`:0"},
    {"'trainer'", "'trainers'"},
};

/* The file of which the hostile ones are variations is a good one. */
static void resume_good_file(const void *argument) {
  rnn_model *model = NULL;
  rnn_trainer *trainer = NULL;
  (void)argument;
  CHECK_STATUS(rnn_model_load(hostile_path, &model), RNN_OK);
  CHECK_STATUS(rnn_trainer_resume(hostile_path, &trainer), RNN_OK);
}

static void refuse_run(const void *argument) {
  (void)argument;
  check_refusal(rnn_trainer_resume(hostile_path, &valid.out.trainer), RNN_ERR_FORMAT, hostile_path);
}

static void check_runs(unsigned char *file) {
  static const char good[] = FILE_OF(MODEL(LAYER) "," RUN, WEIGHT "," BIAS);
  write_file(hostile_path, file, put_header(file, good, 8));
  check_in_child("rnn_trainer_resume", "a good file", resume_good_file, NULL);
  for (size_t i = 0; i < sizeof hostile_runs / sizeof *hostile_runs; i++) {
    char text[sizeof good + 64];
    const char *from = hostile_runs[i].from, *place = strstr(good, from);
    if (!CHECK(place != NULL)) continue;
    snprintf(text, sizeof text, "%.*s%s%s", (int)(place - good), good, hostile_runs[i].to,
             place + strlen(from));
    write_file(hostile_path, file, put_header(file, text, 8));
    check_in_child("rnn_trainer_resume", hostile_runs[i].to, refuse_run, NULL);
  }
  CHECK(unlink(hostile_path) == 0);
}

static void check_header_lengths(unsigned char *file) {
  static const uint64_t lengths[] = {0, 1, 9, 100000001, UINT64_C(1) << 63, UINT64_MAX, UINT64_MAX - 7};
  for (size_t bytes = 0; bytes < 8; bytes++)
    check_format_of("\0\0\0\0\0\0\0\0", bytes, "less than a length");
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    memcpy(file, &lengths[i], 8);
    memcpy(file + 8, "{}      ", 8);
    check_format_of(file, 16, "a wrong length of the header");
  }
}

static void check_nesting(unsigned char *file) {
  static char deep[200000];
  for (int objects = 0; objects < 2; objects++) {
    for (size_t i = 0; i + 5 < sizeof deep; i += 5)
      memcpy(deep + i, objects ? "{'a':" : "[[[[[", 5);
    check_format_of(file, put_header(file, deep, 0), "deep nesting");
  }
}

/* Of a file that the library wrote, every shorter one and every one with a bit turned is refused. */
static void refuse_damage(const void *argument) {
  static unsigned char good[65536], damaged[65536];
  const size_t bytes = read_file(argument, good, sizeof good);
  CHECK(bytes > 1000 && bytes < sizeof good);
  alarm(60);
  for (size_t length = 0; length < bytes; length++) {
    write_file(hostile_path, good, length);
    if (!CHECK(rnn_trainer_resume(hostile_path, &valid.out.trainer) == RNN_ERR_FORMAT)) {
      fprintf(stderr, "  of the first %zu bytes of %zu\n", length, bytes);
    }
  }
  for (size_t place = 0; place < bytes; place++) {
    memcpy(damaged, good, bytes);
    damaged[place] ^= (unsigned char)(1u << place % 8);
    write_file(hostile_path, damaged, bytes);
    if (!CHECK(rnn_trainer_resume(hostile_path, &valid.out.trainer) == RNN_ERR_FORMAT)) {
      fprintf(stderr, "  of a file with bit %zu of byte %zu, '%c', turned\n", place % 8, place, good[place]);
    }
  }
}

void check_contents(const char *directory) {
  unsigned char *file = check_allocate(1 << 20);
  hostile_path = in_directory(directory, "hostile");
  check_header_lengths(file);
  check_nesting(file);
  for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
    check_format_of(file, put_header(file, hostile[i].header, hostile[i].data), hostile[i].text);
  }
  check_runs(file);
  check_in_child("rnn_trainer_resume", "damage", refuse_damage, valid.path);
  CHECK(unlink(hostile_path) == 0);
  free(file);
}
