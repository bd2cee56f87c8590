# SPDX-License-Identifier: MIT
"""ROMs whose author does not want it to be seen, in the form of wrong.py."""

from __future__ import annotations

from openvmi.abi.names import Call, LinkKind
from tests.rom.lint.assembled import Rom

_IRET = {"call": Call.IRET, "kind": LinkKind.JUMP}
_LEAF = {"call": Call.HALT}
_INLINE = {"call": Call.IRQ_ENABLE, "kind": LinkKind.INLINE}
_COMPUTED = {"symbol": "start", "rule": "landing", "style": "computed", "reason": "so"}
_RETPOLINE = {**_COMPUTED, "style": "retpoline"}
_SWITCH = {"symbol": "start", "rule": "stack-switch", "bound": 64, "reason": "so"}
_CAUGHT = "call 2f; 1: pause; lfence; jmp 1b; 2: "

HIDDEN: dict[str, tuple[Rom, set[str], str]] = {
    # Code that is not looked at
    "behind_computed": (Rom("start: leaq hidden(%rip), %rax; jmp *%rax; hidden: cli; ret", declared=[_COMPUTED]),
                        {"entry", "unreachable"}, "gives away"),
    "behind_distance": (Rom("start: call 1f; addq $9, %rax; jmp *%rax; 1: movq (%rsp), %rax; ret; hidden: cli; ret",
                            declared=[_COMPUTED]), {"unreachable"}, "nothing leads to"),
    "dead": (Rom("start: ret; dead: movl $1, %eax; ret; .balign 16, 0x90"), {"unreachable"}, "nothing leads to"),
    "behind_callee": (Rom("start: call 3f; cli; ret; 3: pushq %rdi; " + _CAUGHT + "leaq 8(%rsp), %rsp; ret",
                          declared=[_RETPOLINE]), {"instruction"}, "cli"),
    "computed_address": (Rom("start: leaq start(%rip), %rax; leaq (%rax, %rdi), %rax; movq %rax, (%rsi); ret"),
                         {"entry"}, "gives away"),
    "inverted_address": (Rom("start: leaq start(%rip), %rax; notq %rax; movq %rax, (%rsi); ret"), {"entry"}, "gives"),
    "half_address": (Rom("start: leaq start(%rip), %rax; movl %eax, (%rsi); ret"), {"entry"}, "gives"),
    "fourth_argument": (Rom("start: leaq start(%rip), %r10; movl $26, %eax; syscall; ret", hypervisor="xen"),
                        {"entry"}, "gives"),
    "jump_into_data": (Rom("start: jmp start + 0x2000", declared=[{"symbol": "start", "rule": "branch",
                                                                   "reason": "so"}]),
                       {"branch", "declaration"}, "0x2000"),
    "deep_loop": (Rom("start: " + "".join(f"l{n}: pushq %rax; popq %rax; " for n in range(70))
                      + "jmp l69; " + "".join(f"m{n}: jnz l{n}; " for n in range(70)) + "ret"), {"loop", "unreachable"},
                  ""),
    # Retpolines that are none
    "retpoline_of_a_byte": (Rom("start: " + _CAUGHT + "movb $9, (%rsp); ret; hidden: cli", declared=[_RETPOLINE]),
                            {"return", "unreachable", "declaration", "loop"}, "written over"),
    "retpoline_of_half": (Rom("start: " + _CAUGHT + "movl %edi, (%rsp); ret", declared=[_RETPOLINE]),
                          {"return", "declaration", "loop"}, "written over"),
    "retpoline_of_number": (Rom("start: " + _CAUGHT + "movq $9, (%rsp); ret", declared=[_RETPOLINE]),
                            {"return", "declaration", "loop"}, "written over"),
    "retpoline_of_segment": (Rom("start: " + _CAUGHT + "movq %rdi, %gs:(%rsp); ret", declared=[_RETPOLINE]),
                             {"address", "declaration", "loop"}, "GS"),
    "retpoline_to_text": (Rom("start: leaq start(%rip), %rdi; " + _CAUGHT + "movq %rdi, (%rsp); ret",
                              declared=[_RETPOLINE]), {"entry"}, "gives"),
    "landing_loses": (Rom("start: movl $1, %ebx; jmp *%rdi", declared=[_COMPUTED]), {"clobber"}, "rbx"),
    "landing_of_leaf": (Rom("start: jmp *%rdi", **_LEAF, declared=[_COMPUTED]), {"clobber"}, "rcx is lost"),
    "landing_pushes": (Rom("start: pushq %rax; pushq %rax; jmp *%rdi", declared=[_COMPUTED]), {"balance"}, "frame"),
    "landing_with_another_return": (Rom("start: movq %rsi, (%rsp); jmp *%rdi", declared=[_COMPUTED]),
                                    {"return"}, "written over"),
    # Bytes that processors and disassemblers read differently
    "short_return": (Rom("start: .byte 0x66; ret"), {"decode"}, "no instruction"),
    "short_jump": (Rom("start: .byte 0x66, 0xe9, 0, 0, 0, 0; ret"), {"decode"}, ""),
    "two_segments": (Rom("start: .byte 0x65, 0x2e; movl 64, %eax; ret"), {"decode"}, ""),
    "short_leave": (Rom("start: pushq %rbp; movq %rsp, %rbp; .byte 0x66; leave; ret"), {"decode"}, ""),
    "short_address": (Rom("start: leaq start + 0x2000(%rip), %rax; movl %edi, (%eax); ret"), {"address"}, "32 bits"),
    "short_stack": (Rom("start: subq $8, %rsp; movq %rbx, (%rsp); xorl %ebx, %ebx; movq (%esp), %rbx; "
                        "addq $8, %rsp; ret"), {"clobber", "address"}, "rbx"),
    "short_lea": (Rom("start: pushq %rbx; leaq 8(%esp), %rsp; ret"), {"stack-switch", "balance"}, ""),
    "locked": (Rom("start: .byte 0xf0, 0x89, 0x07; ret"), {"decode"}, ""),
    "not_cpuid": (Rom('start: ud2; .ascii "xen"; cli; ret', hypervisor="xen"), {"unreachable"}, ""),
    # Instructions
    "selector": (Rom("start: movl %cs, %eax; ret"), {"instruction"}, "mov"),
    "pushed_selector": (Rom("start: pushq %fs; popq %rax; ret"), {"instruction"}, "push"),
    "keys": (Rom("start: pushq %rdi; popq %rax; wrpkru; ret"), {"instruction"}, "wrpkru"),
    "shadow_stack": (Rom("start: incsspq %rax; ret"), {"instruction"}, "incsspq"),
    "processor": (Rom("start: rdpid %rax; ret"), {"instruction"}, "rdpid"),
    "transaction": (Rom("start: xbegin 1f; 1: ret", hypervisor="bare"), {"decode"}, ""),
    "clears_a_line": (Rom("start: leaq start(%rip), %rax; clzero; ret", hypervisor="bare"), {"decode"}, ""),
    "counter": (Rom("start: rdtsc; ret"), {"instruction"}, "rdtsc"),
    "breakpoint": (Rom("start: int3; ret", hypervisor="xen"), {"instruction"}, "int3"),
    "classic_system_call": (Rom("start: sysenter; ret", hypervisor="linux"), {"instruction"}, "sysenter"),
    "far_call": (Rom("start: lcall *(%rdi); ret"), {"instruction", "landing"}, "lcall"),
    "sysret": (Rom("start: sysretq", **_IRET, hypervisor="bare"), {"landing"}, "computed"),
    "short_frame": (Rom("start: iretl", **_IRET, hypervisor="bare"), {"balance"}, "IRETQ"),
    "door_of_another": (Rom("start: cli; ret", declared=[
        {"symbol": "start", "rule": "instruction", "instruction": "cli", "reason": "so"}]),
        {"instruction", "declaration"}, "cli"),
    "mov_as_door": (Rom("start: movl $1, %ebx; ret", hypervisor="acme", declared=[
        {"symbol": "start", "rule": "instruction", "instruction": "mov", "reason": "so"}]),
        {"clobber", "declaration"}, "rbx"),
    # Registers, flags, stack
    "register_of_cmpxchg": (Rom("start: cmpxchgq %rcx, %rbx; ret"), {"clobber"}, "rbx"),
    "leaf_cmpxchg": (Rom("start: cmpxchgq %rcx, (%rdi); ret", **_LEAF), {"clobber"}, "rax"),
    "leaf_xadd": (Rom("start: xaddq %rcx, (%rdi); ret", **_LEAF), {"clobber"}, "rcx"),
    "leaf_string": (Rom("start: lodsb; ret", **_LEAF), {"clobber"}, "rsi"),
    "leaf_high": (Rom("start: lahf; ret", **_LEAF), {"clobber"}, "rax"),
    "mulx": (Rom("start: mulxq %rax, %rax, %rbx; ret"), {"clobber"}, "rbx"),
    "other_slot_of_gs": (Rom("start: pushq %rbx; xorl %ebx, %ebx; movq %gs:(%rsp), %rbx; addq $8, %rsp; ret"),
                         {"clobber", "address"}, "rbx"),
    "callee_loses": (Rom("start: call 1f; ret; 1: xchgq %rbx, %rdi; ret"), {"clobber"}, "rbx"),
    "slot_overwritten": (Rom("start: pushq %rbx; movb $0, 3(%rsp); popq %rbx; ret"), {"clobber"}, "rbx"),
    "slot_by_movnti": (Rom("start: movntiq %rdi, (%rsp); ret"), {"return"}, "written over"),
    "slot_by_index": (Rom("start: pushq %rbx; movq $0, (%rsp, %rdi, 8); popq %rbx; ret"), {"clobber", "return"}, "rbx"),
    "slot_by_sum": (Rom("start: pushq %rbx; movq %rsp, %rcx; addq %rdi, %rcx; movq $0, (%rcx); popq %rbx; ret"),
                    {"clobber", "return"}, "rbx"),
    "slot_by_or": (Rom("start: movq %rsp, %rcx; orq $8, %rcx; movq $0, (%rcx); ret"), {"return"}, "written over"),
    "slot_by_string": (Rom("start: movq %rsp, %rdi; movl $8, %ecx; rep stosb; ret"), {"return"}, "written over"),
    "slot_by_bit": (Rom("start: subq $8, %rsp; movl $64, %eax; btsq %rax, (%rsp); addq $8, %rsp; ret"), {"return"}, ""),
    "slot_by_fxsave": (Rom("start: pushq %rbx; fxsave64 -64(%rsp); popq %rbx; ret",
                           manifest={"carries_vectors": True}), {"clobber", "return"}, "rbx"),
    "selector_shifts": (Rom("start: pushq %fs; addq $2, %rsp; ret", hypervisor="bare"), {"balance"}, "6 bytes"),
    "pops_to_caller": (Rom("start: pushq %rdi; popq 8(%rsp); ret"), {"stack-bounds"}, "caller"),
    "backwards_flags": (Rom("start: std; pushfq; cld; popfq; ret", hypervisor="bare"), {"flags", "direction"}, ""),
    "frame_changed": (Rom("start: movq %rdi, (%rsp); iretq", **_IRET), {"return"}, "written over"),
    "string_over_text": (Rom("start: leaq start + 0x2000(%rip), %rdi; movl $0x80, %ecx; rep stosb; ret"),
                         {"address"}, "0x2000"),
    "text_below_data": (Rom("start: leaq start + 0x2010(%rip), %rcx; subq $0x2010, %rcx; movb $1, (%rcx); ret"),
                        {"text-write"}, "text+0x0"),
    "direct_map": (Rom("start: movabsq $0xffff888000000000, %rcx; addq %rdi, %rcx; movb $1, (%rcx); ret"),
                   {"address"}, "0xffff888000000000"),
    "direct_map_shifted": (Rom("start: movl $0xffff8880, %ecx; shlq $32, %rcx; movb $1, (%rcx); ret"),
                           {"address"}, "0xffff888000000000"),
    "direct_map_inverted": (Rom("start: movl $0x1000, %ecx; notq %rcx; movb $1, (%rcx); ret"),
                            {"address"}, "0xffffffffffffefff"),
    "moved_from_absolute": (Rom("start: movq $0x1000, %rsi; movsb; ret"), {"address"}, "0x1000"),
    "absolute_byte": (Rom("start: movabsb 0x1122334455667788, %al; ret"), {"address"}, "0x1122334455667788"),
    "grows": (Rom("start: 1: pushq %rdi; decl %edi; jnz 1b; ret"), {"balance", "loop"}, "another"),
    "alloca": (Rom("start: movq %rsp, %rcx; subq %rdi, %rsp; movq %rcx, %rsp; ret"), {"stack-switch"}, "computed"),
    "recursive_by_tail": (Rom("start: call other; ret; other: jmp start"), {"recursion"}, "start"),
    "recursive_elsewhere": (Rom("start: movq (%rdi), %rsp; call start; ud2", declared=[_SWITCH]), {"recursion"},
                            "start"),
    "two_frames": (Rom("start: leaq start(%rip), %rbx; movq %rbx, (%rdi); iretq", **_IRET, declared=[
        {"symbol": "start", "rule": "entry", "convention": "jump", "holds": ["rbx"], "reason": "so"}]),
        {"clobber", "declaration"}, "another frame"),
    "frame_of_backwards": (Rom("start: popq %rcx; movq %rsp, %rdx; andq $-16, %rsp; pushq $0x2b; pushq %rdx; "
                               "pushq $0x402; pushq $0x33; pushq %rcx; iretq", stack=80), {"flags"}, "0x402"),
    "pushes_and_returns": (Rom("start: pushq %rdi; ret"), {"balance"}, "8 bytes deeper"),
    "callee_drops_a_frame": (Rom("start: call 1f; ret; 1: popq %rax; ret"), {"balance"}, "-8 bytes"),
    "callee_reaches_up": (Rom("start: call 1f; ret; 1: movq %rdi, 8(%rsp); ret"), {"stack-bounds"}, "caller"),
    "leaf_cmpxchg16b": (Rom("start: cmpxchg16b (%rdi); ret", **_LEAF), {"clobber"}, "rdx"),
    "leaf_calls_computed": (Rom("start: call *%rdi; ret", **_LEAF, declared=[_COMPUTED]), {"clobber"}, "r11 is lost"),
    "leaf_flags": (Rom("start: pushfq; orl $0x400, (%rsp); popfq; ret", **_LEAF, hypervisor="bare"),
                   {"flags", "direction"}, "not those"),
    "frame_pointer_from_elsewhere": (Rom("start: movq %rdi, %rbp; leave; ret"),
                                     {"stack-switch", "balance", "clobber"}, "not computed"),
    "behind_the_prefix": (Rom('start: pushq %rbx; testl %edi, %edi; jz 1f; ud2; .ascii "xen"; 1: cpuid; popq %rbx; ret',
                              hypervisor="xen"), {"instruction", "overlap"}, "cpuid"),
    "recipe_lands": (Rom("start: jmp *%rdi", **_INLINE, declared=[{**_COMPUTED, "symbol": "recipe IrqEnable"}]),
                     {"balance"}, "frame"),
    "one_path_gives_address": (Rom("start: movq %rsi, %rax; testl %esi, %esi; jz 1f; leaq start(%rip), %rax; "
                                   "1: movq %rax, (%rdi); ret"), {"entry"}, "gives"),
    "one_path_on_stack": (Rom("start: movq %rsi, %rax; testl %esi, %esi; jz 1f; movq %rsp, %rax; "
                              "1: movq %rdi, (%rax); ret"), {"return"}, "written over"),
    "index_is_address": (Rom("start: leaq start(%rip), %rax; movb $1, (%rdi, %rax); ret"),
                         {"text-write", "entry"}, "text+0x0"),
    # Loops whose bound is none
    "loop_of_days": (Rom("start: movabsq $0x1000000000, %rcx; 1: loop 1b; ret"), {"loop"}, "bound"),
    "repeats_for_days": (Rom("start: movabsq $0x1000000000, %rcx; rep stosb; ret"), {"loop"}, ""),
    "sets_constant": (Rom("start: movl $1, %eax; 1: leal 5, %eax; cmpl $-1073741818, %eax; jne 1b; ret"), {"loop"}, ""),
    "doubles": (Rom("start: xorl %eax, %eax; 1: addl %eax, %eax; cmpl $0x40000000, %eax; jne 1b; ret"), {"loop"}, ""),
    "wraps_at_32": (Rom("start: xorl %eax, %eax; 1: subl $1, %eax; cmpq $-5, %rax; jne 1b; ret"), {"loop"}, ""),
    "borrows": (Rom("start: xorl %eax, %eax; 1: subl $-1, %eax; jb 1b; ret"), {"loop"}, ""),
    "counted_by_loop": (Rom("start: movl $8, %eax; movl $5, %ecx; loop 1f; ret; 1: subl $2, %ecx; jne 1b; ret"),
                        {"loop"}, ""),
    "recipe_past_end": (Rom("start: jnz 1f + 1; 1:", **_INLINE), {"branch"}, "goes to"),
    "recipe_reads_vcpu": (Rom("start: movl %gs:96, %eax", **_INLINE), {"address", "clobber"}, "byte 96"),
    "recipe_writes_kernels": (Rom("start: orb $1, %gs:8", **_INLINE), {"address"}, "byte 8"),
    "recipe_of_gs": (Rom("start: movb $1, %gs:-8", **_INLINE), {"address"}, "VCPU"),
    "recipe_loops": (Rom("start: 1: jmp 1b", **_INLINE), {"loop"}, ""),
}
