/* How results are written. */
#define _GNU_SOURCE
#include "scenario.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

void put(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vfprintf(result, format, arguments);
  va_end(arguments);
}

void put_status(int error) { put("%s", error == 0 ? "ok" : strerrorname_np(error)); }

void put_bytes(uint64_t bytes) {
  int64_t pages = (int64_t)bytes >> 12;
  put("%ld", pages);
  if (bytes & (PAGE - 1)) put("+%ld", bytes & (PAGE - 1));
}

void put_address(uint64_t at) {
  if (at >= START_BRK && at < ARENA) put("brk:"), put_bytes(at - START_BRK);
  else if (at >= ARENA && at < ARENA + ARENA_BYTES) put_bytes(at - ARENA);
  else if (at >= first_pick - ARENA_BYTES && at < PICKS_END) put("any:"), put_bytes(at - first_pick);
  else put("elsewhere");
}

void put_placed(const struct answer *answer, const char *label) {
  if (answer->open_failed) put("open:");
  if (answer->error != 0) {
    put_status(answer->error);
    return;
  }
  if (label != NULL) give_name(labels, &nr_labels, label, (uint64_t)answer->value);
  put("ok ");
  put_address((uint64_t)answer->value);
}

const char *const ENDINGS[] = {"ok", "SEGV_MAPERR", "SEGV_ACCERR", "BUS_ADRERR"};
