/**
 * What runs inside the emulator: our own code, instruction by instruction, at 0xF0000. It lies twice in the machine, in the
 * ROM where the processor starts and in a page that the simulated process maps at the same address, so that it goes on
 * running when paging is switched on with the image's tables.
 *
 * The loops run in ring 0, where every right of an entry decides but US, or in ring 3, where US does too. IOPL lets them end there.
 *
 * The loops take a list of addresses (16 bytes each: address, then 1 to be called as well) and leave as much for each: what a load, a
 * store and a call gave. 0x100 and the byte, or 0x100: it worked; 0x200 and the error code: a page fault; 0x400: not canonical.
 */

/** A run of instructions. */
export interface CodePart {
  /** Offset from 0xF0000. */
  readonly offset: number;
  readonly lines: readonly (readonly [bytes: string, instruction: string])[];
}

/** 16-bit code, from the reset vector: protected mode. */
const START16: CodePart = {
  offset: 0x0,
  lines: [
    ['fa', 'cli'],
    ['2e0f01161004', 'lgdtw cs:0x410'],
    ['0f20c0', 'mov eax,cr0'],
    ['0c01', 'or al,0x1'],
    ['0f22c0', 'mov cr0,eax'],
    ['66ea40000f000800', 'jmp 0x8:0xf0040'],
  ],
};

/** 32-bit code: the registers of the image are loaded. Behind the store to CR0 the instructions come from the image itself. */
const START32: CodePart = {
  offset: 0x40,
  lines: [
    ['b810000000', 'mov eax,0x10'],
    ['8ed8', 'mov ds,eax'],
    ['8ec0', 'mov es,eax'],
    ['8ed0', 'mov ss,eax'],
    ['a108080f00', 'mov eax,ds:0xf0808'],
    ['0f22e0', 'mov cr4,eax'],
    ['a104080f00', 'mov eax,ds:0xf0804'],
    ['85c0', 'test eax,eax'],
    ['7409', 'je f0065 <start32+0x25>'],
    ['b9800000c0', 'mov ecx,0xc0000080'],
    ['31d2', 'xor edx,edx'],
    ['0f30', 'wrmsr'],
    ['a100080f00', 'mov eax,ds:0xf0800'],
    ['0f22d8', 'mov cr3,eax'],
    ['a10c080f00', 'mov eax,ds:0xf080c'],
    ['0f22c0', 'mov cr0,eax'],
    ['bcf0ff0e00', 'mov esp,0xefff0'],
    ['a110080f00', 'mov eax,ds:0xf0810'],
    ['85c0', 'test eax,eax'],
    ['750c', 'jne f008f <start32+0x4f>'],
    ['0f011d18040f00', 'lidtd ds:0xf0418'],
    ['e931020000', 'jmp f02c0 <enter32>'],
    ['ea00030f001800', 'jmp 0x18:0xf0300'],
  ],
};

/** 32-bit: each address is loaded from, stored to and, if asked for, called. */
const LOOP32: CodePart = {
  offset: 0xc0,
  lines: [
    ['8b3514080f00', 'mov esi,DWORD PTR ds:0xf0814'],
    ['8b3d18080f00', 'mov edi,DWORD PTR ds:0xf0818'],
    ['8b0d1c080f00', 'mov ecx,DWORD PTR ds:0xf081c'],
    ['8b1e', 'next32: mov ebx,DWORD PTR [esi]'],
    ['bde4000f00', 'mov ebp,0xf00e4'],
    ['0fb603', 'movzx eax,BYTE PTR [ebx]'],
    ['89c2', 'mov edx,eax'],
    ['81ca00010000', 'or edx,0x100'],
    ['8917', 'loaded32: mov DWORD PTR [edi],edx'],
    ['bdf2000f00', 'mov ebp,0xf00f2'],
    ['8803', 'mov BYTE PTR [ebx],al'],
    ['ba00010000', 'mov edx,0x100'],
    ['895704', 'stored32: mov DWORD PTR [edi+0x4],edx'],
    ['31d2', 'xor edx,edx'],
    ['f7460801000000', 'test DWORD PTR [esi+0x8],0x1'],
    ['740c', 'je f010c <fetched32>'],
    ['bd0c010f00', 'mov ebp,0xf010c'],
    ['ffd3', 'call ebx'],
    ['ba00010000', 'mov edx,0x100'],
    ['bcf0ff0e00', 'fetched32: mov esp,0xefff0'],
    ['895708', 'mov DWORD PTR [edi+0x8],edx'],
    ['83c610', 'add esi,0x10'],
    ['83c710', 'add edi,0x10'],
    ['49', 'dec ecx'],
    ['75b5', 'jne f00d2 <next32>'],
    ['66baf400', 'mov dx,0xf4'],
    ['ee', 'out dx,al'],
    ['f4', 'hlt'],
  ],
};

/** 32-bit page fault: the error code is the result, and the access is passed over. */
const FAULT32: CodePart = {
  offset: 0x140,
  lines: [
    ['5a', 'pop edx'],
    ['81ca00020000', 'or edx,0x200'],
    ['892c24', 'mov DWORD PTR [esp],ebp'],
    ['cf', 'iret'],
  ],
};

/** 64-bit: the same. */
const LOOP64: CodePart = {
  offset: 0x20e,
  lines: [
    ['8b342514080f00', 'mov esi,DWORD PTR ds:0xf0814'],
    ['8b3c2518080f00', 'mov edi,DWORD PTR ds:0xf0818'],
    ['8b0c251c080f00', 'mov ecx,DWORD PTR ds:0xf081c'],
    ['488b1e', 'next64: mov rbx,QWORD PTR [rsi]'],
    ['bd36020f00', 'mov ebp,0xf0236'],
    ['0fb603', 'movzx eax,BYTE PTR [rbx]'],
    ['89c2', 'mov edx,eax'],
    ['81ca00010000', 'or edx,0x100'],
    ['8917', 'loaded64: mov DWORD PTR [rdi],edx'],
    ['bd44020f00', 'mov ebp,0xf0244'],
    ['8803', 'mov BYTE PTR [rbx],al'],
    ['ba00010000', 'mov edx,0x100'],
    ['895704', 'stored64: mov DWORD PTR [rdi+0x4],edx'],
    ['31d2', 'xor edx,edx'],
    ['f7460801000000', 'test DWORD PTR [rsi+0x8],0x1'],
    ['740c', 'je f025e <fetched64>'],
    ['bd5e020f00', 'mov ebp,0xf025e'],
    ['ffd3', 'call rbx'],
    ['ba00010000', 'mov edx,0x100'],
    ['bcf0ff0e00', 'fetched64: mov esp,0xefff0'],
    ['895708', 'mov DWORD PTR [rdi+0x8],edx'],
    ['4883c610', 'add rsi,0x10'],
    ['4883c710', 'add rdi,0x10'],
    ['ffc9', 'dec ecx'],
    ['75b1', 'jne f0223 <next64>'],
    ['66baf400', 'mov dx,0xf4'],
    ['ee', 'out dx,al'],
    ['f4', 'hlt'],
  ],
};

/** 64-bit page fault. */
const FAULT64: CodePart = {
  offset: 0x290,
  lines: [
    ['5a', 'pop rdx'],
    ['81ca00020000', 'or edx,0x200'],
    ['48892c24', 'mov QWORD PTR [rsp],rbp'],
    ['48cf', 'iretq'],
  ],
};

/** 64-bit general protection: an address that is not canonical. */
const GENERAL64: CodePart = {
  offset: 0x2a8,
  lines: [
    ['5a', 'gp64: pop rdx'],
    ['ba00040000', 'mov edx,0x400'],
    ['48892c24', 'mov QWORD PTR [rsp],rbp'],
    ['48cf', 'iretq'],
  ],
};

/** 32-bit: to the loop, in ring 3 if that is asked for. */
const ENTER32: CodePart = {
  offset: 0x2c0,
  lines: [
    ['833d20080f0003', 'cmp DWORD PTR ds:0xf0820,0x3'],
    ['0f85f3fdffff', 'jne f00c0 <loop32>'],
    ['b838000000', 'mov eax,0x38'],
    ['0f00d8', 'ltr ax'],
    ['b82b000000', 'mov eax,0x2b'],
    ['8ed8', 'mov ds,eax'],
    ['8ec0', 'mov es,eax'],
    ['6a2b', 'push 0x2b'],
    ['68f0ff0e00', 'push 0xefff0'],
    ['6802300000', 'push 0x3002'],
    ['6a23', 'push 0x23'],
    ['68c0000f00', 'push 0xf00c0'],
    ['cf', 'iret'],
  ],
};

/** 64-bit: the same. */
const ENTER64: CodePart = {
  offset: 0x300,
  lines: [
    ['66b81000', 'mov ax,0x10'],
    ['8ed0', 'mov ss,eax'],
    ['0f011c2520040f00', 'lidt ds:0xf0420'],
    ['833c2520080f0003', 'cmp DWORD PTR ds:0xf0820,0x3'],
    ['0f85f2feffff', 'jne f020e <loop64>'],
    ['b838000000', 'mov eax,0x38'],
    ['0f00d8', 'ltr ax'],
    ['6a2b', 'push 0x2b'],
    ['68f0ff0e00', 'push 0xefff0'],
    ['6802300000', 'push 0x3002'],
    ['6a33', 'push 0x33'],
    ['680e020f00', 'push 0xf020e'],
    ['48cf', 'iretq'],
  ],
};

export const CODE: readonly CodePart[] = [
  START16,
  START32,
  LOOP32,
  FAULT32,
  LOOP64,
  FAULT64,
  GENERAL64,
  ENTER32,
  ENTER64,
];

/** Where faults go, as offsets from 0xF0000. */
export const FAULT_32: number = FAULT32.offset;
export const FAULT_64: number = FAULT64.offset;
export const GENERAL_64: number = GENERAL64.offset;
