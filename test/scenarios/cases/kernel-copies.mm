# Copies by the kernel fault as the process would, and answer EFAULT where it would get a signal.
# Expected: the pipe's buffers are pages of the copied bytes; one that is not copied whole does not count.
mmap 16 2 rw private,anon,fixed
kread 16 0+50
kwrite 16 0+100 7
read 16+99
read 16+100
kwrite 17 0 7
kwrite 18 0+1 7
kread 18 0+1
mprotect 16 1 r
kwrite 16 0+1 9
kread 16 0+1
file d1 1 fill
mmap 32 2 rw private,fixed d1
kwrite 32 0+3 9
kwrite 33 0+3 9
bytes 32 2
pages 32 2
