# The heap: what is cut off is gone and reads zero when it comes back; it never meets another area.
# Expected: sys_brk (generic-mm 9.6) keeps one page free above the new break.
brk ?
brk 4
fill brk:0 4 9
stat
brk 2
bytes brk:0 4
brk 4
bytes brk:0 4
brk 1+100
write brk:1 5
write brk:2 5
brk 1+200
mmap brk:8 1 r private,anon,fixed
brk 8
brk 7
bytes brk:0 9
munmap brk:0 9
maps
brk ? # munmap does not move the break
brk 0
rlimit data 3
brk 4
brk 3
stat
