# RLIMIT_AS, DATA and STACK (generic-mm 10.2, 9.1, 9.6, 9.8, 9.11).
rlimit as +2
mmap 16 2 rw private,anon,fixed
mmap 24 1 rw private,anon,fixed
mremap 16 2 3 maymove
mremap 16 2 3 0
brk 1
munmap 16 1
mmap 24 1 rw private,anon,fixed
mmap 24 1 rw private,anon,fixed  # in place of the old one: no more than before
write 17 1
mmap 17 2 rw private,anon,fixed  # the old one is gone, although the call fails
read 17
maps
mmap 40 1 - private,anon,fixed
mprotect 40 1 rw
mmap 41 1 - private,anon,fixed,noreserve
rlimit as max
rlimit data 2
brk 2
brk 2+1
brk 3
brk 1
brk ?
mmap 60 4 rw private,anon,fixed  # data is the heap alone
rlimit data max
brk 3
mmap 100 2 rw private,anon,fixed,growsdown
rlimit stack 4
write 99 1
write 97 1
write 98 1
write 97 1
maps
rlimit stack max
write 97 1
rlimit as 0
write 96 1  # growth is a use of address space
mmap 120 1 rw private,anon,fixed
munmap 16 200
maps
