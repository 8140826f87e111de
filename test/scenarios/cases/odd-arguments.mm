# Arguments at the borders of what a call takes: zero, unaligned, wrapping, past the end of the address space. Every call
# answers, and what cannot be does not change anything (generic-mm 9).
mmap 16 4 rw private,anon,fixed
fill 16 4 1
munmap 16 0
munmap 16+1 1
munmap 16 max
munmap 0xfffff000 0
munmap 40 4  # nothing there
munmap 18+0 0+1  # one byte is one page
bytes 16 4
mprotect 16 0 -
mprotect 16+1 1 r
mprotect 17 3 r  # a hole at 18: the part before it is done
write 17 1
write 16 1
mprotect 40 1 r
mremap 16 1 0 maymove
mremap 16+1 1 1 maymove
mremap 16 1 1 badflag
mremap 16 1 1 fixed 30
mremap 16 2 2 maymove,fixed 17
mremap 16 2 2 maymove,fixed 30+1
mremap 40 1 1 maymove
mremap 40 2 1 maymove  # a shrink never looks at the area
mremap 16 3 4 maymove  # reaches into the hole
mremap 16 0 1 maymove  # a second view needs something shared: private memory moves empty
madvise 16+1 1 dontneed
madvise 16 0 dontneed
madvise 16 0 bad
madvise 16 max dontneed
madvise 40 1 dontneed
madvise 17 2 dontneed  # 17 is done, 18 is a hole
bytes 16 2
mlock 40 1
mlock 16 0
mlock 17 2
stat
munlock 17 2
munlock 16 max  # rounded up, the length wraps to nothing
msync 16+1 1 sync
msync 40 1 async
mincore 16+1 1
mincore 40 1
mincore 16 1
kread 16 0+100
kread 17 0+7
kwrite 17 1 3
kwrite 16 0+5 9
kread 18 1
bytes 16 3
