/* Words of a scenario as numbers, addresses and bits. */
#define _GNU_SOURCE
#include "scenario.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>

char *words[MAX_WORDS + 1];
int nr_words, next_word;

char *word(const char *expected) {
  if (next_word >= nr_words) misuse(expected, NULL);
  return words[next_word++];
}

int more(void) { return next_word < nr_words; }

int is_number(const char *text, uint64_t *value) {
  char *end;
  if (!isdigit((unsigned char)text[0])) return 0;
  *value = strtoull(text, &end, strncasecmp(text, "0x", 2) == 0 ? 16 : 10);
  return *end == 0;
}

uint64_t plain(const char *expected) {
  uint64_t value;
  const char *text = word(expected);
  if (!is_number(text, &value)) misuse(expected, text);
  return value;
}

uint64_t plain_or(uint64_t otherwise) { return more() ? plain("a number") : otherwise; }

/* N, N+B, Nh, 0x.. or max; `raw` tells that it counts from nothing. */
int quantity_of(const char *text, uint64_t *bytes, int *raw) {
  char *end;
  *raw = 1;
  if (strcmp(text, "max") == 0) {
    *bytes = ~0UL;
    return 1;
  }
  if (strncasecmp(text, "0x", 2) == 0) return is_number(text, bytes);
  if (!isdigit((unsigned char)text[0])) return 0;
  *raw = 0;
  *bytes = strtoull(text, &end, 10);
  *bytes *= *end == 'h' ? HUGE : PAGE;
  if (*end == 'h') end++;
  if (*end == '+') *bytes += strtoull(end + 1, &end, 10);
  return *end == 0;
}

uint64_t quantity(void) {
  uint64_t bytes;
  int raw;
  const char *text = word("a length");
  if (!quantity_of(text, &bytes, &raw)) misuse("a number", text);
  return bytes;
}

uint64_t address(void) {
  uint64_t bytes = 0;
  int raw = 0;
  char *text = word("an address");
  if (strcmp(text, "any") == 0) return 0;
  if (quantity_of(text, &bytes, &raw)) return raw ? bytes : ARENA + bytes;
  char *past = strchr(text, ':');
  char base[8] = "";
  snprintf(base, sizeof base, "%.*s", past ? (int)(past - text) : 7, text);
  if (past != NULL && !quantity_of(past + 1, &bytes, &raw)) misuse("an address", text);
  if (strcmp(base, "brk") == 0) return START_BRK + bytes;
  if (strcmp(base, "any") == 0) return first_pick + bytes;
  const uint64_t *label = named(labels, nr_labels, base);
  if (label == NULL) bad_label = 1;
  return label == NULL ? 0 : *label + bytes;
}

int prot(void) {
  const char *text = word("rwx or -");
  if (text[strspn(text, "rwx-")] != 0) misuse("rwx or -", text);
  return (strchr(text, 'r') ? PROT_READ : 0) | (strchr(text, 'w') ? PROT_WRITE : 0) | (strchr(text, 'x') ? PROT_EXEC : 0);
}


long bits_of(const char *text, const struct bits *table) {
  for (; table->name != NULL; table++) {
    if (strcmp(table->name, text) == 0) return table->bits;
  }
  misuse("a word of the format", text);
}

/* The bits of words joined by commas; `0` for none. */
long list(const struct bits *table) {
  char *text = word("flags");
  long all = 0;
  if (strcmp(text, "0") == 0) return 0;
  char copy[256];
  snprintf(copy, sizeof copy, "%s", text);
  for (char *part = strtok(copy, ","); part != NULL; part = strtok(NULL, ",")) all |= bits_of(part, table);
  return all;
}

const struct bits MMAP_FLAGS[] = {
    {"private", MAP_PRIVATE}, {"shared", MAP_SHARED}, {"anon", MAP_ANONYMOUS}, {"fixed", MAP_FIXED},
    {"noreserve", MAP_NORESERVE}, {"growsdown", MAP_GROWSDOWN}, {"locked", MAP_LOCKED}, {"populate", MAP_POPULATE},
    {"huge", MAP_HUGETLB}, {"fdro", FDRO}, {"fdwo", FDWO}, {"badfd", BADFD}, {0}};
const struct bits MREMAP_FLAGS[] = {{"maymove", MREMAP_MAYMOVE}, {"fixed", MREMAP_FIXED}, {"badflag", 0x40}, {0}};
const struct bits MSYNC_FLAGS[] = {{"sync", MS_SYNC}, {"async", MS_ASYNC}, {"invalidate", MS_INVALIDATE}, {"bad", 0x100}, {0}};
const struct bits MLOCKALL_FLAGS[] = {{"current", MCL_CURRENT}, {"future", MCL_FUTURE}, {0}};
const struct bits SHMAT_FLAGS[] = {{"rdonly", SHM_RDONLY}, {"remap", SHM_REMAP}, {"rnd", SHM_RND}, {0}};
const struct bits SHMGET_FLAGS[] = {{"huge", SHM_HUGETLB}, {0}};
const struct bits ADVICE[] = {
    {"normal", MADV_NORMAL}, {"random", MADV_RANDOM}, {"sequential", MADV_SEQUENTIAL}, {"willneed", MADV_WILLNEED},
    {"dontneed", MADV_DONTNEED}, {"remove", MADV_REMOVE}, {"dontfork", MADV_DONTFORK}, {"dofork", MADV_DOFORK}, {"bad", 0x7777}, {0}};
const struct bits LIMITS[] = {{"memlock", RLIMIT_MEMLOCK}, {"as", RLIMIT_AS}, {"data", RLIMIT_DATA}, {"stack", RLIMIT_STACK}, {0}};
