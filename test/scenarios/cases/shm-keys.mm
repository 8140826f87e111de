# shmget and shmctl(IPC_RMID): sizes, keys, when a segment goes (generic-mm 15)
shmget 1 0
shmget 1 0+1
shmstat 1
shmget 1 1
shmget 1 0+1
shmget 1 0
shmget 2 0x2000000
shmget 3 0x2000001
shmget 3 max
shmstat 3
shmrm 3
shmat 3 16 0
shmget 4 8 huge
shmget 5 2
shmat 5 16 0
fill 16 2 7
shmrm 5
shmstat 5
fork B
shmstat 5
B: bytes 16 2
munmap 16 1
shmstat 5
shmget 6 2
shmat 5 48 0 # the id still leads to it
bytes 48 2
shmdt 48
munmap 17 1
B: mprotect 17 1 r
shmstat 5
B: exit
shmstat 5
shmget 5 3
shmstat 5
shmat 5 16 0 =S
bytes S 3
write S:1 9
share 16 3
fork C
C: bytes S 3
share 16 3
C: shmdt S
C: exit
shmstat 5
munmap S 3
shmstat 5
