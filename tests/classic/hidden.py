# SPDX-License-Identifier: MIT
"""Classic ROMs whose author does not want it to be seen: what is in the way, the rules that find it, and the source of
the code (assembler, AT&T syntax) whose bytes stand in front of it.
"""

from __future__ import annotations

from openvmi.abi.classic import Call, Relocation
from tests.classic.wrong import Change, code, flags, iret, rdtsc

HIDDEN: dict[str, tuple[Change, set[str], str]] = {
    # Findings
    "a return address by an aliased pointer": (
        rdtsc("e8000000 0089e083 e0fcc700 efbeadde ff2424"), {"indirect", "stack-bounds"},
        "call 1f; 1: movl %esp,%eax; andl $-4,%eax; movl $0xdeadbeef,(%eax); jmp *(%esp)"),
    "a return address by a pointer inverted twice": (
        rdtsc("89e0f7d0 f7d0c700 00000000 c3"), {"balance", "stack-bounds"},
        "movl %esp,%eax; notl %eax; notl %eax; movl $0,(%eax); ret"),
    "a return address by a pointer of two paths": (
        rdtsc("8d442404 85c97403 8d0424c7 00000000 00c3"), {"balance", "stack-bounds"},
        "leal 4(%esp),%eax; testl %ecx,%ecx; jz 1f; leal (%esp),%eax; 1: movl $0,(%eax); ret"),
    "a return address by a masked pointer": (rdtsc("89e083e0 fc8908c3"), {"balance", "stack-bounds"},
                                             "movl %esp,%eax; andl $-4,%eax; movl %ecx,(%eax); ret"),
    "text by a masked address": (rdtsc("e8000000 005883e0 f0894810 c3"), {"text-write"},
                                 "call 1f; 1: popl %eax; andl $-16,%eax; movl %ecx,0x10(%eax); ret"),
    "text by an exchanged address": (rdtsc("e8000000 00589189 4120c3"), {"text-write"},
                                     "call 1f; 1: popl %eax; xchgl %eax,%ecx; movl %eax,0x20(%ecx); ret"),
    "text by a conditional move": (rdtsc("e8000000 00580f44 c8894120 c3"), {"text-write"},
                                   "call 1f; 1: popl %eax; cmovzl %eax,%ecx; movl %eax,0x20(%ecx); ret"),
    "text by two paths": (rdtsc("e8000000 005885c9 740383c0 04894810 c3"), {"text-write"},
        "call 1f; 1: popl %eax; testl %ecx,%ecx; jz 2f; addl $4,%eax; 2: movl %ecx,0x10(%eax); ret"),
    "text by an address inverted twice": (rdtsc("e8000000 0058f7d0 f7d08948 10c3"), {"text-write"},
                                          "call 1f; 1: popl %eax; notl %eax; notl %eax; movl %ecx,0x10(%eax); ret"),
    "a callee pops into its caller's return address": (rdtsc("e8010000 00c368ef beadde8f 442404c3"), {"balance"},
                                                       "call 1f; ret; 1: pushl $0xdeadbeef; popl 4(%esp); ret"),
    "a callee pops into a saved register": (rdtsc("53e80200 00005bc3 6a018f44 2404c3"), {"clobber"},
                                            "pushl %ebx; call 1f; popl %ebx; ret; 1: pushl $1; popl 4(%esp); ret"),
    "a callee writes by a pointer to the stack": (rdtsc("89e0e801 000000c3 c7000000 0000c3"), {"balance"},
                                                  "movl %esp,%eax; call 1f; ret; 1: movl $0,(%eax); ret"),
    "a callee writes by a pointer to the text": (rdtsc("e8000000 0058e801 000000c3 894820c3"), {"text-write"},
                                                 "call 1f; 1: popl %eax; call 2f; ret; 2: movl %ecx,0x20(%eax); ret"),
    "a register restored through GS": (rdtsc("5331db65 8b1c2483 c404c3"), {"clobber"},
                                       "pushl %ebx; xorl %ebx,%ebx; movl %gs:(%esp),%ebx; addl $4,%esp; ret"),
    "a saved register overwritten through FS": (rdtsc("5331db64 8904245b c3"), {"clobber"},
                                                "pushl %ebx; xorl %ebx,%ebx; movl %eax,%fs:(%esp); popl %ebx; ret"),
    "a bit of the return address": (rdtsc("5050b940 0000000f ab0c2483 c408c3"), {"balance", "stack-bounds"},
                                    "pushl %eax; pushl %eax; movl $64,%ecx; btsl %ecx,(%esp); addl $8,%esp; ret"),
    "a word of its caller's": (rdtsc("89442420 c3"), {"stack-bounds"},
                               "movl %eax,0x20(%esp); ret"),
    "a word far above": (rdtsc("c7842400 10000000 000000c3"), {"stack-bounds"},
                         "movl $0,0x1000(%esp); ret"),
    "a stack argument that is none": (rdtsc("89442404 c3"), {"stack-bounds"},
                                      "movl %eax,4(%esp); ret"),
    "the EIP of a frame": (iret("c70424ef beaddecf"), {"return"},
                           "movl $0xdeadbeef,(%esp); iret"),
    "the CS of a frame": (iret("c7442404 10000000 cf"), {"return"},
                          "movl $0x10,4(%esp); iret"),
    "for ever": (rdtsc("ebfe"), {"loop"},
                 "1: jmp 1b"),
    # Text
    "text by a string with an address from elsewhere": (rdtsc("57e80000 00005f83 e7f0ab5f c3"), {"text-write"},
        "pushl %edi; call 1f; 1: popl %edi; andl $-16,%edi; stosl; popl %edi; ret"),
    "text by movs": (rdtsc("5657e800 0000005f a55f5ec3"), {"text-write"},
                     "pushl %esi; pushl %edi; call 1f; 1: popl %edi; movsl; popl %edi; popl %esi; ret"),
    "text by an address built from halves": (rdtsc("b80cc000 00c1e010 8908c3"), {"text-write"},
                                             "movl $0xc00c,%eax; shll $16,%eax; movl %ecx,(%eax); ret"),
    "text by an absolute address with an index": (rdtsc("b800800c c001c889 10c3"), {"text-write"},
                                                  "movl $0xc00c8000,%eax; addl %ecx,%eax; movl %edx,(%eax); ret"),
    "text by an inverted constant": (rdtsc("b8ff7ff3 3ff7d089 08c3"), {"text-write"},
                                     "movl $0x3ff37fff,%eax; notl %eax; movl %ecx,(%eax); ret"),
    "text by low memory": (rdtsc("53e80800 00008983 00800c00 5bc38b1c 2481e300 00f0ffc3"), {"text-write"},
        "pushl %ebx; call 1f; movl %eax,0xc8000(%ebx); popl %ebx; ret; 1: movl (%esp),%ebx; andl "
        "$0xfff00000,%ebx; ret"),
    "text by low memory and an index": (
        rdtsc("53e80900 00008984 0b000600 005bc38b 1c2481e3 0000f0ff c3"), {"text-write"},
        "pushl %ebx; call 1f; movl %eax,0x600(%ebx,%ecx); popl %ebx; ret; 1: movl (%esp),%ebx; andl "
        "$0xfff00000,%ebx; ret"),
    "text by a run from low memory": (
        rdtsc("57e80000 00005f81 e70000f0 ff81c700 f00b00b9 00100000 f3ab5fc3"), {"text-write"},
        "pushl %edi; call 1f; 1: popl %edi; andl $0xfff00000,%edi; addl $0xbf000,%edi; movl $0x1000,%ecx; rep "
        "stosl; popl %edi; ret"),
    "text by an address from the stack in parts": (
        rdtsc("e8000000 00668b04 24c1e010 668b4424 02c1c010 83c40489 08c3"), {"text-write"},
        "call 1f; 1: movw (%esp),%ax; shll $16,%eax; movw 2(%esp),%ax; roll $16,%eax; addl $4,%esp; movl "
        "%ecx,(%eax); ret"),
    "text by cmpxchg": (rdtsc("e8000000 00590fb1 5120c3"), {"text-write"},
                        "call 1f; 1: popl %ecx; cmpxchgl %edx,0x20(%ecx); ret"),
    "text by cmpxchg8b": (rdtsc("56e80000 00005e0f c74e205e c3"), {"text-write"},
                          "pushl %esi; call 1f; 1: popl %esi; cmpxchg8b 0x20(%esi); popl %esi; ret"),
    "text by xadd that moves an address": (rdtsc("e8000000 00580fc1 c8895120 c3"), {"text-write"},
                                           "call 1f; 1: popl %eax; xaddl %ecx,%eax; movl %edx,0x20(%ecx); ret"),
    "text by a product": (rdtsc("e8000000 00586bc8 01895120 c3"), {"text-write"},
                          "call 1f; 1: popl %eax; imull $1,%eax,%ecx; movl %edx,0x20(%ecx); ret"),
    "text by swapped bytes": (rdtsc("e8000000 00580fc8 0fc88950 20c3"), {"text-write"},
                              "call 1f; 1: popl %eax; bswapl %eax; bswapl %eax; movl %edx,0x20(%eax); ret"),
    "text by a rotation": (rdtsc("e8000000 0058c1c0 08c1c808 895020c3"), {"text-write"},
                           "call 1f; 1: popl %eax; roll $8,%eax; rorl $8,%eax; movl %edx,0x20(%eax); ret"),
    "text by a double shift": (rdtsc("e8000000 00580fa4 c11f8951 20c3"), {"text-write"},
                               "call 1f; 1: popl %eax; shldl $31,%eax,%ecx; movl %edx,0x20(%ecx); ret"),
    "text by an address that was subtracted": (rdtsc("e8000000 005831c9 29c1f7d9 895120c3"), {"text-write"},
        "call 1f; 1: popl %eax; xorl %ecx,%ecx; subl %eax,%ecx; negl %ecx; movl %edx,0x20(%ecx); ret"),
    "text by the address that was stored over in part": (rdtsc("e8000000 00c60424 00588948 20c3"), {"text-write"},
        "call 1f; 1: movb $0,(%esp); popl %eax; movl %ecx,0x20(%eax); ret"),
    "its caller's code": (rdtsc("8b0424c6 00ccc3"), {"text-write"},
                          "movl (%esp),%eax; movb $0xcc,(%eax); ret"),
    "sgdt into text": (rdtsc("e8000000 00580f01 4020c3"), {"text-write"},
                       "call 1f; 1: popl %eax; sgdt 0x20(%eax); ret"),
    "insb into text": (rdtsc("57e80000 00005f6c 5fc3"), {"text-write"},
                       "pushl %edi; call 1f; 1: popl %edi; insb; popl %edi; ret"),
    # The way back
    "the return address by push": (rdtsc("5952c3"), {"balance"},
                                   "popl %ecx; pushl %edx; ret"),
    "the return address one further": (rdtsc("ff0424c3"), {"balance"},
                                       "incl (%esp); ret"),
    "the return address exchanged": (rdtsc("870424c3"), {"balance"},
                                     "xchgl %eax,(%esp); ret"),
    "the return address by a byte": (rdtsc("c6042400 c3"), {"balance"},
                                     "movb $0,(%esp); ret"),
    "the return address by a string": (rdtsc("578d7c24 04ab5fc3"), {"balance"},
                                       "pushl %edi; leal 4(%esp),%edi; stosl; popl %edi; ret"),
    "the return address by a long string": (rdtsc("5789e7b9 02000000 f3ab8b7f f883c404 c3"), {"balance", "clobber"},
        "pushl %edi; movl %esp,%edi; movl $2,%ecx; rep stosl; movl -8(%edi),%edi; addl $4,%esp; ret"),
    "the return address by setz": (rdtsc("0f940424 c3"), {"balance"},
                                   "setz (%esp); ret"),
    "the return address by an unknown index": (rdtsc("89048cc3"), {"balance", "stack-bounds"},
                                               "movl %eax,(%esp,%ecx,4); ret"),
    "the return address by sidt": (rdtsc("500f010c 2458c3"), {"balance"},
                                   "pushl %eax; sidt (%esp); popl %eax; ret"),
    "the return address of a callee": (rdtsc("e8020000 0090c383 042401c3"), {"balance"},
                                       "call 1f; nop; ret; 1: addl $1,(%esp); ret"),
    "a jump back instead of a return": (rdtsc("59ffe1"), {"indirect"},
                                        "popl %ecx; jmp *%ecx"),
    "a call that is no call": (rdtsc("68341200 00c3"), {"balance"},
                               "pushl $0x1234; ret"),
    "a return into its caller's caller": (rdtsc("e8010000 00c383c4 04c3"), {"balance"},
                                          "call 1f; ret; 1: addl $4,%esp; ret"),
    "a callee that leaves a word": (rdtsc("e8010000 00c35950 51c3"), {"balance"},
                                    "call 1f; ret; 1: popl %ecx; pushl %eax; pushl %ecx; ret"),
    "a jump through FS": (rdtsc("e8000000 00830424 0664ff24 24"), {"indirect"},
                          "call 1f; 1: addl $6,(%esp); jmp *%fs:(%esp)"),
    "a jump through the image": (rdtsc("e8000000 0059ff61 10"), {"indirect"},
                                 "call 1f; 1: popl %ecx; jmp *0x10(%ecx)"),
    "a jump by an index without a mask": (rdtsc("e8000000 00598d4c 8108ffe1"), {"indirect"},
                                          "call 1f; 1: popl %ecx; leal 8(%ecx,%eax,4),%ecx; jmp *%ecx"),
    "a far jump through memory": (rdtsc("ff28"), {"far"},
                                  "ljmp *(%eax)"),
    "a far call": (rdtsc("ff18c3"), {"far"},
                   "lcall *(%eax); ret"),
    "an interrupt return in a callee": (rdtsc("e8010000 00c3cf"), {"return"},
                                        "call 1f; ret; 1: iret"),
    "a short return": (rdtsc("66c3"), {"decode"},
                       ".byte 0x66; ret"),
    "a short jump": (rdtsc("66e90000 c3"), {"decode"},
                     ".byte 0x66,0xe9,0,0; ret"),
    "a hidden instruction": (rdtsc("eb01b8cd 80c39090"), {"far"},
                             "jmp 1f+1; 1: .byte 0xb8; int $0x80; ret; nop; nop"),
    "a hidden instruction behind a prefix": (rdtsc("85c07401 3ef4c3"), {"overlap"},
                                             "testl %eax,%eax; jz 1f+1; 1: .byte 0x3e; hlt; ret"),
    "the frame's flags": (iret("814c2408 00300000 cf"), {"return"},
                          "orl $0x3000,8(%esp); iret"),
    "the frame's stack": (iret("895c240c cf"), {"return"},
                          "movl %ebx,12(%esp); iret"),
    "the frame by a masked pointer": (
        iret("508d4424 0483e0fc c7000000 000058cf"), {"clobber", "return", "segment", "stack-bounds"},
        "pushl %eax; leal 4(%esp),%eax; andl $-4,%eax; movl $0,(%eax); popl %eax; iret"),
    "another frame": (iret("68020200 006a7368 34120000 cf"), {"balance"},
                      "pushl $0x202; pushl $0x73; pushl $0x1234; iret"),
    "a frame for user mode at a place of its own": (
        iret("c7042400 800408c7 44240473 000000c7 4424107b 000000cf"), {"return"},
        "movl $0x8048000,(%esp); movl $0x73,4(%esp); movl $0x7b,16(%esp); iret"),
    "a frame for the kernel in the last page": (
        iret("c7042400 f0ffffc7 44240460 000000c7 4424107b 000000cf"), {"return"},
        "movl $0xfffff000,(%esp); movl $0x60,4(%esp); movl $0x7b,16(%esp); iret"),
    # The stack
    "another stack by pop": (rdtsc("515cc3"), {"balance"},
                             "pushl %ecx; popl %esp; ret"),
    "another stack by leave": (rdtsc("c9c3"), {"balance"},
                               "leave; ret"),
    "another stack by xchg": (rdtsc("9494c3"), {"balance"},
                              "xchgl %eax,%esp; xchgl %eax,%esp; ret"),
    "another stack by lss": (rdtsc("0fb220c3"), {"balance", "instruction"},
                             "lss (%eax),%esp; ret"),
    "another stack by SS": (rdtsc("8ed0c3"), {"instruction"},
                            "movl %eax,%ss; ret"),
    "another stack by pop of SS": (rdtsc("5017c3"), {"instruction"},
                                   "pushl %eax; popl %ss; ret"),
    "another stack by enter": (rdtsc("c8080001 c9c3"), {"balance"},
                               "enter $8,$1; leave; ret"),
    "another stack by a frame that was lost": (rdtsc("5589e589 c5c9c3"), {"balance"},
                                               "pushl %ebp; movl %esp,%ebp; movl %eax,%ebp; leave; ret"),
    "a stack pointer that was rounded": (rdtsc("83e4f0c3"), {"balance"},
                                         "andl $-16,%esp; ret"),
    "a stack pointer plus something": (rdtsc("29c401c4 c3"), {"balance"},
                                       "subl %eax,%esp; addl %eax,%esp; ret"),
    "a stack of short words": (rdtsc("66606661 c3"), {"balance"},
                               ".byte 0x66; pushal; .byte 0x66; popal; ret"),
    "a short push": (rdtsc("66506650 83c404c3"), {"decode"},
                     "pushw %ax; pushw %ax; addl $4,%esp; ret"),
    "a short pop": (rdtsc("669dc3"), {"decode"},
                    ".byte 0x66,0x9d; ret"),
    "a deep stack": (rdtsc("81ec0004 000081c4 00040000 c3"), {"stack"},
                     "subl $0x400,%esp; addl $0x400,%esp; ret"),
    "a deep callee": (rdtsc("81ec0001 0000e807 00000081 c4000100 00c381ec 00010000 81c40001 0000c3"), {"stack"},
                      "subl $0x100,%esp; call 1f; addl $0x100,%esp; ret; 1: subl $0x100,%esp; addl $0x100,%esp; ret"),
    "a stack that grows in a loop": (rdtsc("b9050000 0050e2fd 83c410c3"), {"balance"},
                                     "movl $5,%ecx; 1: pushl %eax; loop 1b; addl $16,%esp; ret"),
    "below the stack by pop": (rdtsc("508f4424 f8c3"), {"below-stack"},
                               "pushl %eax; popl -8(%esp); ret"),
    # Registers and flags
    "a register saved in part": (rdtsc("53c64424 03005bc3"), {"clobber"},
                                 "pushl %ebx; movb $0,3(%esp); popl %ebx; ret"),
    "a register from the wrong slot": (rdtsc("5356bb00 0000008b 1c245e83 c404c3"), {"clobber"},
        "pushl %ebx; pushl %esi; movl $0,%ebx; movl (%esp),%ebx; popl %esi; addl $4,%esp; ret"),
    "a register by popal": (rdtsc("60894424 1061c3"), {"clobber"},
                            "pushal; movl %eax,0x10(%esp); popal; ret"),
    "a register by cmpxchg": (rdtsc("0fb1cbc3"), {"clobber"},
                              "cmpxchgl %ecx,%ebx; ret"),
    "a register by a byte": (rdtsc("b700c3"), {"clobber"},
                             "movb $0,%bh; ret"),
    "a register in a callee of a callee": (rdtsc("e8010000 00c3e801 000000c3 93c3"), {"clobber"},
                                           "call 1f; ret; 1: call 2f; ret; 2: xchgl %ebx,%eax; ret"),
    "EAX where only flags may change, by lahf": (flags("9fc3"), {"clobber"},
                                                 "lahf; ret"),
    "ECX where only flags may change, by loop": (flags("50b80100 000058e2 00c3"), {"clobber"},
                                                 "pushl %eax; movl $1,%eax; popl %eax; loop 1f; 1: ret"),
    "the direction flag by popf": (rdtsc("68000400 009dc3"), {"flags"},
                                   "pushl $0x400; popfl; ret"),
    "the direction flag in what was saved": (rdtsc("9c810c24 00040000 9dc3"), {"flags"},
                                             "pushfl; orl $0x400,(%esp); popfl; ret"),
    "the direction flag by a register": (rdtsc("9c580fba e80a509d c3"), {"flags"},
                                         "pushfl; popl %eax; btsl $10,%eax; pushl %eax; popfl; ret"),
    "flags that a client passes": (rdtsc("509dc3"), {"flags"},
                                   "pushl %eax; popfl; ret"),
    "flags that were cleared but for some": (rdtsc("9c210424 9dc3"), {"flags"},
                                             "pushfl; andl %eax,(%esp); popfl; ret"),
    "the trap flag": (rdtsc("9c813424 00010000 9dc3"), {"flags"},
                      "pushfl; xorl $0x100,(%esp); popfl; ret"),
    "std": (rdtsc("fdb80100 0000fcc3"), {"instruction"},
            "std; movl $1,%eax; cld; ret"),
    "DS": (rdtsc("161fc3"), {"instruction"},
           "pushl %ss; popl %ds; ret"),
    "ES by les": (rdtsc("c400c3"), {"instruction"},
                  "les (%eax),%eax; ret"),
    "16 bits of an address": (rdtsc("67678908 c3"), {"instruction"},
                              ".byte 0x67; movl %ecx,(%bx,%si); ret"),
    "16 bits of a count": (rdtsc("b9050000 0067e2fd c3"), {"instruction"},
                           "movl $5,%ecx; 1: .byte 0x67; loop 1b; ret"),
    "XSETBV": (rdtsc("0f01d1c3"), {"instruction"},
               "xsetbv; ret"),
    "WRPKRU": (rdtsc("0f01efc3"), {"instruction"},
               "wrpkru; ret"),
    # Loops
    "a loop by a register": (rdtsc("4875fdc3"), {"loop"},
                             "1: decl %eax; jnz 1b; ret"),
    "a loop whose condition stays": (rdtsc("85c075fc c3"), {"loop"},
                                     "1: testl %eax,%eax; jnz 1b; ret"),
    "a loop on its own stack": (rdtsc("50833c24 0075fa58 c3"), {"loop"},
                                "pushl %eax; 1: cmpl $0,(%esp); jne 1b; popl %eax; ret"),
    "a loop that resets its count": (rdtsc("b9080000 00b90800 0100e2f9 c3"), {"loop"},
                                     "movl $8,%ecx; 1: movl $0x10008,%ecx; loop 1b; ret"),
    "a loop of 2 to the 32": (rdtsc("b9ffffff 7fe2fec3"), {"loop"},
                              "movl $0x7fffffff,%ecx; 1: loop 1b; ret"),
    "a loop that steps over its end": (rdtsc("b8010000 0083e802 75fbc3"), {"loop"},
                                       "movl $1,%eax; 1: subl $2,%eax; jne 1b; ret"),
    "a loop that reads and forgets": (rdtsc("0f3185c9 75fac3"), {"loop"},
                                      "1: rdtsc; testl %ecx,%ecx; jnz 1b; ret"),
    "a loop around a callee": (rdtsc("b9000100 00e80300 0000e2f9 c341c3"), {"loop"},
                               "movl $0x100,%ecx; 1: call 2f; loop 1b; ret; 2: incl %ecx; ret"),
    "halts for ever": (rdtsc("f4ebfd"), {"loop"},
                       "1: hlt; jmp 1b"),
    "a jump to itself by its own address": (rdtsc("e8000000 0059ffe1"), {"balance"},
                                            "call 1f; 1: popl %ecx; jmp *%ecx"),
    "repeats for ever": (rdtsc("57b9ffff fffff3aa 5fc3"), {"loop"},
                         "pushl %edi; movl $-1,%ecx; rep stosb; popl %edi; ret"),
    "repeats as often as a client says": (rdtsc("57f3ab5f c3"), {"loop"},
                                          "pushl %edi; rep stosl; popl %edi; ret"),
    "calls each other": (rdtsc("e8010000 00c3e801 000000c3 e8f5ffff ffc3"), {"recursion"},
                         "call 1f; ret; 1: call 2f; ret; 2: call 1b; ret"),
    # By ways round what is known of values
    "text by the second word of a long store": (
        rdtsc("57e80000 00005883 ec0889e7 b9020000 00f3ab58 585f8948 20c3"), {"text-write"},
        "pushl %edi; calll 1f; 1: popl %eax; subl $0x8,%esp; movl %esp,%edi; movl $0x2,%ecx; rep stosl "
        "%eax,%es:(%edi); popl %eax; popl %eax; popl %edi; movl %ecx,0x20(%eax); retl"),
    "text by cmpxchg8b of the stack": (
        rdtsc("53e80000 00005951 6a008b04 248b5424 040fc70c 2458585b 895020c3"), {"text-write"},
        "pushl %ebx; calll 1f; 1: popl %ecx; pushl %ecx; pushl $0x0; movl (%esp),%eax; movl 0x4(%esp),%edx; "
        "cmpxchg8b (%esp); popl %eax; popl %eax; popl %ebx; movl %edx,0x20(%eax); retl"),
    "text by halves of a word": (
        rdtsc("e8000000 005883ec 14894424 04894424 0cc74424 02000000 00c74424"
              " 0e000000 000fb74c 24060fb7 54240cc1 e11009d1 83c41489 4120c3"), {"text-write"},
        "calll 1f; 1: popl %eax; subl $0x14,%esp; movl %eax,0x4(%esp); movl %eax,0xc(%esp); movl $0x0,0x2(%esp); "
        "movl $0x0,0xe(%esp); movzwl 0x6(%esp),%ecx; movzwl 0xc(%esp),%edx; shll $0x10,%ecx; orl %edx,%ecx; addl "
        "$0x14,%esp; movl %eax,0x20(%ecx); retl"),
    "text by an address in a bit array of the stack": (
        code(Call.Shutdown, bytes.fromhex("e8000000 00500fab 0c245a58 894820f4 ebfd")), {"stack-bounds", "text-write"},
        "calll 1f; 1: pushl %eax; btsl %ecx,(%esp); popl %edx; popl %eax; movl %ecx,0x20(%eax); 2: hlt; jmp 2b"),
    "text by an address below the stack pointer": (
        rdtsc("e8000000 0083c404 83ec0458 894820c3"), {"text-write"},
        "calll 1f; 1: addl $0x4,%esp; subl $0x4,%esp; popl %eax; movl %ecx,0x20(%eax); retl"),
    "text by an address that a callee left below the stack pointer": (
        rdtsc("e8080000 0083ec04 58894820 c3c3"), {"text-write"},
        "calll 1f; subl $0x4,%esp; popl %eax; movl %ecx,0x20(%eax); retl; 1: retl"),
    "the stack pointer above its caller's words, for an interrupt": (
        rdtsc("5981c400 040000fb 9081ec00 04000051 c3"), {"stack-bounds"},
        "popl %ecx; addl $0x400,%esp; sti; nop; subl $0x400,%esp; pushl %ecx; retl"),
    "a word of its caller's by an unknown index": (
        rdtsc("59c70494 00000000 51c3"), {"stack-bounds"},
        "popl %ecx; movl $0x0,(%esp,%edx,4); pushl %ecx; retl"),
    "words above in a call that does not return": (
        code(Call.SYSEXIT, bytes.fromhex("c7048c00 0000000f 35"), Relocation.JUMP_REL), {"stack-bounds"},
        "movl $0x0,(%esp,%ecx,4); sysexitl"),
    "text by an address in CR2": (
        rdtsc("e8000000 00580f22 d00f20d1 895120c3"), {"text-write"},
        "calll 1f; 1: popl %eax; movl %eax,%cr2; movl %cr2,%ecx; movl %edx,0x20(%ecx); retl"),
    "the return address by CR2": (
        rdtsc("0f22d40f 20d1c701 efbeadde c3"), {"balance", "stack-bounds"},
        "movl %esp,%cr2; movl %cr2,%ecx; movl $0xdeadbeef,(%ecx); retl"),
    "a saved register by DR0": (
        rdtsc("530f23c4 0f21c1c7 01000000 005bc3"), {"balance", "clobber", "stack-bounds"},
        "pushl %ebx; movl %esp,%db0; movl %db0,%ecx; movl $0x0,(%ecx); popl %ebx; retl"),
    "text by an address in a port": (
        rdtsc("e8000000 0058baf8 0c0000ef 31c0ed89 4820c3"), {"text-write"},
        "calll 1f; 1: popl %eax; movl $0xcf8,%edx; outl %eax,(%dx); xorl %eax,%eax; inl (%dx),%eax; movl "
        "%ecx,0x20(%eax); retl"),
    "text by an address in an MSR": (
        rdtsc("e8000000 0058b976 01000031 d20f3031 c00f3289 4820c3"), {"text-write"},
        "calll 1f; 1: popl %eax; movl $0x176,%ecx; xorl %edx,%edx; wrmsr; xorl %eax,%eax; rdmsr; movl "
        "%ecx,0x20(%eax); retl"),
    "text by an address that XLAT read": (
        rdtsc("53e80000 000089e3 b8030000 00d70fb6 c8c1e108 b8020000 00d70fb6 c009c1c1"
              " e108b801 000000d7 09c1c1e1 08b80000 0000d709 c183c404 5b894120 c3"), {"text-write"},
        "pushl %ebx; calll 1f; 1: movl %esp,%ebx; movl $0x3,%eax; xlat %ds:(%ebx); movzbl %al,%ecx; shll "
        "$0x8,%ecx; movl $0x2,%eax; xlat %ds:(%ebx); movzbl %al,%eax; orl %eax,%ecx; shll $0x8,%ecx; movl "
        "$0x1,%eax; xlat %ds:(%ebx); orl %eax,%ecx; shll $0x8,%ecx; movl $0x0,%eax; xlat %ds:(%ebx); orl "
        "%eax,%ecx; addl $0x4,%esp; popl %ebx; movl %eax,0x20(%ecx); retl"),
    "text by a run that begins below it": (
        rdtsc("57bff0ff 0bc0b900 100000f3 ab5fc3"), {"text-write"},
        "pushl %edi; movl $0xc00bfff0,%edi; movl $0x1000,%ecx; rep stosl %eax,%es:(%edi); popl %edi; retl"),
    "text by a word that begins below it": (
        rdtsc("a3feff0b c0c3"), {"text-write"},
        "movl %eax,0xc00bfffe; retl"),
    "text of an image that reaches behind where they are looked for": (
        rdtsc("a300010e c0c3"), {"text-write"},
        "movl %eax,0xc00e0100; retl"),
    "text by the low bits of its address": (
        rdtsc("e8000000 005825ff ff0f0089 88200000 c0c3"), {"text-write"},
        "calll 1f; 1: popl %eax; andl $0xfffff,%eax; movl %ecx,-0x3fffffe0(%eax); retl"),
    "a loop whose count AAM changes": (
        rdtsc("b80a0000 00d40a83 c9014083 f81475f5 c3"), {"loop"},
        "movl $0xa,%eax; 1: aam $0xa; orl $0x1,%ecx; incl %eax; cmpl $0x14,%eax; jne 1b; retl"),
    "a loop whose count AAD changes": (
        rdtsc("b80a0000 00d50a40 3df40100 0075f6c3"), {"loop"},
        "movl $0xa,%eax; 1: aad $0xa; incl %eax; cmpl $0x1f4,%eax; jne 1b; retl"),
    "a loop whose count DAA changes": (
        rdtsc("b80a0000 0027403d f4010000 75f7c3"), {"loop"},
        "movl $0xa,%eax; 1: daa; incl %eax; cmpl $0x1f4,%eax; jne 1b; retl"),
    "IRET by SYSEXIT": (
        iret("0f35"), {"return"},
        "sysexitl"),
    "SYSEXIT by IRET": (
        code(Call.SYSEXIT, bytes.fromhex("cf"), Relocation.JUMP_REL), {"return"},
        "iretl"),
    "SYSEXIT by a frame for the kernel": (
        code(Call.SYSEXIT, bytes.fromhex("16519c0e 52cf"), Relocation.JUMP_REL), {"return"},
        "pushl %ss; pushl %ecx; pushfl; pushl %cs; pushl %edx; iretl"),
    "a loop that reads a counter and forgets it": (
        rdtsc("0f3131c0 85c074f8 c3"), {"loop"},
        "1: rdtsc; xorl %eax,%eax; testl %eax,%eax; je 1b; retl"),
    "a loop that reads a port and forgets it": (
        rdtsc("ecb0013c 0174f9c3"), {"loop"},
        "1: inb (%dx),%al; movb $0x1,%al; cmpb $0x1,%al; je 1b; retl"),
    "a loop on its own stack by a register": (
        rdtsc("6a0189e0 83380075 fb58c3"), {"loop"},
        "pushl $0x1; movl %esp,%eax; 1: cmpl $0x0,(%eax); jne 1b; popl %eax; retl"),
    "a loop on its own image": (
        rdtsc("e8000000 00588038 0075fbc3"), {"loop"},
        "calll 1f; 1: popl %eax; 2: cmpb $0x0,(%eax); jne 2b; retl"),
    "three loops in each other": (
        rdtsc("53b83075 0000b930 750000ba 30750000 4a75fd49 75f54875 ed5bc3"), {"loop"},
        "pushl %ebx; movl $0x7530,%eax; 3: movl $0x7530,%ecx; 2: movl $0x7530,%edx; 1: decl %edx; jne 1b; decl "
        "%ecx; jne 2b; decl %eax; jne 3b; popl %ebx; retl"),
    "a long string in a loop": (
        rdtsc("57b860ea 0000b900 000001bf 00000010 f3aa4875 f15fc3"), {"loop"},
        "pushl %edi; movl $0xea60,%eax; 1: movl $0x1000000,%ecx; movl $0x10000000,%edi; rep stosb %al,%es:(%edi); "
        "decl %eax; jne 1b; popl %edi; retl"),
    "LOCK behind REP": (
        rdtsc("f0f30501 000000c3"), {"decode"},
        "lock repz addl $0x1,%eax; retl"),
    "LOCK of a register behind REP": (
        rdtsc("f0f389c0 c3"), {"decode"},
        "lock repz movl %eax,%eax; retl"),
    "CR5": (
        rdtsc("0f20e8c3"), {"decode"},
        "movl %cr5,%eax; retl"),
    "CR1": (
        rdtsc("0f20c8c3"), {"decode"},
        "movl %cr1,%eax; retl"),
    "a write through CS": (
        rdtsc("2e8901c3"), {"instruction"},
        "movl %eax,%cs:(%ecx); retl"),
    "a write through CS where only flags may change": (
        flags("2ea30010 0000c3"), {"instruction"},
        "movl %eax,%cs:0x1000; retl"),
    "XEND": (
        rdtsc("0f01d5c3"), {"decode"},
        "xend; retl"),
    "LLWPCB": (
        rdtsc("8fe97812 c0c3"), {"decode"},
        "llwpcb %eax; retl"),
    "XOP": (
        rdtsc("8fe97801 c8c3"), {"decode"},
        "blcfill %eax,%eax; retl"),
    "text by XSTORE": (
        rdtsc("57e80000 00005f0f a7c05fc3"), {"decode"},
        "pushl %edi; calll 1f; 1: popl %edi; xstore-rng; popl %edi; retl"),
    "flags that were compared with a number": (
        rdtsc("8b013d00 05000075 02509dc3"), {"flags"},
        "movl (%ecx),%eax; cmpl $0x500,%eax; jne 1f; pushl %eax; popfl; 1: retl"),
    "flags by a comparison with a negative number": (
        rdtsc("8b0183f8 fb750250 9dc3"), {"flags"},
        "movl (%ecx),%eax; cmpl $0xfffffffb,%eax; jne 1f; pushl %eax; popfl; 1: retl"),
    "a jump behind a comparison with a number": (
        rdtsc("8b013d00 05000075 0ae80000 00005801 c2ffe2c3"), {"indirect"},
        "movl (%ecx),%eax; cmpl $0x500,%eax; jne 1f; calll 2f; 2: popl %eax; addl %eax,%edx; jmpl *%edx; 1: retl"),
    "an index that was compared with two numbers": (
        rdtsc("5383ec10 83f80472 0583f864 7507c704 84000000 0083c410 5bc3"), {"stack-bounds"},
        "pushl %ebx; subl $0x10,%esp; cmpl $0x4,%eax; jb 1f; cmpl $0x64,%eax; jne 2f; 1: movl $0x0,(%esp,%eax,4); "
        "2: addl $0x10,%esp; popl %ebx; retl"),
    "std behind a comparison of an address in low memory": (
        rdtsc("e8000000 00582500 00f0ff3d 00100000 7601fdc3"), {"instruction"},
        "calll 1f; 1: popl %eax; andl $0xfff00000,%eax; cmpl $0x1000,%eax; jbe 2f; std; 2: retl"),
    "text behind a comparison of an address in low memory": (
        rdtsc("e8000000 00582500 00f0ff3d 00100000 760ae800 00000058 8908ffe1 c3"), {"indirect", "text-write"},
        "calll 1f; 1: popl %eax; andl $0xfff00000,%eax; cmpl $0x1000,%eax; jbe 2f; calll 3f; 3: popl %eax; movl "
        "%ecx,(%eax); jmpl *%ecx; 2: retl"),
    "text by an address with another low byte": (
        rdtsc("e8000000 0058ec89 4820c3"), {"text-write"},
        "calll 1f; 1: popl %eax; inb (%dx),%al; movl %ecx,0x20(%eax); retl"),
    "text by an address with another low half": (
        rdtsc("e8000000 005866ed 894820c3"), {"text-write"},
        "calll 1f; 1: popl %eax; inw (%dx),%ax; movl %ecx,0x20(%eax); retl"),
    "text by a number with another low byte": (
        rdtsc("b800800c c0ec8908 c3"), {"text-write"},
        "movl $0xc00c8000,%eax; inb (%dx),%al; movl %ecx,(%eax); retl"),
    "the return address by a stack pointer with another low byte": (
        rdtsc("89e0e480 8908c3"), {"balance", "stack-bounds"},
        "movl %esp,%eax; inb $0x80,%al; movl %ecx,(%eax); retl"),
    "a loop that reads a port and drops it from the stack": (
        rdtsc("6a00ec50 83c40483 3c240074 f558c3"), {"loop"},
        "pushl $0x0; 1: inb (%dx),%al; pushl %eax; addl $0x4,%esp; cmpl $0x0,(%esp); je 1b; popl %eax; retl"),
    "a loop that writes over what it has read": (
        rdtsc("6a01508b 11891424 837c2404 0075f483 c408c3"), {"loop"},
        "pushl $0x1; pushl %eax; 1: movl (%ecx),%edx; movl %edx,(%esp); cmpl $0x0,0x4(%esp); jne 1b; addl "
        "$0x8,%esp; retl"),
    "SYSEXIT by a frame with null selectors": (
        code(Call.SYSEXIT, bytes.fromhex("6a03519c 6a0352cf"), Relocation.JUMP_REL), {"return"},
        "pushl $0x3; pushl %ecx; pushfl; pushl $0x3; pushl %edx; iretl"),
    "a frame for the last page with null selectors": (
        iret("c70424f0 ffffffc7 44240403 000000c7 44241003 000000cf"), {"return"},
        "movl $0xfffffff0,(%esp); movl $0x3,0x4(%esp); movl $0x3,0x10(%esp); iretl"),
    "loops in a loop of one round": (
        rdtsc("5356be05 000000b8 30750000 b9307500 00ba3075 00004a75 fd4975f5 4875ed4e 74e55e5b c3"), {"loop"},
        "pushl %ebx; pushl %esi; movl $0x5,%esi; 4: movl $0x7530,%eax; 3: movl $0x7530,%ecx; 2: movl "
        "$0x7530,%edx; 1: decl %edx; jne 1b; decl %ecx; jne 2b; decl %eax; jne 3b; decl %esi; je 4b; popl %esi; "
        "popl %ebx; retl"),
    "a long string in a short loop": (
        rdtsc("575653b9 20000000 89cbb900 000001bf 00000010 f3aa89d9 e2ee5b5e 5fc3"), {"loop"},
        "pushl %edi; pushl %esi; pushl %ebx; movl $0x20,%ecx; 1: movl %ecx,%ebx; movl $0x1000000,%ecx; movl "
        "$0x10000000,%edi; rep stosb %al,%es:(%edi); movl %ebx,%ecx; loopl 1b; popl %ebx; popl %esi; popl %edi; "
        "retl"),
    "LOOP, and flags that were read": (
        rdtsc("56ec84c0 89f1e2f9 5ec3"), {"loop"},
        "pushl %esi; 1: inb (%dx),%al; testb %al,%al; movl %esi,%ecx; loopl 1b; popl %esi; retl"),
    "a loop by a comparison with itself": (
        rdtsc("ec38c074 fbc3"), {"loop"},
        "1: inb (%dx),%al; cmpb %al,%al; je 1b; retl"),
    "a loop by a carry that TEST clears": (
        rdtsc("ec84c073 fbc3"), {"loop"},
        "1: inb (%dx),%al; testb %al,%al; jae 1b; retl"),
    "a loop by an overflow that TEST clears": (
        rdtsc("0f3185c0 71fac3"), {"loop"},
        "1: rdtsc; testl %eax,%eax; jno 1b; retl"),
    "a loop by a carry that comparing with 0 clears": (
        rdtsc("83390073 fbc3"), {"loop"},
        "1: cmpl $0x0,(%ecx); jae 1b; retl"),
    "a loop by and with 0": (
        rdtsc("ec240074 fbc3"), {"loop"},
        "1: inb (%dx),%al; andb $0x0,%al; je 1b; retl"),
    "a loop by a product with 0": (
        rdtsc("8b116bd2 0085d274 f7c3"), {"loop"},
        "1: movl (%ecx),%edx; imull $0x0,%edx,%edx; testl %edx,%edx; je 1b; retl"),
    "a loop on its own image by an index": (
        rdtsc("e8000000 0058803c 080075fa c3"), {"loop"},
        "calll 1f; 1: popl %eax; 2: cmpb $0x0,(%eax,%ecx,1); jne 2b; retl"),
    "a loop on its own image by its address": (
        rdtsc("803d0080 0cc00075 f7c3"), {"loop"},
        "1: cmpb $0x0,0xc00c8000; jne 1b; retl"),
    "LOCK of a memory source": (
        rdtsc("f00301c3"), {"decode"},
        "lock addl (%ecx),%eax; retl"),
    "LOCK of a source of OR": (
        rdtsc("f00b01c3"), {"decode"},
        "lock orl (%ecx),%eax; retl"),
    "SWAPGS": (
        rdtsc("0f01f8c3"), {"decode"},
        "swapgs; retl"),
    "text by what PUSH of a selector leaves": (
        rdtsc("e8000000 0083c404 1658c1e8 10c1e010 89880080 0000c3"), {"text-write"},
        "calll 1f; 1: addl $0x4,%esp; pushl %ss; popl %eax; shrl $0x10,%eax; shll $0x10,%eax; movl "
        "%ecx,0x8000(%eax); retl"),
    "text by INSL from below it": (
        rdtsc("57bff0ff 0bc0f36d 5fc3"), {"loop", "text-write"},
        "pushl %edi; movl $0xc00bfff0,%edi; rep insl (%dx),%es:(%edi); popl %edi; retl"),
    "text by an address in the time stamp counter": (
        rdtsc("e8000000 0058b910 00000031 d20f300f 312500f0 ffff8908 c3"), {"text-write"},
        "calll 1f; 1: popl %eax; movl $0x10,%ecx; xorl %edx,%edx; wrmsr; rdtsc; andl $0xfffff000,%eax; movl "
        "%ecx,(%eax); retl"),
}
