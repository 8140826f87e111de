# tmpfs files by system call and by mapping (generic-mm 14): holes, growth, blocks, what lies beyond the size
file t1 0
fsize t1
fblocks t1
fread t1 0
fwrite t1 5+7 33
fsize t1
fblocks t1
fread t1 5+7
fread t1 5+8
fread t1 5
fread t1 2
fblocks t1
mmap 16 8 rw shared,fixed t1 0
bytes 16 8
pages 16 8
fblocks t1
write 16 9
fread t1 0
write 22 1
fwrite t1 7 2
bytes 16 8
fblocks t1
ftruncate t1 2+1
fsize t1
bytes 16 8
fblocks t1
ftruncate t1 8
bytes 16 8
fblocks t1
fwrite t1 1 77
read 17
mark 17 p
fdrop t1
same 17 p
fblocks t1
ftruncate t1 8
same 17 p
mmap 32 4 rw private,fixed t1 0
read 33
write 33 5
fread t1 1
share 16 2
share 33 1
fwrite t1 1 78
read 33
read 17
file t1 2
bytes 16 4
bytes 32 4
fsize t1
file t1 3 fill
bytes 16 4
fread t2 0
ftruncate t2 1
fsize t2
fblocks t2
funlink t2
mmap 48 1 r shared t2 0
