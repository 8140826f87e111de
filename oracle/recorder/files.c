/* Files, which no process of the scenario owns. */
#define _GNU_SOURCE
#include "scenario.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int fill_huge(int file, uint64_t bytes) {
  uint8_t *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (at == MAP_FAILED) return errno;
  for (uint64_t i = 0; i < bytes / PAGE; i++) memset(at + i * PAGE, (int)(7 * i + 1) & 255, PAGE);
  munmap(at, bytes);
  return 0;
}

static int fill_file(int file, uint64_t bytes) {
  uint8_t page[PAGE];
  for (uint64_t at = 0; at < bytes; at += PAGE) {
    uint64_t some = bytes - at < PAGE ? bytes - at : PAGE;
    memset(page, (int)(7 * (at / PAGE) + 1) & 255, sizeof page);
    if (pwrite(file, page, some, (off_t)at) < 0) return errno;
  }
  return 0;
}

void op_file(void) {
  char path[96];
  const char *name = word("a file name");
  path_of(path, sizeof path, name);
  uint64_t bytes = quantity();
  int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  int error = file < 0 || ftruncate(file, (off_t)bytes) < 0 ? errno : 0;
  if (error == 0 && more()) error = name[0] == 'h' ? fill_huge(file, bytes) : fill_file(file, bytes);
  if (file >= 0) close(file);
  put_status(error);
}

void op_on_file(const char *op) {
  char path[96];
  struct stat at;
  uint8_t byte;
  path_of(path, sizeof path, word("a file name"));
  int file = open(path, O_RDWR | O_CLOEXEC), done = 0;
  uint64_t first = more() ? quantity() : 0;
  if (file < 0) {
    put_status(errno);
    return;
  }
  if (strcmp(op, "ftruncate") == 0) done = ftruncate(file, (off_t)first);
  else if (strcmp(op, "fpunch") == 0) done = fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)first, (off_t)quantity());
  else if (strcmp(op, "fdrop") == 0) done = fsync(file) < 0 ? -1 : posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
  else if (strcmp(op, "funlink") == 0) done = unlink(path);
  else if (strcmp(op, "fwrite") == 0) {
    byte = (uint8_t)plain_or(1);
    done = (int)pwrite(file, &byte, 1, (off_t)first);
  } else if (strcmp(op, "fread") == 0) done = (int)pread(file, &byte, 1, (off_t)first);
  else done = fstat(file, &at);
  int error = errno;
  close(file);
  if (done < 0) put_status(error);
  else if (strcmp(op, "fread") == 0) done == 0 ? put("eof") : put("ok %d", byte);
  else if (strcmp(op, "fsize") == 0) put("%lu+%lu", (uint64_t)at.st_size / PAGE, (uint64_t)at.st_size % PAGE);
  else if (strcmp(op, "fblocks") == 0) put("%lu", (uint64_t)at.st_blocks * 512 / PAGE);
  else put("ok");
}
