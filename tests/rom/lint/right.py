# SPDX-License-Identifier: MIT
"""ROMs that look like those of wrong.py and are right."""

from __future__ import annotations

from openvmi.abi.names import Call, LinkKind
from tests.rom.lint.assembled import Rom

_IRET = {"call": Call.IRET, "kind": LinkKind.JUMP}
_LEAF = {"call": Call.HALT}
_INLINE = {"call": Call.IRQ_ENABLE, "kind": LinkKind.INLINE}
_RETPOLINE = {"symbol": "start", "rule": "landing", "style": "retpoline", "reason": "the handler"}

RIGHT: dict[str, Rom] = {
    "privileged_on_bare": Rom("start: cli; movq %cr2, %rax; ret", hypervisor="bare"),
    "door": Rom("start: movl $1, %eax; outl %eax, $0x56; ret"),
    "xen_cpuid": Rom('start: pushq %rbx; ud2; .ascii "xen"; cpuid; popq %rbx; ret', hypervisor="xen"),
    "own_door": Rom("start: vmcall; ret", hypervisor="acme", declared=[
        {"symbol": "start", "rule": "instruction", "instruction": "vmcall", "writes": ["rax"], "reason": "hypercall"}]),
    "carried": Rom("start: fxsave64 (%rdi); ret", manifest={"carries_vectors": True}),
    "saved": Rom("start: pushq %rbx; movl $1, %ebx; popq %rbx; ret"),
    "saved_by_mov": Rom("start: subq $16, %rsp; movq %rbx, 8(%rsp); xorl %ebx, %ebx; movq 8(%rsp), %rbx; "
                        "addq $16, %rsp; ret"),
    "saved_by_xchg": Rom("start: movq %rbx, %rcx; xorl %ebx, %ebx; xchgq %rcx, %rbx; ret"),
    "swapped_twice": Rom("start: xchgq %rdi, %rsi; xchgq %rdi, %rsi; ret", **_LEAF),
    "saved_by_frame_pointer": Rom("start: pushq %rbp; movq %rsp, %rbp; andq $-16, %rsp; pushq %rcx; leave; ret"),
    "leaf": Rom("start: pushq %rax; movl $1, %eax; outl %eax, $0x56; popq %rax; ret", **_LEAF),
    "leaf_tail": Rom("start: jmp 1f; other: call 1f; ret; 1: pushq %rdx; xorl %edx, %edx; popq %rdx; ret", **_LEAF,
                     more=((Call.PROBE, LinkKind.CALL, "other"),)),
    "never_returns": Rom("start: xorl %ebx, %ebx; call 1f; 1: ud2", **_LEAF),
    "flags_kept": Rom("start: pushfq; cli; popfq; ret", hypervisor="bare"),
    "forwards": Rom("start: std; cld; ret"),
    "iret": Rom("start: pushq %rax; movl 16(%rsp), %eax; popq %rax; iretq", **_IRET),
    "returns_by_frame": Rom("start: popq %rcx; movq %rsp, %rdx; andq $-16, %rsp; pushq $0x2b; pushq %rdx; pushq $2; "
                            "pushq $0x33; pushq %rcx; iretq", stack=80),
    "retpoline": Rom("start: pushq %rdi; call 2f; 1: pause; lfence; jmp 1b; 2: leaq 8(%rsp), %rsp; ret", declared=[
        _RETPOLINE]),
    "retpoline_of_register": Rom("start: call 2f; 1: pause; lfence; jmp 1b; 2: movq %rdi, (%rsp); ret",
                                 declared=[_RETPOLINE]),
    "recipe": Rom("orb $2, %gs:65; jns 1f; outb %al, $0x57; 1:", **_INLINE),
    "counts_down": Rom("start: movl $9, %eax; 1: decl %eax; jnz 1b; ret"),
    "counts_up": Rom("start: xorl %eax, %eax; 1: addl $3, %eax; cmpl $9, %eax; jne 1b; ret"),
    "counts_64_bits": Rom("start: xorl %eax, %eax; 1: incq %rax; cmpq $512, %rax; jb 1b; ret"),
    "counts_below_zero": Rom("start: movl $63, %eax; 1: subl $1, %eax; jns 1b; ret"),
    "counts_in_a_loop": Rom("start: movl $9, %edx; 1: movl $9, %ecx; 2: decl %ecx; jnz 2b; decl %edx; jnz 1b; ret"),
    "loop_instruction": Rom("start: movl $9, %ecx; 1: loop 1b; ret"),
    "bits": Rom("start: movq %rdi, %rcx; 1: bsfq %rcx, %rdx; jz 2f; btrq %rdx, %rcx; jmp 1b; 2: ret"),
    "repeats": Rom("start: movl $9, %ecx; rep stosb; ret"),
    "declared_loop": Rom("start: decl %edi; jnz start; ret", declared=[
        {"symbol": "start", "rule": "loop", "bound": 512, "reason": "as the caller says"}]),
    "data_in_text": Rom("start: leaq table(%rip), %rcx; movzbl (%rcx, %rdi), %eax; ret; table: .byte 6, 6, 6"),
    "own_data": Rom("start: incl start + 0x2000(%rip); movl start + 0x3000(%rip), %eax; ret"),
    "own_vcpu": Rom("start: incl %gs:64; movq %gs:0, %rax; ret"),
    "switches_back": Rom("start: movq %rsp, %rcx; movq (%rdi), %rsp; pushq %rcx; popq %rsp; ret", declared=[
        {"symbol": "start", "rule": "stack-switch", "bound": 8, "count": 1, "reason": "the caller's other one"}]),
    "entry": Rom("start: leaq 1f(%rip), %rax; movq %rax, (%rdi); ret; 1: landed: pushq %rbx; popq %rbx; ret", declared=[
        {"symbol": "landed", "rule": "entry", "convention": "c", "reason": "a callback"}]),
}
